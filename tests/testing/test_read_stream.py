"""`read_stream` reads what real boto3 makes of the event stream of a real function."""

from __future__ import annotations

import asyncio
import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from adapter import HttpResponseStream, ResponseStream, streamify_response
from adapter.errors import EventError, InvocationFailed, error_object
from adapter.testing import MemoryStream, lambda_context, read_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS: dict[str, Any] = {}


def function(handler: Any) -> Any:
    FUNCTIONS[handler.__name__] = handler
    return handler


@function
@streamify_response
async def page(event: Any, stream: ResponseStream, context: Any) -> None:
    head = {"statusCode": 201, "headers": {"X-Shop": "café"}, "cookies": ["a=1"]}
    stream = HttpResponseStream.from_(stream, head)
    await stream.write("<h1>")
    await stream.write(event["title"])


@function
@streamify_response
async def numbers(event: Any, stream: ResponseStream, context: Any) -> None:
    for number in range(3):
        await stream.write(json.dumps({"number": number}) + "\n")


@function
@streamify_response
async def zeros(event: Any, stream: ResponseStream, context: Any) -> None:
    await stream.write(b"{not a head\0\0\0\0\0\0\0\0\0")


@function
@streamify_response
async def broken(event: Any, stream: ResponseStream, context: Any) -> None:
    await page.__wrapped__(event, stream, context)
    raise ValueError("out of ink")


@function
@streamify_response
async def cut(event: Any, stream: ResponseStream, context: Any) -> None:
    await stream.write("half of it")


def message(kind: str, content_type: str, payload: bytes) -> bytes:
    """Frame one message as botocore's own parser wants it."""
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\7" + len(value).to_bytes(2, "big") + value.encode()
        for name, value in (
            (":message-type", "event"),
            (":event-type", kind),
            (":content-type", content_type),
        )
    )
    start = (16 + len(headers) + len(payload)).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    body = start + zlib.crc32(start).to_bytes(4, "big") + headers + payload
    return body + zlib.crc32(body).to_bytes(4, "big")


class Api(BaseHTTPRequestHandler):
    """AWS's API as far as `InvokeWithResponseStream` goes."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.split("/")[3]
        stream = MemoryStream()
        asyncio.run(FUNCTIONS[name].respond(event, lambda_context(), stream))
        complete: dict[str, str] = {}
        if stream.error is not None:
            described = error_object(stream.error)
            complete = {
                "ErrorCode": f"Function.{described['errorType']}",
                "ErrorDetails": json.dumps(described),
            }
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.end_headers()
        for chunk in stream.chunks:
            self.wfile.write(message("PayloadChunk", "application/octet-stream", chunk))
        if name != "cut":
            payload = json.dumps(complete).encode()
            self.wfile.write(message("InvokeComplete", "application/json", payload))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        aws = boto3.client("lambda", endpoint_url=url, region_name="eu-west-1", config=config)
        yield aws
        aws.close()
        server.shutdown()


def invoke(client: Any, name: str) -> Any:
    response = client.invoke_with_response_stream(FunctionName=name, Payload=b'{"title": "Tea"}')
    return response["EventStream"]


def test_an_http_response_is_split_into_its_head_and_its_body(client: Any) -> None:
    prelude, body = read_stream(invoke(client, "page"))
    assert prelude == {
        "statusCode": 201,
        "headers": {"x-shop": "café", "content-type": "application/octet-stream"},
        "cookies": ["a=1"],
    }
    assert body == b"<h1>Tea"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("numbers", b'{"number": 0}\n{"number": 1}\n{"number": 2}\n', id="json-lines"),
        pytest.param("zeros", b"{not a head\0\0\0\0\0\0\0\0\0", id="binary-that-looks-like-one"),
    ],
)
def test_a_stream_without_a_head_is_all_body(client: Any, name: str, body: bytes) -> None:
    assert read_stream(invoke(client, name)) == (None, body)


def test_a_function_that_failed_raises_and_what_it_sent_before_is_not_lost(client: Any) -> None:
    with pytest.raises(InvocationFailed, match=r"Function\.ValueError after 7 .*out of ink") as got:
        read_stream(invoke(client, "broken"))
    assert got.value.error_code == "Function.ValueError"
    assert got.value.details["errorMessage"] == "out of ink"
    assert got.value.prelude is not None
    assert (got.value.prelude["statusCode"], got.value.body) == (201, b"<h1>Tea")


@pytest.mark.parametrize("details", [None, "", "no JSON", "[1]"])
def test_details_that_are_no_error_object_are_still_told(details: str | None) -> None:
    complete = {"ErrorCode": "Sandbox.Timeout", "ErrorDetails": details}
    with pytest.raises(InvocationFailed, match=r"Sandbox\.Timeout") as got:
        read_stream([{"InvokeComplete": complete}])
    assert got.value.details == {"errorMessage": details or ""}


def test_a_stream_that_breaks_off_is_not_taken_for_the_whole_response(client: Any) -> None:
    with pytest.raises(EventError, match="after 10 bytes without InvokeComplete"):
        read_stream(invoke(client, "cut"))
