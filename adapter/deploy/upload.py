"""Reports the progress of the upload of a zip."""

from __future__ import annotations

from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1024 * 1024
LONG_BYTES = 5 * MB  #: the progress of a smaller zip is not reported
STEP_PERCENT = 10


class Progress:
    """Reports how much of ``total`` bytes has been sent, every 10 %; nothing for a small total."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self._total = total
        self._say = say
        self._sent = 0
        self._said = 0
        self._lock = Lock()  # boto3 uploads the parts of a file in several threads

    def add(self, sent: int) -> None:
        """Count ``sent`` more bytes."""
        with self._lock:
            self._sent += sent
            percent = min(100, self._sent * 100 // max(1, self._total))
            if self._total >= LONG_BYTES and percent >= self._said + STEP_PERCENT:
                self._said = percent - percent % STEP_PERCENT
                self._say(f"  {self._said:3} % of {self._total / MB:.1f} MB")

    def restart(self) -> None:
        """Start at 0 again, for a repeated request."""
        self._sent = self._said = 0


class WatchedBody(BytesIO):
    """The body of a request. Reports how much of it has been read."""

    def __init__(self, body: bytes, progress: Progress) -> None:
        super().__init__(body)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does."""
        block = super().read(size)
        self._progress.add(len(block))
        return block

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move as a file does."""
        if offset == whence == 0:
            self._progress.restart()
        return super().seek(offset, whence)


def watch_uploads(client: Any, say: Callable[[str], None]) -> None:
    """Report the progress of uploads to Lambda, which boto3 does only for S3.

    The request is signed already, and its length is in a header, so a file can replace its body.
    """

    def watch(request: Any, **_: object) -> None:
        if isinstance(request.body, bytes):
            request.body = WatchedBody(request.body, Progress(len(request.body), say))

    for operation in ("CreateFunction", "UpdateFunctionCode"):
        client.meta.events.register(f"before-send.lambda.{operation}", watch)
