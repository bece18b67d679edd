"""The options of ``adapter doctor``; importing them needs no extra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..emulator.commands.argument_types import not_empty, seconds
from ..emulator.commands.arguments import add_data

if TYPE_CHECKING:
    from argparse import ArgumentParser

EXAMPLES = """\
exit codes:
  0  the response streams
  1  the response does not stream
  2  wrong usage, the app cannot be loaded, or the URL cannot be reached

examples:
  adapter doctor main:app --path /sse
  adapter doctor https://abc123.lambda-url.eu-west-1.on.aws/sse --report report.json
"""


def add_arguments(doctor: ArgumentParser) -> None:
    """Describe the options, in groups."""
    doctor.add_argument(
        "target",
        metavar="TARGET|URL",
        help="the app, as for adapter dev; or the URL of a deployed app, or of any HTTP server",
    )
    doctor.add_argument(
        "--factory",
        action="store_true",
        help="TARGET is a function that makes the app: main:create_app",
    )
    request = doctor.add_argument_group("request")
    request.add_argument(
        "--path", type=not_empty, help="a path of the app, with its query: /sse?steps=5"
    )
    request.add_argument("--method", type=not_empty, help="default: GET, or POST with --data")
    request.add_argument(
        "--header", action="append", default=[], metavar="NAME:VALUE", help="may be repeated"
    )
    add_data(request)
    output = doctor.add_argument_group("output")
    output.add_argument(
        "--seconds",
        type=seconds,
        default=60.0,
        metavar="N",
        help="stop reading after N seconds, as a stream may have no end (%(default)s)",
    )
    output.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write what was seen as JSON; cookies and credentials in headers are hidden",
    )
