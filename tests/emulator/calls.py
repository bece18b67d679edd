"""The calls of the Runtime API, as a client writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import RawReply

NEXT = "GET /2018-06-01/runtime/invocation/next HTTP/1.1"
RESPONSE = "POST /2018-06-01/runtime/invocation/{}/response HTTP/1.1"
ERROR = "POST /2018-06-01/runtime/invocation/{}/error HTTP/1.1"
RESTORE_NEXT = "GET /2018-06-01/runtime/restore/next HTTP/1.1"
RESTORE_ERROR = "POST /2018-06-01/runtime/restore/error HTTP/1.1"
INIT_ERROR = "POST /2018-06-01/runtime/init/error HTTP/1.1"
REGISTER = "POST /2020-01-01/extension/register HTTP/1.1"
STREAMING = "Lambda-Runtime-Function-Response-Mode: streaming"
CHUNKED = "Transfer-Encoding: chunked"
TRAILER = "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
TRAILERS = (
    b"0\r\nLambda-Runtime-Function-Error-Type: Function.Boom\r\n"
    b"Lambda-Runtime-Function-Error-Body: e30=\r\n\r\n"
)


def refused(reply: RawReply) -> str:
    assert reply.status == 403
    document = json.loads(reply.body)
    assert document["errorType"] == "InvalidStateTransition"
    message: str = document["errorMessage"]
    return message.removeprefix("State transition from ").partition(" failed")[0]
