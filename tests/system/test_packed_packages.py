"""Well-known packages do the same when they are imported from a packed file as from files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.imports.packed import NAME
from adapter.package import THIS_PYTHON
from adapter.package.build import build
from adapter.package.bytecode import PTH
from adapter.package.project import find_project
from adapter.package.resolve import Platform
from adapter.package.tree import unpack_archive
from adapter.samples.url_event import function_url_event

from ..support.deployed_examples import ARCHITECTURE
from .conftest import only_downloaded_wheels

pytestmark = pytest.mark.timeout(900)

EVENT = function_url_event(
    "/orders",
    method="POST",
    headers={"content-type": "application/json"},
    body=b'{"name": "tea"}',
)
START = """
import sys
sys.path.insert(0, {folder!r})
from adapter.imports import packed
packed.install()
EVENT = {event}

def show_loader(module):
    kind = "PackedLoader" if {is_packed} else "SourceFileLoader"
    assert type(module.__loader__).__name__ == kind, module.__loader__
    print(module.__name__, module.__file__, module.__spec__.origin, module.__spec__.cached)
"""
APP = """
from fastapi import FastAPI
import fastapi.routing
from pydantic import BaseModel

class Order(BaseModel):
    name: str
    price: float = 1.5

app = FastAPI()

@app.post("/orders")
async def order(order: Order) -> Order:
    return order
"""
PROGRAMS = {
    "FastAPI and pydantic": APP
    + """
import inspect, json, pickle, pydantic, pydantic.fields
from adapter import LambdaHandler
show_loader(fastapi.routing)
show_loader(pydantic.fields)
print(LambdaHandler(app)(EVENT, None))
print(json.dumps(app.openapi(), sort_keys=True))
print(pickle.loads(pickle.dumps(pydantic.AnyUrl("https://a.test"))))
print(inspect.getsource(pydantic.fields.FieldInfo)[:200], inspect.getsourcefile(BaseModel))
""",
    "Mangum": APP
    + """
import mangum
show_loader(mangum)
print(mangum.Mangum(app, lifespan="off")(EVENT, None))
""",
    "Django": """
import django, pkgutil
from django.conf import settings
from django.core.management import get_commands
settings.configure(INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth",
    "django.contrib.contenttypes", "django.contrib.messages", "django.contrib.sessions"],
    LANGUAGE_CODE="de", DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
    "NAME": ":memory:"}}, TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True}])
django.setup()
show_loader(django)
print(sorted(get_commands().items()))
from django.core.management import call_command
call_command("migrate", verbosity=1)
from django.contrib.auth.models import User
User.objects.create_user("ada", password="x")
print(User.objects.get().username, User.__module__)
from django.template.loader import get_template
print(get_template("admin/404.html").template.name)
from django.utils.translation import gettext
print(gettext("Add"))
print(sorted(each.name for each in pkgutil.walk_packages(django.db.__path__, "django.db.")))
""",
    "numpy": """
import numpy, numpy.linalg, numpy.testing, pickle
show_loader(numpy.linalg)
print(numpy.linalg.inv(numpy.eye(3) * 2), numpy.random.default_rng(1).integers(9, size=4))
print(pickle.loads(pickle.dumps(numpy.arange(3))))
numpy.testing.assert_allclose(numpy.fft.ifft(numpy.fft.fft([1.0, 2.0])), [1.0, 2.0])
""",
    "boto3": """
import boto3, botocore.session, botocore.loaders
show_loader(botocore.loaders)
session = boto3.Session("a", "b", region_name="eu-west-1")
print(session.get_available_services()[:20])
print(session.client("s3").generate_presigned_url("get_object",
    Params={"Bucket": "b", "Key": "k"}, ExpiresIn=60).partition("?")[0])
print(session.resource("dynamodb").Table("t"), botocore.loaders.Loader.BUILTIN_DATA_PATH)
""",
    "Jinja2": """
import jinja2, traceback
from jinja2 import Environment, PackageLoader
show_loader(jinja2)
environment = Environment(loader=PackageLoader("django.contrib.admin"))
print(sorted(environment.list_templates())[:9])
print(Environment().from_string("{% for a in b %}{{ a }},{% endfor %}").render(b=[1, 2]))
try:
    Environment().from_string("{{ 1 / 0 }}").render()
except ZeroDivisionError:
    print(traceback.format_exc())
""",
    "ddtrace": """
import os
os.environ.update(DD_TRACE_ENABLED="false", DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
    DD_REMOTE_CONFIGURATION_ENABLED="false")
import ddtrace
from ddtrace.internal.module import ModuleWatchdog
seen = []
ModuleWatchdog.register_module_hook("jinja2.sandbox", lambda module: seen.append(module.__name__))
ddtrace.patch(jinja2=True, fastapi=True, botocore=True)
show_loader(ddtrace)
import jinja2, jinja2.sandbox, fastapi, botocore.client
print(seen, jinja2.__datadog_patch, fastapi._datadog_patch)
print(jinja2.Environment().from_string("{{ 1 }}").render(), type(jinja2.Template.render).__name__)
print(type(jinja2.sandbox.__loader__).__name__.replace("Packed", "SourceFile"))
""",
    "OpenTelemetry": APP
    + """
import opentelemetry.sdk.trace as sdk
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from adapter import LambdaHandler
show_loader(sdk)
spans, provider = InMemorySpanExporter(), sdk.TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
LambdaHandler(app)(EVENT, None)
print([span.name for span in spans.get_finished_spans()])
""",
    "Sentry": """
import sentry_sdk
from jinja2 import Environment, StrictUndefined
show_loader(sentry_sdk)
events = []
sentry_sdk.init("https://a@b.test/1", before_send=lambda event, hint: events.append(event))
try:
    Environment(undefined=StrictUndefined).from_string("{{ gone }}").render()
except Exception as error:
    sentry_sdk.capture_exception(error)
(event,) = events
for frame in event["exception"]["values"][0]["stacktrace"]["frames"]:
    print(frame["module"], frame["filename"], frame["lineno"], frame.get("context_line"))
print(sorted(event["modules"])[:9])
""",
    "certifi and tzdata": """
import os
os.environ["PYTHONTZPATH"] = ""
import certifi, datetime, ssl, zoneinfo
show_loader(certifi)
ssl.create_default_context(cafile=certifi.where())
print(certifi.where(), zoneinfo.ZoneInfo("Europe/Berlin").utcoffset(datetime.datetime(2026, 7, 1)))
import tzdata.zoneinfo.Europe
show_loader(tzdata.zoneinfo.Europe)
""",
    "beartype": """
import beartype.claw
show_loader(beartype)
beartype.claw.beartype_package("idna")
import idna.core
print(type(idna.core.__loader__), idna.encode("a.test"))
try:
    idna.encode(5)
except beartype.roar.BeartypeCallHintViolation as error:
    print(error)
""",
    "wrapt": """
import wrapt
seen = []
wrapt.register_post_import_hook(lambda module: seen.append(module.__name__), "jinja2.sandbox")
wrapt.register_post_import_hook(seen.append, "anyio")
import jinja2.sandbox, anyio
show_loader(wrapt)
wrapt.wrap_function_wrapper("jinja2.environment", "Template.render",
    lambda wrapped, instance, args, kwargs: wrapped(*args, **kwargs) + "!")
print(jinja2.Template("{{ 1 }}").render(), seen[0], seen[1].__name__)
""",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Return the packaged packages, with a packed file and without."""
    root = tmp_path_factory.mktemp("packed")
    project = root / "project"
    (project / ".git").mkdir(parents=True)
    (project / "main.py").write_text("async def app(scope, receive, send): ...\n")
    (project / "requirements.txt").write_text(Path(__file__).with_name("packages.txt").read_text())
    with pytest.MonkeyPatch.context() as environ:
        only_downloaded_wheels(environ)
        packed = root / "packed" / "task"
        archive = root / "function.zip"
        build(find_project(project), "main:app", Platform(ARCHITECTURE, THIS_PYTHON), archive)
        unpack_archive(archive, packed)
    unpacked = root / "unpacked" / "task"
    shutil.copytree(packed, unpacked, copy_function=os.link)
    for name in (NAME, PTH[0]):
        (unpacked / name).unlink()
    return {True: packed, False: unpacked}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_package_does_the_same(folders: dict[bool, Path], program: str) -> None:
    outputs = []
    for is_packed, folder in folders.items():
        script = (
            START.format(folder=str(folder), is_packed=is_packed, event=EVENT) + PROGRAMS[program]
        )
        ended = subprocess.run(
            [sys.executable, "-s", "-S", "-B", "-c", script],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"},
            cwd=folder.parent,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        outputs.append(ended.stdout.replace(str(folder), "/var/task"))
    assert outputs[0] == outputs[1]
    assert outputs[0]
