"""The changelog at a release: ``python -m tests.changelog`` dates its newest section.

It prints the notes of the version. ``make release`` runs it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import adapter
from hatch_build import absolute

ROOT = Path(__file__).parents[1]
FILE = ROOT / "CHANGELOG.md"
SOURCE: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]


def dated(changelog: str, version: str, date: str) -> str:
    """Return the changelog with the date in the place of "unreleased" of this version.

    Raises:
        ValueError: the newest section is not that of the version.
    """
    newest = re.search(r"^## (\S+) \((.+)\)$", changelog, re.MULTILINE)
    if newest is None or newest[1] != version:
        found = newest[0] if newest else "no section"
        raise ValueError(
            f"CHANGELOG.md has {found} where the section of {version} is expected."
            f" Add: ## {version} (unreleased)"
        )
    return changelog.replace(f"## {version} (unreleased)", f"## {version} ({date})", 1)


def notes(changelog: str, version: str) -> str:
    """Return what the changelog says of a version: the text of its release on GitHub.

    Raises:
        ValueError: there is no such section, or nothing in it.
    """
    section = re.search(
        rf"^## {re.escape(version)} .*?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md says nothing of {version}.")
    return absolute(section[1].strip() + "\n", SOURCE, version)


if __name__ == "__main__":
    today = datetime.now(UTC).date().isoformat()
    text = dated(FILE.read_text("utf-8"), adapter.__version__, today)
    FILE.write_text(text, "utf-8")
    sys.stdout.write(notes(text, adapter.__version__))
