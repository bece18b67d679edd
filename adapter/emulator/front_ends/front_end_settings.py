"""The settings of the HTTP front end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Undocumented = Literal["abort", "hang", "hold"]
"""What AWS may do with a response: cut a body that has error trailers, keep a response without a
body open, hold each chunk until the next one. Users reported the last two."""


@dataclass(frozen=True)
class FrontEndSettings:
    """The settings of the HTTP front end that apply to every event source."""

    undocumented: frozenset[Undocumented] = frozenset()
    check_host: bool = True
    #: respond to a client with the error of a failed init; AWS only logs it
    show_init_errors: bool = False
