"""The description of the package on PyPI: the README, with links that work there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?\[[^\]]*\]\()(?!https?:|#)")


class Description(MetadataHookInterface):
    """Sets ``readme`` in the metadata of the package."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set it; the version is there already."""
        text = Path(self.root, "README.md").read_text("utf-8")
        text = absolute(text, metadata["urls"]["Source"], metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute(text: str, source: str, version: str) -> str:
    """Return Markdown whose links to files lead to the tag of a version in a repository."""

    def address(link: re.Match[str]) -> str:
        kind = "raw" if link[1].startswith("!") else "blob"
        return f"{link[1]}{source}/{kind}/v{version}/"

    return LINK.sub(address, text)
