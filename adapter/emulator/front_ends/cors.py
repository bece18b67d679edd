"""The ``Cors`` settings of a function URL. It does no I/O.

The URL responds to preflight requests itself and adds its headers to the function's responses. If
the function adds the same headers, the browser gets two values and refuses them.
https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from .event_source import SourceResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...types import Headers
    from .client_request import ClientRequest

ALLOW_ORIGIN = b"access-control-allow-origin"
TWO_VALUES = (
    "The response has two Access-Control-Allow-Origin headers, which browsers refuse: one of the "
    "app's CORS middleware and one of the URL's Cors settings. The same happens on AWS: keep one "
    "of the two."
)
LISTS = ("AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders")


@dataclass(frozen=True)
class Cors:
    """The settings; ``*`` allows all."""

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    max_age_seconds: int = 0

    def preflight(self, request: ClientRequest) -> SourceResponse | None:
        """Return the response to a preflight request; ``None`` for another request."""
        method = request.header(b"access-control-request-method")
        if request.method != "OPTIONS" or not method or not request.header(b"origin"):
            return None
        fields = self.response_headers(request)
        if fields and not {method, "*"}.isdisjoint(self.allow_methods):
            fields.append((b"access-control-allow-methods", ",".join(self.allow_methods).encode()))
            if self.allow_headers:
                names = ",".join(self.allow_headers).encode()
                fields.append((b"access-control-allow-headers", names))
            if self.max_age_seconds:
                fields.append((b"access-control-max-age", b"%d" % self.max_age_seconds))
        return SourceResponse(200, b"", headers={n.decode(): v.decode() for n, v in fields})

    def response_headers(self, request: ClientRequest) -> Headers:
        """Return the headers for a response; no headers if the origin is not allowed."""
        origin = request.header(b"origin")
        if not origin or {origin, "*"}.isdisjoint(self.allow_origins):
            return []
        any_origin = "*" in self.allow_origins and not self.allow_credentials
        fields = [(ALLOW_ORIGIN, b"*" if any_origin else origin.encode("latin-1"))]
        if not any_origin:
            fields.append((b"vary", b"Origin"))
        if self.expose_headers:
            fields.append(
                (b"access-control-expose-headers", ",".join(self.expose_headers).encode())
            )
        if self.allow_credentials:
            fields.append((b"access-control-allow-credentials", b"true"))
        return fields


def parse_cors(text: str) -> Cors:
    """Read the settings as JSON, in the form of ``aws lambda create-function-url-config --cors``.

    Raises:
        ConfigurationError: they are not such JSON.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"--cors is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ConfigurationError('--cors has to be an object: \'{"AllowOrigins": ["*"]}\'.')
    return read_cors(document)


def read_cors(document: Mapping[str, Any]) -> Cors:
    """Return the settings of a template or of ``--cors``.

    Raises:
        ConfigurationError: a key is unknown, or a value has the wrong type.
    """
    known = (*LISTS, "AllowCredentials", "MaxAge")
    if unknown := sorted(document.keys() - known):
        raise ConfigurationError(f"Cors has {unknown[0]!r}; it can have {', '.join(known)}.")
    for name in LISTS:
        values = document.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ConfigurationError(f"Cors: {name} is not a list of strings.")
    origins, methods, headers, exposed = (tuple(document.get(name, ())) for name in LISTS)
    # As a CloudFormation template may, a value may be a string: "true", "300".
    credentials = str(document.get("AllowCredentials", False)).lower()
    if credentials not in ("true", "false"):
        raise ConfigurationError("Cors: AllowCredentials is not true or false.")
    max_age = str(document.get("MaxAge", 0))
    if not re.fullmatch("[0-9]{1,9}", max_age):
        raise ConfigurationError("Cors: MaxAge is not a number of seconds.")
    return Cors(origins, methods, headers, exposed, credentials == "true", int(max_age))


def has_two_origins(headers: Headers) -> bool:
    """Whether a response names an allowed origin twice."""
    return sum(name.lower() == ALLOW_ORIGIN for name, _ in headers) > 1
