from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from adapter.emulator.environments.sandbox import find_sandbox, no_sandbox, works
from adapter.errors import ConfigurationError

from ..fidelity import Source, behaviour

if TYPE_CHECKING:
    from pathlib import Path


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


def layer(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "shared").write_text(name)
    (folder / name).touch()
    return folder


@behaviour(
    "Layers are in `/opt`, and the last one wins",
    Source.DOCS,
    "beside the files that are in `/opt` already",
)
def test_layers_are_in_opt_and_the_last_one_wins(tmp_path: Path) -> None:
    root = tmp_path / "task"
    root.mkdir()
    layers = (layer(tmp_path, "first"), layer(tmp_path, "second"))
    command = find_sandbox(root, layers).command(("sh", "-c", "ls /opt; cat /opt/bin/shared; pwd"))
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    *names, last = ended.stdout.split("\n")[:-1]
    assert {"first", "second", "bin"} <= set(names)
    assert last == f"second{root}"


def test_layers_need_a_machine_that_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="allows mounts"):
        find_sandbox(tmp_path, (tmp_path,))


@pytest.mark.parametrize(
    ("mode", "returncode", "says"),
    [
        (0o755, 0, "wrapped sh -c echo runs"),
        (0o644, 126, "is not an executable"),
        (None, 127, "does not exist"),
    ],
)
@behaviour(
    "`AWS_LAMBDA_EXEC_WRAPPER` gets the command of the runtime; exit 126 and 127", Source.REPORTS
)
def test_a_wrapper_gets_the_command_of_the_runtime(
    tmp_path: Path, mode: int | None, returncode: int, says: str
) -> None:
    wrapper = tmp_path / "wrapper"
    if mode is not None:
        wrapper.write_text('#!/bin/sh\necho wrapped "$@"\nexec "$@"\n')
        wrapper.chmod(mode)
    command = no_sandbox().command(("sh", "-c", "echo runs"), str(wrapper))
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == returncode
    assert says in ended.stdout + ended.stderr
