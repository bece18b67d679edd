"""The Application Load Balancer as an event source. It does no I/O.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...samples.proxy_events import alb_event
from .event_source import EventSource, SourceResponse, refuse_stream
from .source_event import received_request, source_event
from .source_response import (
    InvalidResponseError,
    ResponseHead,
    body_of,
    header_field,
    object_in,
    read_object,
    status_of,
    string_list,
    with_content_length,
)

if TYPE_CHECKING:
    from ...types import Headers
    from .client_request import ClientRequest
    from .source_event import SourceEvent

MAX_BODY_BYTES = 1024 * 1024  # of a request, and of a response as JSON
NO_REMAPPED_HEADERS: frozenset[str] = frozenset()


class LoadBalancerSource(EventSource):
    """An Application Load Balancer, which never streams."""

    max_body_bytes = MAX_BODY_BYTES
    too_large = SourceResponse(413, b"", "text/html", {"Server": "awselb/2.0"})
    failed = SourceResponse(
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

    def event(self, request: ClientRequest) -> SourceEvent | SourceResponse:
        """Return the event."""
        return load_balancer_event(request, multi=self._multi)

    def buffered(
        self, payload: bytes, content_type: str, event: SourceEvent
    ) -> tuple[ResponseHead, bytes]:
        """Return head and body of a response."""
        refuse_stream(content_type, "A load balancer")
        return load_balancer_response(payload, multi=self._multi)

    def source_headers(self, event: SourceEvent) -> Headers:
        """Return no headers."""
        return []


def load_balancer_event(request: ClientRequest, *, multi: bool) -> SourceEvent:
    """Return the event of a request to a load balancer."""
    # A load balancer appends the client's address to the request's X-Forwarded-For.
    received = received_request(request, "", None, frozenset({b"x-forwarded-for"}))
    event = alb_event(
        request.path,
        multi=multi,
        method=request.method,
        query=request.query,
        headers=received.headers,
        body=request.body,
        source_ip=request.peer,
    )
    return source_event(event, received)


def load_balancer_response(payload: bytes, *, multi: bool) -> tuple[ResponseHead, bytes]:
    """Return head and body of a response of a load balancer.

    Raises:
        InvalidResponseError: the load balancer would respond with 502.
    """
    if len(payload) > MAX_BODY_BYTES:
        raise InvalidResponseError(
            f"The response has {len(payload)} bytes; a load balancer takes at most 1 MiB."
        )
    response = read_object(payload)
    fields: Headers = []
    if multi:
        # A load balancer sends the values of a header in reverse order.
        # https://github.com/dougmoscrop/serverless-http/issues/244
        for name, values in object_in(response, "multiValueHeaders").items():
            for value in reversed(string_list(f"multiValueHeaders[{name!r}]", values)):
                fields.extend(header_field(name, value, NO_REMAPPED_HEADERS))
    else:
        for name, single in object_in(response, "headers").items():
            fields.extend(header_field(name, single, NO_REMAPPED_HEADERS))
    # The load balancer counts the length itself.
    fields = [field for field in fields if field[0].lower() != b"content-length"]
    if "statusCode" not in response:
        raise InvalidResponseError("The response has no statusCode.")
    return with_content_length(ResponseHead(status_of(response), fields), body_of(response))
