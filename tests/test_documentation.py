"""The Python of the README and of docs/ runs as it stands there, and its process ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
#: Their Python needs packages of vendors and of agents: tests/vendors and tests/agents run it.
OTHERS = {"instrumentation.md", "llm-tokens.md", "mcp.md"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in PAGES if page.name not in OTHERS]
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
ANSWERS = "assert handler(function_url_event('/'), None)['statusCode'] == 200"


class Snippet(NamedTuple):
    """What stands around a block: in the module before it, and what is done with it after."""

    before: str
    after: str


#: The blocks of each page, in order.
SNIPPETS = {
    "README.md": [
        Snippet("from adapter.testing import *", ANSWERS),
        Snippet("from main import app", "assert client.get('/').json() == 'page'"),
    ],
    "event-sources.md": [
        Snippet(TESTING, "handler(sqs_event('one'), None)"),
        Snippet(
            f"{TESTING}from fastapi import Request\nasync def store(record): return False",
            "assert len(handler(sqs_event('a', 'b'), None)['batchItemFailures']) == 2",
        ),
        Snippet(TESTING, "assert handler({'letter': 'Dear'}, None)['reply'] == '\"Dear\"'"),
        Snippet(f"{TESTING}handler = LambdaHandler(app)", "test_hello()"),
    ],
    "managed-instances.md": [Snippet("", "assert xray_trace_id() is None")],
    "managed-runtime.md": [
        Snippet(
            f"import asyncio\n{TESTING}asyncio.set_event_loop(asyncio.new_event_loop())\n"
            "async def open_pool(): return asyncio.get_running_loop()",
            "assert pool is loop\nloop.close()",
        )
    ],
    "moving-from-mangum.md": [Snippet(TESTING, ANSWERS)],
    "observability.md": [
        Snippet(
            f"{TESTING}class statsd:\n    timing = lambda name, seconds: print(name)",
            ANSWERS,
        )
    ],
    "python-response-streaming.md": [
        Snippet(TESTING, "assert handler(function_url_event('/'), None)['body'] == 'one\\ntwo\\n'"),
        Snippet(TESTING, "assert handler(function_url_event('/'), None)['body'] == 'one\\ntwo\\n'"),
        Snippet(TESTING, ANSWERS),
    ],
    "snapstart.md": [
        Snippet(
            f"{TESTING}import sys\nsys.modules['asyncpg'] = sys",
            f"assert [close_pool, open_pool]\n{ANSWERS}",
        )
    ],
    "streaming-functions.md": [
        Snippet(
            "from adapter.testing import *\nasync def slow_part():\n    yield b'slow'",
            "assert handler(function_url_event('/'), None)['body'].endswith('slow')",
        ),
        Snippet("from adapter.testing import *", ANSWERS),
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
    script = tmp_path / "script.py"
    script.write_text("\n".join([before, BLOCKS[page][number], after]), encoding="utf-8")
    run = [sys.executable, "-W", "error", script.name]
    subprocess.run(run, cwd=tmp_path, timeout=40, check=True)
