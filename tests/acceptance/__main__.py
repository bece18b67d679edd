"""``python -m tests.acceptance [REPORT]``."""

from __future__ import annotations

import sys
from pathlib import Path

from .run import BOTH, Setup, all_modes, package, run

if __name__ == "__main__":
    report = Path(sys.argv[1] if sys.argv[1:] else "acceptance.md").resolve()
    sys.exit(run(report, Setup(BOTH, all_modes, package)))
