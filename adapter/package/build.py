"""The steps from a project to a zip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from . import bytecode
from .archive import Size, files, unpack_archive, write_archive
from .errors import PackageError
from .handler_string import make_handler
from .module import check_kept, check_module, find_module, is_among
from .own_wheel import BOOTSTRAP, write_own_wheel
from .owners import find_owners
from .requirements import Requirements
from .resolver import find_resolver, install
from .size_table import by_owner, total
from .sources import copy_sources, keys_among, project_files
from .trim import trim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .platform import Platform
    from .project import Project


@dataclass(frozen=True)
class Package:
    """A finished zip, or the folder it was unpacked into.

    ``handler`` is what the function's Handler has to be, ``sizes`` are those of each
    distribution in it, ``digest`` is the SHA-256 of the zip, in hexadecimal.
    """

    file: Path
    handler: str
    sizes: dict[str, Size]
    digest: str

    @property
    def size(self) -> Size:
        """The size of everything."""
        return total(self.sizes)


def build(
    project: Project,
    target: str,
    platform: Platform,
    output: Path,
    keep: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
) -> Package:
    """Package a project, into a zip or an empty folder; ``say`` is told what takes time.

    Raises:
        PackageError: something is not as it has to be.
    """
    run_build_steps(project, say)
    sources = dict(project_files(project, keep))
    for name in keys_among(sources):
        say(
            f"Warning: {name} looks like a private key or credentials and becomes part of the zip. "
            f'To leave it out: [tool.adapter] exclude = ["{name}"] in pyproject.toml'
        )
    module = find_module(target)
    is_own = project.requirements is None or is_among(module, sources)
    check_kept(module, sources, project.task_root)
    if is_own:
        check_module(module, sources, platform.python, say)
    else:
        say(f"{module.name} is not in {project.task_root}: a dependency has to bring it ...")
    with TemporaryDirectory(prefix="adapter-package-") as scratch:
        folder = Path(scratch, "task")
        folder.mkdir()
        owners = install_needs(project, platform, Path(scratch), folder, say)
        trim(folder, keep)
        copy_sources(sources, folder)
        if not is_own:
            check_module(module, dict(files(folder)), platform.python, say)
        handler = make_handler(target, folder)
        if bytecode.fits(platform.python):
            say("Compiling ...")
            bytecode.compile_folder(folder)
        archive = Path(scratch, "function.zip") if output.is_dir() else output
        sizes = write_archive(folder, archive, programs={BOOTSTRAP})
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if output.is_dir():
            unpack_archive(archive, output)
    return Package(output, handler, by_owner(sizes, owners), digest)


def run_build_steps(project: Project, say: Callable[[str], None]) -> None:
    """Run what the project wants to be run first, in its folder, with this Python.

    Raises:
        PackageError: a step failed.
    """
    for step in project.build:
        say(f"Running {' '.join(step)} ...")
        program = sys.executable if step[0] in ("python", "python3") else step[0]
        try:
            ended = subprocess.run(
                [program, *step[1:]], cwd=project.folder, stdin=subprocess.DEVNULL, check=False
            )
        except (OSError, ValueError) as error:  # no such program; a null in the line
            raise PackageError(f"The build step {step[0]!r} cannot be run: {error}") from None
        if ended.returncode:
            raise PackageError(
                f"The build step {' '.join(step)!r} failed with exit code {ended.returncode}. It "
                f"was run in {project.folder}; what it said stands above."
            )


def install_needs(
    project: Project, platform: Platform, scratch: Path, folder: Path, say: Callable[[str], None]
) -> dict[str, str]:
    """Install the adapter and the dependencies; return which distribution each file is of."""
    resolver = find_resolver()
    needs = project.requirements or Requirements("the adapter")
    say(f"Getting wheels with {resolver.name} for {platform}, by {needs.source} ...")
    install(resolver, platform, needs, write_own_wheel(scratch), folder)
    return find_owners(folder)
