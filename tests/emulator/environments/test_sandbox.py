from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from adapter.emulator.environments.sandbox import find_sandbox, works

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_command_starts_in_the_task_root_with_its_arguments_untouched(tmp_path: Path) -> None:
    root = tmp_path / "a folder; with $odd 'name"
    root.mkdir()
    sandbox = find_sandbox(root)
    command = sandbox.command(("sh", "-c", 'pwd; printf "%s|" "$@"', "x", "$HOME", "a b", ""))
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert ended.stdout == f"{root}\n$HOME|a b||"


def test_files_outside_the_task_root_can_be_written(tmp_path: Path) -> None:
    root = tmp_path / "task"
    root.mkdir()
    command = find_sandbox(root).command(("touch", str(tmp_path / "beside")))
    subprocess.run(command, cwd=root, check=True)
    assert (tmp_path / "beside").exists()


def test_without_mounts_the_task_root_is_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = find_sandbox(tmp_path)
    assert not sandbox.read_only
    assert sandbox.command(("/bin/true",)) == ["/bin/true"]


def test_a_command_that_is_missing_or_fails_does_not_work() -> None:
    assert works(("true",))
    assert not works(("false",))
    assert not works(("/does/not/exist",))
