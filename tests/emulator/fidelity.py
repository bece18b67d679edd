"""Behaviours of AWS that the local Lambda has, each on the test that holds it.

`python -m tests.emulator.fidelity` prints them into `docs/fidelity.md`.
"""

from __future__ import annotations

import importlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Test = TypeVar("Test")

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"
SOURCE = "https://github.com/asgi-lambda-stream/asgi-lambda-stream/blob/main"
BEGIN = "<!-- The tables below are written by `python -m tests.emulator.fidelity`. -->\n"
#: the test files, by the title of their table
SECTIONS = {
    "The Runtime API, on demand": [
        "runtime_api.test_server",
        "runtime_api.test_on_demand_api",
        "test_local_invocation",
    ],
    "The Runtime API, concurrent environments": ["runtime_api.test_concurrent_api"],
    "Extensions": ["runtime_api.test_extensions"],
    "Environments": [
        "environments.test_environment",
        "environments.test_pool",
        "environments.test_sandbox",
    ],
    "Function URLs": [
        "front_ends.test_http_front_end",
        "front_ends.test_source_event",
        "front_ends.test_function_url",
        "front_ends.test_cors",
        "front_ends.test_signature",
    ],
    "APIs and load balancers": [
        "front_ends.test_event_source",
        "front_ends.test_rest_api",
        "front_ends.test_http_api",
        "front_ends.test_load_balancer",
    ],
    "The Invoke API": ["front_ends.test_invoke_api"],
}


class Source(StrEnum):
    """How a behaviour of AWS is known."""

    SERVER = "AWS's published server"
    DOCS = "AWS's documentation"
    REPORTS = "reports of users"
    OPEN = "not documented"


class Behaviour(NamedTuple):
    """A row of the page."""

    what: str
    source: Source
    here: str
    test: str


def behaviour(what: str, source: Source, here: str = "the same") -> Callable[[Test], Test]:
    """Say which behaviour of AWS a test holds; ``here``: what the local Lambda does."""

    def mark(test: Test) -> Test:
        row = Behaviour(what, source, here, getattr(test, "__name__", ""))
        test.__dict__["behaviours"] = [*getattr(test, "behaviours", ()), row]
        return test

    return mark


def rows(files: list[str]) -> Iterator[tuple[str, Behaviour]]:
    """Yield the behaviours of test files, with the path of each file."""
    for name in files:
        module = importlib.import_module(f"tests.emulator.{name}")
        path = f"tests/emulator/{name.replace('.', '/')}.py"
        for test in vars(module).values():
            for row in reversed(getattr(test, "behaviours", [])):
                yield path, row


def tables() -> str:
    """Return the tables as Markdown."""
    parts = []
    for title, files in SECTIONS.items():
        lines = ["| AWS | Known from | Here | Test |", "|---|---|---|---|"]
        lines += [
            f"| {row.what} | {row.source} | {row.here} | [`{row.test}`]({SOURCE}/{path}) |"
            for path, row in rows(files)
        ]
        parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def page(text: str) -> str:
    """Return the page with the tables as they are now."""
    return f"{text.partition(BEGIN)[0]}{BEGIN}\n{tables()}"


if __name__ == "__main__":
    from tests.emulator.fidelity import PAGE, page  # once, as the tests import it

    PAGE.write_text(page(PAGE.read_text()))
