"""``adapter package``: make the zip, and say what is in it and what to do with it."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..target import find_target
from . import bytecode
from .archive import has_usual_compressor
from .build import Package, build
from .errors import PackageError
from .output import open_output
from .platform import PYTHONS, Platform
from .project import Project, find_project
from .size_table import mb, table, warnings

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator


def main(arguments: Namespace) -> int:
    """Run the command; 0 if there is a zip, 1 if not.

    Raises:
        ConfigurationError: TARGET names nothing.
    """
    target = find_target(arguments.target, Path.cwd(), factory=arguments.factory)
    try:
        with terminated_cleanly(), open_output(arguments.output) as output:
            platform = Platform(arguments.arch, arguments.python or this_python())
            project = find_project(target.task_root, arguments.requirements)
            package = build(project, target.handler, platform, output, arguments.keep, say)
    except PackageError as error:
        say(f"adapter package: {error}")
        return 1
    for line in summary(package, platform):
        sys.stdout.write(f"{line}\n")
    for line in (*hints(project, platform), *warnings(package.size)):
        say(f"Warning: {line}")
    return 0


@contextmanager
def terminated_cleanly() -> Iterator[None]:
    """Have SIGTERM end the work as Ctrl-C does, which leaves no temporary files behind."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def this_python() -> str:
    """Return the version that runs, if Lambda has it.

    Raises:
        PackageError: it has not.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version not in PYTHONS:
        raise PackageError(
            f"Lambda has no Python {version}. Choose one with --python: {', '.join(PYTHONS)}"
        )
    return version


def say(text: str) -> None:
    """Tell the user something that is not the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def summary(package: Package, platform: Platform) -> Iterator[str]:
    """Say what is in the zip, and how to configure a function that runs it."""
    yield from table(package.sizes)
    size = package.size
    yield ""
    yield f"{package.file}: {mb(size.zipped).strip()}, {mb(size.unzipped).strip()} unzipped"
    yield f"  SHA-256       {package.digest}"
    yield f"  Handler       {package.handler}"
    yield f"  Runtime       python{platform.python}"
    yield f"  Architecture  {platform.architecture}"


def hints(project: Project, platform: Platform) -> Iterator[str]:
    """Say what could be better."""
    if project.requirements is None:
        yield (
            f"no pyproject.toml, requirements.txt or lock file was found for {project.task_root}, "
            "so nothing but the adapter is in the zip beside your own files."
        )
    if not bytecode.fits(platform.python):
        yield (
            f"without bytecode, which only Python {platform.python} can make: every cold start "
            f"compiles. Run this with it: python{platform.python} -m adapter package ..."
        )
    if not has_usual_compressor():
        yield (
            "this Python compresses with zlib-ng, so the zip differs, byte for byte, from one "
            "that was made with zlib. What is in it is the same."
        )
