"""Runs the tests of Starlette and FastAPI through `LambdaTransport`: ``python -m tests.peers``.

The source distributions of the installed versions are downloaded into ``.peers/``, and the
dependencies of their tests into ``.venv-peers/``. The tests that `imposed` lists are left out, and
so are the variants for trio. A failure is forgiven if the test fails on this machine without Lambda
too; any other one makes the exit status 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, TypedDict

from .imposed import IMPOSED

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / ".peers"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


class Results(TypedDict):
    """What the plugin writes."""

    passed: int
    failed: list[str]
    left_out: list[str]


class Peer(NamedTuple):
    """A project, and the dependencies of its tests: a dependency group and an extra."""

    name: str
    group: str
    extra: str

    @property
    def requirement(self) -> str:
        return f"{self.name}[{self.extra}]=={version(self.name)}"

    @property
    def source(self) -> Path:
        return SOURCES / f"{self.name}-{version(self.name)}"


PEERS = [Peer("starlette", "dev", "full"), Peer("fastapi", "tests", "all")]


def python(*arguments: str, cwd: Path = ROOT, **environ: str) -> int:
    return subprocess.run(
        [PYTHON, *arguments], cwd=cwd, env={**os.environ, **environ}, check=False
    ).returncode


def install(*arguments: str) -> None:
    if python(*PIP, "install", *arguments):
        sys.exit("What the tests need could not be installed.")


def set_up() -> None:
    """Download and unpack the sources, and install what their tests need."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
        install("--upgrade", "pip>=25.1")  # the first that knows dependency groups
    for peer in PEERS:
        if peer.source.exists():
            continue
        exact = f"{peer.name}=={version(peer.name)}"
        options = ["--no-deps", "--no-binary", peer.name, "--dest", str(SOURCES)]
        if python(*PIP, "download", *options, exact):
            sys.exit(f"The source of {exact} could not be downloaded.")
        with tarfile.open(f"{peer.source}.tar.gz") as archive:
            archive.extractall(SOURCES, filter="data")
    groups = [f"--group={peer.source / 'pyproject.toml'}:{peer.group}" for peer in PEERS]
    install("-e", f"{ROOT}[dev-server]", *(peer.requirement for peer in PEERS), *groups)


def run(peer: Peer, *arguments: str) -> Results:
    """Run tests of ``peer``; print nothing but their progress."""
    results = SOURCES / "results.json"
    results.unlink(missing_ok=True)
    plugins = ("-p", "through_lambda", "-p", "no:logfire", "-p", "no:sugar")
    quiet = ("--quiet", "--no-header", "--no-summary", "--tb=no")
    python(
        *("-m", "pytest", *plugins, *quiet, "--timeout=60", f"--results={results}", *arguments),
        cwd=peer.source,
        PYTHONPATH=str(Path(__file__).parent),
    )
    if not results.exists():
        sys.exit(f"The tests of {peer.name} could not be run.")
    found: Results = json.loads(results.read_text())
    return found


def check(peer: Peer) -> bool:
    """Run the tests of ``peer``, print what came of them, and return whether that is well."""
    imposed = IMPOSED[peer.name]
    left_out = [f"--leave-out={pattern}" for patterns in imposed.values() for pattern in patterns]
    results = run(peer, "tests", *left_out)
    failed = results["failed"]
    alike = run(peer, "--without-lambda", *failed)["failed"] if failed else []
    ours = [test for test in failed if test not in alike]
    print(f"\n{peer.requirement}: {results['passed']} tests passed through Lambda")
    print(f"{len(alike):6} fail on this machine without Lambda, too")
    for reason, patterns in imposed.items():
        print(
            f"{sum(is_any_of(patterns, test) for test in results['left_out']):6} left out: {reason}"
        )
    print(f"{len(ours):6} failed", *ours, sep="\n       ")
    return not ours


def is_any_of(patterns: tuple[str, ...], test: str) -> bool:
    return any(fnmatchcase(test.partition("[")[0], pattern) for pattern in patterns)


if __name__ == "__main__":
    set_up()
    fine = [check(peer) for peer in PEERS if peer.name in (sys.argv[1:] or IMPOSED)]
    sys.exit(not all(fine))
