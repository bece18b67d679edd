"""The common parts of the APIs of API Gateway: REST APIs and HTTP APIs. The module does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...samples.api_events import CUSTOM_DOMAIN
from ..host import LOCAL_API_DOMAIN
from .event_source import EventSource

if TYPE_CHECKING:
    from ...types import Event
    from .source_event import ReceivedRequest

API_ID = LOCAL_API_DOMAIN.partition(".")[0]


class ApiGatewaySource(EventSource):
    """An API of API Gateway: the common part of REST APIs and HTTP APIs."""

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


def path_below(path: str, prefix: str) -> str | None:
    """Return the path below a stage or base path; ``None`` outside of it."""
    if path != prefix and not path.startswith(f"{prefix}/"):
        return None
    return path[len(prefix) :] or "/"


def api_domains(base_path: str, aws_region: str | None) -> tuple[str, str | None]:
    """Return the domain of an API as events name it, and the one that AWS would give to it.

    Only a custom domain has a base path.
    """
    if base_path:
        return CUSTOM_DOMAIN, CUSTOM_DOMAIN if aws_region else None
    given = f"{API_ID}.execute-api.{aws_region}.amazonaws.com" if aws_region else None
    return LOCAL_API_DOMAIN, given


def api_keys(received: ReceivedRequest) -> Event:
    """Return the keys of a request context that name the API and the request."""
    return {
        "apiId": API_ID,
        "domainName": received.domain,
        "domainPrefix": received.domain.partition(".")[0],
        "requestId": received.request_id,
    }
