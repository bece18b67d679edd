"""docs/llms.txt, the pages for agents: ``python -m tests.llms_txt`` writes it from the navigation.

Its form: https://llmstxt.org
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NotRequired, TypedDict

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "llms.txt"

#: A page, or a section of pages, by its title.
Entry = dict[str, "str | list[dict[str, str]]"]


class Site(TypedDict):
    """What zensical.toml says of the site."""

    site_name: str
    site_description: str
    nav: list[Entry]
    site_url: NotRequired[str]


def text() -> str:
    """Return the file: the sections of the navigation, each page with its first sentence."""
    site: Site = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    source: str = pyproject["project"]["urls"]["Source"]
    lines = [f"# {site['site_name']}", "", f"> {site['site_description']}", ""]
    lines += [
        line
        for line in (ROOT / "AGENTS.md").read_text("utf-8").splitlines()
        if "InvokeMode" in line
    ]
    for entry in site["nav"]:
        for title, target in entry.items():
            if not isinstance(target, str):
                pages = [page for each in target for page in each.items()]
                lines += ["", f"## {title}", ""]
                lines += [link(source, name, file) for name, file in pages]
    return "\n".join(lines) + "\n"


def link(repository: str, title: str, file: str) -> str:
    """Return the line of one page."""
    page = (ROOT / "docs" / file).read_text("utf-8")
    return f"- [{title}]({repository}/blob/main/docs/{file}): {first_sentence(page)}"


def first_sentence(page: str) -> str:
    """Return the first sentence below the title, without Markdown's links."""
    paragraphs = page.split("\n\n")
    paragraph = next(each for each in paragraphs[1:] if re.match(r"[A-Z`\[*]", each))
    plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(paragraph.split()))
    return re.split(r"(?<=\.)\s(?=[A-Z`])", plain)[0].rstrip(":.") + "."


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
