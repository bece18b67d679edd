"""Prints the findings into docs/doctor.md: ``python -m tests.diagnosis.document``."""

from __future__ import annotations

import re
from pathlib import Path

from adapter.diagnosis.findings import diagnose

from .shown import SHOWN

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"
PRINTED = re.compile(r"(?<=<!-- findings -->\n).*(?=<!-- /findings -->)", re.DOTALL)


def finding_table() -> str:
    """Return each finding, as it is said of the response that shows it."""
    rows = []
    for symptom, observation in SHOWN.items():
        found = next(each for each in diagnose(observation) if each.symptom == symptom)
        rows.append(f"| {found.severity} | {found.text} | {found.advice} |\n")
    return "| Severity | For example | Advice |\n|---|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(PRINTED.sub(lambda _: finding_table(), PAGE.read_text()))
