"""Reads a file of environment variables, with ``NAME=value`` in each line."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ConfigurationError

ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*([^\0]*)")
QUOTED = re.compile(r"""(?:"(?P<double>(?:\\.|[^\\])*?)"|'(?P<single>.*?)')\s*(?:#.*)?""")
ESCAPES = {r"\n": "\n", r"\t": "\t", r"\"": '"', "\\\\": "\\"}


def read_env_file(name: str) -> dict[str, str]:
    """Return the variables of a file.

    A value may be in quotes; in double quotes ``\\n``, ``\\t``, ``\\"`` and ``\\\\`` are escapes.
    Empty lines and lines with ``#`` at their beginning are ignored.

    Raises:
        ConfigurationError: the file cannot be read, or a line is not an assignment.
    """
    try:
        lines = Path(name).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"Cannot read --env-file {name!r}: {reason}.") from error
    variables = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = ASSIGNMENT.fullmatch(text)
        if found is None:
            raise ConfigurationError(f"{name}, line {number}: {text!r} is not NAME=value.")
        variables[found[1]] = read_value(found[2])
    return variables


def read_value(text: str) -> str:
    """Return a value without its quotes and without a comment after it."""
    quoted = QUOTED.fullmatch(text)
    if quoted is None:
        return re.sub(r"(^|\s+)#.*", "", text)
    if quoted["single"] is not None:
        return quoted["single"]
    return re.sub(r"\\[nt\"\\]", lambda escape: ESCAPES[escape[0]], quoted["double"])
