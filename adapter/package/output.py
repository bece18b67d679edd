"""Where the package goes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING
from zipfile import is_zipfile

from .errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_output(text: str) -> Iterator[Path]:
    """Find the output; a folder that is made for it goes again if nothing has come into it.

    Raises:
        PackageError: as `find_output` does.
    """
    was_there = Path(text).exists()
    output = find_output(text)
    try:
        yield output
    finally:
        if not was_there and output.is_dir() and not any(output.iterdir()):
            output.rmdir()


def find_output(text: str) -> Path:
    """Return the file or the folder that a package is to become, looked at before the work is done.

    A slash at the end makes it a folder, there already or not. What a link leads to is written,
    and the link stays.

    Raises:
        PackageError: nothing can be written there, or something else would be lost.
    """
    output = Path(text).resolve()
    try:
        str(output).encode()
    except UnicodeEncodeError:
        raise PackageError(f"{text!a} is not UTF-8. Name another file with --output") from None
    if not output.parent.is_dir():
        raise PackageError(f"{output} cannot be written: there is no folder {output.parent}")
    try:
        if text.endswith("/"):
            output.mkdir(exist_ok=True)
        TemporaryFile(dir=output if output.is_dir() else output.parent).close()
    except OSError as error:
        raise PackageError(
            f"{output} cannot be written: {error.strerror}. Name another place with --output"
        ) from None
    if output.is_dir():
        check_folder(output)
    elif output.exists():
        check_file(output)
    return output


def check_folder(output: Path) -> None:
    """Look whether a folder is empty."""
    if any(output.iterdir()):
        raise PackageError(
            f"{output} is a folder with something in it, which would become part of the function. "
            "Name an empty folder, or a file that ends with .zip"
        )


def check_file(output: Path) -> None:
    """Look whether a file is an earlier zip, or empty as mktemp makes it."""
    if not output.is_file() or (output.stat().st_size and not is_zipfile(output)):
        raise PackageError(
            f"{output} is there already and is no zip, so it is not overwritten. Remove it, "
            "or name another file with --output"
        )
