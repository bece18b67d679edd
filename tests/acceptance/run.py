"""Deploys, looks, compares, and deletes."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, NamedTuple

import boto3
import httpx

from adapter.package import THIS_PYTHON
from tests.support.adapter_dev import adapter_dev
from tests.support.forked_python import run_python

from .probes import PROBES, STREAM_PATH, look
from .report import LOCAL, Results, markdown
from .rest_api import rest_api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
PREFIX = "adapter-acceptance"
#: ARN:ALIAS of a customer-managed runtime that has the adapter; without it that mode is left out.
CUSTOM_RUNTIME = "ACCEPTANCE_CUSTOM_RUNTIME"
#: A new function URL, and a new REST API, take some seconds until they are known everywhere.
READY_ATTEMPTS = 30
#: What the commands import beside the standard library and the adapter.
IMPORTED = ("anyio._backends._asyncio", "argparse", "boto3")


class Example(NamedTuple):
    """An example; ``app`` is its TARGET for `adapter dev`, ``build`` makes its database."""

    folder: Path
    app: str
    build: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name


BOTH = (
    Example(EXAMPLES / "fastapi_app", "main.py:app", ("seed.py",)),
    Example(EXAMPLES / "django_app", "project/asgi.py:application", ("manage.py", "build")),
)


class Mode(NamedTuple):
    """A way to run an example on AWS, by the options of `adapter deploy`."""

    name: str
    options: tuple[str, ...] = ()
    is_rest: bool = False


class Setup(NamedTuple):
    """All that a rehearsal does otherwise; ``modes`` are those of an example."""

    examples: tuple[Example, ...]
    modes: Callable[[Example], Iterable[Mode]]
    package: Callable[[Example, Path], Path]
    find_rest_api: Callable[[Example, str], str] = lambda example, url: url


def all_modes(_: Example) -> Iterator[Mode]:
    """Return all modes that this account can have, for every example."""
    yield Mode("managed runtime")
    yield Mode("native runtime", ("--native",))
    yield Mode("SnapStart", ("--snapstart",))
    yield Mode("REST API, STREAM", is_rest=True)
    if runtime := os.environ.get(CUSTOM_RUNTIME):
        yield Mode("customer-managed runtime", ("--custom-runtime", runtime))


def package(example: Example, folder: Path) -> Path:
    """Package an example for this Python, as its users do."""
    output = folder / f"{example.name}.zip"
    adapter("package", "handler.handler", "-o", str(output), cwd=example.folder)
    return output


def run(report: Path, setup: Setup) -> int:
    """Run all of it and write the report; 0 if every mode was deployed, seen and deleted."""
    place = boto3.client("sts").get_caller_identity()["Account"]
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for example in setup.examples:
            results.append(Results(example.name))
            accept(example, results[-1], Path(scratch), setup)
            report.write_text(markdown(results, f"account {place}"), "utf-8")
    say(f"The report is {report}")
    return 1 if any(each.notes for each in results) else 0


def accept(example: Example, results: Results, scratch: Path, setup: Setup) -> None:
    """Look at one example here and in every mode."""
    file = setup.package(example, scratch)
    with adapter_dev(str(example.folder / example.app)) as local:
        examine(LOCAL, local.url, results)
    if CUSTOM_RUNTIME not in os.environ:
        say(f"Without {CUSTOM_RUNTIME}=ARN:ALIAS the customer-managed runtime is left out.")
    for number, mode in enumerate(setup.modes(example)):
        name = f"{PREFIX}-{example.name.replace('_', '-')}-{number}"
        try:
            with deployed(name, file, mode) as url, ExitStack() as stack:
                if mode.is_rest:
                    url = setup.find_rest_api(example, stack.enter_context(rest_api(name)))
                examine(mode.name, url, results)
        except Exception as error:  # the other modes go on, and the report says it
            results.notes[mode.name] = f"{type(error).__name__}: {error}"
            say(f"{mode.name}: {results.notes[mode.name]}")


@contextmanager
def deployed(name: str, file: Path, mode: Mode) -> Iterator[str]:
    """Deploy a zip for the block, and return its URL."""
    try:
        said = adapter(
            *("deploy", str(file), "--name", name, "--auth", "none", "--timeout", "300"),
            "--no-doctor",
            *("--handler", "handler.handler", "--python", THIS_PYTHON),
            *("--environment", f"SECRET_KEY={os.urandom(32).hex()}", *mode.options),
        )
        yield said.split()[0]
    finally:
        adapter("destroy", name, "--yes")


def examine(mode: str, url: str, results: Results) -> None:
    """Send all requests, and note what was seen."""
    say(f"{results.example}, {mode}: {url}")
    wait_until_ready(url)
    results.doctor[mode] = diagnosis(f"{url.rstrip('/')}{STREAM_PATH}")
    results.seen[mode] = {probe.name: look(url, probe) for probe in PROBES}


def diagnosis(url: str) -> str:
    """Return the words of `adapter doctor` about a URL."""
    command = [sys.executable, "-m", "adapter", "doctor", url]
    ended = run_python(command, Path.cwd(), os.environ, IMPORTED)
    return ended.stdout + ended.stderr


def wait_until_ready(url: str) -> None:
    """Wait until a URL is more than a name that is not known everywhere yet."""
    for _ in range(READY_ATTEMPTS):
        try:
            if httpx.get(f"{url.rstrip('/')}/?delay=0", timeout=60).status_code == 200:
                return
        except httpx.TransportError:
            pass
        sleep(2)


def adapter(*arguments: str, cwd: Path | None = None) -> str:
    """Run a command line of the adapter and return what it prints.

    Raises:
        RuntimeError: it failed; the message has the end of its output.
    """
    command = [sys.executable, "-m", "adapter", *arguments]
    ended = run_python(command, cwd or Path.cwd(), os.environ, IMPORTED)
    if ended.returncode:
        raise RuntimeError(f"adapter {arguments[0]} failed: {ended.stderr.strip()[-2000:]}")
    return ended.stdout


def say(text: str) -> None:
    """Write progress."""
    sys.stderr.write(f"{text}\n")
