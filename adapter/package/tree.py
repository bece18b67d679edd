"""The files of a function, and its zip. The same files make the same zip, byte for byte."""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import contextmanager
from fnmatch import fnmatchcase
from glob import escape
from importlib.metadata import distributions
from importlib.util import cache_from_source
from pathlib import Path
from secrets import token_hex
from stat import S_IMODE
from time import gmtime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo
from zipfile import Path as ZipPath
from zlib import crc32

from ..errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .project import Project

#: left out of a project in any folder: caches and everything hidden, such as .env with its secrets,
#: and what Terraform and the CDK write, which has secrets and changes with each deployment
AT_ANY_DEPTH = (
    *(".*", "__pycache__", "*.pyc", "*.pyo", "*.egg-info", "node_modules"),
    *("*.tfstate*", "*.tfvars*", "cdk.out"),
)

#: left out in the task root: files that describe, test or deploy the project
AT_THE_TOP = (
    *("pyproject.toml", "setup.py", "setup.cfg", "*.lock", "pylock*.toml", "requirements*.txt"),
    *("Dockerfile*", "Makefile", "template*.y*ml", "cloudformation*.y*ml", "samconfig.*", "wheels"),
    *("serverless.y*ml", "serverless.[jt]s*", "zappa_settings.[jty]*", "*.tf", "cdk.json"),
    *("README*", "CHANGELOG*", "tests", "test", "conftest.py", "*.whl", "*.zip"),
)

#: private keys and credentials: the file names that tools use, and the first line of a key
KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials*", "*.p12", "*.pfx")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
MAX_KEY_BYTES = 64 * 1024

#: parts of the adapter for development; the function does not import them
DEVELOPMENT = tuple(
    f"adapter/{name}"
    for name in ("deploy", "diagnosis", "doctor", "emulator", "package", "samples", "testing")
)

#: left out of dependencies: files for type checkers, compilers, installers (.lock) and developers
BULK = (
    *("*.pyi", "*py.typed", "*__pycache__", "*.pyc", "*.pyx", "*.pxd", "*.pxi"),
    *("*.c", "*.cc", "*.cpp", "*.h", "*.hpp", "*.dist-info/*.json", ".lock", *DEVELOPMENT),
    *(f"*.dist-info/{name}" for name in ("INSTALLER", "RECORD", "REQUESTED", "WHEEL")),
)

#: the modules of a test suite; other modules in it may be imported, as those of numpy are
TESTS = ("test_*.py", "*_test.py", "conftest.py")

START_OF_2037 = 2_114_380_800  #: in seconds since 1970
SECONDS_IN_A_YEAR = 365 * 24 * 60 * 60

BOOTSTRAP = "adapter/bootstrap"  #: executable, even if its wheel has no modes


def matches(name: str, patterns: Collection[str]) -> bool:
    """Whether a file, or a folder it is in, matches one of the patterns."""
    parts = name.split("/")
    paths = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return any(fnmatchcase(path, pattern.rstrip("/")) for path in paths for pattern in patterns)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Return the files below a folder, by their name in a zip."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), file


def project_files(
    project: Project, folder: Path | None = None, above: tuple[Path, ...] = ()
) -> Iterator[tuple[str, Path]]:
    """Return the files of a project that are packaged, by their name in the zip.

    ``above`` are the folders that ``folder`` was found in, with their links resolved.
    """
    root = project.folder.resolve()
    folder = folder or project.task_root
    folders = (*above, folder.resolve())
    for path in _entries(project, folder):
        name = path.relative_to(project.task_root).as_posix()
        is_link = path.is_symlink()
        target = Path(os.path.realpath(path)) if is_link else path  # `resolve` may raise for a loop
        is_kept = matches(name, project.include)
        is_loop = is_link and any(each.is_relative_to(target) for each in folders)
        is_outside = is_link and not (is_kept or target.is_relative_to(root))
        is_left_out = not is_kept and _is_left_out(project, path, name, is_outside=is_outside)
        if is_loop or is_left_out or os.path.exists(path / "pyvenv.cfg"):  # not Path: it may raise
            continue
        _check(path, name, root, is_outside=is_outside)
        if not is_kept and is_package(path):  # after the check, because to open a pipe would block
            continue
        yield from project_files(project, path, folders) if path.is_dir() else [(name, path)]


def _entries(project: Project, folder: Path) -> list[Path]:
    """Return the files and folders in a folder; none if they are left out and cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        name = folder.relative_to(project.task_root).as_posix()
        if _is_excluded(project, name):
            return []
        fault = f"cannot be read: {error.strerror}"
        raise PackageError(f"{folder} {fault}. {leave_out(name)}") from None


def _is_left_out(project: Project, path: Path, name: str, *, is_outside: bool) -> bool:
    """Whether a file is left out, or a folder that is not searched for files to keep."""
    # Hidden folders and caches may be large: they are searched only for patterns with their path.
    if path.is_dir() and any(pattern.startswith(f"{name}/") for pattern in project.include):
        return False
    if path.is_dir() and not is_outside:
        return matches(path.name, AT_ANY_DEPTH)
    return _is_excluded(project, name)


def _is_excluded(project: Project, name: str) -> bool:
    """Whether a file is left out if no pattern includes it."""
    parts = name.split("/")
    is_never = any(matches(part, AT_ANY_DEPTH) for part in parts)
    return is_never or matches(parts[0], AT_THE_TOP) or matches(name, project.exclude)


def _check(path: Path, name: str, root: Path, *, is_outside: bool) -> None:
    """Raise a `PackageError` if a file or a folder of the project must not be packaged."""
    if is_outside:
        fault = (
            f"is a link to {path.resolve()}, outside of the project in {root}. To "
            f"package its target: [tool.adapter] include = [{pattern_of(name)}] in pyproject.toml"
        )
    elif name.encode(errors="ignore").decode() != name:
        fault = "cannot be packaged: its name is not UTF-8"
    elif not (path.is_file() or path.is_dir()):
        fault = "is neither a file nor a link to one, so it cannot be packaged"
    else:
        return
    raise PackageError(f"{path} {fault}. {leave_out(name)}")


def is_package(path: Path) -> bool:
    """Whether a file or a folder is an earlier package: the adapter is in it."""
    try:
        return ((path if path.is_dir() else ZipPath(path)) / BOOTSTRAP).exists()
    except (OSError, BadZipFile, NotImplementedError, ValueError):  # not a zip, or an unusual one
        return False


def leave_out(name: str) -> str:
    """Return a sentence: how to leave a file of the project out of packages."""
    return f"To leave it out: [tool.adapter] exclude = [{pattern_of(name)}] in pyproject.toml"


def pattern_of(name: str) -> str:
    """Return the pattern that matches one file, as a string of TOML.

    Bytes that are not UTF-8 become ``?``, which matches each of them.
    """
    pattern = escape(name).encode(errors="replace").decode()
    return json.dumps(pattern, ensure_ascii=False)  # a string of JSON is one of TOML too


def keys_among(sources: Mapping[str, Path]) -> Iterator[str]:
    """Return the names of files that seem to be private keys or credentials."""
    for name, file in sources.items():
        with file.open("rb") as opened:
            has_key = PRIVATE_KEY.search(opened.read(MAX_KEY_BYTES))
        if not name.endswith(".py") and (has_key or matches(file.name, KEYS)):
            yield name


def copy_sources(sources: Mapping[str, Path], target: Path) -> None:
    """Copy the project's files into the folder with its dependencies."""
    for name, file in sources.items():
        copy, advice = target / name, leave_out(name)
        if copy.exists():
            fault = "would replace a file of the same name from a dependency. Rename it"
            raise PackageError(f"{file} {fault}. {advice}")
        try:
            file.open("rb").close()
        except OSError as error:
            raise PackageError(f"{file} cannot be read: {error.strerror}. {advice}") from None
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)


def trim(folder: Path, keep: Collection[str]) -> None:
    """Remove files that the function does not need at run time, unless they match ``keep``."""
    # django.test has no tests in it, despite its name.
    named = [path for path in folder.rglob("*") if path.name in ("test", "tests")]
    suites = {path for path in named if any(path.rglob("test_*.py"))}
    for name, file in sorted(files(folder)):
        is_source = file.suffix == ".py"
        is_in_suite = not suites.isdisjoint(file.parents)
        is_test = is_in_suite and (not is_source or matches(file.name, TESTS))
        is_script = name.startswith("bin/") and not is_source  # not of a package of that name
        # Some modules import what their stub names: https://scientific-python.org/specs/spec-0001/
        code = file.with_suffix(".py")
        is_read = file.suffix == ".pyi" and code.is_file() and b"attach_stub" in code.read_bytes()
        is_bulk = matches(name, BULK) and not is_read
        if (is_test or is_script or is_bulk) and not matches(name, keep):
            file.unlink()


def write_archive(folder: Path, output: Path) -> None:
    """Zip a folder in a fixed order; the zip has a temporary name until it is complete.

    Raises:
        PackageError: the zip cannot be written.
    """
    unfinished = output.with_name(f".{output.name}.{token_hex(4)}.part")
    try:
        with written(output), ZipFile(unfinished, "w") as archive:
            for name, file in sorted(files(folder)):
                content = file.read_bytes()
                info = ZipInfo(name, date_for(content))
                info.external_attr = (0o100755 if os.access(file, os.X_OK) else 0o100644) << 16
                archive.writestr(info, content, ZIP_DEFLATED, compresslevel=9)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def date_for(content: bytes) -> tuple[int, int, int, int, int, int]:
    """Return the date of a file in the zip: a moment in 2037 that its content decides.

    Frameworks make the ETag and the Last-Modified of a static file from its date and size. With one
    date for all files, a file that changes and keeps its size would keep its ETag, and browsers
    their old copy. With a date in the past, a browser that gets no Cache-Control would use its copy
    for a tenth of the file's age without a request (RFC 9111, 4.2.2): 4 years for 1980. Some file
    systems have no dates after 2037.
    """
    return gmtime(START_OF_2037 + crc32(content) % SECONDS_IN_A_YEAR)[:6]


def unpack_archive(archive: Path, folder: Path) -> None:
    """Unpack a zip with the modes in it, as Lambda does, into a new or an empty folder.

    The files are in a temporary folder until all of them are there.

    Raises:
        PackageError: a file cannot be written.
    """
    is_new = not folder.is_dir()
    parent = folder.parent if is_new else folder
    unfinished = parent / f".{folder.name}.{token_hex(4)}.part"
    try:
        with written(folder), ZipFile(archive) as opened:
            for info in opened.infolist():
                Path(opened.extract(info, unfinished)).chmod(S_IMODE(info.external_attr >> 16))
            if is_new:
                unfinished.rename(folder)
            else:  # the folder stays: it may be the working directory of a shell, or a mount
                for file in list(unfinished.iterdir()):
                    file.rename(folder / file.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def written(output: Path) -> Iterator[None]:
    """Raise an error that names the output if a file cannot be written, as on a full disk.

    The block reads only files that the command has just made; `copy_sources` reads the project's.

    Raises:
        PackageError: a file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise PackageError(
            f"{output} cannot be written: {error.strerror}. Make room there, or write to another"
            " folder."
        ) from None


def drop_links(folder: Path) -> Iterator[tuple[str, Path]]:
    """Return each editable package and its folder, and remove the files that link to the folder."""
    for distribution in distributions(path=[str(folder)]):
        recorded = json.loads(distribution.read_text("direct_url.json") or "{}")
        if recorded.get("dir_info", {}).get("editable"):
            for file in distribution.files or ():
                if file.parts[0] != ".." and not file.parts[0].endswith(".dist-info"):
                    Path(folder, file).unlink(missing_ok=True)
            place = Path(unquote(urlsplit(recorded["url"]).path))
            yield distribution.metadata["Name"], place.resolve()


def find_owners(folder: Path) -> Iterator[tuple[str, str]]:
    """Return each installed file and its bytecode with the "name version" of the distribution."""
    for distribution in distributions(path=[str(folder)]):
        owner = f"{distribution.metadata['Name']} {distribution.version}"
        for file in distribution.files or ():
            yield file.as_posix(), owner
            if file.suffix == ".py":
                yield cache_from_source(file.as_posix()), owner
