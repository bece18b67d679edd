"""The settings of a deployment: one table for the command line and for pyproject.toml.

The command line wins over ``[tool.adapter.deploy]``, which wins over the default.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ..emulator.commands.argument_types import MAX_MEMORY_MB, MIN_MEMORY_MB
from ..errors import ConfigurationError
from ..package import ARCHITECTURES, PYTHONS, THIS_PYTHON
from .desired import INVOKE_MODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .desired import Auth

TABLE = "[tool.adapter.deploy]"
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: Of a function with a URL. Lambda takes 5,400 for asynchronous invocations on managed instances.
MAX_TIMEOUT_SECONDS = 1800
VARIABLE_NAME = re.compile(r"[A-Za-z]\w+", re.ASCII)
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
BOOTSTRAP = "/var/task/adapter/bootstrap"


class Settings(NamedTuple):
    """The checked settings of one deployment, which `SETTINGS` describes."""

    target: str = ""
    name: str = ""
    auth: Auth | None = None
    region: str = ""
    profile: str = ""
    memory: int = 1024
    timeout: int = 30
    environment: Mapping[str, str] = {}
    invoke_mode: str = "response_stream"
    stream_path: str = ""
    python: str = THIS_PYTHON
    arch: str = "x86_64"
    native: bool = False
    snapstart: bool = False
    runtime_version: str = ""
    custom_runtime: str = ""
    layers: tuple[str, ...] = ()
    role: str = ""
    tracing: bool = False
    log_format: str = "Text"
    bucket: str = ""
    handler: str = ""
    factory: bool = False

    def variables(self) -> dict[str, str]:
        """The environment of the function."""
        variables = {**self.environment, INVOKE_MODE: self.invoke_mode}
        if self.native:
            variables[WRAPPER] = BOOTSTRAP
        return variables


class Setting(NamedTuple):
    """A row of the table: how a value is checked, and its help in a group of the command line."""

    name: str
    group: str
    help: str
    parse: Callable[[Any], Any]
    metavar: str = ""

    @property
    def option(self) -> str:
        """The name on the command line and in pyproject.toml."""
        return self.name.replace("_", "-")


# The parsers. Each raises ValueError with the values that are allowed.


def text(value: Any) -> str:
    """Parse a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("a string that is not empty")
    return value


class Choice(dict[str, str]):
    """A parser for one of its keys, which returns what AWS calls it."""

    def __call__(self, value: Any) -> str:
        """Parse a value."""
        if not isinstance(value, str) or value not in self:
            raise ValueError(" or ".join(self))
        return self[value]


def function_name(value: Any) -> str:
    """Parse the name of a function."""
    if not isinstance(value, str) or not FUNCTION_NAME.fullmatch(value):
        raise ValueError("up to 64 letters, digits, hyphens and underscores")
    return value


def path(value: Any) -> str:
    """Parse a path, with a query if there is one."""
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError("a path such as /sse")
    return value


def whole_number(low: int, high: int) -> Callable[[Any], int]:
    """Return a parser for a whole number in a range."""

    def parse(value: Any) -> int:
        is_number = isinstance(value, int) or (isinstance(value, str) and value.isdecimal())
        if isinstance(value, bool) or not is_number or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return parse


def switch(value: Any) -> bool:
    """Parse true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def strings(value: Any) -> tuple[str, ...]:
    """Parse a list of strings."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a list of strings")
    return tuple(value)


def environment(value: Any) -> dict[str, str]:
    """Parse variables: ``NAME=VALUE`` and ``NAME`` on the command line, a table in pyproject.toml.

    ``NAME`` alone has the value of that variable in the environment of the command.
    """
    if isinstance(value, dict):
        pairs = list(value.items())
    else:
        pairs = [_pair(each) for each in strings(value)]
    for name, content in pairs:
        if not VARIABLE_NAME.fullmatch(name) or not isinstance(content, str):
            raise ValueError("names of at least two letters or digits, with strings as values")
        if name == INVOKE_MODE:
            raise ValueError(f"without {INVOKE_MODE}, which invoke-mode sets for the URL as well")
    return dict(pairs)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals and name not in os.environ:
        raise ValueError(f"NAME=VALUE, or the name of a variable that is set here, not {name}")
    return name, value if equals else os.environ[name]


def custom_runtime(value: Any) -> str:
    """Parse a customer-managed runtime: ``ARN:ALIAS``."""
    if not isinstance(value, str) or not re.fullmatch(
        r"arn:[^:]+:lambda:.+:runtime/[^:]+:\w+", value
    ):
        raise ValueError("the ARN of a customer-managed runtime, a colon and its alias")
    return value


FUNCTION, RUNTIME, URL, ACCOUNT = "function", "runtime", "function URL", "account"

SETTINGS = (
    Setting("name", FUNCTION, "the name of the function", function_name, "NAME"),
    Setting(
        "memory", FUNCTION, "memory in MB (1024)", whole_number(MIN_MEMORY_MB, MAX_MEMORY_MB), "MB"
    ),
    Setting(
        "timeout",
        FUNCTION,
        "timeout of an invocation (30)",
        whole_number(1, MAX_TIMEOUT_SECONDS),
        "SECONDS",
    ),
    Setting(
        "environment",
        FUNCTION,
        "a variable; NAME alone is read from the shell; may be repeated; others are removed",
        environment,
        "NAME=VALUE",
    ),
    Setting("layers", FUNCTION, "a layer version; may be repeated", strings, "ARN"),
    Setting(
        "role",
        FUNCTION,
        "role of the function, by name or ARN; default: the role it has, or a new one",
        text,
        "ROLE",
    ),
    Setting("tracing", FUNCTION, "send traces to X-Ray", switch),
    Setting("log_format", FUNCTION, "text (default) or json", Choice(text="Text", json="JSON")),
    Setting(
        "python",
        RUNTIME,
        "Python of the function; default: the Python of this command",
        Choice(zip(PYTHONS, PYTHONS, strict=True)),
    ),
    Setting(
        "arch",
        RUNTIME,
        "processor of the function (x86_64)",
        Choice(zip(ARCHITECTURES, ARCHITECTURES, strict=True)),
    ),
    Setting("native", RUNTIME, "the adapter's native runtime instead of AWS's", switch),
    Setting("snapstart", RUNTIME, "start from a snapshot", switch),
    Setting("runtime_version", RUNTIME, "stay on this version of AWS's runtime", text, "ARN"),
    Setting("custom_runtime", RUNTIME, "a customer-managed runtime", custom_runtime, "ARN:ALIAS"),
    Setting(
        "auth",
        URL,
        "who may call the URL: everyone, or signed requests only",
        Choice(none="NONE", iam="AWS_IAM"),
    ),
    Setting(
        "invoke_mode",
        URL,
        "invoke mode of the URL and the adapter (response_stream)",
        Choice(response_stream="response_stream", buffered="buffered"),
    ),
    Setting(
        "stream_path",
        URL,
        "a path whose response takes time: exit code 1 if it does not stream",
        path,
        "PATH",
    ),
    Setting("region", ACCOUNT, "default: the region that AWS's tools use", text, "REGION"),
    Setting("profile", ACCOUNT, "default: the profile that AWS's tools use", text, "PROFILE"),
    Setting("bucket", ACCOUNT, "bucket for zips over 50 MB; default: a new bucket", text, "BUCKET"),
)
#: Settings in pyproject.toml whose arguments `arguments.add_deploy_arguments` adds itself.
OTHER_SETTINGS = (
    Setting("target", FUNCTION, "the app", text),
    Setting("factory", FUNCTION, "the target is a function that makes the app", switch),
    Setting("handler", FUNCTION, "the handler of a zip", text),
)


def resolve(arguments: Mapping[str, Any], table: Mapping[str, Any], where: str) -> Settings:
    """Return the settings. None in ``arguments`` means that the option was not given.

    Raises:
        ConfigurationError: a value is invalid or has an unknown name.
    """
    known = {setting.option: setting for setting in (*SETTINGS, *OTHER_SETTINGS)}
    if unknown := sorted(table.keys() - known.keys()):
        raise ConfigurationError(
            f"{TABLE} in {where} has {unknown[0]!r}; it can have {', '.join(known)}."
        )
    positional = "target" if "target" in arguments else "name"
    values: dict[str, Any] = {}
    for option, setting in known.items():
        given = arguments.get(setting.name)
        if given is not None and given != []:
            values[setting.name] = _parsed(setting, given, _shown(option, positional))
        elif option in table:
            values[setting.name] = _parsed(setting, table[option], f"{option!r} of {TABLE}")
    return Settings(**values)


def _parsed(setting: Setting, value: Any, where: str) -> Any:
    try:
        return setting.parse(value)
    except ValueError as error:
        shown = "" if setting.name == "environment" else f" is {value!r}, but"
        raise ConfigurationError(f"{where}{shown} has to be {error}.") from None


def require(settings: Settings, names: Sequence[str], positional: str = "target") -> None:
    """Check that the settings ``names`` have a value.

    ``positional`` is the setting that the command takes without an option.

    Raises:
        ConfigurationError: a setting has no value.
    """
    reasons = {
        "name": "the function needs a name",
        "auth": "a public URL is a decision: --auth none lets everyone call it, --auth iam only "
        "requests that are signed",
        "target": "there is no app to deploy",
    }
    for name in names:
        if not getattr(settings, name):
            raise ConfigurationError(
                f"{_shown(name, positional)} is missing: {reasons[name]}. Name it on the command "
                f"line, or as {name!r} in {TABLE} of pyproject.toml."
            )


def _shown(option: str, positional: str) -> str:
    """Return the form of a setting on the command line: ``--auth``, TARGET."""
    return option.upper() if option == positional else f"--{option}"
