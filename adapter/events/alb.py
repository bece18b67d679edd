"""Application Load Balancers, with and without multi-value headers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from .buffered import encode_body
from .multi import header_pairs, multi_prelude, nearest_address, query_pairs
from .request import build_request, decoded, method_of, path_at
from .source import Source

if TYPE_CHECKING:
    from ..types import JSON, Event, Prelude, Request


def is_http(event: Event) -> bool:
    """Whether this is a request that came through a load balancer."""
    context = event.get("requestContext")
    return isinstance(context, dict) and "elb" in context


def is_multi(event: Event) -> bool:
    """Whether the target group has multi-value headers switched on, for both directions."""
    return "multiValueHeaders" in event


def request(event: Event) -> Request:
    """Turn the event into a request.

    The load balancer decodes neither the path nor the query, so both go on as they came. It
    names no client; the last address in ``x-forwarded-for`` is the one that it saw.

    Raises:
        EventError: a part that every such event has is missing or of the wrong type.
    """
    raw = path_at(event, "path")
    headers = header_pairs(event)
    built = build_request(
        method=method_of(event, "httpMethod"),
        path=decoded(raw),
        raw_path=raw.encode(),
        query_string="&".join(f"{name}={value}" for name, value in query_pairs(event)).encode(),
        headers=headers,
        body=event.get("body"),
        is_base64=event.get("isBase64Encoded"),
    )
    return built._replace(client=nearest_address(headers))


def answer(head: Prelude, body: bytes) -> JSON:
    """Return the answer for a target group without multi-value headers."""
    return {
        "statusCode": head["statusCode"],
        "headers": {**single_headers(head)},
        **encode_body(head["headers"], body),
    }


def multi_answer(head: Prelude, body: bytes) -> JSON:
    """Return the answer for a target group with multi-value headers: ``headers`` is ignored."""
    several: dict[str, JSON] = {name: [value] for name, value in head["headers"].items()}
    several |= {name: [*values] for name, values in head.get("multiValueHeaders", {}).items()}
    return {
        "statusCode": head["statusCode"],
        "multiValueHeaders": several,
        **encode_body(head["headers"], body),
    }


def single_headers(head: Prelude) -> dict[str, str]:
    """Return a head's fields with one value for each name.

    Cookies cannot be joined. Each gets a name of its own, ``Set-Cookie`` in another mixture of
    upper and lower case: to a client they are all the same.
    """
    several = dict(head.get("multiValueHeaders", {}))
    cookies = several.pop("set-cookie", [])
    joined = {name: ", ".join(values) for name, values in several.items()}
    spelled = dict(zip(_spellings("set-cookie"), cookies, strict=False))
    return {**head["headers"], **joined, **spelled}


def _spellings(name: str) -> map[str]:
    letters = ((letter, letter.upper()) if letter.isalpha() else letter for letter in name)
    return map("".join, product(*letters))


# "The maximum size of the response JSON that the Lambda function can send is 1 MB."
_MAX_ANSWER = 1_000_000
ALB = Source(
    "load balancer",
    (),
    request,
    answer,
    multi_prelude,
    max_answer=_MAX_ANSWER,
    to_stream="a load balancer cannot stream; a function URL or a REST API can",
)
ALB_MULTI = ALB._replace(answer=multi_answer)
