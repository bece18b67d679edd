"""The implementations that are compared: a table of their processes and versions."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOOLS = ROOT / ".peers"
"""The folder for packages that ``make bench-peers`` does not install from PyPI."""

NODE = TOOLS / "node_modules" / ".bin" / "node"
NODE_CLIENT = TOOLS / "node_modules" / "aws-lambda-ric"
WEB_ADAPTER = TOOLS / "cargo" / "bin" / "lambda-adapter"
PYTHON = (sys.executable,)
UVICORN = (*PYTHON, "-m", "uvicorn", "--no-access-log", "--log-level", "error", "--lifespan", "off")
GRANIAN = (str(Path(sys.executable).parent / "granian"), "--interface", "asginl", "--no-access-log")
GRANIAN_TARGET = ("--log-level", "error", "handlers:app")
TARGET = "benchmarks.peers.handlers:app"
HANDLER = "benchmarks.peers.handlers.handler"
AWSLAMBDARIC = (*PYTHON, "-m", "awslambdaric", HANDLER)
NATIVE = (*PYTHON, "-m", "adapter", "run")
RAW_LOOP = (*PYTHON, str(HERE.parent / "raw_loop.py"))


class Implementation(NamedTuple):
    """A way to serve an app: a client of the Runtime API, and the HTTP server that it may need."""

    name: str
    packages: tuple[str, ...]
    """The packages of its version: names on PyPI, ``node:…`` or ``crate:…``."""

    client: tuple[str, ...] = ()
    """The command of the process that takes events."""

    server: tuple[str, ...] = ()
    """The command of the HTTP server; ``{port}`` stands for its port."""

    environ: tuple[tuple[str, str], ...] = ()
    apps: frozenset[str] = frozenset({"bare", "fastapi", "django"})
    streams: bool = True
    concurrent: bool = False
    """Whether one process serves many invocations at once."""

    quick_ack: bool = False
    """Whether the Runtime API acknowledges each segment at once."""

    @property
    def is_http_server(self) -> bool:
        """Whether it is a lower bound only: an HTTP server without a client of the Runtime API."""
        return not self.client


def _web_adapter(name: str, loop: str, *, quick_ack: bool) -> Implementation:
    http = "httptools" if loop == "uvloop" else "h11"
    return Implementation(
        name,
        ("crate:lambda_web_adapter", "uvicorn"),
        (str(WEB_ADAPTER),),
        (*UVICORN, "--loop", loop, "--http", http, "--port", "{port}", TARGET),
        (("AWS_LWA_INVOKE_MODE", "response_stream"), ("AWS_LWA_READINESS_CHECK_PROTOCOL", "tcp")),
        quick_ack=quick_ack,
    )


MANGUM = Implementation(
    "awslambdaric + Mangum",
    ("awslambdaric", "mangum"),
    AWSLAMBDARIC,
    environ=(("BENCH_ADAPTER", "mangum"),),
    streams=False,
)
OURS = (("BENCH_ADAPTER", "adapter"),)
IMPLEMENTATIONS = (
    MANGUM,
    Implementation("awslambdaric + this", ("awslambdaric",), AWSLAMBDARIC, environ=OURS),
    Implementation("native", (), NATIVE, environ=OURS, concurrent=True),
    Implementation(
        "native, uvloop",
        ("uvloop",),
        NATIVE,
        environ=(*OURS, ("ADAPTER_LOOP", "uvloop")),
        concurrent=True,
    ),
    _web_adapter("Web Adapter + uvicorn", "asyncio", quick_ack=False),
    _web_adapter("Web Adapter + uvicorn, uvloop", "uvloop", quick_ack=False),
    _web_adapter("the same, ACKs at once", "uvloop", quick_ack=True),
    Implementation(
        "Node, streamifyResponse",
        ("node:node", "node:aws-lambda-ric"),
        (str(NODE), str(NODE_CLIENT / "index.mjs")),
        environ=(("_HANDLER", "stream.handler"),),
        apps=frozenset({"bare"}),
    ),
    Implementation(
        "raw loop", (), RAW_LOOP, environ=(("_HANDLER", "benchmarks.peers.handlers.app"),)
    ),
    Implementation(
        "uvicorn alone",
        ("uvicorn", "uvloop", "httptools"),
        server=(*UVICORN, "--loop", "uvloop", "--http", "httptools", "--port", "{port}", TARGET),
        concurrent=True,
    ),
    Implementation(
        "granian alone",
        ("granian",),
        server=(*GRANIAN, "--port", "{port}", *GRANIAN_TARGET),
        concurrent=True,
    ),
)


def version(package: str) -> str:
    """Return "name version" of an installed package of one of the three registries."""
    registry, _, name = package.rpartition(":")
    match registry:
        case "node":
            metadata = TOOLS / "node_modules" / name / "package.json"
            return f"{name} {json.loads(metadata.read_text())['version']}"
        case "crate":
            installed = subprocess.check_output(
                ("cargo", "install", "--list", "--root", str(TOOLS / "cargo")), text=True
            )
            found = re.search(rf"^{name} v(\S+?):?$", installed, re.MULTILINE)
            return f"{name} {found[1] if found else 'unknown'}"
        case _:
            return f"{name} {importlib.metadata.version(name)}"


def environ(implementation: Implementation, app: str, address: str, port: int) -> dict[str, str]:
    """Return the environment variables that Lambda and the benchmark set."""
    return {
        **os.environ,
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_REGION": "eu-west-1",
        "LAMBDA_TASK_ROOT": str(HERE),
        "_HANDLER": HANDLER,
        "PORT": str(port),
        "BENCH_APP": app,
        "PYTHONPATH": str(ROOT),
        **dict(implementation.environ),
    }
