from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from stat import S_IMODE
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from adapter.package.tree import write_archive

if TYPE_CHECKING:
    from pathlib import Path

CONTENTS = {"b.py": "b\n" * 100, "a/z.txt": "z", "a/run": "#!/bin/sh\n", "ä.txt": "umlaut"}


def fill(folder: Path, names: list[str], mode: int, moment: int) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CONTENTS[name])
        file.chmod(mode | 0o111 if name == "a/run" else mode)
        os.utime(file, (moment, moment))
    return folder


def test_the_same_files_make_the_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", list(CONTENTS), 0o600, 1_000_000_000)
    other = fill(tmp_path / "other", [*reversed(CONTENTS)], 0o664, 1_500_000_001)
    write_archive(one, tmp_path / "one.zip")
    write_archive(other, tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_what_can_be_run_stays_so(tmp_path: Path) -> None:
    folder = fill(tmp_path / "folder", list(CONTENTS), 0o600, 0)
    write_archive(folder, tmp_path / "x.zip")
    with ZipFile(tmp_path / "x.zip") as archive:
        modes = {i.filename: S_IMODE(i.external_attr >> 16) for i in archive.infolist()}
    assert modes == {"a/run": 0o755, "a/z.txt": 0o644, "b.py": 0o644, "ä.txt": 0o644}


def test_a_failure_leaves_the_zip_before_it_alone(tmp_path: Path) -> None:
    output = tmp_path / "x.zip"
    output.write_text("before")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ("x" * 200)).write_text("")
    os.mkfifo(folder / "pipe")  # no file, so not packaged
    write_archive(folder, output)
    output.write_text("before")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    (folder / "secret").mkdir()
    write_archive(folder, output)
    with ZipFile(output) as archive:
        assert archive.namelist() == ["x" * 200]
    with pytest.raises(FileNotFoundError):
        write_archive(folder, tmp_path / "nowhere" / "x.zip")


def test_two_runs_at_once_do_not_break_each_other(tmp_path: Path) -> None:
    folder = fill(tmp_path / "folder", list(CONTENTS), 0o600, 0)
    output = tmp_path / "out" / "x.zip"
    output.parent.mkdir()
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(write_archive, folder, output) for _ in range(64)]
    assert [run.result() for run in runs] == [None] * 64
    assert list(output.parent.iterdir()) == [output]
    with ZipFile(output) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == set(CONTENTS)
