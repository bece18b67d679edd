"""Installs dependencies with uv, as wheels: nothing can be compiled for the function's machine."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from functools import partial
from importlib import metadata
from pathlib import Path
from subprocess import DEVNULL, CalledProcessError, run
from tempfile import TemporaryDirectory
from textwrap import indent
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import tomli_w
from packaging.pylock import Pylock, PylockValidationError, is_valid_pylock_path
from uv import find_uv_bin

from ..errors import PackageError
from ..target import DISTRIBUTION, LIBRARY
from .project import PYPROJECT, UV_LOCK, Dependencies

NO_SOLUTION = 1  #: uv's exit code if the requirements cannot be met; 2 for most other failures


class Platform(NamedTuple):
    """A managed Python runtime of Lambda, or an image on the same system."""

    architecture: str
    python: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture}"

    @property
    def uv_name(self) -> str:
        """The name that uv has for the runtime's glibc: 2.26 up to Python 3.11, then 2.34.

        uv has no name between 2.17 and 2.28.
        https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
        """
        machine = "aarch64" if self.architecture == "arm64" else self.architecture
        return f"{machine}-manylinux_2_{17 if self.python == '3.11' else 34}"


def install(dependencies: Dependencies, platform: Platform, target: Path) -> None:
    """Install the adapter and the dependencies into the folder ``target``."""
    source, file, lines, package = dependencies
    is_locked = is_lock(file)
    pip = (
        *("pip", "install", "--link-mode", "copy", "--python", sys.executable),
        # Later than any patch release: AWS keeps its runtimes at the latest one.
        # https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
        *("--python-version", f"{platform.python}.99", "--python-platform", platform.uv_name),
        *("--target", str(target), "--only-binary", ":all:"),
    )
    export = (
        *("export", "--frozen", "--format", "requirements.txt", "--no-default-groups"),
        *("--no-editable", "--no-emit-project", "--no-emit-package", DISTRIBUTION),
        *(("--package", package) if package else ()),
    )
    with TemporaryDirectory(prefix="adapter-package-") as scratch:
        uv = partial(run_uv, folder=file.parent, scratch=scratch)
        files = [] if file.name == PYPROJECT else ["-r", str(file.resolve())]
        try:
            if file.name == UV_LOCK:
                files = ["-r", f"{scratch}/requirements.txt"]
                uv(*export, "-o", files[1])
            elif is_locked:  # a pylock.toml: uv accepts no other requirements with it
                uv(*pip, "-r", copy_pylock(file, scratch))
                files = []
            uv(*pip, *own_requirement(), *files, "--", *lines)
        except CalledProcessError as error:
            raise PackageError(explain(error, source, platform, is_locked=is_locked)) from None


def is_lock(file: Path) -> bool:
    """Whether a file has the version of each package, direct or not."""
    return file.name == UV_LOCK or is_valid_pylock_path(file)


def run_uv(*arguments: str, folder: Path, scratch: str) -> None:
    """Run uv in a folder, with temporary files in ``scratch``; `CalledProcessError` if it fails."""
    command = [find_uv_bin(), "--quiet", "--no-progress", "--no-python-downloads", *arguments]
    environ = {**os.environ, "TMPDIR": scratch}
    run(command, cwd=folder, env=environ, stdin=DEVNULL, capture_output=True, text=True, check=True)


def copy_pylock(lock: Path, scratch: str) -> str:
    """Copy a lock file of PEP 751 without the project and the adapter, which uv would build.

    Return the path of the copy. uv uses a default group only if ``dependency-groups`` lists it.
    """
    try:
        document = tomllib.loads(lock.read_text("utf-8"))
        Pylock.from_dict(document)
    except (ValueError, PylockValidationError) as error:
        raise PackageError(f"{lock} cannot be read: {error}. Lock again with its tool.") from None
    for package in document["packages"].copy():
        if package["name"] == DISTRIBUTION or package.get("directory", {}).get("path") == ".":
            document["packages"].remove(package)
        for file in (*package.get("wheels", ()), package.get("archive", {})):
            if "path" in file:
                file["path"] = str(lock.parent.resolve() / file["path"])
    document["dependency-groups"] = document.get("default-groups", [])
    copy = Path(scratch, "pylock.toml")
    copy.write_text(tomli_w.dumps(document))
    return str(copy)


def own_requirement() -> list[str]:
    """Return the arguments for uv that install the running adapter.

    A release comes from the index, anything else from the source that pip and uv have recorded
    (PEP 610). The folder of an editable installation is built again.

    Raises:
        PackageError: the source is on this machine, and has been deleted or moved.
    """
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise PackageError(
            f"The adapter in {LIBRARY} is not installed by pip or uv, so it cannot be packaged. "
            "Install it: docs/getting-started.md has the command."
        ) from None
    recorded = distribution.read_text("direct_url.json")
    if recorded is None:
        return [f"{DISTRIBUTION}=={distribution.version}"]
    source = json.loads(recorded)
    url = source["url"]
    if url.startswith("file:") and not Path(unquote(urlsplit(url).path)).exists():
        raise PackageError(
            f"The adapter was installed from {url}, which is not there any more. Put it back, or"
            " install the adapter again."
        )
    if vcs := source.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    is_built = not url.endswith(".whl")
    return [f"{DISTRIBUTION} @ {url}", *(("--no-binary", DISTRIBUTION) if is_built else ())]


def explain(error: CalledProcessError, source: str, platform: Platform, *, is_locked: bool) -> str:
    """Return the error of uv with an explanation and advice."""
    network = (
        "If a server cannot be reached, check the network, the proxy (HTTPS_PROXY) and the address "
        "of the index (UV_DEFAULT_INDEX)."
    )
    if "No space left on device" in error.stderr:
        advice = "Make room for temporary files and uv's cache, or move them: TMPDIR, UV_CACHE_DIR"
    elif "export" in error.cmd:
        advice = f"{UV_LOCK} cannot be read. Lock again: uv lock"
    elif "Failed to fetch" in error.stderr:  # also while uv builds the adapter
        advice = network
    elif DISTRIBUTION in error.stderr:
        advice = (
            f"Write just `{DISTRIBUTION}` there, without a path, a URL or a version: the "
            "adapter that runs `adapter package` is the one that is packaged."
        )
    elif is_locked:
        advice = (
            f"Only wheels for {platform} are installed. If a package has none, or comes "
            "from git or a folder, export a requirements.txt, have it name another version or a "
            "wheel of the package, and name that file: adapter package --requirements FILE"
        )
    elif error.returncode == NO_SOLUTION:
        advice = (
            f"uv found no wheels for {platform} that satisfy {source}, and nothing is compiled "
            "here. Try another version, or another --arch or --python. If a package is published "
            "as source only, make a wheel of it on Linux of that architecture and Python:\n"
            "    pip wheel --no-deps NAME -w wheels\n"
            "and let uv find it: UV_FIND_LINKS=$PWD/wheels"
        )
    else:
        advice = network
    output = indent(error.stderr.rstrip(), "    ")
    return f"uv could not install the dependencies of {source}:\n{output}\n{advice}"
