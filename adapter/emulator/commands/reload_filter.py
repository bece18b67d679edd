"""Which changed files restart the function: its code and its templates, and no output of it."""

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
    """Chooses among changes, for `watchfiles`.

    A pattern is one of `pathlib.PurePath.match`; one that matches a folder covers all that is in
    it. What the user excludes comes first, then what the user includes, then `EXCLUDED`, then
    `INCLUDED`.
    """

    task_root: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __call__(self, _change: Change, path: str) -> bool:
        """Whether a change of ``path`` restarts the function."""
        file = Path(path)
        # Only what is below the task root counts: the project itself may be in a dot folder.
        steps = list(takewhile(lambda step: step != self.task_root, (file, *file.parents)))
        if matches(steps, self.exclude):
            return False
        if matches(steps, self.include):
            return True
        return matches([file], INCLUDED) and not matches(steps, EXCLUDED)


def matches(paths: Iterable[Path], patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns matches one of the paths."""
    return any(path.match(pattern) for path in paths for pattern in patterns)
