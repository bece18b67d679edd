"""The steps of an invocation, as data for the inspector and the doctor.

``at`` is the time of a monotonic clock, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..types import Headers
    from .outcome import ResponseEnd


class Started(NamedTuple):
    """A runtime has received the event."""

    at: float
    environment_pid: str  #: of the runtime process; empty if it could not be started
    cold: bool  #: whether this is the first invocation of the environment


class Written(NamedTuple):
    """The runtime has written bytes of its response; a prelude counts."""

    at: float
    data: bytes


class Responded(NamedTuple):
    """A front end has sent status and headers to its client."""

    at: float
    status: int
    headers: Headers


class Sent(NamedTuple):
    """A front end has sent bytes of the body to its client."""

    at: float
    data: bytes


class Logged(NamedTuple):
    """There is a line in the log, from the function or from the platform."""

    at: float
    line: str


class Ended(NamedTuple):
    """The response is complete, or the invocation has failed. Bytes may still be sent."""

    at: float
    end: ResponseEnd
    explanation: str = ""  #: type and message of a failure before the first byte


InvocationStep = Started | Written | Responded | Sent | Logged | Ended
Listener = Callable[[InvocationStep], None]
