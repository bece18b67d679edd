"""Reads the options, from the arguments of a handler and from the environment.

`adapter.options.table` has all options. ``python -m adapter.options`` prints the table as Markdown;
``docs/options.md`` is its output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from .table import HANDLER, OPTIONS, PREFIX, RUNTIME, Options, RuntimeOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

_AS_AWS_DOES = ("", "0", "off", "asyncio")
"""Values of options of the native runtime that are true of AWS's runtime, too."""


def resolve(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Options, list[str]]:
    """Return the options of a handler, and a warning for each unknown ``ADAPTER_*`` variable.

    The environment variable wins over the argument, so that a deployment can be changed without a
    change of code.

    Raises:
        ConfigurationError: a value is invalid; the message lists the valid values.
    """
    options = Options(**_values(HANDLER, arguments, environ))
    if bool(options.trusted_host_header) is not bool(options.trusted_front_end):
        raise ConfigurationError(
            "trusted_host_header and trusted_front_end go together: the first names the header"
            " that has the viewer's host, the second the front end that may send it."
        )
    return options, _unknown(environ)


def resolve_runtime(environ: Mapping[str, str]) -> RuntimeOptions:
    """Return the options of the native runtime.

    Raises:
        ConfigurationError: a value is invalid; the message lists the valid values.
    """
    return RuntimeOptions(**_values(RUNTIME, {}, environ))


def runtime_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the variables in ``environ`` that would change something under the native runtime."""
    names = [option.environment_name for option in OPTIONS if option.scope == RUNTIME]
    return [name for name in names if environ.get(name, "") not in _AS_AWS_DOES]


def deadline_margin(environ: Mapping[str, str]) -> float:
    """Return the option ``deadline_margin``, in seconds. Only the environment sets this option.

    Raises:
        ConfigurationError: the value is invalid.
    """
    name = f"{PREFIX}DEADLINE_MARGIN"
    given = {name: environ[name]} if name in environ else {}
    return Options(**_values(HANDLER, {}, given)).deadline_margin


def _values(scope: str, arguments: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for option in OPTIONS:
        if option.scope != scope:
            continue
        variable = option.environment_name
        if option.variable and variable in environ:
            values[option.name] = option.parse(variable, environ[variable])
        elif option.name in arguments:
            values[option.name] = option.parse(option.name, arguments[option.name])
    return values


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {option.environment_name for option in OPTIONS if option.variable}
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    if not unknown:
        return []
    import difflib  # lazy: cold start

    def nearest(name: str) -> list[str]:  # without the prefix, which all names share
        candidates = [variable.removeprefix(PREFIX) for variable in sorted(known)]
        return difflib.get_close_matches(name.removeprefix(PREFIX), candidates, 1)

    return [
        f"{name} is not an option of the adapter."
        + "".join(f" Did you mean {PREFIX}{near}?" for near in nearest(name))
        for name in unknown
    ]
