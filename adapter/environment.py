"""What lives as long as the execution environment does."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .types import StreamingHandler

handlers: list[StreamingHandler] = []
"""All of ours that were made in it, in that order. A wrapper stands around any of them."""

priming: ContextVar[bool] = ContextVar("priming", default=False)
"""Whether what runs is a first request of the runtime's own, of which no listener hears."""
