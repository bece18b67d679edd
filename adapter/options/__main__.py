"""The page of the options: ``python -m adapter.options > docs/options.md``."""

from __future__ import annotations

import sys

from . import OPTIONS


def markdown() -> str:
    """Return the table of the options as a page of Markdown."""
    rows = [
        (
            f"`{option.name}`" if option.argument else "environment only",
            f"`{option.environment_name}`" if option.variable else "code only",
            option.values,
            option.default,
            option.scope,
            option.meaning,
        )
        for option in OPTIONS
    ]
    lines = [
        "# Options",
        "",
        "An option is an argument of `LambdaHandler`, an environment variable, or both; the",
        "variable wins, so that a deployment changes without a change of code. Options of scope",
        "`runtime` are read by the native runtime. An invalid value is an error that lists the",
        "valid values; an unknown `ADAPTER_*` variable logs a warning.",
        "",
        "| argument | variable | values | default | scope | meaning |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
