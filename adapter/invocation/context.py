"""The context object: the second argument of a handler, which describes the invocation.

The classes are plain and mutable, with the attributes that they have in AWS's Python runtime:
applications and instrumentation add their own attributes and keep weak references.
"""

from __future__ import annotations

import sys
import time


class _WithRepr:
    """Has a ``repr()`` with all attributes."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"


class Identity(_WithRepr):
    """The Amazon Cognito identity that made the request, if any."""

    def __init__(
        self,
        cognito_identity_id: str | None = None,
        cognito_identity_pool_id: str | None = None,
    ) -> None:
        self.cognito_identity_id = cognito_identity_id
        self.cognito_identity_pool_id = cognito_identity_pool_id


class Client(_WithRepr):
    """The mobile app that made the request."""

    def __init__(
        self,
        installation_id: str | None = None,
        app_title: str | None = None,
        app_version_name: str | None = None,
        app_version_code: str | None = None,
        app_package_name: str | None = None,
    ) -> None:
        self.installation_id = installation_id
        self.app_title = app_title
        self.app_version_name = app_version_name
        self.app_version_code = app_version_code
        self.app_package_name = app_package_name


class ClientContext(_WithRepr):
    """The ``ClientContext`` that the caller sent with its Invoke request."""

    def __init__(
        self,
        client: Client | None = None,
        custom: dict[str, object] | None = None,
        env: dict[str, object] | None = None,
    ) -> None:
        self.client = client
        self.custom = custom
        self.env = env


class LambdaContext(_WithRepr):
    """The attributes and methods of the context object of AWS's Python runtime.

    Args:
        aws_request_id: the id of the invocation.
        deadline_ms: epoch milliseconds at which Lambda stops waiting.
        invoked_function_arn: the ARN that the caller named, with its version or alias.
        function_name: the name of the function.
        function_version: a number, or ``$LATEST``.
        memory_limit_in_mb: the memory of the function, a number as a string.
        log_group_name: the log group of the function.
        log_stream_name: the log stream of this execution environment.
        identity: the Cognito identity of the caller; an empty `Identity` by default.
        client_context: the client context that the caller sent.
        tenant_id: the tenant of the invocation, if the function isolates its tenants.
        w3c_fields: the result of `w3c`.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(
        self,
        aws_request_id: str,
        deadline_ms: int,
        invoked_function_arn: str = "",
        function_name: str = "",
        function_version: str = "",
        memory_limit_in_mb: str = "",
        log_group_name: str = "",
        log_stream_name: str = "",
        identity: Identity | None = None,
        client_context: ClientContext | None = None,
        tenant_id: str | None = None,
        w3c_fields: dict[str, str] | None = None,
    ) -> None:
        self.aws_request_id = aws_request_id
        self.log_group_name = log_group_name
        self.log_stream_name = log_stream_name
        self.function_name = function_name
        self.memory_limit_in_mb = memory_limit_in_mb
        self.function_version = function_version
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self.client_context = client_context
        self.identity = Identity() if identity is None else identity
        # The names in AWS's runtime: instrumentation reads _epoch_deadline_time_in_ms.
        self._epoch_deadline_time_in_ms = deadline_ms
        self._w3c_fields = {} if w3c_fields is None else w3c_fields

    @property
    def deadline_ms(self) -> int:
        """Epoch milliseconds at which Lambda stops waiting."""
        return self._epoch_deadline_time_in_ms

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before Lambda stops waiting, never less than 0."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """Return the W3C trace context of the invocation.

        The keys are ``traceparent``, ``tracestate`` and ``baggage``, if the caller sent them.
        """
        return dict(self._w3c_fields)

    def log(self, message: object) -> None:
        """Print ``message`` without a line end."""
        sys.stdout.write(str(message))
