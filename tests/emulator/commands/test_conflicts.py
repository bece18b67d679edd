from __future__ import annotations

import pytest

from adapter.cli import build_parser
from adapter.emulator.commands.conflicts import CONFLICTS, NEEDS, refuse_conflicts, shown
from adapter.errors import ConfigurationError

#: the value of an option that has one
VALUES = {
    "--command": "x",
    "--concurrency": "2",
    "--data": "",
    "--event": "x",
    "--function": "Shop",
    "--handler": "x",
    "--header": "a:b",
    "--layer": ".",
    "--max-environments": "3",
    "--method": "GET",
    "--reload-exclude": "x",
    "--reload-include": "x",
    "--timeout": "3",
}


def line(*options: str) -> list[str]:
    """Return a command line that has these options or TARGET."""
    command = "invoke" if "--event" in options else "dev"
    target = ["main:app"] if command == "invoke" or "TARGET" in options else []
    return [
        command,
        *target,
        *(
            each
            for option in options
            for each in (option, VALUES.get(option))
            if each != "TARGET" and each is not None
        ),
    ]


@pytest.mark.parametrize(("first", "second", "reason"), CONFLICTS)
def test_options_that_do_not_go_together_are_refused_in_any_order(
    first: str, second: str, reason: str
) -> None:
    options = shown(first), shown(second)
    for order in (options, options[::-1]):
        with pytest.raises(ConfigurationError) as refused:
            refuse_conflicts(build_parser().parse_args(line(*order)))
        assert str(refused.value) == (
            f"{options[0]} and {options[1]} do not go together: {reason}. Leave one out."
        )


@pytest.mark.parametrize(("option", "needed"), NEEDS)
def test_an_option_that_needs_another_is_refused_alone(option: str, needed: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{shown(option)} needs {shown(needed)}. Add it"):
        refuse_conflicts(build_parser().parse_args(line(shown(option))))
    refuse_conflicts(build_parser().parse_args(line(shown(option), shown(needed))))


@pytest.mark.parametrize(
    "options",
    [
        ["dev"],
        ["dev", "main:app", "--port", "0", "--snapstart", "--max-environments", "3"],
        ["dev", "main:app", "--no-isolation", "--memory", "512", "--concurrency", "3"],
        ["dev", "main.handler", "--command", "x", "--handler", "y", "--layer", "."],
        ["invoke", "main:app", "--event", "x", "--include", "--timeout", "3"],
        ["invoke", "main:app", "--path", "/", "--method", "PUT", "--data", ""],
    ],
)
def test_other_options_are_not_refused(options: list[str]) -> None:
    refuse_conflicts(build_parser().parse_args(options))
