"""The forks of `make test` are as processes that are started from nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_runtime_api import ROOT
from tests.support.forked_python import ForkedProcess, run_python, start_python

if TYPE_CHECKING:
    from pathlib import Path

SHOWS_ITSELF = """
import json, os, sys, warnings
print(json.dumps({
    "module": __name__,
    "arguments": sys.argv,
    "command": sys.orig_argv,
    "path": sys.path,
    "options": sys.warnoptions,
    "filters": [str(each) for each in warnings.filters],
    "environ": dict(os.environ),
    "folder": os.getcwd(),
    "streams": [(s.encoding, s.errors, s.line_buffering, s.write_through)
                for s in (sys.stdout, sys.stderr)],
    "buffers": [type(sys.stdout.buffer).__name__],
    "descriptors": [name for name in os.listdir("/proc/self/fd") if int(name) < 3],
    "input": os.readlink("/proc/self/fd/0"),
}), flush=True)
sys.exit(7)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_fork_sees_what_a_started_process_sees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    (tmp_path / "shows.py").write_text(SHOWS_ITSELF)
    given = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": unbuffered}
    environ = {name: os.environ[name] for name in ("PATH", "HOME")} | given
    seen = []
    for starts, kind in (("", subprocess.Popen), ("forked", ForkedProcess)):
        monkeypatch.setenv("PYTHON_STARTS", starts)
        with (tmp_path / "output").open("wb") as output:
            process = start_python(
                [sys.executable, "-m", "shows", "one"], tmp_path, environ, output
            )
        assert isinstance(process, kind)
        assert process.wait(20) == 7
        seen.append(json.loads((tmp_path / "output").read_text()))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("starts", ["", "forked"])
def test_output_and_errors_are_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: str
) -> None:
    (tmp_path / "writes.py").write_text(
        "import sys\nprint('output')\nprint('error', file=sys.stderr)\nsys.exit(7)"
    )
    monkeypatch.setenv("PYTHON_STARTS", starts)
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}
    ended = run_python([sys.executable, "-m", "writes"], tmp_path, environ)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "output\n", "error\n")
