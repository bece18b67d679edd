"""The steps from a project to a zip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import PackageError
from ..imports import packed
from . import bytecode, tree
from .check import check_kept, check_module, find_module, is_among
from .project import Dependencies
from .resolve import install

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from .project import Project
    from .resolve import Platform
    from .tree import Size

BOOTSTRAP = "adapter/bootstrap"  #: executable, even if its wheel was unpacked without modes

#: read by AWS's runtime (see `site`), which then imports from the packed file for any handler
PTH = "packed_imports.pth", "import adapter.imports.packed; adapter.imports.packed.install()\n"

#: the handler of a new Python function in Lambda's console, so that it need not be changed
MODULE = "lambda_function"
ATTRIBUTE = "lambda_handler"

SCRIPT = '''"""Made by `adapter package`: gives Lambda the app as a handler."""

from adapter.imports import packed

packed.install()

from adapter.loader import load

{attribute} = load("{target}")
'''


@dataclass(frozen=True)
class DeploymentPackage:
    """A finished zip, or the folder it was unpacked into.

    ``handler`` is the value of the function's Handler, ``sizes`` has the size of each
    distribution in the zip, ``digest`` is the SHA-256 of the zip, in hexadecimal.
    """

    file: Path
    handler: str
    sizes: dict[str, Size]
    digest: str

    @property
    def size(self) -> Size:
        """The total size."""
        return sum(self.sizes.values(), start=tree.Size())


def build(
    project: Project,
    target: str,
    platform: Platform,
    output: Path,
    keep: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
    *,
    pack: bool = True,
) -> DeploymentPackage:
    """Package a project into a zip or an empty folder; ``say`` gets progress and warnings.

    With ``pack``, the modules of dependencies are imported from one file.

    Raises:
        PackageError: the project cannot be packaged.
    """
    run_build_steps(project, say)
    sources = dict(tree.project_files(project, keep))
    for name in tree.keys_among(sources):
        say(
            f"Warning: {name} looks like a private key or credentials and becomes part of the zip. "
            f'To leave it out: [tool.adapter] exclude = ["{name}"] in pyproject.toml'
        )
    module = find_module(target)
    is_own = project.dependencies is None or is_among(module, sources)
    check_kept(module, sources, project.task_root)
    if is_own:
        check_module(module, sources, platform.python, say)
    else:
        say(f"{module.name} is not in {project.task_root}: a dependency has to bring it ...")
    with TemporaryDirectory(prefix="adapter-package-") as scratch:
        folder = Path(scratch, "task")
        dependencies = project.dependencies or Dependencies("the adapter")
        say(f"Getting wheels with uv for {platform}, by {dependencies.source} ...")
        install(dependencies, platform, folder, Path(scratch), project.folder)
        owners = dict(tree.find_owners(folder))
        tree.trim(folder, keep)
        tree.copy_sources(sources, folder)
        if not is_own:
            check_module(module, dict(tree.files(folder)), platform.python, say)
        handler = make_handler(target, folder)
        if bytecode.fits(platform.python):
            say("Compiling ...")
            bytecode.compile_folder(folder)
            if pack:
                pack_imports(folder, owners)
                owners |= dict.fromkeys((packed.NAME, PTH[0]), "packed imports")
        archive = Path(scratch, "function.zip") if output.is_dir() else output
        sizes = tree.write_archive(folder, archive, programs={BOOTSTRAP})
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if output.is_dir():
            tree.unpack_archive(archive, output)
    return DeploymentPackage(output, handler, tree.by_owner(sizes, owners), digest)


def run_build_steps(project: Project, say: Callable[[str], None]) -> None:
    """Run the project's build steps in its folder, with this Python.

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
        except (OSError, ValueError) as error:  # there is no such program, or an argument has a NUL
            raise PackageError(f"The build step {step[0]!r} cannot be run: {error}") from None
        if ended.returncode:
            raise PackageError(
                f"The build step {' '.join(step)!r} failed with exit code {ended.returncode}. It "
                f"was run in {project.folder}; its output is above."
            )


def make_handler(target: str, folder: Path) -> str:
    """Return the function's Handler; for an app, write the module that makes it a handler.

    Lambda's own runtime knows only ``module.attribute``.
    """
    if ":" not in target:
        return target.replace("/", ".")
    name = MODULE
    while any(folder.glob(f"{name}.*")) or (folder / name).exists():
        name += "_"
    script = SCRIPT.format(attribute=ATTRIBUTE, target=target)
    (folder / f"{name}.py").write_text(script, "utf-8", newline="\n")
    return f"{name}.{ATTRIBUTE}"


def pack_imports(folder: Path, owned: Collection[str], location: str = bytecode.ON_LAMBDA) -> None:
    """Write the bytecode of dependencies, whose files are ``owned``, into one file.

    The project's own modules are not packed, so that an edit in Lambda's console has an effect. A
    source file that an extension module or a package hides from Python is left out.
    """
    names = {name for name, _ in tree.files(folder)}
    hidden = {_module(name) for name in names if name.endswith(".so")}
    hidden |= {_module(name).removesuffix("/__init__") for name in names if "/__init__." in name}
    content = {}
    for name in sorted(names.intersection(owned)):
        compiled = folder / cache_from_source(name)
        if name.endswith(".py") and _module(name) not in hidden and compiled.is_file():
            content[name] = compiled.read_bytes()
    (folder / packed.NAME).write_bytes(packed.pack(content, location))
    (folder / PTH[0]).write_text(PTH[1])


def _module(name: str) -> str:
    """Return the path of a module without its suffixes, ``.cpython-313-x86_64-linux-gnu.so``."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.partition('.')[0]}".removeprefix("/")
