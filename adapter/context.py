"""The context object: what a handler may know about its invocation beside the event."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple


class Identity(NamedTuple):
    """The Amazon Cognito identity that made the request, if any."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class Client(NamedTuple):
    """The mobile app that made the request."""

    installation_id: str | None = None
    app_title: str | None = None
    app_version_name: str | None = None
    app_version_code: str | None = None
    app_package_name: str | None = None


class ClientContext(NamedTuple):
    """What a caller sent as ``ClientContext`` with its Invoke request."""

    client: Client | None = None
    custom: dict[str, object] | None = None
    env: dict[str, object] | None = None


class LambdaContext(NamedTuple):
    """The attributes and methods of the context object of AWS's Python runtime.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str
    deadline_ms: int  #: epoch milliseconds at which Lambda stops waiting
    invoked_function_arn: str = ""
    function_name: str = ""
    function_version: str = ""
    memory_limit_in_mb: str = ""
    log_group_name: str = ""
    log_stream_name: str = ""
    identity: Identity = Identity()
    client_context: ClientContext | None = None
    tenant_id: str | None = None
    w3c_fields: tuple[tuple[str, str], ...] = ()  #: what `w3c` returns

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before Lambda stops waiting, never less than 0."""
        return max(0, self.deadline_ms - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """Return the W3C trace context of the invocation.

        Of ``traceparent``, ``tracestate`` and ``baggage``, those that the caller sent.
        """
        return dict(self.w3c_fields)

    def log(self, message: object) -> None:
        """Print ``message`` as it is, without an end of line."""
        sys.stdout.write(str(message))


def seconds_left(context: object) -> float | None:
    """Return the seconds left before Lambda stops waiting, or None if ``context`` does not say.

    Outside a runtime it may be anything: tests pass None, ``{}`` or an object of their own.
    """
    ask = getattr(context, "get_remaining_time_in_millis", None)
    left = ask() if callable(ask) else None
    return left / 1000 if isinstance(left, int | float) else None
