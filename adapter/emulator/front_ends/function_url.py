"""The function URL as an event source. It does no I/O.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...samples.url_event import URL_ID, function_url_event
from ..host import LOCAL_DOMAIN
from .event_source import EventSource, SourceResponse
from .signature import SignatureError
from .source_event import (
    MAX_EVENT_BYTES,
    clock_time,
    epoch_ms,
    received_request,
    request_context,
    source_event,
)
from .source_response import (
    ResponseHead,
    body_of,
    header_field,
    id_headers,
    read_json,
    response_fields,
    status_of,
    string_headers,
    with_content_length,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...types import Event, Headers
    from .client_request import ClientRequest
    from .cors import Cors
    from .source_event import SourceEvent

    CheckCaller = Callable[[ClientRequest], Event]

TOO_LARGE = f"Request must be smaller than {MAX_EVENT_BYTES} bytes for the InvokeFunction operation"
FORBIDDEN = SourceResponse(
    403, b'{"Message":"Forbidden"}', headers={"x-amzn-ErrorType": "AccessDeniedException"}
)


class FunctionUrlSource(EventSource):
    """A function URL.

    AWS does not document two cases, which are decided here. A timeout before the head is a 502,
    like other failures. A concurrent environment at its limit is a 429.

    ``check_caller`` returns the identity of a signed request, or raises `SignatureError`.
    """

    too_large = SourceResponse(413, json.dumps({"Message": TOO_LARGE}).encode())
    failed = SourceResponse(502, b"Internal Server Error")
    unavailable = SourceResponse(429, b'{"Message":"Rate Exceeded."}')
    timed_out = failed
    buffered_advice = (
        " (The URL's invoke mode is BUFFERED; does the function stream? With --invoke-mode"
        " response_stream the URL streams; with ADAPTER_INVOKE_MODE=buffered the function buffers.)"
    )

    def __init__(
        self,
        *,
        streams: bool = True,
        aws_region: str | None = None,
        cors: Cors | None = None,
        check_caller: CheckCaller | None = None,
    ) -> None:
        super().__init__(streams=streams)
        self._aws_region = aws_region
        self._cors = cors
        self._check_caller = check_caller

    def event(self, request: ClientRequest) -> SourceEvent | SourceResponse:
        """Return the event, or the response to a preflight request or an unsigned request."""
        if self._cors is not None and (response := self._cors.preflight(request)):
            return response
        caller = None
        if self._check_caller is not None:
            try:
                caller = self._check_caller(request)
            except SignatureError as error:
                return FORBIDDEN._replace(log=f"{request.method} {request.path}: {error}")
        event = url_event(request, aws_region=self._aws_region, caller=caller)
        if self._cors is not None:
            return event._replace(cors_headers=self._cors.response_headers(request))
        return event

    def streamed_head(self, prelude: Mapping[str, object], event: SourceEvent) -> ResponseHead:
        """Return the head that a prelude describes."""
        return with_cors(streamed_head(prelude, event.request_id, event.trace_id), event)

    def plain_head(self, content_type: str, event: SourceEvent) -> ResponseHead:
        """Return the head of a stream without a prelude."""
        return with_cors(plain_head(content_type, event.request_id, event.trace_id), event)

    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a buffered response."""
        head, body = buffered_response(payload, event.request_id, event.trace_id)
        return with_cors(head, event), body

    def source_headers(self, event: SourceEvent) -> Headers:
        """Return the headers that the URL adds."""
        return id_headers(event.request_id, event.trace_id)


def with_cors(head: ResponseHead, event: SourceEvent) -> ResponseHead:
    """Add the headers of the URL's ``Cors`` settings to those of the app."""
    return head._replace(headers=[*head.headers, *event.cors_headers])


def url_event(
    request: ClientRequest, *, aws_region: str | None = None, caller: Event | None = None
) -> SourceEvent:
    """Return the event of a request; ``caller`` is the identity of its signer, if it is signed."""
    aws_domain = f"{URL_ID}.lambda-url.{aws_region}.on.aws" if aws_region else None
    received = received_request(request, LOCAL_DOMAIN, aws_domain)
    event = function_url_event(
        request.path or "/",
        method=request.method,
        query=request.query,
        headers=received.headers,
        body=request.body,
        domain=received.domain,
        source_ip=request.peer,
        request_id=received.request_id,
        epoch_ms=epoch_ms(received.time),
        time=clock_time(received.time),
    )
    if caller is not None:
        request_context(event).update(
            {"accountId": caller["accountId"], "authorizer": {"iam": caller}}
        )
    return source_event(event, received)


def streamed_head(prelude: Mapping[str, object], request_id: str, trace_id: str) -> ResponseHead:
    """Return the head that a prelude describes.

    A header's value may be a list (AWS's own web adapter sends lists). Function URLs ignore
    ``multiValueHeaders``.

    Raises:
        InvalidResponseError: a value has a wrong type, or a character that cannot be sent.
    """
    fields = [*response_fields(prelude), *id_headers(request_id, trace_id)]
    return ResponseHead(status_of(prelude), fields)


def plain_head(content_type: str, request_id: str, trace_id: str) -> ResponseHead:
    """Return the head of a stream without a prelude."""
    fields = header_field("Content-Type", content_type or "application/octet-stream")
    return ResponseHead(200, [*fields, *id_headers(request_id, trace_id)])


def buffered_response(payload: bytes, request_id: str, trace_id: str) -> tuple[ResponseHead, bytes]:
    """Return head and body of a buffered response.

    An object with ``statusCode`` describes them; any other JSON is the body.

    Raises:
        InvalidResponseError: the response is not JSON, or has values that cannot be sent.
    """
    response = read_json(payload)
    if not isinstance(response, dict) or "statusCode" not in response:
        head = plain_head("application/json", request_id, trace_id)
        return with_content_length(head, payload)
    headers = string_headers(response)
    if not any(name.lower() == "content-type" for name in headers):
        response = {**response, "headers": {"Content-Type": "application/json", **headers}}  # type: ignore[dict-item]
    return with_content_length(streamed_head(response, request_id, trace_id), body_of(response))
