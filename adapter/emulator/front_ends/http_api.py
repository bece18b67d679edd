"""The HTTP API as an event source. It does no I/O.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...samples.api_events import http_api_event
from .api_gateway import ApiGatewaySource, api_domains, api_keys, path_below
from .event_source import SourceResponse, refuse_stream
from .source_event import clock_time, epoch_ms, received_request, request_context, source_event
from .source_response import (
    ResponseHead,
    body_of,
    read_json,
    response_fields,
    status_of,
    string_headers,
    utf8,
    with_content_length,
)

if TYPE_CHECKING:
    from ...types import Headers
    from .client_request import ClientRequest
    from .source_event import SourceEvent


class HttpApiSource(ApiGatewaySource):
    """An HTTP API with the route ``$default`` and payload format 2.0; it never streams."""

    response_timeout_seconds = 30.0
    too_large = SourceResponse(413, b'{"message":"Request Entity Too Large"}')
    failed = SourceResponse(500, b'{"message":"Internal Server Error"}')
    unavailable = SourceResponse(503, b'{"message":"Service Unavailable"}')
    timed_out = unavailable

    def event(self, request: ClientRequest) -> SourceEvent | SourceResponse:
        """Return the event, or the response to a path outside of the stage."""
        event = http_event(
            request, stage=self._stage, base_path=self._base_path, aws_region=self._aws_region
        )
        return event or SourceResponse(404, b'{"message":"Not Found"}')

    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a response."""
        refuse_stream(content_type, "An HTTP API")
        return http_api_response(payload, self.source_headers(event))

    def source_headers(self, event: SourceEvent) -> Headers:
        """Return the header that the API adds."""
        return [(b"Apigw-Requestid", f"{event.request_id[:15]}=".encode())]


def http_event(
    request: ClientRequest, *, stage: str, base_path: str, aws_region: str | None
) -> SourceEvent | None:
    """Return the event of a request to an HTTP API; ``None`` outside of its stage."""
    path = path_below(request.path, base_path or (f"/{stage}" if stage else ""))
    if path is None:
        return None
    received = received_request(request, *api_domains(base_path, aws_region))
    event = http_api_event(
        path,
        method=request.method,
        query=request.query,
        headers=received.headers,
        body=request.body,
        stage=stage or "$default",
        mapping=base_path,
        source_ip=request.peer,
    )
    request_context(event).update(
        {
            **api_keys(received),
            "time": clock_time(received.time),
            "timeEpoch": epoch_ms(received.time),
        }
    )
    return source_event(event, received)


def http_api_response(payload: bytes, added: Headers) -> tuple[ResponseHead, bytes]:
    """Return head and body of a response of an HTTP API, payload format 2.0.

    Raises:
        InvalidResponseError: the API would respond with 500.
    """
    response = read_json(payload)
    if not isinstance(response, dict) or "statusCode" not in response:
        body = utf8(response) if isinstance(response, str) else payload
        return with_content_length(
            ResponseHead(200, [(b"Content-Type", b"application/json"), *added]), body
        )
    headers = string_headers(response)
    fields = response_fields(response)
    if not any(name.lower() == "content-type" for name in headers):
        fields.insert(0, (b"Content-Type", b"text/plain; charset=utf-8"))
    head = ResponseHead(status_of(response), [*fields, *added])
    return with_content_length(head, body_of(response))
