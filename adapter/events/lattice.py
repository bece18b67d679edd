"""VPC Lattice, event structure version 2.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .alb import response  # the same: one value for each header
from .multi_value import client_address, encode_query, join_cookies, multi_value_prelude, pairs
from .request import build_request, decode_path, method_at, path_at
from .source import Source

if TYPE_CHECKING:
    from ..types import Event, Request


def is_http(event: Event) -> bool:
    """Whether this is a request from a service of VPC Lattice."""
    context = event.get("requestContext")
    return event.get("version") == "2.0" and isinstance(context, dict) and "serviceArn" in context


def request(event: Event) -> Request:
    """Turn the event into a request.

    A query in the path is kept byte for byte. Otherwise the query is encoded from the
    parameters, which the event has decoded.

    Raises:
        EventError: a required key is missing or has the wrong type.
    """
    raw, mark, query = path_at(event, "path").partition("?")
    parameters = pairs(event, "queryStringParameters")
    headers = join_cookies(pairs(event, "headers"))
    built = build_request(
        method=method_at(event, "method"),
        path=decode_path(raw),
        raw_path=raw.encode(),
        query_string=query.encode() if mark else encode_query(parameters),
        headers=headers,
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
    )
    return built._replace(client=client_address(headers))


LATTICE = Source(
    "VPC Lattice service",
    (),
    request,
    response,
    multi_value_prelude,
    to_stream="VPC Lattice cannot stream; a function URL can",
)
