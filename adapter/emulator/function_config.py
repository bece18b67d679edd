"""The function as it is configured, and the environment variables its runtime gets."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACCOUNT = "123456789012"
VERSION = "$LATEST"

# The platform's own names (reserved: a function cannot set them), and what Lambda itself adds
# for its runtimes. Credentials are not here: on AWS the role's arrive under these names, and
# locally the user's own stand for them.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
RESERVED = re.compile(
    r"_HANDLER|_X_AMZN_.*|_LAMBDA_.*|_AWS_XRAY_.*|LAMBDA_.*"
    r"|AWS_LAMBDA_(?!EXEC_WRAPPER$).*|AWS_EXECUTION_ENV|AWS_XRAY_DAEMON_ADDRESS"
)


@dataclass(frozen=True)
class FunctionConfig:
    """What a function is configured to be.

    ``target`` is the handler string; ``command`` starts a runtime, whatever it is: it learns
    everything else from its environment.
    """

    target: str
    task_root: Path
    command: tuple[str, ...] = (sys.executable, "-m", "adapter", "run")
    name: str = "function"
    timeout: float = 30.0
    memory: int = 1024
    init_timeout: float = 10.0
    throttle: bool = True
    kill_delay: float = 0.5
    #: of a managed instance: how many invocations at once its one environment is meant to serve
    concurrency: int | None = None
    snapstart: bool = False
    #: what it is configured with beside the user's own environment, which wins
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def initialization_type(self) -> str:
        """How AWS says the environment came to be."""
        if self.concurrency is not None:
            return "lambda-managed-instances"
        return "snap-start" if self.snapstart else "on-demand"

    def arn(self, region: str) -> str:
        """Return the name by which AWS would know it."""
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{self.name}"


def region_of(user: Mapping[str, str]) -> str:
    """Return the region the user works in."""
    return user.get("AWS_REGION") or user.get("AWS_DEFAULT_REGION") or "us-east-1"


def variables(
    function: FunctionConfig, runtime_api: str, user: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of a runtime process.

    What the user has set is passed on, as a function's own configuration would be; the
    platform's names win, and none of them leaks in from outside.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    region = region_of(user)
    configured = {**function.environ, **user}
    passed_on = {name: value for name, value in configured.items() if not RESERVED.fullmatch(name)}
    stream = f"{datetime.now(UTC):%Y/%m/%d}/[{VERSION}]{uuid4().hex}"
    told = {
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
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": function.initialization_type,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "PWD": str(function.task_root),
    }
    if function.concurrency is not None:
        told["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.concurrency)
        told["AWS_LAMBDA_LOG_FORMAT"] = "JSON"  # managed instances know no other
    return told
