"""The steps from a project to a zip."""

from __future__ import annotations

import json
import re
import shlex
import sys
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from subprocess import DEVNULL, CalledProcessError, run
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..errors import PackageError
from ..imports import packed
from . import THIS_PYTHON, bytecode, tree
from .check import check_module, missing_imports, split
from .project import PYPROJECT, Dependencies, Project
from .resolve import Platform, install, is_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: a name and its versions, in a line of requirements or in a string of TOML
REQUIREMENT = re.compile(r"""([\w.-]+)(?:\[[^\]]*\])?\s*([<>=~!][^;#"'\n]*)""")

#: a line of a requirements file that names another one, relative to its own folder
INCLUDED = re.compile(r"^\s*(?:-[rc]|--(?:requirement|constraint))[ \t=]*(\S+)", re.MULTILINE)

#: the handler of a new Python function in Lambda's console, so that it need not be changed
MODULE = "lambda_function"
ATTRIBUTE = "lambda_handler"
STDERR = 2  #: for the output of build steps: stdout has the result of the command

SCRIPT = '''"""Made by `adapter package`: gives Lambda the app as a handler."""

from adapter.imports import packed

packed.install()

from adapter.loader import load

{attribute} = load("{target}")
'''


class DeploymentPackage(NamedTuple):
    """A zip, the Handler of its function, and the distribution of each file of a dependency."""

    file: Path
    handler: str
    owners: Mapping[str, str] = {}


class Sources(NamedTuple):
    """The files of a project that are packaged, by their name in the zip.

    ``has_module``: whether the module of the target is among them; else a dependency has it.
    """

    files: Mapping[str, Path]
    has_module: bool


def build(
    project: Project,
    target: str,
    platform: Platform,
    output: Path,
    say: Callable[[str], None] = lambda text: None,
    *,
    sources: Sources | None = None,
    pack: bool = True,
) -> DeploymentPackage:
    """Package a project into a zip; ``say`` gets progress and warnings.

    ``sources`` are the files of the project if they have been found already. With ``pack``, the
    modules of dependencies are imported from one file.
    """
    if sources is None:
        run_build_steps(project, say)
        own = dict(tree.project_files(project))
        sources = Sources(own, check_sources(project, target, own, platform.python, say))
    with TemporaryDirectory(prefix="adapter-package-") as scratch:
        folder = Path(scratch, "task")
        owners = add_dependencies(project, platform, folder, say)
        tree.copy_sources(sources.files, folder)
        for name in tree.keys_among(sources.files):
            say(f"Warning: {name} looks like a private key or credentials. {tree.leave_out(name)}")
        packaged = dict(tree.files(folder))
        if not sources.has_module:
            check_module(target, packaged, platform.python, say)
        warn_of_imports(project, target, sources.files, packaged, platform.python, say)
        handler = make_handler(target, folder)
        if add_bytecode(folder, platform.python, say) and pack:
            bytecode.pack_imports(folder, owners)
            owners |= dict.fromkeys((packed.NAME, bytecode.PTH[0]), "packed imports")
        tree.write_archive(folder, output)
    return DeploymentPackage(output, handler, owners)


def check_sources(
    project: Project,
    target: str,
    files: Mapping[str, Path],
    python: str,
    say: Callable[[str], None],
) -> bool:
    """Check the module if it is in the project; return whether it is, or a dependency has it."""
    module, _ = split(target)
    is_own = PathFinder.find_spec(module.partition(".")[0], [str(project.task_root)]) is not None
    if is_own or project.dependencies is None:
        check_module(target, files, python, say)
    else:
        say(f"{module} is not in {project.task_root}: a dependency has to contain it ...")
    return is_own


def warn_of_imports(
    project: Project,
    target: str,
    sources: Mapping[str, Path],
    packaged: Mapping[str, Path],
    python: str,
    say: Callable[[str], None],
) -> None:
    """Warn of modules that the project imports and the zip lacks.

    The standard library of another Python is not known, so for that a distribution here has to have
    the module, unless the module is a file of the project.
    """
    missing = missing_imports(target, sources, packaged)
    distributions = packages_distributions() if missing else {}
    for module, file in missing.items():
        own = [each for each in (module, f"{module}.py") if (project.task_root / each).exists()]
        names = set(distributions.get(module, ()))
        above = folder_above(project, module)
        if own:
            advice = f"To package it: [tool.adapter] include = {json.dumps(own)} in pyproject.toml"
        elif above:
            path = ".".join(project.task_root.relative_to(above).parts)
            advice = f"It is in {above}: run this command there, with {path}.{target} as TARGET."
        elif names or python == THIS_PYTHON:
            # Without one certain name: a guess could name a package of another person.
            package = names.pop() if len(names) == 1 else "the package that has the module"
            advice = (
                f"Add {package} to the dependencies of the project, unless a layer of the "
                "function has it."
            )
        else:
            continue
        say(f"Warning: {file} imports {module}, which is not in the zip. {advice}")


def folder_above(project: Project, module: str) -> Path | None:
    """Return the folder of the project above its task root that has a module, if there is one."""
    root = project.task_root
    above = [folder for folder in root.parents if folder.is_relative_to(project.folder)]
    if module == root.name:  # `from app.api import …` in app/main.py
        above.append(root.parent)
    return next((each for each in above if PathFinder.find_spec(module, [str(each)])), None)


def run_build_steps(project: Project, say: Callable[[str], None]) -> None:
    """Run the project's build steps in its folder, with this Python and without a shell."""
    for step in project.build:
        say(f"Running {step} ...")
        try:
            program, *arguments = shlex.split(step)
            program = sys.executable if program in ("python", "python3") else program
            command = [program, *arguments]
            run(command, cwd=project.folder, stdin=DEVNULL, stdout=STDERR, check=True)
        except CalledProcessError as error:
            raise PackageError(
                f"The build step {step!r} failed with exit code {error.returncode}. It was run in "
                f"{project.folder}; its output is above."
            ) from None
        except (OSError, ValueError) as error:  # no such program, an open quotation, a NUL
            raise PackageError(f"The build step {step!r} cannot be run: {error}") from None


def add_dependencies(
    project: Project, platform: Platform, folder: Path, say: Callable[[str], None]
) -> dict[str, str]:
    """Install the dependencies and the adapter, without files for development; return `owners`."""
    dependencies = project.dependencies or Dependencies("the project", project.folder / PYPROJECT)
    if project.dependencies is None:
        say(
            "Warning: no pyproject.toml with [project], requirements.txt or lock file was found "
            f"for {project.task_root}, so the zip has only the adapter and your own files. If "
            "another file lists dependencies, name it, or a requirements file made from it: "
            "--requirements FILE"
        )
    source, folder_of_file = dependencies.source, dependencies.file.absolute().parent
    if folder_of_file != project.task_root:  # perhaps of another project, in a folder above
        source = f"{source} in {folder_of_file}"
    say(f"Getting wheels for {platform} with uv: the dependencies of {source} ...")
    install(dependencies, platform, folder)
    for name, place in tree.drop_links(folder):
        if place != project.folder.resolve():
            raise PackageError(
                f"{source} has {name} as -e {place}, which installs a link to that folder. Make a "
                f"wheel of it, and write just `{name}` there:\n"
                f"    pip wheel --no-deps {place} -w wheels\n"
                "Then let uv find it: UV_FIND_LINKS=$PWD/wheels"
            )
    owners = dict(tree.find_owners(folder))  # before RECORD, which lists the files, is trimmed
    if dependencies.file.is_file() and not is_lock(dependencies.file):
        warn_of_older_versions(set(owners.values()), dependencies, platform, say)
    tree.trim(folder, project.include)
    (folder / tree.BOOTSTRAP).chmod(0o755)
    return owners


def warn_of_older_versions(
    packaged: Collection[str],
    dependencies: Dependencies,
    platform: Platform,
    say: Callable[[str], None],
) -> None:
    """Warn of packages that are older in the zip than here, unless their versions are limited.

    uv takes an older version, without a word, if the newest one or a dependency of it has no wheel.
    ``packaged`` has a "name version" of each package.
    """
    limited = {
        canonicalize_name(name)
        for text in requirement_texts(dependencies.file)
        for name, versions in REQUIREMENT.findall(text)
        if re.search("==|~=|<", versions)
    }
    for name, _, older in sorted(each.rpartition(" ") for each in packaged):
        try:
            here = version(name)
            if canonicalize_name(name) in limited or Version(older) >= Version(here):
                continue
        except (PackageNotFoundError, InvalidVersion, TypeError):  # TypeError: broken metadata
            continue
        say(
            f"Warning: the zip has {name} {older}, and this environment {name} {here}. uv takes an "
            f"older version if a newer one, or a dependency of it, has no wheel for {platform}, or "
            f"if another package excludes it. To see why, write {name}>={here} into "
            f"{dependencies.source}."
        )


def requirement_texts(file: Path) -> list[str]:
    """Return the text of a file with requirements, and of the files that ``-r`` and ``-c`` name."""
    files, texts = [file.resolve()], []
    for each in files:  # which grows
        texts.append(each.read_text("utf-8", "replace") if each.is_file() else "")  # else a URL
        named = [(each.parent / name).resolve() for name in INCLUDED.findall(texts[-1])]
        files += [path for path in named if path not in files]
    return texts


def add_bytecode(folder: Path, python: str, say: Callable[[str], None]) -> bool:
    """Compile every module, if this Python is the version of the function; return whether it is."""
    if python != THIS_PYTHON:
        say(
            f"Warning: the zip has no bytecode, which only Python {python} can make, so every cold "
            f"start compiles. Run this command with that Python: python{python} -m adapter ..."
        )
        return False
    say("Compiling ...")
    bytecode.compile_folder(folder)
    return True


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
