"""What the adapter is tested with: ``python -m tests.works_with`` prints the table in README.md.

The versions are those that `make test`, `make test-vendors`, `make test-agents` and
`make test-frameworks` install.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PINS = (
    "constraints.txt",
    *(f"tests/{folder}/requirements.txt" for folder in ("vendors", "agents", "frameworks")),
)


class Row(NamedTuple):
    """Packages that are tested together."""

    packages: tuple[str, ...]
    tests: str  #: the file or the folder that does it
    page: str = ""  #: that says how to use them


ROWS = [
    Row(("fastapi", "starlette", "Django"), "tests/test_frameworks.py"),
    Row(("Flask",), "tests/test_wsgi.py", "docs/wsgi.md"),
    Row(
        ("litestar", "quart", "sanic", "falcon", "blacksheep", "connexion"),
        "tests/frameworks/test_apps.py",
    ),
    Row(
        ("sse-starlette", "strawberry-graphql", "python-socketio", "nest-asyncio"),
        "tests/frameworks/test_libraries.py",
    ),
    Row(("awslambdaric",), "tests/runtimes", "docs/managed-runtime.md"),
    Row(("sentry-sdk",), "tests/vendors/test_sentry.py", "docs/instrumentation.md#sentry"),
    Row(
        ("opentelemetry-sdk", "opentelemetry-instrumentation-aws-lambda"),
        "tests/vendors/test_opentelemetry.py",
        "docs/instrumentation.md#opentelemetry",
    ),
    Row(("logfire",), "tests/vendors/test_logfire.py", "docs/instrumentation.md#logfire"),
    Row(
        ("datadog-lambda", "ddtrace"),
        "tests/vendors/test_datadog.py",
        "docs/instrumentation.md#datadog",
    ),
    Row(
        ("newrelic", "newrelic-lambda"),
        "tests/vendors/test_new_relic.py",
        "docs/instrumentation.md#new-relic",
    ),
    Row(
        ("aws-lambda-powertools",),
        "tests/vendors/test_powertools.py",
        "docs/instrumentation.md#powertools",
    ),
    Row(("elastic-apm",), "tests/vendors/test_elastic.py", "docs/instrumentation.md#elastic-apm"),
    Row(("lumigo-tracer",), "tests/vendors/test_lumigo.py", "docs/instrumentation.md#lumigo"),
    Row(("fastmcp", "mcp"), "tests/agents/test_mcp_server.py", "docs/mcp.md"),
    Row(("openai",), "tests/agents/test_openai_client.py", "docs/llm-tokens.md"),
]


def pinned() -> dict[str, str]:
    """Return the version of each package, by its canonical name; a vendor's own file wins."""
    versions: dict[str, str] = {}
    for file in PINS:
        for line in (ROOT / file).read_text("utf-8").splitlines():
            if "==" in line and not line.startswith("#"):
                required = Requirement(line)
                versions[canonicalize_name(required.name)] = str(required.specifier)[2:]
    return versions


def markdown() -> str:
    """Return the table."""
    versions = pinned()
    rows = ["| Package | How | Tests |", "|---|---|---|"]
    for row in ROWS:
        packages = ", ".join(f"{name} {versions[canonicalize_name(name)]}" for name in row.packages)
        page = f"[page]({row.page})" if row.page else "as it is"
        rows.append(f"| {packages} | {page} | [tests]({row.tests}) |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
