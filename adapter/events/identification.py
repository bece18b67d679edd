"""Identification of the event sources whose events are not in payload format 2.0.

The events of a function URL are in that format, so its cold start does not import this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import alb, edge, lattice, payload_v1

if TYPE_CHECKING:
    from ..types import Event
    from .source import Source


def identify_other(event: Event) -> Source | None:
    """Return the source of an HTTP event; None if the event is not an HTTP request."""
    if edge.is_http(event):
        return edge.EDGE
    if alb.is_http(event):
        return alb.ALB_MULTI if alb.is_multi_value(event) else alb.ALB
    if lattice.is_http(event):
        return lattice.LATTICE
    if payload_v1.is_http(event):
        return payload_v1.HTTP_API_V1 if payload_v1.is_http_api(event) else payload_v1.REST_API
    return None
