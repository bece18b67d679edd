"""The page of the options: ``python -m adapter.options > docs/options.md``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .table import OPTIONS, Options, RuntimeOptions
from .values import milliseconds, switch

if TYPE_CHECKING:
    from .table import Option


def markdown() -> str:
    """Return the table of the options as a page of Markdown."""
    rows = [
        (
            f"`{option.name}`" if option.argument else "environment only",
            f"`{option.environment_name}`" if option.variable else "code only",
            option.values,
            default_of(option),
            option.scope,
            option.meaning,
        )
        for option in OPTIONS
    ]
    lines = [
        "# Options",
        "",
        "An option is an argument of `LambdaHandler`, an environment variable, or both; the",
        "variable wins, so that a deployment changes without a change of code. A function under",
        "`@streamify_response` has variables only: `ADAPTER_INVOKE_MODE`,",
        "`ADAPTER_DEADLINE_MARGIN`, `ADAPTER_METRICS` and `ADAPTER_ACCESS_LOG`. Options of scope",
        "`runtime` are read by the native runtime; under AWS's runtime they have no effect, and a",
        "warning is logged. An invalid value is an error that lists the valid values; an unknown",
        "`ADAPTER_*` variable logs a warning.",
        "",
        "| argument | variable | values | default | scope | meaning |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def default_of(option: Option) -> str:
    """Return the default in the form of the variable."""
    value = (Options._field_defaults | RuntimeOptions._field_defaults)[option.name]
    if option.parse is switch:
        return "`on`" if value else "`off`"
    if option.parse is milliseconds:
        return f"`{value * 1000:g}`"
    return f"`{value}`" if value else "none"


if __name__ == "__main__":
    sys.stdout.write(markdown())
