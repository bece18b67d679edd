"""A zip that is the same, byte for byte, whenever the same goes in."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from secrets import token_hex
from stat import S_IFREG, S_IMODE
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

EPOCH = (1980, 1, 1, 0, 0, 0)  # as early as the format goes
UNIX = 3
LEVEL = 9


class Size(NamedTuple):
    """Bytes, in the zip and unpacked."""

    zipped: int = 0
    unzipped: int = 0

    def __add__(self, other: object) -> Size:
        assert isinstance(other, Size)
        return Size(self.zipped + other.zipped, self.unzipped + other.unzipped)


def zip_info(name: str, executable: bool = False) -> ZipInfo:
    """Describe a file with nothing of the moment and the machine in it."""
    info = ZipInfo(name, EPOCH)
    info.create_system = UNIX
    info.compress_type = ZIP_DEFLATED
    info.external_attr = (S_IFREG | (0o755 if executable else 0o644)) << 16
    return info


def write_archive(folder: Path, output: Path, programs: Set[str]) -> dict[str, Size]:
    """Zip a folder and return the size of each file in it.

    The order of the files, their times and modes, and the level of compression are always the
    same; ``programs`` can be run whatever the file system says. The output appears whole or not
    at all, and until then is hidden under a name that no other run has.
    """
    unfinished = output.with_name(f".{output.name}.{token_hex(4)}.part")
    sizes = {}
    try:
        with ZipFile(unfinished, "w") as archive:
            for name, file in sorted(files(folder)):
                info = zip_info(name, executable=name in programs or os.access(file, os.X_OK))
                archive.writestr(info, file.read_bytes(), compresslevel=LEVEL)
                sizes[name] = Size(info.compress_size, info.file_size)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
    return sizes


def unpack_archive(archive: Path, folder: Path) -> None:
    """Unpack a zip with the modes that it says, as Lambda does."""
    with ZipFile(archive) as opened:
        for info in opened.infolist():
            Path(opened.extract(info, folder)).chmod(S_IMODE(info.external_attr >> 16))


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Go through the files below a folder, by their name in a zip."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file


def has_usual_compressor() -> bool:
    """Whether this Python compresses as most do: zlib-ng writes other bytes than zlib."""
    return "ng" not in zlib.ZLIB_RUNTIME_VERSION
