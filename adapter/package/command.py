"""``adapter package``: make the zip, show its contents and how to configure the function."""

from __future__ import annotations

import signal
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING
from zipfile import is_zipfile

from ..errors import PackageError
from ..target import find_target
from . import PYTHONS, bytecode
from .build import build
from .project import find_project
from .resolve import Platform
from .tree import is_utf8

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from .build import DeploymentPackage
    from .project import Project
    from .tree import Size

MB = 1024 * 1024  # as Lambda counts

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ZIPPED_BYTES = 50 * MB
MAX_UNZIPPED_BYTES = 250 * MB


def main(arguments: Namespace) -> int:
    """Run the command; 0 if there is a zip, 1 if not.

    Raises:
        ConfigurationError: TARGET is malformed or does not exist.
    """
    target = find_target(arguments.target, Path.cwd(), factory=arguments.factory)
    try:
        with terminated_cleanly(), open_output(arguments.output) as output:
            platform = Platform(arguments.arch, arguments.python or this_python())
            project = find_project(target.task_root, arguments.requirements)
            package = build(
                project, target.handler, platform, output, arguments.keep, say, pack=arguments.pack
            )
    except PackageError as error:
        say(f"adapter package: {error}")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in summary(package, platform))
    for line in (*hints(project, platform), *warnings(package.size)):
        say(f"Warning: {line}")
    return 0


@contextmanager
def terminated_cleanly() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does: temporary files are removed."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def this_python() -> str:
    """Return the version that runs, if Lambda has it.

    Raises:
        PackageError: Lambda does not have it.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version not in PYTHONS:
        raise PackageError(
            f"Lambda has no Python {version}. Choose one with --python: {', '.join(PYTHONS)}"
        )
    return version


def say(text: str) -> None:
    """Write progress, a warning or an error; stdout has the result."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def open_output(text: str) -> Iterator[Path]:
    """Find the output; a folder that is made for it is removed if it stays empty.

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
    """Return the file or the folder for the package, checked before the work is done.

    A slash at the end means a folder, which may exist. For a link, the target of the link is
    written, and the link stays.

    Raises:
        PackageError: the output cannot be written, or other files would be lost.
    """
    output = Path(text).resolve()
    if not is_utf8(str(output)):
        raise PackageError(f"{text!a} is not UTF-8. Name another file with --output")
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
    if output.is_dir() and any(output.iterdir()):
        raise PackageError(
            f"{output} is a folder with something in it, which would become part of the function. "
            "Name an empty folder, or a file that ends with .zip"
        )
    if output.exists() and not output.is_dir() and not _is_replaceable(output):
        raise PackageError(
            f"{output} exists and is not a zip, so it is not overwritten. Remove it, "
            "or name another file with --output"
        )
    return output


def _is_replaceable(output: Path) -> bool:
    """Whether a file is an earlier zip, or empty as mktemp makes it."""
    return output.is_file() and (output.stat().st_size == 0 or is_zipfile(output))


def summary(package: DeploymentPackage, platform: Platform) -> Iterator[str]:
    """Return lines with the content of the zip, and the configuration of a function for it."""
    rows = {**package.sizes, "total": package.size}
    width = max(map(len, rows))
    yield f"{'':{width}}  {'zipped':>9}  {'unzipped':>9}"
    for name, size in rows.items():
        yield f"{name:{width}}  {mb(size.zipped):>9}  {mb(size.unzipped):>9}"
    yield ""
    yield f"{package.file}: {mb(package.size.zipped)}, {mb(package.size.unzipped)} unzipped"
    yield f"  SHA-256       {package.digest}"
    yield f"  Handler       {package.handler}"
    yield f"  Runtime       python{platform.python}"
    yield f"  Architecture  {platform.architecture}"


def mb(size: int) -> str:
    """Return a size in megabytes, as text."""
    return f"{size / MB:.2f} MB"


def hints(project: Project, platform: Platform) -> Iterator[str]:
    """Return warnings about the project and the platform."""
    if project.dependencies is None:
        yield (
            f"no pyproject.toml, requirements.txt or lock file was found for {project.task_root}, "
            "so the zip has only the adapter and your own files."
        )
    if not bytecode.fits(platform.python):
        yield (
            f"without bytecode, which only Python {platform.python} can make: every cold start "
            f"compiles. Run this command with it: python{platform.python} -m adapter ..."
        )
    if "ng" in zlib.ZLIB_RUNTIME_VERSION:
        yield (
            "this Python compresses with zlib-ng, so the zip differs, byte for byte, from one "
            "that was made with zlib. The files in it are the same."
        )


def too_big(unzipped_bytes: int) -> str:
    """Return why AWS will refuse a zip of this size; empty if it will accept the zip."""
    if unzipped_bytes <= MAX_UNZIPPED_BYTES:
        return ""
    return (
        f"{mb(unzipped_bytes)} unzipped is over the 250 MB that a function may have, "
        "layers included: AWS will refuse it. Leave something out, or deploy it as a "
        "container image (10 GB)."
    )


def warnings(size: Size) -> Iterator[str]:
    """Return a warning for each limit of Lambda that is exceeded."""
    if refusal := too_big(size.unzipped):
        yield refusal
    if size.zipped > MAX_ZIPPED_BYTES:
        yield (
            f"{mb(size.zipped)} zipped is over the 50 MB that can be uploaded to Lambda "
            "directly: put it into an S3 bucket and name the object."
        )
