"""The events that REST APIs, HTTP APIs and load balancers make from a request. It does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...samples.api_events import http_api_event, rest_api_event
from ...samples.proxy_events import alb_event
from ..host import LOCAL_API_DOMAIN
from .source_event import arrive, clock_time, epoch_ms, source_event

if TYPE_CHECKING:
    from ...types import Event
    from .client_request import ClientRequest
    from .source_event import Arrival, SourceEvent

API_ID = LOCAL_API_DOMAIN.partition(".")[0]
DEFAULT_STAGE = "prod"  # of a REST API, where it is not part of the path


def path_below(path: str, prefix: str) -> str | None:
    """Return the path below a stage or base path; ``None`` outside of it."""
    if path != prefix and not path.startswith(f"{prefix}/"):
        return None
    return path[len(prefix) :] or "/"


def rest_event(
    request: ClientRequest, *, stage: str, base_path: str, aws_region: str | None
) -> SourceEvent | None:
    """Return the event of a request to a REST API; ``None`` outside of its stage."""
    path = path_below(request.path, base_path or (f"/{stage}" if stage else ""))
    if path is None:
        return None
    arrival = arrive(request, LOCAL_API_DOMAIN, api_domain(aws_region))
    event = rest_api_event(
        path,
        method=request.method,
        query=request.query,
        headers=arrival.headers,
        body=request.body,
        stage=stage or DEFAULT_STAGE,
        mapping=base_path,
        source_ip=request.peer,
    )
    context = context_of(event)
    identity = context["identity"]
    assert isinstance(identity, dict)
    identity["userAgent"] = dict(arrival.headers).get("user-agent")
    context |= {
        **names(arrival),
        # With a custom domain the client's path has no stage.
        "path": request.path,
        "extendedRequestId": extended_id(arrival.request_id),
        "requestTime": clock_time(arrival.time),
        "requestTimeEpoch": epoch_ms(arrival.time),
    }
    return source_event(event, arrival)


def http_event(
    request: ClientRequest, *, stage: str, base_path: str, aws_region: str | None
) -> SourceEvent | None:
    """Return the event of a request to an HTTP API; ``None`` outside of its stage."""
    path = path_below(request.path, base_path or (f"/{stage}" if stage else ""))
    if path is None:
        return None
    arrival = arrive(request, LOCAL_API_DOMAIN, api_domain(aws_region))
    event = http_api_event(
        path,
        method=request.method,
        query=request.query,
        headers=arrival.headers,
        body=request.body,
        stage=stage or "$default",
        mapping=base_path,
        source_ip=request.peer,
    )
    context_of(event).update(
        {
            **names(arrival),
            "time": clock_time(arrival.time),
            "timeEpoch": epoch_ms(arrival.time),
        }
    )
    return source_event(event, arrival)


def load_balancer_event(request: ClientRequest, *, multi: bool) -> SourceEvent:
    """Return the event of a request to a load balancer."""
    # A load balancer appends the client's address to the request's X-Forwarded-For.
    arrival = arrive(request, "", None, frozenset({b"x-forwarded-for"}))
    event = alb_event(
        request.path,
        multi=multi,
        method=request.method,
        query=request.query,
        headers=arrival.headers,
        body=request.body,
        source_ip=request.peer,
    )
    return source_event(event, arrival)


def api_domain(aws_region: str | None) -> str | None:
    """Return the domain that AWS would give to an API."""
    return f"{API_ID}.execute-api.{aws_region}.amazonaws.com" if aws_region else None


def extended_id(request_id: str) -> str:
    """Return API Gateway's extended id of a request."""
    return f"{request_id[:8]}{request_id[-7:]}="


def names(arrival: Arrival) -> Event:
    """Return the keys of a request context that name the API and the request."""
    return {
        "apiId": API_ID,
        "domainName": arrival.domain,
        "domainPrefix": arrival.domain.partition(".")[0],
        "requestId": arrival.request_id,
    }


def context_of(event: Event) -> Event:
    """Return the request context of an event."""
    context = event["requestContext"]
    assert isinstance(context, dict)
    return context
