"""Reads the configuration of the function from the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...target import find_target
from ..function_config import FunctionConfig

if TYPE_CHECKING:
    from argparse import Namespace

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_TIMEOUT_SECONDS = 10.0
LONG_INIT_TIMEOUT_SECONDS = 130.0  # at least, with SnapStart and for managed instances
KILL_DELAY_SECONDS = 0.5
MANAGED_KILL_DELAY_SECONDS = 0.6


def read_function(arguments: Namespace, concurrency: int | None = None) -> FunctionConfig:
    """Return the configuration of the function that TARGET names.

    Raises:
        ConfigurationError: TARGET is invalid, or two options contradict each other.
    """
    target = find_target(arguments.target, Path.cwd(), factory=arguments.factory)
    if arguments.snapstart and concurrency is not None:
        raise ConfigurationError(
            "Managed instances have no SnapStart: use --snapstart or --concurrency, not both."
        )
    init_timeout_seconds = INIT_TIMEOUT_SECONDS
    if arguments.snapstart or concurrency is not None:
        init_timeout_seconds = max(LONG_INIT_TIMEOUT_SECONDS, arguments.timeout)
    return FunctionConfig(
        target=target.handler,
        task_root=target.task_root,
        name=re.sub(r"[^A-Za-z0-9-_]", "-", target.task_root.name) or "function",
        timeout_seconds=arguments.timeout,
        memory_mb=arguments.memory,
        init_timeout_seconds=init_timeout_seconds,
        kill_delay_seconds=(
            KILL_DELAY_SECONDS if concurrency is None else MANAGED_KILL_DELAY_SECONDS
        ),
        concurrency=concurrency,
        snapstart=arguments.snapstart,
    )
