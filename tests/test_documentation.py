"""The Python of the README and of docs/ runs as it stands there, and its process ends.

The lines of the log that docs/troubleshooting.md explains are those of the code, all of them.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from adapter.options.table import OPTIONS, RUNTIME
from adapter.package.tree import DEVELOPMENT

from .support.forked_python import start_python

ROOT = Path(__file__).parent.parent
#: Their Python needs packages of vendors and of agents: tests/vendors and tests/agents run it.
OTHERS = {"instrumentation.md", "llm-tokens.md", "mcp.md"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in PAGES if page.name not in OTHERS]
FRAMEWORKS = ("fastapi", "flask", "httpx", "pydantic.v1", "anyio._backends._asyncio")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

MAIN = """
from contextlib import asynccontextmanager
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

@asynccontextmanager
async def lifespan(app):
    await run_in_threadpool(print, "started")
    yield
    print("stopped")

app = FastAPI(lifespan=lifespan)

@app.get("/")
def page():
    return "page"

@app.get("/hello")
def hello(name: str):
    return name

@app.post("/letters")
async def letters(request: Request):
    return (await request.body()).decode()
"""
SHOP = """
from flask import Flask

flask_app = Flask("shop")
flask_app.get("/")(lambda: "page")
"""
TESTING = "from main import app\nfrom adapter import LambdaHandler\nfrom adapter.testing import *\n"
RESPONSES = "assert handler(function_url_event('/'), None)['statusCode'] == 200"


CLIENT = (
    "import httpx\nfrom adapter.testing import LambdaTransport\n"
    "client = httpx.Client(transport=LambdaTransport(app), base_url='http://testserver')\n"
)
DJANGO = """
import sys
import threading
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="secret")
received = threading.Event()

def parts():
    yield "one"
    assert received.wait(20)
    yield "two"

urlpatterns = [path("parts", lambda request: StreamingHttpResponse(parts()))]
sys.modules["mysite.wsgi"] = sys.modules[__name__]
application = get_wsgi_application()
"""
READS = """
with client.stream("GET", "/parts") as response:
    for part in response.iter_text():
        received.set()
assert part.endswith("two")
client.close()
"""
BOTO3 = """
prelude = b'{"statusCode": 200}' + bytes(8)
parts = [{"PayloadChunk": {"Payload": prelude + b"one"}}, {"InvokeComplete": {}}]
class Client:
    def invoke_with_response_stream(self, FunctionName, Payload):
        return {"EventStream": parts}
assert call(Client(), "shop").body == b"one"
"""


class Snippet(NamedTuple):
    """What stands around a block: in the module before it, and what is done with it after."""

    before: str
    after: str


#: The blocks of each page, in order.
SNIPPETS = {
    "behaviour.md": [
        Snippet(
            "from adapter.testing import *",
            "app.get('/')(lambda: 1 / 0)\n"
            "assert handler(function_url_event('/missing'), None)['statusCode'] == 404\n"
            "try:\n    handler(function_url_event('/'), None)\n"
            "except ZeroDivisionError:\n    pass\n"
            "else:\n    raise AssertionError",
        )
    ],
    "README.md": [
        Snippet("from adapter.testing import *", RESPONSES),
        Snippet("from main import app", "assert client.get('/').json() == 'page'"),
    ],
    "cloudfront.md": [
        Snippet(TESTING, RESPONSES),
        Snippet(TESTING, RESPONSES),
    ],
    "cors.md": [Snippet("", "assert app.user_middleware")],
    "event-sources.md": [
        Snippet(
            f"{TESTING}from starlette.responses import PlainTextResponse\n"
            "async def app(scope, receive, send):\n"
            "    text = f\"{scope['path']} {scope['raw_path']} {scope['root_path']!r}\"\n"
            "    await PlainTextResponse(text)(scope, receive, send)",
            "body = handler(rest_api_event('/a', stage='prod'), None)['body']\n"
            "assert body == \"/a b'/a' ''\"",
        ),
        Snippet(
            TESTING,
            "image = {**rest_api_event('/img/1'), 'resource': '/img/{id}'}\n"
            "modes = map(invoke_mode, (image, rest_api_event('/chat'), function_url_event('/')))\n"
            "assert [*modes] == ['buffered', 'response_stream', 'response_stream']",
        ),
        Snippet(TESTING, RESPONSES),
        Snippet(
            f"{TESTING}from fastapi import Header\n"
            "from fastapi.responses import StreamingResponse\n"
            "async def news(after):\n    yield after + 1, 'news'",
            "event = function_url_event('/sse', headers={'last-event-id': '7'})\n"
            "body = LambdaHandler(app)(event, None)['body']\nassert body.startswith('id: 8\\n')",
        ),
        Snippet(TESTING, "handler(sqs_event('one'), None)"),
        Snippet(
            f"{TESTING}from fastapi import Request\nasync def store(record): return False",
            "assert len(handler(sqs_event('a', 'b'), None)['batchItemFailures']) == 2",
        ),
        Snippet(TESTING, "assert handler({'letter': 'Dear'}, None)['reply'] == '\"Dear\"'"),
    ],
    "getting-started.md": [
        Snippet("", "assert app.url_path_for('sse') == '/sse'"),
        Snippet("from adapter.testing import *", RESPONSES),
    ],
    "index.md": [Snippet("from adapter.testing import *", RESPONSES)],
    "managed-instances.md": [Snippet("", "assert xray_trace_id() is None")],
    "managed-runtime.md": [
        Snippet(
            f"import asyncio\n{TESTING}asyncio.set_event_loop(asyncio.new_event_loop())\n"
            "async def open_pool(): return asyncio.get_running_loop()",
            "assert pool is loop\nloop.close()",
        )
    ],
    "moving-from-mangum.md": [
        Snippet(TESTING, RESPONSES),
        Snippet(
            "from starlette.requests import Request\n"
            "scope = {'type': 'http', 'path': '/prod/admin', 'root_path': '/prod', 'headers': []}\n"
            "request = Request({**scope, 'query_string': b'', 'server': ('t', 80)})",
            "assert path == '/admin'",
        ),
    ],
    "observability.md": [
        Snippet(
            f"{TESTING}class statsd:\n    timing = lambda name, seconds: print(name)",
            RESPONSES,
        )
    ],
    "recipes.md": [
        Snippet(
            "",
            f"{CLIENT}text = client.get('/sse', headers={{'last-event-id': '1'}}).text\n"
            "assert 'step 1' not in text and 'id: 2' in text and 'data: complete' in text",
        ),
        Snippet(
            "",
            f"{CLIENT}text = client.get('/sse', headers={{'last-event-id': '1'}}).text\n"
            "assert text.startswith('id: 2') and text.endswith('data: complete\\n\\n')",
        ),
        Snippet("", f"{CLIENT}assert len(client.get('/orders.csv').text.splitlines()) == 3000"),
        Snippet("", f"{CLIENT}assert client.get('/items.ndjson').text.count('item') == 100"),
        Snippet("", f"{CLIENT}assert '<p>stock</p>' in client.get('/').text"),
        Snippet("", f"{CLIENT}assert len(client.get('/report').content) == 1_000_000"),
        Snippet("", f"{CLIENT}assert client.get('/clock').text.count('data:') == 3"),
        Snippet(
            "import asyncio\nfrom starlette.applications import Starlette\n"
            "from starlette.responses import PlainTextResponse\n"
            "from starlette.routing import Route\n"
            "app = Starlette(routes=[Route('/sse', lambda _: PlainTextResponse('data: 1'))])\n",
            "client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url='http://test')\n"
            "assert asyncio.run(read(client)) == ['data: 1']",
        ),
        Snippet("", BOTO3),
    ],
    "python-response-streaming.md": [
        Snippet(TESTING, "assert handler(function_url_event('/'), None)['body'] == 'one\\ntwo\\n'"),
        Snippet(TESTING, "assert handler(function_url_event('/'), None)['body'] == 'one\\ntwo\\n'"),
        Snippet(TESTING, RESPONSES),
    ],
    "snapstart.md": [
        Snippet(
            f"{TESTING}import sys\nsys.modules['asyncpg'] = sys",
            f"assert [close_pool, open_pool]\n{RESPONSES}",
        )
    ],
    "streaming-functions.md": [
        Snippet(
            "from adapter.testing import *\nasync def slow_part():\n    yield b'slow'",
            "assert handler(function_url_event('/'), None)['body'].endswith('slow')",
        )
    ],
    "testing.md": [Snippet("", "test_page()"), Snippet("", "test_hello()")],
    "wsgi.md": [
        Snippet("from adapter.testing import *", RESPONSES),
        Snippet(DJANGO, f"app = handler\n{CLIENT}{READS}"),
    ],
}
BLOCKS = {page.name: BLOCK.findall(page.read_text(encoding="utf-8")) for page in PAGES}


def test_every_block_of_python_is_run() -> None:
    written = {page: len(blocks) for page, blocks in BLOCKS.items() if blocks}
    assert {page: len(snippets) for page, snippets in SNIPPETS.items()} == written


@pytest.mark.parametrize(
    ("page", "number"),
    [(page, number) for page, snippets in SNIPPETS.items() for number in range(len(snippets))],
)
@pytest.mark.process
def test_a_block_runs_and_its_process_ends(tmp_path: Path, page: str, number: int) -> None:
    before, after = SNIPPETS[page][number]
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "handler.py").write_text(f"{TESTING}handler = LambdaHandler(app)\n")
    script = tmp_path / "script.py"
    script.write_text("\n".join([before, BLOCKS[page][number], after]), encoding="utf-8")
    output = tmp_path / "output.txt"
    with output.open("wb") as file:
        environ = os.environ | {"PYTHONWARNINGS": "error"}
        command = [sys.executable, "-m", "script"]
        process = start_python(command, tmp_path, environ, file, imported=FRAMEWORKS)
    try:
        assert process.wait(40) == 0, output.read_text()
    finally:
        process.kill()


def explained_lines() -> list[list[str]]:
    """Return the lines of the log that a table explains, each as the texts between its values."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    table = page.partition("## Lines in the log")[2]
    rows = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    assert len(rows) > 40
    return [line.split("…") for row in rows for line in re.findall("`(.+?)`", row)]


def test_advice_on_an_option_of_the_native_runtime_names_that_runtime() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    symptoms = page.partition("## Lines in the log")[0]
    variables = [option.environment_name for option in OPTIONS if option.scope == RUNTIME]
    rows = [row for row in symptoms.splitlines() if any(name in row for name in variables)]
    assert len(rows) > 1
    assert [row for row in rows if "(native runtime" not in row] == []


def test_the_memory_that_the_page_on_scaling_names_is_in_the_tables() -> None:
    tables = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    many = tables.partition("#### 64 at once, FastAPI")[2].partition("####")[0]
    mebibytes = {
        name: float(figure.replace(",", ""))
        for name, figure in re.findall(r"^\| ([^|]+) \| [^|]+ \| ([\d.,]+)", many, re.MULTILINE)
    }
    one, each = mebibytes["native"], mebibytes["awslambdaric + this"] / 64
    page = " ".join((ROOT / "docs" / "scaling.md").read_text(encoding="utf-8").split())
    assert f"one process of {one:.0f} MiB, or 64 processes of {each:.0f} MiB each" in page


def strings_in(*nodes: ast.AST) -> list[str]:
    """Return the string literals in some code."""
    return [
        node.value
        for each in nodes
        for node in ast.walk(each)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def modules_on_lambda() -> list[ast.Module]:
    """Return the modules that the zip of a function has."""
    paths = [path.relative_to(ROOT).as_posix() for path in (ROOT / "adapter").rglob("*.py")]
    kept = [path for path in paths if not path.startswith(DEVELOPMENT)]
    return [ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in kept]


def test_each_line_of_the_log_that_is_explained_is_in_the_code() -> None:
    texts = strings_in(*modules_on_lambda())
    parts = [part for line in explained_lines() for part in line]
    assert [part for part in parts if not any(part in text for text in texts)] == []


def test_each_line_of_the_log_that_says_its_text_itself_is_explained() -> None:
    lines = [
        text
        for module in modules_on_lambda()
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("logger.warning", "logger.error", "logger.critical")
        for text in strings_in(node.args[0])
        if re.search("[a-z]{2}", text)
    ]
    explained = [max(line, key=len) for line in explained_lines()]
    assert len(lines) > 25
    assert [text for text in lines if not any(part in text for part in explained)] == []
