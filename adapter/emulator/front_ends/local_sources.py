"""The event sources: function URL, REST API, HTTP API and load balancer. They do no I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .api_request import http_event, load_balancer_event, rest_event
from .api_response import (
    http_api_response,
    load_balancer_response,
    rest_response,
    rest_stream_head,
)
from .event_source import EventSource, OwnResponse
from .prelude_reader import PRELUDE_CONTENT_TYPE
from .signature import SignatureError
from .source_event import MAX_EVENT_BYTES
from .source_response import InvalidResponseError
from .url_request import url_event
from .url_response import buffered_response, plain_head, streamed_head, url_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...types import Event, Headers
    from .client_request import ClientRequest
    from .cors import Cors
    from .source_event import SourceEvent
    from .source_response import ResponseHead

    CheckCaller = Callable[[ClientRequest], Event]

TOO_LARGE = f"Request must be smaller than {MAX_EVENT_BYTES} bytes for the InvokeFunction operation"
FORBIDDEN = OwnResponse(
    403, b'{"Message":"Forbidden"}', headers={"x-amzn-ErrorType": "AccessDeniedException"}
)
NO_PRELUDE = (
    "The response has no prelude, which a REST API with STREAM needs. Does the function buffer? "
    "Set ADAPTER_INVOKE_MODE=response_stream, or try --invoke-mode buffered."
)


class FunctionUrlSource(EventSource):
    """A function URL.

    AWS does not document two cases, which are decided here. A timeout before the head is a 502,
    like other failures. A concurrent environment at its limit is a 429.

    ``check_caller`` returns the identity of a signed request, or raises `SignatureError`.
    """

    too_large = OwnResponse(413, json.dumps({"Message": TOO_LARGE}).encode())
    failed = OwnResponse(502, b"Internal Server Error")
    unavailable = OwnResponse(429, b'{"Message":"Rate Exceeded."}')
    timed_out = failed
    buffered_advice = " (The URL's invoke mode is BUFFERED; does the function stream?)"

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

    def event(self, request: ClientRequest) -> SourceEvent | OwnResponse:
        """Return the event, or the response to a preflight request or an unsigned one."""
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
            return event._replace(cors_headers=self._cors.fields(request))
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

    def own_headers(self, event: SourceEvent) -> Headers:
        """Return the headers that the URL adds."""
        return url_headers(event.request_id, event.trace_id)


def with_cors(head: ResponseHead, event: SourceEvent) -> ResponseHead:
    """Add the headers of the URL's ``Cors`` settings to those of the app."""
    return head._replace(headers=[*head.headers, *event.cors_headers])


class ApiSource(EventSource):
    """An API of API Gateway: what REST APIs and HTTP APIs have in common."""

    def __init__(
        self,
        *,
        streams: bool = False,
        stage: str = "",
        base_path: str = "",
        aws_region: str | None = None,
    ) -> None:
        super().__init__(streams=streams)
        self._stage = stage
        self._base_path = base_path
        self._aws_region = aws_region


class RestApiSource(ApiSource):
    """A REST API with one resource, ``/{proxy+}``.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
    """

    wait_seconds = 29.0
    too_large = OwnResponse(413, b'{"message":"Request Too Long"}')
    failed = OwnResponse(
        502,
        b'{"message": "Internal server error"}',
        headers={"x-amzn-ErrorType": "InternalServerErrorException"},
    )
    unavailable = failed
    timed_out = OwnResponse(504, b'{"message": "Endpoint request timed out"}')
    buffered_advice = (
        " (The API's transfer mode is BUFFERED; with --invoke-mode response_stream it is STREAM.)"
    )

    def event(self, request: ClientRequest) -> SourceEvent | OwnResponse:
        """Return the event, or the response to a path outside of the stage."""
        event = rest_event(
            request, stage=self._stage, base_path=self._base_path, aws_region=self._aws_region
        )
        refused = {"x-amzn-ErrorType": "ForbiddenException"}
        return event or OwnResponse(403, b'{"message":"Forbidden"}', headers=refused)

    def streamed_head(self, prelude: Mapping[str, object], event: SourceEvent) -> ResponseHead:
        """Return the head that a prelude describes."""
        return rest_stream_head(prelude, self.own_headers(event))

    def plain_head(self, content_type: str, event: SourceEvent) -> ResponseHead:
        """Refuse a stream without a prelude."""
        raise InvalidResponseError(NO_PRELUDE)

    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a buffered response."""
        return rest_response(payload, content_type, self.own_headers(event))

    def own_headers(self, event: SourceEvent) -> Headers:
        """Return the headers that the API adds."""
        gateway_id = (b"x-amz-apigw-id", f"{event.request_id[:15]}=".encode())
        return [*url_headers(event.request_id, event.trace_id), gateway_id]


class HttpApiSource(ApiSource):
    """An HTTP API with the route ``$default`` and payload format 2.0; it never streams."""

    wait_seconds = 30.0
    too_large = OwnResponse(413, b'{"message":"Request Entity Too Large"}')
    failed = OwnResponse(500, b'{"message":"Internal Server Error"}')
    unavailable = OwnResponse(503, b'{"message":"Service Unavailable"}')
    timed_out = unavailable

    def event(self, request: ClientRequest) -> SourceEvent | OwnResponse:
        """Return the event, or the response to a path outside of the stage."""
        event = http_event(
            request, stage=self._stage, base_path=self._base_path, aws_region=self._aws_region
        )
        return event or OwnResponse(404, b'{"message":"Not Found"}')

    def streamed_head(self, prelude: Mapping[str, object], event: SourceEvent) -> ResponseHead:
        """Refuse a stream."""
        raise InvalidResponseError("An HTTP API does not stream.")

    def plain_head(self, content_type: str, event: SourceEvent) -> ResponseHead:
        """Refuse a stream."""
        raise InvalidResponseError("An HTTP API does not stream.")

    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a response."""
        refuse_stream(content_type, "An HTTP API")
        return http_api_response(payload, self.own_headers(event))

    def own_headers(self, event: SourceEvent) -> Headers:
        """Return the header that the API adds."""
        return [(b"Apigw-Requestid", f"{event.request_id[:15]}=".encode())]


class LoadBalancerSource(EventSource):
    """An Application Load Balancer, which never streams."""

    max_body_bytes = 1024 * 1024
    too_large = OwnResponse(413, b"", "text/html", {"Server": "awselb/2.0"})
    failed = OwnResponse(
        502,
        b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
        b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
        "text/html",
        {"Server": "awselb/2.0"},
    )
    unavailable = failed
    timed_out = failed

    def __init__(self, *, multi: bool = False) -> None:
        super().__init__(streams=False)
        self._multi = multi

    def event(self, request: ClientRequest) -> SourceEvent | OwnResponse:
        """Return the event."""
        return load_balancer_event(request, multi=self._multi)

    def streamed_head(self, prelude: Mapping[str, object], event: SourceEvent) -> ResponseHead:
        """Refuse a stream."""
        raise InvalidResponseError("A load balancer does not stream.")

    def plain_head(self, content_type: str, event: SourceEvent) -> ResponseHead:
        """Refuse a stream."""
        raise InvalidResponseError("A load balancer does not stream.")

    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a response."""
        refuse_stream(content_type, "A load balancer")
        return load_balancer_response(payload, multi=self._multi)

    def own_headers(self, event: SourceEvent) -> Headers:
        """Return no headers."""
        return []


def refuse_stream(content_type: str, source: str) -> None:
    """Refuse a stream that ``source`` cannot pass on.

    Raises:
        InvalidResponseError: the response is a stream.
    """
    if content_type == PRELUDE_CONTENT_TYPE:
        raise InvalidResponseError(
            f"{source} does not stream, and the function does. Without ADAPTER_INVOKE_MODE it "
            "buffers for this source."
        )
