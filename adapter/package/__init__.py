"""``adapter package``: from a project to the zip that Lambda takes.

`command` is the command, `build` has its steps in order. A step that fails raises `PackageError`.
The zip does not contain `adapter.package`. The options are here, as this module needs no extra.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..emulator.commands.argument_types import Once

if TYPE_CHECKING:
    from argparse import ArgumentParser

ARCHITECTURES = ("arm64", "x86_64")
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"  #: the Python that runs
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")

EXAMPLES = """\
exit codes:
  0  the zip has been made
  1  the project cannot be packaged
  2  wrong usage

examples:
  adapter package main:app
  adapter package src/shop/main.py:app --python 3.13 --arch arm64 -o shop.zip
  adapter package main:app --requirements lambda.txt --keep 'pandas/tests'
"""


def add_arguments(package: ArgumentParser) -> None:
    """Describe the options, in groups."""
    function = package.add_argument_group("function")
    function.add_argument(
        "--python",
        choices=PYTHONS,
        default=THIS_PYTHON,
        help="Python of the function; default: the Python of this command",
    )
    function.add_argument(
        "--arch",
        choices=ARCHITECTURES,
        default="x86_64",
        help="processor of the function (%(default)s)",
    )
    contents = package.add_argument_group("contents")
    contents.add_argument(
        "--requirements",
        type=Path,
        action=Once,
        metavar="FILE",
        help="a requirements file, lock file or pyproject.toml; default: the file of the project",
    )
    contents.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="PATTERN",
        help="keep files that would be left out, by their path in the zip; may be repeated",
    )
    contents.add_argument(
        "--no-pack",
        action="store_true",
        help="do not pack dependencies' bytecode into one file: a slower start, a smaller zip",
    )
    output = package.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        default="function.zip",
        metavar="FILE",
        help="a zip, or a new or empty folder to unpack the zip into, such as build/ (%(default)s)",
    )
