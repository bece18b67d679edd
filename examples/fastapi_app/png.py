"""PNG images, encoded while their rows are made."""

import struct
import zlib
from collections.abc import AsyncIterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUECOLOUR = 2


async def encode(width: int, height: int, bands: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Encode 8-bit RGB rows. After each band a client can show all rows of the band."""
    yield SIGNATURE + _chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, 8, TRUECOLOUR, 0, 0, 0)
    )
    deflate = zlib.compressobj()
    async for band in bands:
        rows = (band[start : start + 3 * width] for start in range(0, len(band), 3 * width))
        unfiltered = b"".join(b"\0" + row for row in rows)
        data = deflate.compress(unfiltered) + deflate.flush(zlib.Z_SYNC_FLUSH)
        yield _chunk(b"IDAT", data)
    yield _chunk(b"IDAT", deflate.flush()) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
