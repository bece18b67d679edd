"""The files in docs/infrastructure.md: ``python -m tests.printed_files`` prints them there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "infrastructure.md"
LANGUAGES = {
    ".py": "py",
    ".ts": "ts",
    ".json": "json",
    ".tf": "hcl",
    ".yml": "yaml",
    ".yaml": "yaml",
}
MARKED = re.compile(r"<!-- file: (\S+) -->\n.*?<!-- /file -->", re.DOTALL)


def printed(page: str) -> str:
    """Return the page with each marked file as it is now."""
    return MARKED.sub(lambda found: block(found[1]), page)


def block(name: str) -> str:
    """Return a file, between its markers, as a block of code."""
    path = ROOT / name
    text = path.read_text("utf-8")
    language = LANGUAGES[path.suffix]
    return f"<!-- file: {name} -->\n```{language}\n{text}```\n<!-- /file -->"


if __name__ == "__main__":
    PAGE.write_text(printed(PAGE.read_text("utf-8")), "utf-8")
