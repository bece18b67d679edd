"""The settings of ``adapter dev``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from ..front_ends.event_source import EventSource
    from ..front_ends.front_end_settings import FrontEndSettings
    from ..function_config import FunctionConfig
    from .reload_filter import ReloadFilter


@dataclass(frozen=True)
class DevSettings:
    """The command line of ``adapter dev``."""

    function: FunctionConfig
    front_end: FrontEndSettings
    source: EventSource
    http_socket: socket.socket
    invoke_socket: socket.socket | None  #: of the Invoke API, if it is served
    max_environments: int
    reload_filter: ReloadFilter | None  #: which changes restart the function, with ``--reload``
    inspector: bool
