"""The MCP example, called by the official client from a local Lambda."""

from __future__ import annotations

import json
from time import monotonic

import httpx
import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastmcp.server.auth.providers.jwt import RSAKeyPair
from jwt.algorithms import RSAAlgorithm
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.collector import collect

from .conftest import serve_example

pytestmark = pytest.mark.anyio

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream"}


async def test_three_warm_calls_reach_one_server(runtime: str) -> None:
    async with serve_example("mcp_server", runtime) as url:
        for bags in (1, 2, 3):
            async with Client(f"{url}/mcp") as client:
                called = await client.call_tool("price", {"coffee": "Decaf", "bags": bags})
            assert called.structured_content == {"result": 15.0 * bags}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_progress_arrives_while_the_tool_runs(runtime: str, mode: str) -> None:
    reports: list[tuple[float, str | None, float]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        assert total == 3
        reports.append((progress, message, monotonic()))

    async with (
        serve_example("mcp_server", runtime) as url,
        Client(f"{url}/mcp", mode=mode) as client,
    ):
        arguments = {"bags": 3, "seconds": 0.5}
        called = await client.call_tool("roast", arguments, progress_callback=report)
        ended = monotonic()
    assert called.structured_content == {"result": "3 bags are roasted"}
    assert [(number, text) for number, text, _ in reports] == [
        (1, "Bag 1 is roasted"),
        (2, "Bag 2 is roasted"),
        (3, "Bag 3 is roasted"),
    ]
    assert ended - reports[0][2] > 0.4, "the first report came with the result"


async def test_a_get_is_refused_at_once_and_bills_nothing(runtime: str) -> None:
    async with serve_example("mcp_server", runtime) as url, httpx.AsyncClient(timeout=30) as client:
        refused = await client.get(f"{url}/mcp", headers=ACCEPT)
    assert refused.status_code == 405
    assert "POST" in refused.headers["allow"]


async def test_with_an_identity_provider_only_its_tokens_open_it(runtime: str) -> None:
    pair = RSAKeyPair.generate()
    key = RSAAlgorithm.to_jwk(load_pem_public_key(pair.public_key.encode()), as_dict=True)
    token = pair.create_token(audience="juniper-coffee")
    with collect(json.dumps({"keys": [key]}).encode()) as provider:
        uri = f"http://{provider.address}/jwks.json"
        async with serve_example("mcp_server", runtime, MCP_JWKS_URI=uri) as url:
            async with httpx.AsyncClient(timeout=30) as stranger:
                refused = await stranger.post(f"{url}/mcp", json=INITIALIZE, headers=ACCEPT)
            bearer = {"authorization": f"Bearer {token}"}
            async with (
                httpx2.AsyncClient(headers=bearer) as http,
                Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
            ):
                called = await client.call_tool("price", {"coffee": "Decaf"})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert called.structured_content == {"result": 15.0}
