"""Reads the configuration of the function from the command line and the SAM template."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import ConfigurationError
from ...target import Target, find_target
from ..env_file import read_env_file
from ..function_config import NATIVE_RUNTIME, FunctionConfig
from ..layers import read_layers
from .argument_types import MAX_TIMEOUT_SECONDS
from .sam_template import TemplateFunction, find_template, function_of_template

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

TIMEOUT_SECONDS = 30.0
MEMORY_MB = 1024

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_TIMEOUT_SECONDS = 10.0
#: with SnapStart or --concurrency, unless the timeout of the function is longer
LONG_INIT_TIMEOUT_SECONDS = 130.0
KILL_DELAY_SECONDS = 0.5
CONCURRENT_KILL_DELAY_SECONDS = 0.6


class DevFunction(NamedTuple):
    """The function of ``adapter dev``, and the settings of its URL in the template."""

    config: FunctionConfig
    url_config: Mapping[str, Any]


def read_dev_function(arguments: Namespace) -> DevFunction:
    """Return the function that TARGET, ``--command`` or the template names.

    Raises:
        ConfigurationError: TARGET, an option or the template is invalid.
    """
    template = None
    if arguments.target is not None:
        target = find_target(arguments.target, Path.cwd(), factory=arguments.factory)
    elif arguments.command_line is not None:
        target = Target(arguments.handler or "function.handler", Path.cwd())
    else:
        template = template_function(arguments.function)
        try:
            found = find_target(template.handler, template.task_root)
        except ConfigurationError as error:
            raise ConfigurationError(f"{template.name} in the template: {error}") from None
        target = Target(found.handler, template.task_root)
    config = configure(arguments, target, template, concurrency=arguments.concurrency)
    return DevFunction(config, template.url_config if template else {})


def template_function(name: str | None) -> TemplateFunction:
    """Return the function of the template in the current folder."""
    path = find_template(Path.cwd())
    if path is None:
        raise ConfigurationError(
            "Name the app: adapter dev main:app. (With a template.yaml in this folder, its "
            "function would be served.)"
        )
    return function_of_template(path, name)


def read_function(arguments: Namespace) -> FunctionConfig:
    """Return the function of ``adapter invoke``, which TARGET names.

    Raises:
        ConfigurationError: TARGET or an option is invalid.
    """
    target = find_target(arguments.target, Path.cwd(), factory=arguments.factory)
    return configure(arguments, target)


def configure(
    arguments: Namespace,
    target: Target,
    template: TemplateFunction | None = None,
    concurrency: int | None = None,
) -> FunctionConfig:
    """Return the function's configuration; options win over the template."""
    isolated = not getattr(arguments, "no_isolation", False)
    timeout = arguments.timeout or (template.timeout_seconds if template else TIMEOUT_SECONDS)
    if not isolated:
        timeout = MAX_TIMEOUT_SECONDS
    has_long_init = arguments.snapstart or concurrency is not None
    command = getattr(arguments, "command_line", None)
    name = template.name if template else target.task_root.name
    return FunctionConfig(
        target=getattr(arguments, "handler", None) or target.handler,
        task_root=target.task_root,
        command=split_command(command) if command else NATIVE_RUNTIME,
        name=re.sub(r"[^A-Za-z0-9-_]", "-", name) or "function",
        timeout_seconds=timeout,
        memory_mb=arguments.memory or (template.memory_mb if template else MEMORY_MB),
        init_timeout_seconds=(
            max(LONG_INIT_TIMEOUT_SECONDS, timeout) if has_long_init else INIT_TIMEOUT_SECONDS
        ),
        throttle=not getattr(arguments, "no_throttle", False),
        kill_delay_seconds=(
            KILL_DELAY_SECONDS if concurrency is None else CONCURRENT_KILL_DELAY_SECONDS
        ),
        concurrency=concurrency,
        snapstart=arguments.snapstart,
        layers=read_layers(getattr(arguments, "layer", ())),
        isolated=isolated,
        environ=environ_of(arguments, template),
    )


def environ_of(arguments: Namespace, template: TemplateFunction | None) -> dict[str, str]:
    """Return the environment variables of the function; the file wins over the template."""
    return {
        **(template.environ if template else {}),
        **(read_env_file(arguments.env_file) if arguments.env_file else {}),
    }


def split_command(text: str) -> tuple[str, ...]:
    """Return the words of a command line, as a shell reads them."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ConfigurationError(f"--command {text!r} cannot be read: {error}.") from error
    if not words:
        raise ConfigurationError("--command is empty. Try: --command 'node runtime.mjs'")
    return words
