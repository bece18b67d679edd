"""A picture, made while it is sent: a PNG of 64 bands. Bytes are sent as bytes, without base64."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from adapter import HttpResponseStream, LambdaContext, streamify_response
from adapter.streams.pipe import BlockingStream

SIZE, BAND = 512, 8


@streamify_response
def handler(event: Any, stream: BlockingStream, context: LambdaContext) -> Iterator[bytes]:
    metadata = {"statusCode": 200, "headers": {"Content-Type": "image/png"}}
    HttpResponseStream.from_(stream, metadata)
    yield b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0))
    packer = zlib.compressobj()
    for top in range(0, SIZE, BAND):
        rows = b"".join(row(y) for y in range(top, top + BAND))
        # Flushed, so that a browser can show the band before the next one is made.
        yield chunk(b"IDAT", packer.compress(rows) + packer.flush(zlib.Z_SYNC_FLUSH))
    yield chunk(b"IDAT", packer.flush()) + chunk(b"IEND", b"")


def row(y: int) -> bytes:
    return b"\0" + bytes(value for x in range(SIZE) for value in (x // 2, y // 2, 128))


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
