"""Every difference between Mangum and this adapter that is meant, as data.

``python -m tests.parity_differences`` prints the table in docs/moving-from-mangum.md.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from .support.event_sources import EVENT_SOURCES

#: The sources that both support.
BOTH = {source.name: source for source in EVENT_SOURCES if source.name != "VPC Lattice"}
ALL = tuple(BOTH)
URL, V2, V1, REST, ALB, ALB_MULTI, EDGE = ALL
EVERY = "every request"
#: What is compared, and how the table calls it.
ASPECTS = {
    "spec_version": "the version of ASGI",
    "method": "`method`",
    "raw_path": "`raw_path`",
    "root_path": "`root_path`",
    "path": "`path` behind `root_path`",
    "query": "`query_string`",
    "headers": "`headers`",
    "body": "the body",
    "client": "`client`",
    "server": "`server`",
    "scheme": "`scheme`",
    "status": "the status",
    "response headers": "the headers",
    "response cookies": "the cookies",
    "response body": "the body",
    "raises": "all of it",
}


class Difference(NamedTuple):
    """Something that this adapter does differently on purpose."""

    case: str
    aspect: str
    sources: tuple[str, ...]
    mangum: str
    here: str


DIFFERENCES = [
    Difference(
        EVERY,
        "spec_version",
        ALL,
        "says ASGI 2.0",
        "says 2.4, because `send()` raises after a disconnect; Starlette streams differently"
        " below 2.4",
    ),
    Difference(EVERY, "raw_path", ALL, "is `None`", "is the path as the client encoded it"),
    Difference(
        EVERY,
        "root_path",
        (REST,),
        "is always empty, so links lack the stage",
        "is the stage, or the mapping of a custom domain, and links work",
    ),
    Difference(
        EVERY,
        "server",
        (EDGE,),
        "has port 80 for https",
        "has port 443 unless `Host` says otherwise",
    ),
    Difference(
        "a stage",
        "path",
        (V2, V1),
        "hands the stage to the app's router",
        "has the stage in `root_path`, which most frameworks remove: see below",
    ),
    Difference("a stage", "root_path", (V2, V1), "is empty", "is the stage, and links work"),
    Difference(
        "a base path",
        "root_path",
        ALL,
        "is empty, so links lack the base path",
        "has the base path, and links work",
    ),
    Difference(
        "a base path",
        "path",
        (ALB, ALB_MULTI, EDGE),
        "ignores the option",
        "the option is for every source",
    ),
    Difference(
        "a base path that is no whole segment",
        "path",
        (URL, V2, V1, REST),
        "makes `foo` of `/apifoo`",
        "keeps it: `/api` is not its first segment",
    ),
    Difference(
        "an encoded path", "path", (EDGE,), "is not decoded", "is decoded once, as ASGI requires"
    ),
    Difference(
        "an encoded percent sign in the path",
        "path",
        (URL, V2, V1),
        "is decoded twice: AWS has done it once",
        "is decoded once",
    ),
    Difference(
        "an encoded percent sign in the path",
        "path",
        (EDGE,),
        "is not decoded",
        "is decoded once",
    ),
    Difference(
        "a query in another spelling",
        "query",
        (ALB, ALB_MULTI),
        "is decoded and encoded again",
        "is kept byte for byte, because signatures cover it",
    ),
    Difference(
        "a query in another spelling",
        "query",
        (V1, REST),
        "has `+` for a blank",
        "has `%20`, which every parser reads alike; AWS decodes the query, so it is encoded again",
    ),
    Difference(
        "repeated request headers",
        "headers",
        (V1, REST),
        "are joined",
        "each keeps its own value, as ASGI requires",
    ),
    Difference(
        "repeated request headers",
        "headers",
        (EDGE,),
        "all but the first are lost",
        "all are kept",
    ),
    Difference(
        "a latin-1 request header",
        "headers",
        ALL,
        "arrives as UTF-8",
        "arrives as the bytes that were sent, as ASGI requires",
    ),
    Difference(
        "addresses in X-Forwarded-For",
        "client",
        (ALB, ALB_MULTI),
        "is the whole list",
        "is the last address, which connected to the load balancer",
    ),
    Difference(
        "no `sourceIp` in the event",
        "raises",
        (URL, V2),
        "the invocation fails with `KeyError`",
        "`client` is `None`",
    ),
    Difference(
        "no `sourceIp` in the event",
        "client",
        (V1, REST),
        "is `(None, 0)`",
        "is `None`, as ASGI requires; so is Starlette's `request.client`",
    ),
    Difference(
        "an IPv6 host", "raises", ALL, "the invocation fails with `ValueError`", "is understood"
    ),
    Difference(
        "cookies in the response",
        "response cookies",
        (EDGE,),
        "all but the last are lost",
        "all are sent",
    ),
    Difference(
        "repeated headers in the response",
        "response headers",
        (URL, V2),
        "are joined with `,`",
        "are joined with `, `, as HTTP writes lists",
    ),
    Difference(
        "repeated headers in the response",
        "response headers",
        (ALB,),
        "get names in different mixtures of upper and lower case",
        "are joined with `, `; only cookies, which cannot be joined, get such names",
    ),
    Difference(
        "repeated headers in the response",
        "response headers",
        (EDGE,),
        "all but the last are lost",
        "all are sent",
    ),
    Difference(
        "a latin-1 header in the response",
        "raises",
        ALL,
        "the invocation fails with `UnicodeDecodeError`",
        "is sent",
    ),
    Difference(
        "a binary response",
        "response body",
        (EDGE,),
        "arrives as base64: `isBase64Encoded` means nothing to CloudFront",
        "arrives as it was sent, by `bodyEncoding`",
    ),
    Difference(
        "a compressed response",
        "response body",
        (EDGE,),
        "arrives as base64",
        "arrives as it was sent",
    ),
    Difference(
        "a response without a type",
        "response body",
        (EDGE,),
        "arrives as base64",
        "arrives as sent",
    ),
    Difference(
        "a response without a type",
        "response headers",
        (URL, V2),
        "is called `application/json`",
        "stays without a type",
    ),
    Difference(
        "a 204",
        "response headers",
        (URL, V2),
        "gets `content-type: application/json`",
        "has no body and so no type",
    ),
    Difference(
        "a 304",
        "response headers",
        (URL, V2),
        "gets `content-type: application/json`",
        "has no body and so no type: a cache would take it over",
    ),
    Difference(
        "a HEAD request",
        "response body",
        ALL,
        "gets a body if the app sends one",
        "never gets a body, as HTTP requires",
    ),
    Difference(
        "`X-Accel-Buffering` in the response",
        "response headers",
        (EDGE,),
        "is sent, so CloudFront responds 502",
        "is dropped, like each field that CloudFront refuses",
    ),
    Difference(
        "a response with its length",
        "response headers",
        ALL,
        "keeps `content-length`, which AWS renames to `x-amzn-remapped-content-length`",
        "drops it: AWS counts, and with a stream a wrong one breaks the response",
    ),
]


def markdown() -> str:
    """Return the differences as a table in Markdown."""
    rows = ["| what | where | Mangum | here |", "|---|---|---|---|"]
    for difference in DIFFERENCES:
        where = "everywhere" if difference.sources == ALL else "; ".join(difference.sources)
        what = f"{difference.case}: {ASPECTS[difference.aspect]}"
        rows.append(f"| {what} | {where} | {difference.mangum} | {difference.here} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
