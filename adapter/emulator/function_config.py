"""The configuration of a function, and the environment variables of its runtime."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from .layers import with_layers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACCOUNT = "123456789012"
VERSION = "$LATEST"

# Names that Lambda reserves (a function cannot set them) or sets for its runtimes. The names of
# credentials are not included: on AWS they hold the credentials of the function's role, here those
# of the user.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
RESERVED = re.compile(
    r"_HANDLER|_X_AMZN_.*|_LAMBDA_.*|_AWS_XRAY_.*|LAMBDA_.*"
    r"|AWS_LAMBDA_(FUNCTION_.*|INITIALIZATION_TYPE|LOG_.*|MAX_CONCURRENCY|METADATA_.*|RUNTIME_API)"
    r"|AWS_EXECUTION_ENV|AWS_XRAY_DAEMON_ADDRESS"
)


NATIVE_RUNTIME = (sys.executable, "-m", "adapter", "run")


@dataclass(frozen=True)
class FunctionConfig:
    """The configuration of a function.

    ``target`` is the handler string. ``command`` starts a runtime of any kind, which reads
    everything else from its environment variables.
    """

    target: str
    task_root: Path
    command: tuple[str, ...] = NATIVE_RUNTIME
    name: str = "function"
    timeout_seconds: float = 30.0
    memory_mb: int = 1024
    init_timeout_seconds: float = 10.0
    throttle: bool = True
    kill_delay_seconds: float = 0.5
    #: invocations at once in one concurrent environment; ``None``: on demand
    concurrency: int | None = None
    snapstart: bool = False
    layers: tuple[Path, ...] = ()  #: mounted as ``/opt``; the last layer wins
    #: without isolation there is one process, on this terminal; its memory and init have no limit
    isolated: bool = True
    #: defaults of environment variables; those of the user's own environment win
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def initialization_type(self) -> str:
        """Return the value of ``AWS_LAMBDA_INITIALIZATION_TYPE``."""
        if self.concurrency is not None:
            return "lambda-managed-instances"
        return "snap-start" if self.snapstart else "on-demand"

    @property
    def is_native(self) -> bool:
        """Whether the native runtime serves the function."""
        return self.command == NATIVE_RUNTIME

    def arn(self, region: str) -> str:
        """Return the function's ARN in a region."""
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{self.name}"


def region_of(user: Mapping[str, str]) -> str:
    """Return the region that the user's environment variables name."""
    return user.get("AWS_REGION") or user.get("AWS_DEFAULT_REGION") or "us-east-1"


def runtime_environ(
    function: FunctionConfig, runtime_api: str, user: Mapping[str, str]
) -> dict[str, str]:
    """Return all environment variables of a runtime process.

    The user's variables are passed on, as if the function were configured with them, except for
    Lambda's reserved names.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    region = region_of(user)
    configured = {**function.environ, **user}
    if function.layers:
        configured = with_layers(configured)
    passed_on = {name: value for name, value in configured.items() if not RESERVED.fullmatch(name)}
    stream = f"{datetime.now(UTC):%Y/%m/%d}/[{VERSION}]{uuid4().hex}"
    environ = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **passed_on,
        "_HANDLER": function.target,
        "LAMBDA_TASK_ROOT": str(function.task_root),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": function.initialization_type,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "PWD": str(function.task_root),
    }
    if function.concurrency is not None:
        environ["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.concurrency)
        environ["AWS_LAMBDA_LOG_FORMAT"] = "JSON"  # the only format of Lambda Managed Instances
    return environ


def exec_wrapper(function: FunctionConfig, environ: Mapping[str, str]) -> str:
    """Return the wrapper program that starts the runtime; empty if there is none.

    Its arguments are the runtime's command. A path below ``/var/task`` is in the task root. The
    adapter's own wrapper is left out: it only starts the native runtime, which is the command here.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
    """
    wrapper = environ.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    if function.is_native and wrapper.endswith("/adapter/bootstrap"):
        return ""
    below = wrapper.removeprefix("/var/task/")
    return wrapper if below == wrapper else str(function.task_root / below)
