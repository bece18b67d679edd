"""Finds the prelude at the front of a stream, however the stream is cut into pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import EventError
from ...prelude import DELIMITER, decode

if TYPE_CHECKING:
    from ...types import Prelude

# API Gateway documents 16 KB; for function URLs no limit is published. What is larger works
# nowhere for certain, so it does not work here.
MAX_PRELUDE = 16 * 1024


class PreludeReader:
    """Takes the pieces of a stream until the prelude is complete. It does no I/O."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> tuple[Prelude, bytes] | None:
        """Take a piece; return the head and the first body bytes once the prelude is there.

        Raises:
            EventError: what came is not a prelude, and will not become one.
        """
        self._data += data
        if DELIMITER in self._data:
            return decode(self._data)
        if len(self._data) > MAX_PRELUDE:
            raise EventError(
                f"The stream has no prelude: no 8 NUL bytes in its first {MAX_PRELUDE} bytes."
            )
        return None
