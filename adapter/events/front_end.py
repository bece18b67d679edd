"""Requests behind a front end, such as CloudFront: the viewer's host and authorization.

Any client can send any header. So a header is trusted only if the request proves that it comes from
the front end: by a secret that the front end adds to each request, or by the IAM caller, whose
signature Lambda has verified.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

from __future__ import annotations

import re
from hmac import compare_digest
from typing import TYPE_CHECKING, NamedTuple

from .request import server_of

if TYPE_CHECKING:
    from ..types import Event, Headers, Request

MIN_SECRET_CHARACTERS = 16

_ARN = re.compile(r"arn:[\w-]+:(?:sts|iam)::\d{12}:[\w+=,.@/-]+\*?")
_SECRET = re.compile(r"([\w-]+):\s*([\x21-\x2b\x2d-\x7e]+(?:\s*,\s*[\x21-\x2b\x2d-\x7e]+)*)\s*")
_HOST = re.compile(rb"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", re.ASCII)


class FrontEnd(NamedTuple):
    """How a front end proves itself: as an IAM caller, or by a header with a secret."""

    caller: str = ""  #: an ARN; a ``*`` at its end stands for any text
    header: bytes = b""
    secrets: tuple[bytes, ...] = ()

    def has_sent(self, headers: Headers, event: Event) -> bool:
        """Whether a request with these headers, in this event, comes from the front end."""
        if self.caller:
            return self._has_signed(event)
        given = _value(headers, self.header)
        if given is None:
            return False
        return any(compare_digest(given, secret) for secret in self.secrets)

    def _has_signed(self, event: Event) -> bool:
        arn = _iam_caller(event)
        if self.caller.endswith("*"):
            return arn.startswith(self.caller.removesuffix("*"))
        return arn == self.caller


def parse_front_end(text: str) -> FrontEnd | None:
    """Read the option ``trusted_front_end``; None if ``text`` is no ARN and has no secret."""
    if text.startswith("arn:"):
        return FrontEnd(caller=text) if _ARN.fullmatch(text) else None
    found = _SECRET.fullmatch(text)
    if found is None:
        return None
    secrets = tuple(secret.strip().encode("ascii") for secret in found[2].split(","))
    if min(map(len, secrets)) < MIN_SECRET_CHARACTERS:
        return None
    return FrontEnd(header=found[1].lower().encode("ascii"), secrets=secrets)


def as_sent_by_viewer(
    request: Request,
    event: Event,
    *,
    trusted: FrontEnd | None,
    host_header: str,
    authorization_header: str,
) -> Request:
    """Return the request as the viewer sent it to the front end.

    Args:
        request: the request in the event.
        event: the event.
        trusted: the front end whose ``host_header`` is trusted, or None.
        host_header: the header that has the viewer's host; only with ``trusted``.
        authorization_header: the header that has the authorization for the app; may be empty.
    """
    if trusted is not None:
        request = _with_viewer_host(request, event, host_header, trusted)
    return _with_authorization(request, authorization_header) if authorization_header else request


def _with_viewer_host(request: Request, event: Event, header: str, trusted: FrontEnd) -> Request:
    """Return the request with the viewer's host.

    ``header`` and the secret are removed from every request, also from one that the front end has
    not sent: a framework may read ``x-forwarded-host`` by itself, and must not trust it. For WSGI
    and CGI ``x_forwarded_host`` is the same header (RFC 3875, 4.1.18), so it is removed, too.
    """
    name = header.encode("ascii")
    host = _value(request.headers, name)
    is_from_front_end = trusted.has_sent(request.headers, event)
    hidden = (_hyphenated(name), _hyphenated(trusted.header))
    fields = [field for field in request.headers if _hyphenated(field[0]) not in hidden]
    if not is_from_front_end or host is None or not _HOST.fullmatch(host):
        return request._replace(headers=fields)
    fields = [field for field in fields if field[0] != b"host"]
    fields.insert(0, (b"host", host))
    port = _value(request.headers, b"x-forwarded-port") or b""
    server = server_of(host, port, request.scheme)
    return request._replace(headers=fields, server=server)


def _with_authorization(request: Request, header: str) -> Request:
    """Return the request with the value of ``header`` as ``authorization``, if present."""
    name = header.encode("ascii")
    value = _value(request.headers, name)
    if value is None:
        return request
    fields = [field for field in request.headers if field[0] not in (name, b"authorization")]
    return request._replace(headers=[*fields, (b"authorization", value)])


def _hyphenated(name: bytes) -> bytes:
    return name.replace(b"_", b"-")


def _value(headers: Headers, name: bytes) -> bytes | None:
    """Return the value of a header that occurs exactly once."""
    values = [value for field, value in headers if field == name]
    return values[0] if len(values) == 1 else None


def _iam_caller(event: Event) -> str:
    """Return the ARN of the caller whose signature Lambda has verified; empty without one.

    Only payload 2.0 has a verified caller: in payload 1.0 a user's authorizer can set these keys.
    """
    found: object = event if event.get("version") == "2.0" else {}
    for key in ("requestContext", "authorizer", "iam", "userArn"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
