"""A row of the fault table: what goes wrong, and all that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stage import Seen, Stage

NATIVE = ("native",)
MANAGED = ("managed",)
BOTH = NATIVE + MANAGED
OURS = ("native", "concurrent")  #: in a concurrent environment, too
AWSs = ("managed 3", "managed")  #: AWS's older client, and the present one
ALL = OURS + AWSs


@dataclass(frozen=True)
class Row:
    """What goes wrong, and what is then seen.

    ``play`` brings it about, in one of its ``variants`` (which ``{}`` stands for in the texts),
    and returns what was seen. ``exit`` is the status with which the process ends, for a clean
    restart; without one the next invocation is served.
    """

    fault: str
    play: Callable[[Stage, str], Seen | None]
    seen: Seen | None = None  #: None where no invocation is under way
    log: str = ""  #: what must stand in the log; nothing if nothing need
    exit: int | None = None
    variants: tuple[str, ...] = ("",)
    runtimes: tuple[str, ...] = NATIVE
    environ: dict[str, str] = field(default_factory=dict)
