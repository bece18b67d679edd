"""The REST API as an event source. It does no I/O.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...samples.api_events import rest_api_event
from .api_gateway import ApiGatewaySource, api_domains, api_keys, path_below
from .event_source import SourceResponse
from .prelude_reader import DELIMITER, PRELUDE_CONTENT_TYPE, parse_prelude
from .source_event import clock_time, epoch_ms, received_request, request_context, source_event
from .source_response import (
    InvalidResponseError,
    ResponseHead,
    body_of,
    header_field,
    id_headers,
    object_in,
    read_object,
    status_of,
    string_list,
    with_content_length,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import Headers
    from .client_request import ClientRequest
    from .source_event import SourceEvent

DEFAULT_STAGE = "prod"  # where it is not part of the path
REST_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
STREAM_KEYS = (REST_KEYS - {"body", "isBase64Encoded"}) | {"cookies"}
REST_REMAPPED = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "host",
        "server",
        "www-authenticate",
        "x-amzn-requestid",
        "x-forwarded-for",
    }
)
STREAM_REMAPPED = REST_REMAPPED - {"content-length"}  # a stream keeps its length
NO_PRELUDE = (
    "The response has no prelude, which a REST API with STREAM needs. Does the function buffer? "
    "Set ADAPTER_INVOKE_MODE=response_stream, or try --invoke-mode buffered."
)


class RestApiSource(ApiGatewaySource):
    """A REST API with one resource, ``/{proxy+}``.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
    """

    response_timeout_seconds = 29.0
    too_large = SourceResponse(413, b'{"message":"Request Too Long"}')
    failed = SourceResponse(
        502,
        b'{"message": "Internal server error"}',
        headers={"x-amzn-ErrorType": "InternalServerErrorException"},
    )
    unavailable = failed
    timed_out = SourceResponse(504, b'{"message": "Endpoint request timed out"}')
    buffered_advice = (
        " (The API's transfer mode is BUFFERED; with --invoke-mode response_stream it is STREAM.)"
    )

    def event(self, request: ClientRequest) -> SourceEvent | SourceResponse:
        """Return the event, or the response to a path outside of the stage."""
        event = rest_event(
            request, stage=self._stage, base_path=self._base_path, aws_region=self._aws_region
        )
        refused = {"x-amzn-ErrorType": "ForbiddenException"}
        return event or SourceResponse(403, b'{"message":"Forbidden"}', headers=refused)

    def streamed_head(self, prelude: Mapping[str, object], event: SourceEvent) -> ResponseHead:
        """Return the head that a prelude describes."""
        return rest_stream_head(prelude, self.source_headers(event))

    def plain_head(self, content_type: str, event: SourceEvent) -> ResponseHead:
        """Refuse a stream without a prelude."""
        raise InvalidResponseError(NO_PRELUDE)

    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a buffered response."""
        return rest_response(payload, content_type, self.source_headers(event))

    def source_headers(self, event: SourceEvent) -> Headers:
        """Return the headers that the API adds."""
        gateway_id = (b"x-amz-apigw-id", f"{event.request_id[:15]}=".encode())
        return [*id_headers(event.request_id, event.trace_id), gateway_id]


def rest_event(
    request: ClientRequest, *, stage: str, base_path: str, aws_region: str | None
) -> SourceEvent | None:
    """Return the event of a request to a REST API; ``None`` outside of its stage."""
    path = path_below(request.path, base_path or (f"/{stage}" if stage else ""))
    if path is None:
        return None
    received = received_request(request, *api_domains(base_path, aws_region))
    event = rest_api_event(
        path,
        method=request.method,
        query=request.query,
        headers=received.headers,
        body=request.body,
        stage=stage or DEFAULT_STAGE,
        mapping=base_path,
        source_ip=request.peer,
    )
    context = request_context(event)
    identity = context["identity"]
    assert isinstance(identity, dict)
    identity["userAgent"] = dict(received.headers).get("user-agent")
    context |= {
        **api_keys(received),
        # With a custom domain the client's path has no stage.
        "path": request.path,
        "extendedRequestId": extended_id(received.request_id),
        "requestTime": clock_time(received.time),
        "requestTimeEpoch": epoch_ms(received.time),
    }
    return source_event(event, received)


def extended_id(request_id: str) -> str:
    """Return API Gateway's extended id of a request."""
    return f"{request_id[:8]}{request_id[-7:]}="


def rest_response(payload: bytes, content_type: str, added: Headers) -> tuple[ResponseHead, bytes]:
    """Return head and body of a buffered response of a REST API.

    Raises:
        InvalidResponseError: the API would respond with 502.
    """
    if content_type == PRELUDE_CONTENT_TYPE and DELIMITER in payload:
        # As AWS documents, a stream behind a buffered integration loses its body.
        head = rest_stream_head(parse_prelude(payload.partition(DELIMITER)[0]), added)
        return with_content_length(head, b"")
    response = read_object(payload)
    if unknown := sorted(response.keys() - REST_KEYS):
        raise InvalidResponseError(
            f"A REST API does not accept {unknown[0]!r} in a response. For more than one cookie "
            "use multiValueHeaders."
        )
    fields = merged_fields(response, REST_REMAPPED)
    if not any(name.lower() == b"content-type" for name, _ in fields):
        fields.insert(0, (b"Content-Type", b"application/json"))
    head = ResponseHead(status_of(response), [*fields, *added])
    return with_content_length(head, body_of(response))


def rest_stream_head(prelude: Mapping[str, object], added: Headers) -> ResponseHead:
    """Return the head of a streamed response of a REST API.

    Raises:
        InvalidResponseError: a header is a list, which the API refuses, or is not valid.
    """
    if unknown := sorted(prelude.keys() - STREAM_KEYS):
        raise InvalidResponseError(f"A REST API does not accept {unknown[0]!r} in a prelude.")
    fields = merged_fields(prelude, STREAM_REMAPPED)
    for cookie in string_list("cookies", prelude.get("cookies") or []):
        fields.extend(header_field("Set-Cookie", cookie))
    return ResponseHead(status_of(prelude), [*fields, *added])


def merged_fields(response: Mapping[str, object], remapped: frozenset[str]) -> Headers:
    """Return ``headers`` and ``multiValueHeaders``; the latter win for a name that both have."""
    fields: Headers = []
    lists = object_in(response, "multiValueHeaders")
    names = {name.lower() for name in lists}
    for name, value in object_in(response, "headers").items():
        if name.lower() not in names:
            fields.extend(header_field(name, value, remapped))
    for name, values in lists.items():
        for value in string_list(f"multiValueHeaders[{name!r}]", values):
            fields.extend(header_field(name, value, remapped))
    return fields
