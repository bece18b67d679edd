"""The settings of a front end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class UrlSettings:
    """The settings of a function URL, and choices where AWS's behaviour is not documented."""

    #: how a body ends that has error trailers
    midstream_error: Literal["clean", "abort"] = "clean"
    #: two faults of AWS's that users reported
    empty_body_hang: bool = False
    hold_last_chunk: bool = False
    check_host: bool = True
    #: respond to a client with the error of a failed init; AWS only logs it
    show_init_errors: bool = False
