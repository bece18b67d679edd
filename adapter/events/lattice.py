"""VPC Lattice, event structure version 2.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .alb import answer  # one value for each header, as of a target group
from .multi import multi_prelude, nearest_address, one_cookie, pairs, quoted_query
from .request import build_request, decoded, method_of, path_at
from .source import Source

if TYPE_CHECKING:
    from ..types import Event, Request


def is_http(event: Event) -> bool:
    """Whether this is a request that came through a service of VPC Lattice."""
    context = event.get("requestContext")
    return event.get("version") == "2.0" and isinstance(context, dict) and "serviceArn" in context


def request(event: Event) -> Request:
    """Turn the event into a request.

    A query that still stands in the path goes on byte for byte; else it is made of the
    parameters, which have been decoded.

    Raises:
        EventError: a part that every such event has is missing or of the wrong type.
    """
    raw, mark, query = path_at(event, "path").partition("?")
    parameters = pairs(event, "queryStringParameters")
    headers = one_cookie(pairs(event, "headers"))
    built = build_request(
        method=method_of(event, "method"),
        path=decoded(raw),
        raw_path=raw.encode(),
        query_string=query.encode() if mark else quoted_query(parameters),
        headers=headers,
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
    )
    return built._replace(client=nearest_address(headers))


LATTICE = Source(
    "VPC Lattice service",
    (),
    request,
    answer,
    multi_prelude,
    to_stream="VPC Lattice cannot stream; a function URL can",
)
