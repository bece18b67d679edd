"""The Python of docs/mcp.md, and the traps that the page explains."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from mcp import Client

from tests.support.adapter_dev import adapter_dev

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "mcp.md"
FASTMCP, SDK = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
)

#: The SDK's app as its documentation has it.
AS_IT_IS = (
    SDK.partition("async def without_get")[0]
    + """
app = mcp.streamable_http_app(stateless_http=True)
handler = LambdaHandler(app)
"""
)
LISTENING = {"accept": "text/event-stream", "mcp-protocol-version": "2025-06-18"}


@pytest.fixture
def target(tmp_path: Path, source: str) -> str:
    """A module with the source that the test is parametrized with."""
    (tmp_path / "handler.py").write_text(source)
    return f"{tmp_path / 'handler.py'}:handler"


as_it_is = pytest.mark.parametrize("source", [AS_IT_IS], ids=["SDK"])


@pytest.mark.parametrize("source", [FASTMCP, SDK], ids=["FastMCP", "SDK"])
async def test_the_lines_of_the_page_serve_a_function_url(target: str) -> None:
    with adapter_dev(target, "--as-aws") as running:
        async with Client(f"{running.url}/mcp") as client:
            called = await client.call_tool("add", {"a": 1, "b": 2})
        async with httpx.AsyncClient(timeout=30) as http:
            got = await http.get(f"{running.url}/mcp", headers=LISTENING)
    assert called.structured_content == {"result": 3}
    assert got.status_code == 405


@as_it_is
async def test_the_sdks_app_as_it_is_refuses_the_functions_host(target: str) -> None:
    with adapter_dev(target, "--as-aws") as running:
        async with httpx.AsyncClient(timeout=30) as http:
            refused = await http.post(f"{running.url}/mcp", json={})
    assert (refused.status_code, refused.text) == (421, "Invalid Host header")


@as_it_is
async def test_the_sdks_app_as_it_is_holds_a_get_until_the_timeout(target: str) -> None:
    with adapter_dev(target, "--timeout", "3") as running:
        async with httpx.AsyncClient(timeout=30) as http:
            got = await http.get(f"{running.url}/mcp", headers=LISTENING)
    assert (got.status_code, got.content) == (200, b"")
    assert "DeadlineExceeded" in "".join(running.said)
