"""``adapter package``: make the zip, show its contents and how to configure the function."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING
from zipfile import ZipFile, is_zipfile

from ..errors import PackageError
from ..target import find_target
from .build import DeploymentPackage, build
from .project import find_project
from .resolve import Platform
from .tree import matches, unpack_archive

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

MB = 1024 * 1024  # as Lambda counts

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ZIPPED_BYTES = 50 * MB
MAX_UNZIPPED_BYTES = 250 * MB


def main(arguments: Namespace, say: Callable[[str], None]) -> int:
    """Run the command; return 0, or raise an error for the user."""
    target = find_target(arguments.target, Path.cwd(), factory=arguments.factory)
    output = find_output(arguments.output)
    platform = Platform(arguments.arch, arguments.python)
    project = find_project(target.task_root, arguments.requirements, arguments.keep)
    with TemporaryDirectory(prefix="adapter-package-") as scratch:
        is_folder = output.is_dir() or arguments.output.endswith("/")
        file = Path(scratch, "function.zip") if is_folder else output
        package = build(project, target.handler, platform, file, say, pack=not arguments.no_pack)
        if is_folder:
            unpack_archive(file, output)
        zipped, unzipped = sizes(package)
        sys.stdout.writelines(table(zipped, unzipped))
        sys.stdout.write(
            f"\n{output}: {mb(zipped.total())}, {mb(unzipped.total())} unzipped\n"
            f"  Handler       {package.handler}\n"
            f"  Runtime       python{platform.python}\n"
            f"  Architecture  {platform.architecture}\n"
        )
        for pattern in unused_patterns(package, arguments.keep):
            say(f"Warning: --keep {pattern} matches no file in the zip. Patterns are paths in it.")
    for line in exceeded_limits(zipped.total(), unzipped.total()):
        say(f"Warning: {line}")
    return 0


def find_output(text: str) -> Path:
    """Return the file or the folder for the package, checked before the work is done.

    A slash at the end means a folder, which may exist. For a link, the target of the link is
    written, and the link stays. An empty file, as mktemp makes it, may be overwritten.
    """
    output = Path(os.path.realpath(text))  # `resolve` may raise for a loop
    folder = output if output.is_dir() else output.parent
    is_zip = output.is_file() and (is_zipfile(output) or output.stat().st_size == 0)
    fault = ""
    if not folder.is_dir():
        fault = f"cannot be written: there is no folder {folder}"
    elif output.is_dir() and any(output.iterdir()):
        fault = "is a folder with something in it, which would become part of the function"
    elif output.is_file() and text.endswith("/"):
        fault = "exists and is not a folder"
    elif output.exists() and not output.is_dir() and not is_zip:
        fault = "exists and is not a zip, so it is not overwritten"
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        fault = fault or f"cannot be written: {error.strerror}"
    if fault:
        raise PackageError(f"{output} {fault}. Name another file with --output")
    return output


def unused_patterns(package: DeploymentPackage, patterns: list[str]) -> list[str]:
    """Return the patterns that match no file of a zip."""
    with ZipFile(package.file) as archive:
        names = archive.namelist()
    return [each for each in patterns if not any(matches(name, [each]) for name in names)]


def sizes(package: DeploymentPackage) -> tuple[Counter[str], Counter[str]]:
    """Return the bytes of each distribution, in the zip and unpacked."""
    zipped, unzipped = Counter[str](), Counter[str]()
    with ZipFile(package.file) as archive:
        for file in archive.infolist():
            owner = package.owners.get(file.filename, "your project")
            zipped[owner] += file.compress_size
            unzipped[owner] += file.file_size
    return zipped, unzipped


def table(zipped: Counter[str], unzipped: Counter[str]) -> Iterator[str]:
    """Return the lines of a table of sizes, biggest first."""
    rows = [("", "zipped", "unzipped")]
    rows += [(name, mb(zipped[name]), mb(size)) for name, size in unzipped.most_common()]
    rows.append(("total", mb(zipped.total()), mb(unzipped.total())))
    width = max(len(name) for name, _, _ in rows)
    for name, *pair in rows:
        yield f"{name:{width}}  {pair[0]:>9}  {pair[1]:>9}\n"


def mb(size: int) -> str:
    """Return a size in megabytes, as text."""
    return f"{size / MB:.2f} MB"


def exceeded_limits(zipped_bytes: int, unzipped_bytes: int) -> Iterator[str]:
    """Return a warning for each limit of Lambda that is exceeded."""
    if unzipped_bytes > MAX_UNZIPPED_BYTES:
        yield (
            f"{mb(unzipped_bytes)} unzipped is over the 250 MB that a function may have, "
            "layers included: AWS will refuse it. Leave something out, or deploy it as a "
            "container image (10 GB)."
        )
    if zipped_bytes > MAX_ZIPPED_BYTES:
        yield (
            f"{mb(zipped_bytes)} zipped is over the 50 MB that can be uploaded to Lambda "
            "directly: put it into an S3 bucket and name the object."
        )
