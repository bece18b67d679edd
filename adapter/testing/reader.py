"""Reads the responses of streaming functions that were invoked through AWS's API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import EventError, InvocationFailed
from ..events.prelude import DELIMITER, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..types import Prelude


class StreamedResponse(NamedTuple):
    """The response of a streaming function."""

    prelude: Prelude | None  #: status, headers and cookies; None if it is not an HTTP response
    body: bytes


def read_stream(events: Iterable[Mapping[str, Any]]) -> StreamedResponse:
    """Read the event stream of boto3's ``invoke_with_response_stream`` to its end, and close it.

    ``read_stream(client.invoke_with_response_stream(FunctionName=…, Payload=…)["EventStream"])``

    An HTTP response begins with a prelude. Only the prelude shows that a response is HTTP, so a
    body that begins like a prelude is read as a prelude.
    https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html

    Raises:
        InvocationFailed: the function failed; the error has the body that was sent before.
        EventError: the event stream ended without ``InvokeComplete``.
    """
    try:
        return _read(events)
    finally:
        if hasattr(events, "close"):
            events.close()


def _read(events: Iterable[Mapping[str, Any]]) -> StreamedResponse:
    data = bytearray()
    for event in events:
        if "PayloadChunk" in event:
            data += event["PayloadChunk"].get("Payload", b"")
        elif "InvokeComplete" in event:
            complete = event["InvokeComplete"]
            prelude, body = _split(bytes(data))
            if complete.get("ErrorCode"):
                details = complete.get("ErrorDetails") or ""
                raise InvocationFailed(complete["ErrorCode"], _object(details), prelude, body)
            return StreamedResponse(prelude, body)
    raise EventError(f"The event stream ended after {len(data)} bytes without InvokeComplete.")


def _split(data: bytes) -> StreamedResponse:
    if data.lstrip()[:1] == b"{" and DELIMITER in data:
        try:
            return StreamedResponse(*decode(data))
        except EventError:
            pass  # a binary body that begins like a prelude
    return StreamedResponse(None, data)


def _object(details: str) -> dict[str, Any]:
    try:
        decoded = json.loads(details)
    except ValueError:
        decoded = details
    return decoded if isinstance(decoded, dict) else {"errorMessage": details}
