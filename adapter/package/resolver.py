"""Has uv or pip install what a project needs into a folder, for the platform it will run on.

Only wheels are taken, since nothing can be compiled for another machine, and only from where
uv or pip get them: what is installed here plays no part.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

from .errors import PackageError
from .own_wheel import DISTRIBUTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .platform import Platform
    from .requirements import Requirements

PIP = Path(__file__).with_name("pip_for_target.py")
LAST_LINES = 12
UV_ERROR = 2  #: uv's exit code for anything but requirements that cannot be met
URL = re.compile(r"https?://[^\s`'\")]+")
PROBE_SECONDS = 5

JUST_THE_NAME = (
    f"Write just `{DISTRIBUTION}` there: the adapter that runs `adapter package` is the one that "
    "is packaged."
)

# How the two say that they found no file that fits.
NO_WHEEL = (
    re.compile(r"No matching distribution found for (?P<name>[\w.-]+)"),
    re.compile(r"Because (?P<name>[\w.-]+)\S* (?:has|have) no wheels"),
    re.compile(r"(?P<name>[\w.-]+)==\S+ (?:has no|needs to be built|can't be installed)"),
    re.compile(r"all versions of (?P<name>[\w.-]+) have no"),
    re.compile(r"(?P<name>[\w.-]+) was not found in the (?:package registry|provided package)"),
)


class Resolver(NamedTuple):
    """A tool that installs wheels: its name, and how it is started."""

    name: str
    command: tuple[str, ...]


def find_resolver() -> Resolver:
    """Return uv if there is one, else pip.

    Raises:
        PackageError: there is neither.
    """
    beside_python = str(Path(sysconfig.get_path("scripts")))
    uv = shutil.which("uv", path=beside_python) or shutil.which("uv")
    if uv:
        return Resolver("uv", (uv, "pip", "install"))
    if find_spec("pip"):
        return Resolver("pip", (sys.executable, "-P", str(PIP)))
    raise PackageError(
        f"Neither uv nor pip is there to get the dependencies (looked in PATH and in "
        f"{sys.executable}). Try: {sys.executable} -m ensurepip"
    )


def install(
    resolver: Resolver, platform: Platform, needs: Requirements, own_wheel: Path, target: Path
) -> None:
    """Install what a project needs, and the adapter, into the folder ``target``.

    Raises:
        PackageError: something cannot be had for this platform.
    """
    options = uv_options(platform) if resolver.name == "uv" else pip_options(platform)
    # Its hash counts where the requirements have some, since then everything needs one.
    digest = sha256(own_wheel.read_bytes()).hexdigest()
    what = [f"{DISTRIBUTION} @ {own_wheel.as_uri()}#sha256={digest}", *needs.lines]
    if needs.file is not None:
        what += ["-r", str(needs.file.resolve())]
    if needs.pins:
        constraints = own_wheel.with_name("pins.txt")
        constraints.write_text("".join(f"{pin}\n" for pin in needs.pins), "utf-8")
        what += ["-c", str(constraints)]
    ended = subprocess.run(
        [*resolver.command, *options, "--target", str(target), *what],
        # Where a requirements file with relative paths in it expects to be read.
        cwd=needs.file.parent if needs.file is not None else None,
        # Where what it leaves behind, if it is killed, is removed with the rest.
        env={**os.environ, "TMPDIR": str(own_wheel.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        if resolver.name == "uv" and ended.returncode == UV_ERROR:
            raise PackageError(explain_error(ended.stderr, needs))
        raise PackageError(explain(resolver, platform, ended.stderr + ended.stdout, needs))
    (target / ".lock").unlink(missing_ok=True)  # uv's own, which it leaves there


def pip_options(platform: Platform) -> Sequence[str]:
    """Return the command line that makes pip choose for another machine."""
    abi = f"cp{platform.python.replace('.', '')}"
    platforms = [word for tag in platform.wheel_platforms for word in ("--platform", tag)]
    return (
        json.dumps(platform.markers),
        "install",
        *("--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"),
        *("--only-binary", ":all:", "--implementation", "cp", "--abi", abi),
        *("--python-version", platform.newest_python, *platforms),
    )


def uv_options(platform: Platform) -> Sequence[str]:
    """Return the command line that makes uv choose for another machine."""
    return (
        *("--quiet", "--no-progress", "--link-mode", "copy", "--only-binary", ":all:"),
        *("--python", sys.executable, "--python-version", platform.newest_python),
        *("--python-platform", platform.uv_platform),
    )


def explain_error(output: str, needs: Requirements) -> str:
    """Say what uv could not do for another reason than a version or a wheel that is not there."""
    said = "\n".join(f"    {line}" for line in output.splitlines()[-LAST_LINES:])
    text = f"uv could not install what {needs.source} asks for:\n{said}"
    found = URL.search(output)
    if found and (reason := unreachable(found[0])):
        return (
            f"The package index cannot be reached: {found[0]}: {reason}. Check the network, the "
            f"proxy (HTTPS_PROXY) and the address of the index (UV_DEFAULT_INDEX).\n{said}"
        )
    return f"{text}\n{JUST_THE_NAME}" if DISTRIBUTION in output else text


def unreachable(url: str) -> str:
    """Return why no server can be reached at a URL, or nothing if there is one."""
    try:
        urlopen(url, timeout=PROBE_SECONDS).close()
    except HTTPError:
        return ""
    except OSError as error:
        return str(getattr(error, "reason", error))
    return ""


def explain(resolver: Resolver, platform: Platform, output: str, needs: Requirements) -> str:
    """Say what the resolver could not do, and what can be done about it."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    said = "\n".join(f"    {line}" for line in lines[-LAST_LINES:])
    flat = " ".join(output.split())
    found = next(filter(None, (pattern.search(flat) for pattern in NO_WHEEL)), None)
    name = found["name"].rstrip(".,") if found else DISTRIBUTION
    if name == DISTRIBUTION:
        text = f"{resolver.name} could not install what {needs.source} asks for:\n{said}"
        return f"{text}\n{JUST_THE_NAME}" if DISTRIBUTION in flat else text
    return (
        f"There is no wheel of {name} for {platform} (or no such version of it), "
        f"and nothing is compiled here:\n{said}\n"
        f"Try another version of {name}, or another --arch or --python. If it is published as "
        f"source only, make a wheel of it on Linux of that architecture and Python:\n"
        f"    pip wheel --no-deps {name} -w wheels\n"
        f"and let {resolver.name} find it: {resolver.name.upper()}_FIND_LINKS=$PWD/wheels"
    )
