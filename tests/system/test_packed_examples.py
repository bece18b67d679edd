"""The examples do the same with dependencies from a packed file as with those from files."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from adapter.imports.packed import NAME, PackedFile
from adapter.package import THIS_PYTHON
from adapter.package.build import build
from adapter.package.bytecode import ON_LAMBDA, PTH, compile_folder, pack_imports
from adapter.package.project import find_project
from adapter.package.resolve import Platform
from adapter.package.tree import unpack_archive
from tests.examples.test_streaming_functions import aws

from ..support.deployed_examples import ARCHITECTURE, EXAMPLES, forget_python
from ..support.lambda_filesystem import LambdaRoot, function_url, make_lambda_root
from .conftest import only_downloaded_wheels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    import httpx

    Package = Callable[[str, str], "Packaged"]
    Visit = Callable[[httpx.AsyncClient], Awaitable[list[httpx.Response]]]

__all__ = ["aws"]  # a fixture

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

STREAMING = sorted(file.stem for file in (EXAMPLES / "streaming_functions").glob("*.py"))

each_runtime = pytest.mark.parametrize("runtime", ["managed", "native"])

#: a handler's module that says what has loaded each module of the task root
SHOWING = """
import json, os, sys
from {module} import {attribute} as handler

task = os.path.dirname(__file__) + "/"
files = {{m.__file__: m.__spec__ for m in sys.modules.values() if getattr(m, "__file__", None)}}
loaders = {{file: type(spec.loader).__name__ for file, spec in files.items() if spec}}
print("LOADERS", json.dumps({{f.removeprefix(task): loaders[f] for f in loaders if task in f}}))
"""

#: the adapter's modules that are imported before the packed file can be used
BEFORE = re.compile(r"adapter/(__init__|__main__|native/__init__|imports/\w+)\.py")

#: what is different in each response: times, ids, tokens of forms, and the lines of telemetry.py
CHANGES = re.compile(
    rb"\d+\.\d\d s\b|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?s:\{\"number\": 1, \"time\".*\d+)"
    rb'|(?<=name="csrfmiddlewaretoken" value=")\w+|(?<=id="environment">)[^<]+'
)
HEADERS = "content-type", "content-disposition", "cache-control", "location", "vary"


class Packaged(NamedTuple):
    """A function in two roots: by whether its dependencies are imported from the packed file."""

    handler: str
    roots: dict[bool, LambdaRoot]
    packed: frozenset[str]  #: the paths of the modules in the packed file


class Seen(NamedTuple):
    """What two calls of the same function have in common."""

    path: str
    status: int
    headers: list[str | None]
    cookies: list[str]
    lines: list[bytes]  #: sorted: the panels of a page come in the order in which they are ready


class Shown(NamedTuple):
    """What a client, and the log, show of a function."""

    responses: list[Seen]
    tracebacks: list[str]
    loaders: dict[str, str]  #: of the modules in the task root, by their paths


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Package an example, once, for the folder that it is unpacked into, as for /var/task."""

    @cache
    def run(example: str, target: str) -> Packaged:
        folder = tmp_path_factory.mktemp(example)
        roots = {packs: make_lambda_root(folder / str(packs)) for packs in (True, False)}
        task = roots[True].task
        with pytest.MonkeyPatch.context() as environ:
            only_downloaded_wheels(environ)
            platform = Platform(ARCHITECTURE, THIS_PYTHON)
            archive = folder / "function.zip"
            handler = build(find_project(EXAMPLES / example), target, platform, archive).handler
        unpack_archive(archive, task)
        owned = PackedFile(ON_LAMBDA, (task / NAME).read_bytes()).paths
        compile_folder(task, str(task))
        pack_imports(task, owned, str(task))
        shutil.copytree(task, roots[False].task, dirs_exist_ok=True)
        for name in (NAME, PTH[0]):
            (roots[False].task / name).unlink()
        return Packaged(handler, roots, frozenset(owned))

    return run


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_python(monkeypatch)


async def check(
    packaged: Packaged,
    runtime: str,
    visit: Visit,
    environ: Mapping[str, str] = {},
    timeout_seconds: float = 30.0,
) -> Shown:
    """Visit both, compare what they show, and see that one is imported from the packed file."""

    async def show(root: LambdaRoot) -> Shown:
        module, attribute = packaged.handler.split(".")
        (root.task / "showing.py").write_text(SHOWING.format(module=module, attribute=attribute))
        variables = (f"{name}={value}" for name, value in environ.items())
        command = ("env", *variables, *getattr(root, runtime))
        async with function_url(root, command, "showing.handler", timeout_seconds) as running:
            responses = await visit(running.client)
        log = running.log.getvalue().replace(str(root.folder), "").replace("\xa0", " ")
        loaders = re.search("LOADERS (.*)", log)
        assert loaders, log
        assert "is not used" not in log
        lines = re.findall(r"Traceback.*|  File .*\n.*", log)
        return Shown([*map(seen, responses)], lines, json.loads(loaders[1]))

    packed, files = await asyncio.gather(*map(show, (packaged.roots[True], packaged.roots[False])))
    assert packed.responses == files.responses
    assert packed.tracebacks == files.tracebacks
    assert "PackedLoader" not in files.loaders.values()
    from_files = {path for path, loader in packed.loaders.items() if loader != "PackedLoader"}
    assert not {path for path in from_files & packaged.packed if not BEFORE.fullmatch(path)}
    assert packed.loaders.keys() - from_files
    return packed


def pages(*paths: str) -> Visit:
    async def visit(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path) for path in paths]

    return visit


def seen(response: httpx.Response) -> Seen:
    lines = sorted(CHANGES.sub(b"", response.content).splitlines())
    headers = [response.headers.get(name) for name in HEADERS]
    return Seen(response.url.path, response.status_code, headers, sorted(response.cookies), lines)


@each_runtime
async def test_the_fastapi_example(package: Package, runtime: str) -> None:
    visit = pages(
        *("/?delay=0", "/demo", "/sse?steps=3&delay=0", "/chat?prompt=tea&delay=0", "/items.json"),
        *("/report.csv", "/image.png", "/download?mb=1", "/docs", "/openapi.json", "/sse?steps=x"),
        *("/fail/before", "/fail/after", "/cookies"),
    )
    shown = await check(package("fastapi_app", "main:app"), runtime, visit)
    assert [each.status for each in shown.responses] == [200] * 10 + [422, 500, 200, 200]
    assert shown.loaders["fastapi/routing.py"] == "PackedLoader"
    assert shown.loaders["main.py"] == "SourceFileLoader"
    assert any("starlette/routing.py" in line and "await " in line for line in shown.tracebacks)


DEPLOYED = {"SECRET_KEY": "of-no-use-" * 6, "HTTPS_ONLY": "1"}


@each_runtime
async def test_the_django_example(package: Package, runtime: str) -> None:
    packaged = package("django_app", "handler.handler")
    static = next((packaged.roots[True].task / "staticfiles" / "admin" / "css").glob("base.*.css"))
    public = pages(
        *("/?delay=0", "/live", "/sse?steps=3&delay=0", "/report.csv?limit=2000", "/download?mb=1"),
        *("/login", f"/static/admin/css/{static.name}", "/buffered?steps=2&delay=0", "/nowhere"),
        *("/fail/before", "/fail/after", "/admin/"),
    )

    async def visit(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [*await public(client), *await log_in(client)]

    shown = await check(packaged, runtime, visit, DEPLOYED)
    statuses = [each.status for each in shown.responses]
    assert statuses == [200] * 8 + [404, 500, 200, 302] + [200, 302, 200]
    assert shown.loaders["django/contrib/admin/sites.py"] == "PackedLoader"
    assert shown.loaders["project/settings.py"] == "SourceFileLoader"
    assert any("core/handlers/base.py" in line and "await " in line for line in shown.tracebacks)


async def log_in(client: httpx.AsyncClient) -> list[httpx.Response]:
    """Log in to Django's admin, and open a list of it."""
    form = await client.get("/admin/login/")
    token = form.cookies["csrftoken"]
    fields = {"username": "demo", "password": "demo", "csrfmiddlewaretoken": token}
    headers = {"cookie": f"csrftoken={token}"}  # httpx would keep back what is for https only
    done = await client.post("/admin/login/?next=/admin/", data=fields, headers=headers)
    headers = {"cookie": f"sessionid={done.cookies['sessionid']}"}
    return [form, done, await client.get("/admin/sightings/species/?o=-1", headers=headers)]


@each_runtime
@pytest.mark.parametrize("name", STREAMING)
async def test_a_streaming_function(
    package: Package, aws: dict[str, str], runtime: str, name: str
) -> None:
    packaged = package("streaming_functions", "hello.handler")._replace(handler=f"{name}.handler")
    # telemetry.py ends a second before its time is up.
    shown = await check(packaged, runtime, pages("/?key=today.txt.gz"), aws, timeout_seconds=8.0)
    assert [each.status for each in shown.responses] == [200]
    assert shown.loaders[f"{name}.py"] == "SourceFileLoader"


CALLS = {
    "tools/list": {},
    "tools/call": {"name": "price", "arguments": {"coffee": "Decaf", "bags": 2}},
}


@each_runtime
async def test_the_mcp_server(package: Package, runtime: str) -> None:
    headers = {"accept": "application/json, text/event-stream"}

    async def visit(client: httpx.AsyncClient) -> list[httpx.Response]:
        calls = [
            {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
            for method, parameters in CALLS.items()
        ]
        return [await client.post("/mcp", json=call, headers=headers) for call in calls]

    shown = await check(package("mcp_server", "handler.handler"), runtime, visit)
    assert [each.status for each in shown.responses] == [200, 200]
    assert b'"result":30.0' in b"".join(shown.responses[1].lines)
    assert shown.loaders["fastmcp/server/server.py"] == "PackedLoader"


TRANSLATED = """
import sys
from django.template.loader import render_to_string
from django.utils import formats, translation
from django.views.debug import ExceptionReporter
from sightings.models import Sighting
with translation.override("de"):
    print(translation.gettext("Add"), formats.localize(1234.5, use_l10n=True))
    print(render_to_string("admin/404.html"))
print([form.name for form in Sighting._meta.fields])
try:
    Sighting.objects.get(nothing=1)
except Exception:
    for frame in ExceptionReporter(None, *sys.exc_info()).get_traceback_frames():
        print(frame["filename"], frame["pre_context"], frame["context_line"])
"""
COMMANDS = [
    ("check", "--deploy"),
    ("migrate",),
    ("showmigrations",),
    ("makemigrations", "--check", "--dry-run"),
    ("sqlmigrate", "sightings", "0001"),
    ("findstatic", "admin/css/base.css", "sightings/style.css"),
    ("help",),
    ("shell", "-c", TRANSLATED),
]
#: as in a function, which calls `django.core.management.call_command`
MANAGE = """
import runpy, site, sys
sys.path.insert(0, {task!r})
site.addsitedir({task!r})
sys.argv[0] = "manage.py"
try:
    runpy.run_path("manage.py", run_name="__main__")
finally:
    print(type(sys.modules["django.core.management"].__loader__).__name__)
"""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_of_the_django_example(
    package: Package, tmp_path: Path, command: tuple[str, ...]
) -> None:
    packaged = package("django_app", "handler.handler")
    outputs = []
    for packs, root in packaged.roots.items():
        database = f"sqlite:///{tmp_path}/{packs}.sqlite3"
        ended = subprocess.run(
            [str(root.python), "-B", "-c", MANAGE.format(task=str(root.task)), *command],
            capture_output=True,
            text=True,
            env={**DEPLOYED, "DATABASE_URL": database},
            cwd=root.task,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        output, _, loader = ended.stdout.rstrip().rpartition("\n")
        assert loader == ("PackedLoader" if packs else "SourceFileLoader")
        outputs.append((output + ended.stderr).replace(str(root.folder), ""))
    assert outputs[0] == outputs[1]
    assert outputs[0]
