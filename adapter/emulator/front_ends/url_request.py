"""The event that a function URL makes from a request. It does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...samples.url_event import URL_ID, function_url_event
from ..host import LOCAL_DOMAIN
from .source_event import arrive, clock_time, epoch_ms, source_event

if TYPE_CHECKING:
    from ...types import Event
    from .client_request import ClientRequest
    from .source_event import SourceEvent


def url_event(
    request: ClientRequest, *, aws_region: str | None = None, caller: Event | None = None
) -> SourceEvent:
    """Return the event of a request; ``caller`` is the identity of its signer, if it is signed."""
    aws_domain = f"{URL_ID}.lambda-url.{aws_region}.on.aws" if aws_region else None
    arrival = arrive(request, LOCAL_DOMAIN, aws_domain)
    event = function_url_event(
        request.path or "/",
        method=request.method,
        query=request.query,
        headers=arrival.headers,
        body=request.body,
        domain=arrival.domain,
        source_ip=request.peer,
        request_id=arrival.request_id,
        epoch_ms=epoch_ms(arrival.time),
        time=clock_time(arrival.time),
    )
    if caller is not None:
        context = event["requestContext"]
        assert isinstance(context, dict)
        context |= {"accountId": caller["accountId"], "authorizer": {"iam": caller}}
    return source_event(event, arrival)
