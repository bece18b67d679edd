"""The dates of files in a zip, from which frameworks make the headers of static files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from zipfile import ZipFile

import httpx
from starlette.staticfiles import StaticFiles

from adapter.package.tree import write_archive
from adapter.testing import LambdaTransport

if TYPE_CHECKING:
    from pathlib import Path


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
