"""Run as a script: pip, with the Python and the environment markers of the target.

``pip install --platform --python-version`` chooses wheels for the target, but decides by the
machine it runs on about ``; python_version < "3.13"`` and ``; sys_platform == "linux"``, which
leaves out what the target needs, and about ``Requires-Python``, which refuses what runs there.
(``pip download`` asks the target's Python, but installs nothing.) The first argument has the
target's markers, as JSON; the rest is pip's.
"""

import json
import sys
from functools import partial
from importlib import import_module
from typing import Any


def main() -> int:
    """Run pip."""
    target = json.loads(sys.argv[1])
    markers: Any = import_module("pip._vendor.packaging.markers")
    there = {**markers.default_environment(), **target}
    markers.default_environment = lambda: dict(there)
    command: Any = import_module("pip._internal.cli.req_command").RequirementCommand
    python = tuple(map(int, target["python_full_version"].split(".")))
    command.make_resolver = staticmethod(partial(command.make_resolver, py_version_info=python))
    code: int = import_module("pip._internal.cli.main").main(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
