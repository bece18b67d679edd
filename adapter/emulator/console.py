"""The terminal: whole lines, in colour where somebody watches."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream

MAX_LINE = 256 * 1024  # as CloudWatch cuts log events

STYLES = {"plain": "", "platform": "\x1b[36m", "good": "\x1b[32m", "bad": "\x1b[31m"}
RESET = "\x1b[0m"


class Console:
    """Writes lines to a stream and never breaks one up.

    Everything here runs on one event loop and a line is written in one go, so lines of
    several environments cannot mix. A terminal that is gone is no reason to stop serving.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")

    def line(self, text: str, style: str = "plain") -> None:
        """Write a line."""
        start = STYLES[style] if self._colour else ""
        self.raw(f"{start}{text}{RESET if start else ''}\n")

    def raw(self, text: str) -> None:
        """Write text as it is; what the terminal cannot show, as an escape sequence."""
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):
            return

    async def pass_on(self, output: ByteReceiveStream) -> None:
        """Copy what a process writes, line by line, until it ends."""
        rest = b""
        async for data in output:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._output(line)
            if len(rest) > MAX_LINE:
                self._output(rest)
                rest = b""
        if rest:
            self._output(rest)

    def _output(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace").removesuffix("\r")
        self.line(text.replace("\r", "\n"))  # the lines of one event, as CloudWatch shows them
