"""Run as a script: pip, with environment markers as they are on the target.

``pip install --platform`` chooses wheels for the target, but decides on
``; python_version < "3.13"`` and ``; sys_platform == "linux"`` by the machine it runs on, which
leaves out what the target needs. The first argument has the target's values, as JSON; the rest
is pip's.
"""

import json
import sys
from importlib import import_module
from typing import Any


def main() -> int:
    """Run pip."""
    markers: Any = import_module("pip._vendor.packaging.markers")
    here = markers.default_environment()
    there = {**here, **json.loads(sys.argv[1])}
    markers.default_environment = lambda: dict(there)
    code: int = import_module("pip._internal.cli.main").main(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
