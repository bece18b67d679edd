"""The ASGI messages of a response to a client, and what the listener of its invocation hears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter.emulator.front_ends.client_response import ClientResponse
from adapter.emulator.front_ends.event_source import SourceResponse
from adapter.emulator.front_ends.source_response import ResponseHead
from adapter.emulator.invocation_steps import Responded, Sent
from adapter.emulator.local_invocation import LocalInvocation

if TYPE_CHECKING:
    from adapter.emulator.invocation_steps import InvocationStep

pytestmark = pytest.mark.anyio

HEAD = ResponseHead(200, [(b"x-a", b"1")])


class Client:
    """Collects what a client gets."""

    def __init__(self, method: str = "GET") -> None:
        self.messages: list[Any] = []
        self.steps: list[InvocationStep] = []
        invocation = LocalInvocation(b"{}", request_id="id", trace_id="Root=1")
        invocation.listener = self.steps.append
        scope = {"type": "http", "method": method}
        self.response = ClientResponse(scope, self.receive, self.send, invocation)

    async def receive(self) -> Any:
        raise AssertionError("a response reads nothing")

    async def send(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def chunks(self) -> list[bytes]:
        return [message["body"] for message in self.messages if "body" in message]


async def test_each_chunk_is_sent_at_once() -> None:
    client = Client()
    await client.response.send_head(HEAD)
    await client.response.send_body(b"one")
    assert client.messages[0]["status"] == 200
    assert client.chunks == [b"one"]
    await client.response.finish()
    assert client.chunks == [b"one", b""]
    assert [type(step) for step in client.steps] == [Responded, Sent]


async def test_a_chunk_can_be_held_until_the_next_chunk_or_the_end() -> None:
    client = Client()
    await client.response.send_head(HEAD)
    client.response.hold()
    await client.response.send_body(b"one")
    assert client.chunks == []
    await client.response.send_body(b"two")
    assert client.chunks == [b"one"]
    await client.response.finish()
    assert client.chunks == [b"one", b"two"]
    assert [step.data for step in client.steps if isinstance(step, Sent)] == [b"one", b"two"]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_a_body_that_http_forbids_is_dropped(method: str, status: int) -> None:
    client = Client(method)
    await client.response.send_head(HEAD._replace(status=status))
    await client.response.send_body(b"no")
    await client.response.finish()
    assert client.chunks == [b""]
    assert client.response.empty


async def test_a_response_of_the_source_has_added_headers_and_its_own() -> None:
    client = Client()
    own = SourceResponse(502, b"broken", "text/plain", {"x-own": "1"})
    await client.response.send_whole(own, [(b"x-added", b"2")])
    start = client.messages[0]
    assert start["status"] == 502
    assert {(b"x-added", b"2"), (b"x-own", b"1")} <= set(start["headers"])
    assert client.chunks == [b"broken"]
    assert [type(step) for step in client.steps] == [Responded, Sent]
