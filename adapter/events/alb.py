"""Application Load Balancers, with and without multi-value headers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from .body import encode_body
from .multi_value import client_address, header_pairs, multi_value_prelude, query_pairs
from .request import build_request, decode_path, method_at, path_at
from .source import Source

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request


def is_http(event: Event) -> bool:
    """Whether this is a request from a load balancer."""
    context = event.get("requestContext")
    return isinstance(context, dict) and "elb" in context


def is_multi_value(event: Event) -> bool:
    """Whether the target group has multi-value headers enabled, for requests and responses."""
    return "multiValueHeaders" in event


def request(event: Event) -> Request:
    """Turn the event into a request.

    The load balancer does not decode the path and the query, so both stay as the client sent
    them. The client is the last address in ``x-forwarded-for``, which the load balancer adds.

    Raises:
        EventError: a required key is missing or has the wrong type.
    """
    raw = path_at(event, "path")
    headers = header_pairs(event)
    built = build_request(
        method=method_at(event, "httpMethod"),
        path=decode_path(raw),
        raw_path=raw.encode(),
        query_string="&".join(f"{name}={value}" for name, value in query_pairs(event)).encode(),
        headers=headers,
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
    )
    return built._replace(client=client_address(headers))


def response(head: Prelude, body: bytes) -> JSON:
    """Return the response for a target group without multi-value headers."""
    return {
        "statusCode": head["statusCode"],
        "headers": {**single_headers(head)},
        **encode_body(head["headers"], body),
    }


def multi_value_response(head: Prelude, body: bytes) -> JSON:
    """Return the response for a target group with multi-value headers.

    Such a target group ignores ``headers``.
    """
    fields: dict[str, JSON] = {name: [value] for name, value in head["headers"].items()}
    fields |= {name: [*values] for name, values in head.get("multiValueHeaders", {}).items()}
    return {
        "statusCode": head["statusCode"],
        "multiValueHeaders": fields,
        **encode_body(head["headers"], body),
    }


def single_headers(head: Prelude) -> dict[str, str]:
    """Return the header fields with one value for each name.

    Cookies cannot be joined, and a key of a JSON object is unique. So each cookie gets a
    different spelling of ``Set-Cookie``, in upper and lower case: clients ignore the case.
    """
    repeated = dict(head.get("multiValueHeaders", {}))
    cookies = repeated.pop("set-cookie", [])
    joined = {name: ", ".join(values) for name, values in repeated.items()}
    cookie_fields = dict(zip(_case_variants("set-cookie"), cookies, strict=False))
    return {**head["headers"], **joined, **cookie_fields}


def _case_variants(name: str) -> map[str]:
    letters = ((letter, letter.upper()) if letter.isalpha() else letter for letter in name)
    return map("".join, product(*letters))


# "The maximum size of the response JSON that the Lambda function can send is 1 MB."
_MAX_RESPONSE_BYTES = 1_000_000
ALB = Source(
    "load balancer",
    (),
    request,
    response,
    multi_value_prelude,
    max_response_bytes=_MAX_RESPONSE_BYTES,
    to_stream="a load balancer cannot stream; a function URL or a REST API can",
)
ALB_MULTI = ALB._replace(response=multi_value_response)
