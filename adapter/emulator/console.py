"""The terminal: whole lines, in colour if the output is a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import ByteReceiveStream

MAX_LINE_BYTES = 256 * 1024  # CloudWatch splits log events at this size

STYLES = {"plain": "", "platform": "\x1b[36m", "success": "\x1b[32m", "error": "\x1b[31m"}
RESET = "\x1b[0m"


class Console:
    """Writes lines to a stream and never mixes lines.

    All writers share one event loop, and a line is one write, so the lines of several environments
    cannot mix. Errors of the stream are ignored: a closed terminal does not stop the server.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._colour = self._is_terminal and not os.environ.get("NO_COLOR")
        self.in_line = False  #: whether stdout has left the cursor of its terminal in a line

    def line(self, text: str, style: str = "plain") -> None:
        """Write a line."""
        start = STYLES[style] if self._colour else ""
        before = "\n" if self.in_line and self._is_terminal else ""
        self.in_line = False
        self.raw(f"{before}{start}{text}{RESET if start else ''}\n")

    def raw(self, text: str) -> None:
        """Write text as it is, with characters that the terminal cannot show as escapes."""
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):
            return


async def forward(output: ByteReceiveStream, write_line: Callable[[str], None]) -> None:
    """Copy the output of a process line by line until the process closes it.

    A line that is longer than `MAX_LINE_BYTES` is split.
    """
    rest = b""
    async for data in output:
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            write_line(readable(line))
    if rest:
        write_line(readable(rest))


def readable(line: bytes) -> str:
    """Return a line as text."""
    # CloudWatch shows a carriage return as a line break of the same event.
    return line.decode("utf-8", "backslashreplace").removesuffix("\r").replace("\r", "\n")
