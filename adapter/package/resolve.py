"""Has uv install the dependencies of a project for the platform that the function runs on.

Only wheels are installed, because nothing can be compiled for another machine. The packages that
are installed on this machine play no part.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

from ..errors import PackageError

if TYPE_CHECKING:
    from pathlib import Path

    from .project import Dependencies

DISTRIBUTION = "asgi-lambda-stream"
NO_SOLUTION = 1  #: uv's exit code if the requirements cannot be met; 2 for any other failure
LAST_LINES = 12
URL = re.compile(r"https?://[^\s`'\")]+")
PROBE_SECONDS = 5


class Platform(NamedTuple):
    """A managed Python runtime of Lambda, or an image on the same system."""

    architecture: str
    python: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture}"

    @property
    def newest_python(self) -> str:
        """A later patch release than any: AWS keeps its runtimes at the latest one.

        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
        """
        return f"{self.python}.99"

    @property
    def uv_name(self) -> str:
        """The name that uv has for a system with this glibc.

        Amazon Linux 2 has glibc 2.26, up to Python 3.11; Amazon Linux 2023 has 2.34. A wheel for a
        later glibc would be installed and then fail to import. uv has no name between 2.17 and
        2.28. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
        """
        return f"{self._machine}-manylinux_2_{17 if self.python == '3.11' else 34}"

    @property
    def markers(self) -> dict[str, str]:
        """The values that environment markers have on the platform (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.newest_python,
            "os_name": "posix",
            "platform_machine": self._machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": self.newest_python,
            "python_version": self.python,
            "sys_platform": "linux",
        }

    @property
    def _machine(self) -> str:
        return "aarch64" if self.architecture == "arm64" else "x86_64"


def run_uv(*arguments: str, folder: Path, scratch: Path | None = None) -> str:
    """Run uv in a folder and return its output; its temporary files are in ``scratch``.

    Raises:
        UvError: it failed.
    """
    scripts = sysconfig.get_path("scripts")
    uv = shutil.which("uv", path=scripts) or shutil.which("uv")
    if uv is None:
        raise PackageError(
            f"adapter package needs uv, which is neither in {scripts} nor in PATH. "
            f"Try: pip install '{DISTRIBUTION}[package]'"
        )
    ended = subprocess.run(
        [uv, *arguments, "--quiet", "--no-progress", "--no-python-downloads"],
        cwd=folder,
        env={**os.environ, **({"TMPDIR": str(scratch)} if scratch else {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise UvError(ended.returncode, ended.stderr)
    return ended.stdout


class UvError(PackageError):
    """A command of uv failed; the message is the end of its output."""

    def __init__(self, exit_code: int, output: str) -> None:
        """Keep the exit code and the output."""
        lines = [line.rstrip() for line in output.splitlines() if line.strip()]
        super().__init__("\n".join(f"    {line}" for line in lines[-LAST_LINES:]))
        self.exit_code = exit_code
        self.output = output


def install(
    dependencies: Dependencies, platform: Platform, folder: Path, scratch: Path, project: Path
) -> None:
    """Install the adapter and the dependencies into ``folder``.

    Raises:
        PackageError: a package cannot be had for this platform.
    """
    requirements = scratch / "requirements.txt"
    lines = (*dependencies.lines, *dependencies.locked(platform.markers))
    requirements.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    files = [requirements] if dependencies.file is None else [dependencies.file, requirements]
    try:
        run_uv(
            *("pip", "install", "--link-mode", "copy", "--python", sys.executable),
            *("--python-version", platform.newest_python, "--python-platform", platform.uv_name),
            *("--target", str(folder), "--only-binary", ":all:", *own_requirement()),
            *(word for file in files for word in ("-r", str(file.resolve()))),
            folder=dependencies.file.parent if dependencies.file is not None else project,
            scratch=scratch,
        )
    except UvError as error:
        raise PackageError(explain(error, dependencies.source, platform)) from None
    (folder / ".lock").unlink(missing_ok=True)  # uv leaves it there


def own_requirement() -> list[str]:
    """Return the arguments for uv that install the adapter that runs, from where it came.

    A release comes from the index, anything else from the place that pip and uv note down
    (PEP 610): the folder of an editable installation is built again.

    Raises:
        PackageError: the adapter runs from a folder and is not installed.
    """
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise PackageError(
            f"The adapter is not installed here, so its version is not known. "
            f"Try: pip install '{DISTRIBUTION}[package]'"
        ) from None
    noted = distribution.read_text("direct_url.json")
    if noted is None:
        return [f"{DISTRIBUTION}=={distribution.version}"]
    origin = json.loads(noted)
    url = origin["url"]
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    requirement = f"{DISTRIBUTION} @ {url}"
    if url.endswith(".whl"):
        return [requirement]
    return [requirement, "--no-binary", DISTRIBUTION]


def explain(error: UvError, source: str, platform: Platform) -> str:
    """Return what went wrong and what to do next, with the end of uv's output."""
    found = URL.search(error.output)
    if found and (reason := unreachable(found[0])):
        return (
            f"The package index, or another source, cannot be reached: {found[0]}: {reason}. Check "
            "the network, the proxy (HTTPS_PROXY) and the address of the index "
            f"(UV_DEFAULT_INDEX).\n{error}"
        )
    failed = f"uv could not install the dependencies of {source}:\n{error}"
    if DISTRIBUTION in error.output:
        return (
            f"{failed}\nWrite just `{DISTRIBUTION}` there, without a path, a URL or a version: the "
            "adapter that runs `adapter package` is the one that is packaged."
        )
    if error.exit_code != NO_SOLUTION:
        return failed
    return (
        f"uv found no wheels for {platform} that satisfy {source}, and nothing is compiled "
        f"here:\n{error}\n"
        "Try another version, or another --arch or --python. If a package is published as "
        "source only, make a wheel of it on Linux of that architecture and Python:\n"
        "    pip wheel --no-deps NAME -w wheels\n"
        "and let uv find it: UV_FIND_LINKS=$PWD/wheels"
    )


def unreachable(url: str) -> str:
    """Return why no server can be reached at a URL; nothing if there is one."""
    try:
        urlopen(url, timeout=PROBE_SECONDS).close()
    except HTTPError:
        return ""
    except OSError as error:
        return str(getattr(error, "reason", error))
    return ""
