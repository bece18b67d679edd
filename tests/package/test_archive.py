from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from stat import S_IMODE
from typing import TYPE_CHECKING
from zipfile import ZipFile

import httpx
import pytest
from starlette.staticfiles import StaticFiles

from adapter.package.tree import write_archive
from adapter.testing import LambdaTransport

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


def deployed_files(folder: Path, content: str) -> httpx.Client:
    """Return a client of a file in a zip that is unpacked with its dates, as Lambda does."""
    project, task_root = folder / "project", folder / "task"
    project.mkdir(parents=True)
    (project / "app.js").write_text(content)
    write_archive(project, folder / "function.zip")
    with ZipFile(folder / "function.zip") as archive:
        for info in archive.infolist():
            moment = datetime(*info.date_time, tzinfo=UTC).timestamp()
            os.utime(archive.extract(info, task_root), (moment, moment))
    app = StaticFiles(directory=task_root)
    return httpx.Client(transport=LambdaTransport(app), base_url="http://testserver")


def test_a_browser_gets_a_static_file_that_has_changed_without_a_change_of_size(
    tmp_path: Path,
) -> None:
    with deployed_files(tmp_path / "old", "let version = 1") as client:
        cached = client.get("/app.js")
    with deployed_files(tmp_path / "new", "let version = 2") as client:
        response = client.get("/app.js", headers={"if-none-match": cached.headers["etag"]})
    assert (response.status_code, response.text) == (200, "let version = 2")
    with deployed_files(tmp_path / "same", "let version = 2") as client:
        again = client.get("/app.js", headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304


def test_a_browser_does_not_take_a_static_file_for_an_old_one(tmp_path: Path) -> None:
    with deployed_files(tmp_path, "let version = 1") as client:
        changed = parsedate_to_datetime(client.get("/app.js").headers["last-modified"])
    assert datetime(2036, 12, 31, tzinfo=UTC) < changed < datetime(2038, 1, 19, tzinfo=UTC)


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
