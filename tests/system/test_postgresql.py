"""The Django example with Debian's PostgreSQL: what its README says of ``DATABASE_URL``."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import httpx
import pytest

from ..support.adapter_dev import adapter_dev
from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)

FOLDER = ROOT / "examples" / "django_app"
DRIVER = ROOT / ".venv-system" / "psycopg"


def as_postgres(*command: object) -> list[str]:
    """Return a command that root can run: PostgreSQL refuses to be run by root."""
    words = [str(word) for word in command]
    return ["runuser", "-u", "postgres", "--", *words] if os.geteuid() == 0 else words


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """Run a server with an empty cluster."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "PostgreSQL is not installed. Try: make test-system"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    folder = Path(tempfile.mkdtemp())
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        initdb = ("--auth", "trust", "--username", "postgres", "--no-sync", "-D", folder / "data")
        subprocess.run(as_postgres(found[-1] / "initdb", *initdb), cwd=folder, check=True)
        listens = ("-h", "127.0.0.1", "-p", port, "-k", folder)
        serve = as_postgres(found[-1] / "postgres", "-D", folder / "data", *listens, "-F")
        ready = as_postgres(found[-1] / "pg_isready", "-h", "127.0.0.1", "-p", port)
        with subprocess.Popen(serve, cwd=folder) as server:
            try:
                while server.poll() is None and subprocess.run(ready, check=False).returncode:
                    sleep(0.2)
                assert server.poll() is None
                yield f"postgres://postgres@127.0.0.1:{port}/postgres"
            finally:
                server.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def environ(database_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the variables of the README's table, with the driver of requirements.txt."""
    values = {
        "DATABASE_URL": database_url,
        "PYTHONPATH": str(DRIVER),
        "SECRET_KEY": "of-no-use-" * 5,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, **values}


def manage(environ: dict[str, str], *arguments: str, **more: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=FOLDER, env={**environ, **more}, check=True)


def form_token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    return found[1]


def test_the_admin_edits_what_pages_read(environ: dict[str, str]) -> None:
    manage(environ, "collectstatic", "--noinput")
    manage(environ, "seed")
    manage(environ, "seed")  # what is there already stays
    user = {"DJANGO_SUPERUSER_PASSWORD": "kittiwake", "DJANGO_SUPERUSER_EMAIL": "ann@example.com"}
    manage(environ, "createsuperuser", "--noinput", "--username", "ann", **user)
    with (
        adapter_dev(f"{FOLDER / 'project' / 'asgi.py'}:application") as running,
        httpx.Client(base_url=running.url, timeout=60, follow_redirects=True) as browser,
    ):
        assert browser.get("/report.csv").text.count("\n") == 50_001
        token = form_token(browser.get("/admin/login/").text)
        login = {"csrfmiddlewaretoken": token, "username": "ann", "password": "kittiwake"}
        assert "Site administration" in browser.post("/admin/login/?next=/admin/", data=login).text
        page = "/admin/sightings/species/add/"
        new = {"name": "Sabine's Gull", "latin": "Xema sabini"}
        token = form_token(browser.get(page).text)
        added = browser.post(page, data={**new, "csrfmiddlewaretoken": token})
        assert "was added successfully" in added.text
        assert "Sabine&#x27;s Gull" in browser.get("/notebook").text
