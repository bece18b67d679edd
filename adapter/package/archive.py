"""A zip that is the same, byte for byte, whenever the same goes in; and its sizes."""

from __future__ import annotations

import os
import zlib
from importlib.metadata import distributions
from pathlib import Path
from secrets import token_hex
from stat import S_IFREG, S_IMODE
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from .tree import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

EPOCH = (1980, 1, 1, 0, 0, 0)  # as early as the format goes
UNIX = 3
LEVEL = 9
PROJECT = "your project"


class Size(NamedTuple):
    """Bytes, in the zip and unpacked."""

    zipped: int = 0
    unzipped: int = 0

    def __add__(self, other: object) -> Size:
        assert isinstance(other, Size)
        return Size(self.zipped + other.zipped, self.unzipped + other.unzipped)


def write_archive(folder: Path, output: Path, programs: Set[str]) -> dict[str, Size]:
    """Zip a folder and return the size of each file in it.

    The order of the files, their times and modes, and the level of compression are always the
    same; ``programs`` always become executable. The output appears whole or not
    at all, and until then is hidden under a name that no other run has.
    """
    unfinished = output.with_name(f".{output.name}.{token_hex(4)}.part")
    sizes = {}
    try:
        with ZipFile(unfinished, "w") as archive:
            for name, file in sorted(files(folder)):
                info = _zip_info(name, executable=name in programs or os.access(file, os.X_OK))
                archive.writestr(info, file.read_bytes(), compresslevel=LEVEL)
                sizes[name] = Size(info.compress_size, info.file_size)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
    return sizes


def _zip_info(name: str, *, executable: bool) -> ZipInfo:
    """Describe a file by nothing that depends on the moment or the machine."""
    info = ZipInfo(name, EPOCH)
    info.create_system = UNIX
    info.compress_type = ZIP_DEFLATED
    info.external_attr = (S_IFREG | (0o755 if executable else 0o644)) << 16
    return info


def unpack_archive(archive: Path, folder: Path) -> None:
    """Unpack a zip with the modes in it, as Lambda does."""
    with ZipFile(archive) as opened:
        for info in opened.infolist():
            Path(opened.extract(info, folder)).chmod(S_IMODE(info.external_attr >> 16))


def has_usual_compressor() -> bool:
    """Whether this Python compresses as most do: zlib-ng writes other bytes than zlib."""
    return "ng" not in zlib.ZLIB_RUNTIME_VERSION


def find_owners(folder: Path) -> Iterator[tuple[str, str]]:
    """Return each installed file below a folder with the "name version" of its distribution.

    Call it before the metadata is trimmed.
    """
    for distribution in distributions(path=[str(folder)]):
        owner = f"{distribution.metadata['Name']} {distribution.version}"
        for file in distribution.files or ():
            yield file.as_posix(), owner


def by_owner(sizes: Mapping[str, Size], owners: Mapping[str, str]) -> dict[str, Size]:
    """Add up the sizes of the files of each distribution, biggest first."""
    totals: dict[str, Size] = {}
    for name, size in sizes.items():
        owner = owners.get(_source_of(name), PROJECT)
        totals[owner] = totals.get(owner, Size()) + size
    return dict(sorted(totals.items(), key=lambda item: (-item[1].unzipped, item[0])))


def total(sizes: Mapping[str, Size]) -> Size:
    """Add up sizes."""
    return sum(sizes.values(), start=Size())


def _source_of(name: str) -> str:
    """Return the source of a file of bytecode; any other file is its own source."""
    folder, cache, file = name.rpartition("__pycache__/")
    return f"{folder}{file.partition('.')[0]}.py" if cache and name.endswith(".pyc") else name
