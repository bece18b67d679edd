"""Is each module of the core covered by its own test file, alone?

A line that only some other test happens to run is not tested: nobody says what it should do.
Each pair runs in a process of its own, several at a time.

    python -m tests.per_module [module ...]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from .test_architecture import A_DOCSTRING, CORE, MODULES, ROOT, TEST_FILES, UNTESTED, file_for


def gaps(module: str) -> str:
    """Return what the tests of ``module`` fail to run of it, or how they fail; empty if nothing."""
    tests = TEST_FILES.get(UNTESTED.get(module) or file_for(module))
    if tests is None:
        return "It has no test file.\n"
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "COVERAGE_FILE": f"{folder}/coverage"}
        run = _coverage(environ, "run", "-m", "pytest", "-q", "-p", "no:randomly", str(tests))
        if run.returncode:
            return run.stdout
        report = _coverage(environ, "report", f"--include={MODULES[module]}")  # and `fail_under`
        return report.stdout if report.returncode else ""


def _coverage(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)


def main(modules: list[str]) -> int:
    """Report on ``modules``, or on all of the core; return how many have gaps."""
    modules = modules or ["errors", *(n for n in CORE if UNTESTED.get(n) != A_DOCSTRING)]
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for module, missing in zip(modules, pool.map(gaps, modules), strict=True):
            failed += bool(missing)
            sys.stdout.write(f"{module:20} {'GAPS' if missing else '100 %'}\n{missing}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
