"""Reads the options that describe a request, for ``adapter invoke`` and ``adapter doctor``.

A shell may pass bytes that are not UTF-8. They are sent as they are.
"""

from __future__ import annotations

import os
import string
import sys
from pathlib import Path
from urllib.parse import quote

from ...errors import ConfigurationError


def read_path(text: str) -> str:
    """Return ``--path``, `encoded`.

    Raises:
        ConfigurationError: it is not a path.
    """
    if not text.startswith("/"):
        raise ConfigurationError(f"--path has to begin with /, and {text!r} does not.")
    return encoded(text)


def encoded(text: str) -> str:
    """Return a path and its query, percent-encoded where a browser does that too.

    >>> encoded("/café?q=a%20b c")
    '/caf%C3%A9?q=a%20b%20c'
    """
    return quote(os.fsencode(text), safe=string.punctuation)


def read_data(text: str) -> bytes:
    """Return ``--data``, or the content of the file that it names after an ``@``.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    return read_file(text[1:]) if text.startswith("@") else os.fsencode(text)


def read_file(name: str) -> bytes:
    """Return the content of a file, or of stdin for ``-``.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        if name != "-":
            return Path(name).read_bytes()
        if sys.stdin is None:
            raise ConfigurationError("There is no stdin to read: it is closed. Name a file.")
        return sys.stdin.buffer.read()
    except OSError as error:
        raise ConfigurationError(f"Cannot read {name!r}: {error.strerror}.") from error
