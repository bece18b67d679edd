"""The options that do not go together: one of them would have no effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from argparse import Namespace

#: pairs, each with the reason
CONFLICTS = (
    ("target", "function", "--function chooses from the template"),
    ("command_line", "function", "--function chooses from the template"),
    ("handler", "factory", "--handler is used as it is"),
    ("no_isolation", "layer", "nothing is mounted without isolation"),
    ("no_isolation", "timeout", "a debugger has as much time as Lambda can give"),
    ("no_isolation", "max_environments", "a debugger has one process"),
    ("concurrency", "max_environments", "there is one concurrent environment"),
    ("concurrency", "snapstart", "Managed Instances have no SnapStart"),
    ("event", "method", "an event is sent as it is"),
    ("event", "header", "an event is sent as it is"),
    ("event", "data", "an event is sent as it is"),
)
#: options, each with the one that it needs
NEEDS = (
    ("factory", "target"),
    ("reload_include", "reload"),
    ("reload_exclude", "reload"),
)


def refuse_conflicts(arguments: Namespace) -> None:
    """Check that each option that was given has an effect.

    Raises:
        ConfigurationError: an option has none.
    """
    given = {name for name, value in vars(arguments).items() if value not in (None, False, [])}
    for first, second, reason in CONFLICTS:
        if {first, second} <= given:
            raise ConfigurationError(
                f"{shown(first)} and {shown(second)} do not go together: {reason}. Leave one out."
            )
    for option, needed in NEEDS:
        if option in given and needed not in given:
            raise ConfigurationError(f"{shown(option)} needs {shown(needed)}. Add it.")


def shown(name: str) -> str:
    """Return an option or TARGET as it is on the command line.

    >>> shown("no_isolation")
    '--no-isolation'
    """
    if name == "target":
        return "TARGET"
    return f"--{name.removesuffix('_line').replace('_', '-')}"
