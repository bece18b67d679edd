"""An invocation, as the Runtime API sends it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, cast

from ..errors import HandlerError
from ..invocation.context import Client, ClientContext, Identity, LambdaContext
from ..light_classes import NamedTuple
from .wire import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types import JSON
    from .wire import ApiReply

_CLIENT_FIELDS = (
    "installation_id",
    "app_title",
    "app_version_name",
    "app_version_code",
    "app_package_name",
)

# Faster than `json.loads`, which also matches white space before and after. See `Invocation.event`.
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]

NONCE = "lambda-runtime-invocation-id"
"""The header that is sent back with the outcome."""

ASSUMED_TIMEOUT_MS = 900_000
"""The timeout of an event without a deadline."""


class Invocation(NamedTuple):
    """A reply to ``GET /runtime/invocation/next``. An empty header counts as missing."""

    request_id: str
    deadline_ms: int
    headers: Mapping[str, str]
    body: bytes
    trace_id: str = ""  #: the X-Ray trace header
    tenant_id: str | None = None  #: the tenant, if the function isolates its tenants

    @classmethod
    def parse(cls, reply: ApiReply) -> Invocation:
        """Return the invocation in ``reply``.

        Raises:
            ProtocolError: there is no request id, without which no outcome can be posted.
        """
        headers = reply.headers
        request_id = headers.get("lambda-runtime-aws-request-id")
        if not request_id:
            raise ProtocolError("The Runtime API sent an event without a request id.")
        given = headers.get("lambda-runtime-deadline-ms", "")
        deadline = (
            int(given)
            if given.isascii() and given.isdigit()
            else int(time.time() * 1000) + ASSUMED_TIMEOUT_MS
        )
        return cls(
            request_id,
            deadline,
            headers,
            reply.body,
            headers.get("lambda-runtime-trace-id", ""),
            headers.get("lambda-runtime-aws-tenant-id") or None,
        )

    @property
    def function_arn(self) -> str:
        """The ARN that the caller named, with its version or alias."""
        return self.headers.get("lambda-runtime-invoked-function-arn", "")

    @property
    def echo(self) -> dict[str, str]:
        """The headers to send back with the outcome.

        Lambda may send a nonce with each event. With the echo, a late outcome cannot
        complete a retry of the same request.
        """
        nonce = self.headers.get(NONCE)
        return {"Lambda-Runtime-Invocation-Id": nonce} if nonce else {}

    def event(self) -> JSON:
        """Return the event: decoded JSON, or bytes if the content type is not JSON.

        Raises:
            HandlerError: the event is not valid JSON.
        """
        if self.headers.get("content-type", "application/json") != "application/json":
            return self.body  # type: ignore[return-value]  # bytes, as AWS's own runtime does
        event: JSON
        try:
            try:
                text = self.body.decode()
                event, end = _scan(text, 0)
                if end == len(text):
                    return event
            except (ValueError, StopIteration):
                pass
            # White space around the JSON, another encoding, or an error with its position.
            event = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            name = "Runtime.UnmarshalError"
            raise HandlerError(name, f"The event is not JSON: {error}") from error
        return event

    def context(self, function: FunctionFields) -> LambdaContext:
        """Return the context object.

        Raises:
            HandlerError: the client context or the identity is not as documented.
        """
        headers = self.headers
        client_context = headers.get("lambda-runtime-client-context")
        identity = headers.get("lambda-runtime-cognito-identity")
        try:
            given = _json(client_context) if client_context else None
            return LambdaContext(
                self.request_id,
                self.deadline_ms,
                headers.get("lambda-runtime-invoked-function-arn", ""),
                *function,
                _identity(identity) if identity else None,
                None if given is None else _client_context(given),
                self.tenant_id,
                None if given is None else _w3c_fields(given.get("w3c")),
            )
        except (ValueError, AttributeError, TypeError) as error:
            name = "Runtime.LambdaContextUnmarshalError"
            raise HandlerError(name, f"The context is not as documented: {error}") from error


class FunctionFields(NamedTuple):
    """The fields of a context that describe the function, in the order of `LambdaContext`."""

    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str


def function_fields(environ: Mapping[str, str]) -> FunctionFields:
    """Return the fields of a context that describe the function, the same for every invocation.

    Lambda always sets these variables; for a missing one the context has None, as in AWS's runtime.
    """

    def given(name: str) -> str:
        return cast("str", environ.get(name))

    return FunctionFields(
        given("AWS_LAMBDA_FUNCTION_NAME"),
        given("AWS_LAMBDA_FUNCTION_VERSION"),
        given("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        given("AWS_LAMBDA_LOG_GROUP_NAME"),
        given("AWS_LAMBDA_LOG_STREAM_NAME"),
    )


def _json(text: str) -> Any:
    """Decode JSON from a header: its bytes are UTF-8, and headers are decoded as Latin-1."""
    return json.loads(text.encode("latin-1"))


def _identity(text: str) -> Identity:
    given = _json(text)
    return Identity(given.get("cognitoIdentityId"), given.get("cognitoIdentityPoolId"))


def _client_context(given: dict[str, Any]) -> ClientContext:
    client = given.get("client")
    return ClientContext(
        None if client is None else Client(*map(client.get, _CLIENT_FIELDS)),
        given.get("custom"),
        given.get("env"),
    )


def _w3c_fields(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    fields = ((name, given.get(name)) for name in ("traceparent", "tracestate", "baggage"))
    return {name: text for name, text in fields if isinstance(text, str)}
