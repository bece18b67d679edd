"""The adapter as a wheel of its own, made from the package that runs.

So an unreleased adapter gets into the zip the way everything else does: its requirements,
its extras and what other packages want of it are all the resolver's business.
"""

from __future__ import annotations

import hashlib
import os
import re
from base64 import urlsafe_b64encode
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from .archive import zip_info
from .errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTRIBUTION = "asgi-lambda-stream"
PACKAGE = Path(__file__).parents[1]

#: What only development needs, relative to the package.
LEFT_OUT = {"emulator", "package", "samples", "testing", "__pycache__"}

BOOTSTRAP = "adapter/bootstrap"
WHEEL = "Wheel-Version: 1.0\nGenerator: adapter package\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def normalised(name: str) -> str:
    """Return the name of a distribution as PyPI compares them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def own_version() -> str:
    """Return the version of the adapter that is installed.

    Raises:
        PackageError: it runs from a folder and is not installed.
    """
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise PackageError(
            f"The adapter in {PACKAGE} is not installed, so what it needs is not known. "
            f"Try: pip install -e {PACKAGE.parent}"
        ) from None


def own_files() -> Iterator[tuple[str, Path]]:
    """Go through the files of the adapter that Lambda needs, by their name in the zip."""
    for file in sorted(PACKAGE.rglob("*")):
        parts = file.relative_to(PACKAGE).parts
        if parts[0] not in LEFT_OUT and "__pycache__" not in parts and file.is_file():
            yield "/".join(("adapter", *parts)), file


def own_licence() -> bytes:
    """Return the text of the licence, which every copy has to come with."""
    files = metadata.files(DISTRIBUTION) or []
    return next(Path(f.locate()).read_bytes() for f in files if f.name == "LICENSE")


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel and return where it is."""
    version = own_version()
    stem = f"{DISTRIBUTION.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    contents = {name: file.read_bytes() for name, file in own_files()}
    described = metadata.distribution(DISTRIBUTION).read_text("METADATA") or ""
    contents[f"{info}/METADATA"] = described.encode()
    contents[f"{info}/licenses/LICENSE"] = own_licence()
    contents[f"{info}/WHEEL"] = WHEEL.encode()
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = folder / f"{stem}-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        for name, data in contents.items():
            archive.writestr(zip_info(name, executable=name == BOOTSTRAP), data)
    return wheel


def is_package(path: Path) -> bool:
    """Whether a file or a folder is what this command made: the adapter is installed in it."""
    if path.is_dir():
        return any(map(_is_own_metadata, os.listdir(path)))
    try:
        with ZipFile(path) as archive:
            return any(map(_is_own_metadata, archive.namelist()))
    except (OSError, BadZipFile, NotImplementedError, ValueError):  # no zip, or not of ours
        return False


def _is_own_metadata(name: str) -> bool:
    return re.match(rf"{DISTRIBUTION.replace('-', '_')}-[^/]+\.dist-info\b", name) is not None


def _digest(data: bytes) -> str:
    encoded = urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={encoded.decode().rstrip('=')}"
