"""Finds chunk sizes that Go's HTTP server refuses, and for which h11 would wait for more bytes.

https://go.dev/src/net/http/internal/chunked.go. It does no I/O.
"""

from __future__ import annotations

import re

MAX_LINE_BYTES = 4096  # Go's read buffer
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")


class ChunkSizes:
    """Follows the chunks of one body, up to the last one."""

    def __init__(self) -> None:
        self._line = b""  #: the beginning of a line
        self._skip_bytes = 0  #: the rest of the current chunk
        self._over = False
        self.broken = False  #: there was a size that Go refuses
        self.payload_bytes = 0  #: of the chunks with a valid size

    def feed(self, data: bytes) -> None:
        """Read the next bytes of the body."""
        position = min(self._skip_bytes, len(data))
        self._skip_bytes -= position
        while position < len(data) and not self._over and not self.broken:
            end = data.find(b"\n", position) + 1
            self._line += data[position : end or None]
            if not end and len(self._line) <= MAX_LINE_BYTES:
                return
            found = SIZE_LINE.fullmatch(self._line)
            if found is None:
                self.broken = True
                return
            self._line = b""
            size = int(found[1], 16)
            self.payload_bytes += size
            self._over = size == 0
            skip = size + 2  # with the line break after the chunk
            position, self._skip_bytes = end + skip, max(end + skip - len(data), 0)
