"""The files that restart the function when they change: code and HTML templates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfiles import Change

INCLUDED = ("*.py", "*.html", "*.jinja", "*.jinja2", "*.j2")
EXCLUDED = (".*", "__pycache__", "node_modules", "site-packages")


@dataclass(frozen=True)
class ReloadFilter:
    """A filter for `watchfiles`.

    Patterns are those of `pathlib.PurePath.match`; a pattern that matches a folder covers its
    content. In order of precedence: ``exclude``, ``include``, `EXCLUDED`, `INCLUDED`.
    """

    task_root: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __call__(self, _change: Change, path: str) -> bool:
        """Whether a change of ``path`` restarts the function."""
        file = Path(path)
        # Folders above the task root do not count: one of them may be a dot folder.
        below = list(takewhile(lambda step: step != self.task_root, (file, *file.parents)))
        if matches(below, self.exclude):
            return False
        if matches(below, self.include):
            return True
        return matches([file], INCLUDED) and not matches(below, EXCLUDED)


def matches(paths: Iterable[Path], patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns matches one of the paths."""
    return any(path.match(pattern) for path in paths for pattern in patterns)
