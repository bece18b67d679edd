from __future__ import annotations

import subprocess
import sys

from adapter.emulator.environments.process_memory import (
    peak_memory_mb,
    process_tree,
    uses_more_than,
)

CHILD = "x = bytearray(80 << 20); print('ready', flush=True); input()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}])
child.wait()
"""


def test_the_memory_of_children_counts() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(list(process_tree(process.pid))) == 2
        assert uses_more_than(process.pid, 80)
        assert not uses_more_than(process.pid, 400)
        assert 0 < (peak_memory_mb(process.pid) or 0) < 80
        process.communicate("\n")


def test_a_process_that_has_ended_has_no_memory() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert list(process_tree(ended.pid)) == [ended.pid]
    assert not uses_more_than(ended.pid, 1)
    assert peak_memory_mb(ended.pid) is None
