"""Reads the answers of streaming functions that were invoked through AWS's API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import EventError, InvocationFailed
from ..prelude import DELIMITER, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..types import Prelude


class StreamedAnswer(NamedTuple):
    """What a streaming function answered."""

    prelude: Prelude | None  #: status, headers and cookies; None if it made no HTTP response
    body: bytes


def read_stream(events: Iterable[Mapping[str, Any]]) -> StreamedAnswer:
    """Read what boto3's ``invoke_with_response_stream`` returned, to its end, and close it.

    ``read_stream(client.invoke_with_response_stream(FunctionName=…, Payload=…)["EventStream"])``

    A function that makes an HTTP response puts its head in front of the body; nothing but that
    head says so, so a body of another function that begins like one is taken for one.
    https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html

    Raises:
        InvocationFailed: the function failed; the error has what it sent before.
        EventError: the events break off without ``InvokeComplete``: this is not all.
    """
    try:
        return _read(events)
    finally:
        if hasattr(events, "close"):
            events.close()


def _read(events: Iterable[Mapping[str, Any]]) -> StreamedAnswer:
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
            return StreamedAnswer(prelude, body)
    raise EventError(f"The event stream ended after {len(data)} bytes without InvokeComplete.")


def _split(data: bytes) -> StreamedAnswer:
    if data.lstrip()[:1] == b"{" and DELIMITER in data:
        try:
            return StreamedAnswer(*decode(data))
        except EventError:
            pass  # a binary body that only looked like it
    return StreamedAnswer(None, data)


def _object(details: str) -> dict[str, Any]:
    try:
        found = json.loads(details)
    except ValueError:
        found = details
    return found if isinstance(found, dict) else {"errorMessage": details}
