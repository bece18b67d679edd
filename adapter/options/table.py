"""All options, in one table: name, meaning, parser, values, scope.

An option is a row of `OPTIONS`, and a field of `Options` or `RuntimeOptions` in the same order. The
parser makes the value of the field of an argument or a variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..light_classes import NamedTuple
from .values import (
    choice,
    event_path,
    front_end,
    function,
    handler_classes,
    header_name,
    invoke_mode,
    milliseconds,
    path,
    seconds,
    switch,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events.custom import EventHandler
    from ..events.front_end import FrontEnd

PREFIX = "ADAPTER_"

HANDLER = "handler"
RUNTIME = "runtime"


class Options(NamedTuple):
    """The options of one handler, checked."""

    invoke_mode: str | Callable[[Any], Any] = "auto"
    lifespan: str = "auto"
    base_path: str = ""
    on_event: Callable[..., Any] | None = None
    event_path: str = ""
    custom_handlers: tuple[type[EventHandler], ...] = ()
    errors: str = "respond"
    on_complete: Callable[..., Any] | None = None
    trusted_host_header: str = ""
    trusted_front_end: FrontEnd | None = None
    authorization_source: str = ""
    max_stream_seconds: float = 0.0
    deadline_margin: float = 0.25  #: seconds
    pad_empty: bool = False
    metrics: str = "off"
    access_log: bool = False


class RuntimeOptions(NamedTuple):
    """The options of the native runtime, checked."""

    loop: str = "asyncio"
    shutdown: bool = True
    watchdog: bool = False
    async_init: float = 0.0  #: seconds
    defer_build: bool = False
    exec_wrapper: str = ""  #: read by the script ``adapter/bootstrap``


class Option:
    """One row of the table. The default is that of the field in `Options` or `RuntimeOptions`."""

    def __init__(
        self,
        name: str,
        meaning: str,
        parse: Callable[[str, Any], Any],
        values: str,
        scope: str = HANDLER,
        *,
        argument: bool = True,
        variable: bool = True,
    ) -> None:
        self.name = name
        self.meaning = meaning
        self.parse = parse
        self.values = values
        self.scope = scope
        self.argument = argument
        self.variable = variable
        self.environment_name = PREFIX + name.upper()


OPTIONS = (
    Option(
        "invoke_mode",
        "Which responses are streamed. `auto`: those to function URLs. `response_stream`: those to"
        " function URLs and REST APIs. `buffered`: no response. Must agree with the `InvokeMode` of"
        " the function URL, or the response transfer mode of the API's integration. A function"
        " (code only) gets the event and returns one of the three, for a function with"
        " [both kinds of route](event-sources.md#two-kinds-of-route). Under"
        " [`@streamify_response`](streaming-functions.md) the default is `response_stream`.",
        invoke_mode,
        "`auto`, `response_stream`, `buffered`, or a function",
    ),
    Option(
        "lifespan",
        "Whether the app's lifespan runs, once per app and environment. `auto`: if the app supports"
        " it; with `auto`, a startup that raises only logs a warning.",
        choice("auto", "on", "off"),
        "`auto`, `on`, `off`",
    ),
    Option(
        "base_path",
        "The path prefix of the app, for a custom domain with a mapping. Becomes `root_path`.",
        path,
        "a path",
    ),
    Option(
        "on_event",
        "Called as `on_event(event, context)`, plain or `async`, for an event that is not HTTP.",
        function,
        "a function",
        variable=False,
    ),
    Option(
        "event_path",
        "The path in the app to which an event that is not HTTP is POSTed as JSON, unless there is"
        " an `on_event`. The JSON of the response is returned. An HTTP request whose path ends with"
        " this path gets a 404.",
        event_path,
        "a path",
    ),
    Option(
        "custom_handlers",
        "Classes with Mangum's interface for custom handlers. They are asked first whether they"
        " handle an event.",
        handler_classes,
        "a list of classes",
        variable=False,
    ),
    Option(
        "errors",
        "How a failure of the app before its response has begun ends. `respond`: the client gets a"
        " 500. `raise`: the invocation fails, which Lambda counts in its metrics.",
        choice("respond", "raise"),
        "`respond`, `raise`",
    ),
    Option(
        "on_complete",
        "Called as `on_complete(summary)`, plain or `async`, when an invocation is over: see"
        " [observability](observability.md).",
        function,
        "a function",
        variable=False,
    ),
    Option(
        "trusted_host_header",
        "The header that has the host that the viewer asked for, `x-forwarded-host` for example. It"
        " replaces `host`, if the front end that `trusted_front_end` names sent the request. The"
        " app never sees the header itself: see [CloudFront](cloudfront.md#the-host-of-the-viewer)."
        " Not for Lambda@Edge and custom handlers.",
        header_name,
        "a header",
    ),
    Option(
        "trusted_front_end",
        "How a request proves that it comes from the front end. `header: secret`: a header with a"
        " secret that the front end adds, which the app does not see; several secrets, separated by"
        " commas, while a secret is changed. Or the ARN of the IAM caller of a function URL whose"
        " `AuthType` is `AWS_IAM`, with `*` at its end for any session.",
        front_end,
        "`header: secret`, or an ARN",
    ),
    Option(
        "authorization_source",
        "The header that the app reads as `authorization`, where `authorization` itself has an IAM"
        " signature. A request without this header is left as it is. See"
        " [CloudFront](cloudfront.md#the-apps-own-authorization).",
        header_name,
        "a header",
    ),
    Option(
        "max_stream_seconds",
        "How long a stream of an app may go on after its head, if it has no `content-length`."
        " Then it is ended, as a complete response, and the app gets `http.disconnect`: see"
        " [streams that end](event-sources.md#streams-that-end).",
        seconds,
        "seconds",
    ),
    Option(
        "deadline_margin",
        "How many milliseconds before Lambda's timeout the app is cancelled and the response"
        " ended. A plain function or a wrapper is reported at half of them. 0: never.",
        milliseconds,
        "milliseconds",
        argument=False,
    ),
    Option(
        "pad_empty",
        "Whether an app's empty streamed body becomes one space, for accounts in which an empty"
        " stream hangs. Never for `HEAD`, 1xx, 204 and 304. (A streaming function must write the"
        " space itself.)",
        switch,
        "`on`, `off`",
        argument=False,
    ),
    Option(
        "metrics",
        "`emf` prints a line of metrics for CloudWatch after each invocation: see"
        " [observability](observability.md).",
        choice("off", "emf"),
        "`off`, `emf`",
        argument=False,
    ),
    Option(
        "access_log",
        "Whether each request is logged when it is over, without its query: see"
        " [observability](observability.md#access-log). `adapter dev` turns it on.",
        switch,
        "`on`, `off`",
        argument=False,
    ),
    Option(
        "loop",
        "The event loop of `adapter run`.",
        choice("asyncio", "uvloop"),
        "`asyncio`, `uvloop`",
        RUNTIME,
        argument=False,
    ),
    Option(
        "shutdown",
        "Whether an app with a lifespan gets `lifespan.shutdown` when its environment ends. This"
        " registers an internal extension: without an extension, Lambda sends no SIGTERM."
        " In `adapter run`.",
        switch,
        "`on`, `off`",
        RUNTIME,
        argument=False,
    ),
    Option(
        "watchdog",
        "Whether code that blocks the event loop for over a second is logged, with its stack. In"
        " `adapter run`; `adapter dev` turns it on.",
        switch,
        "`on`, `off`",
        RUNTIME,
        argument=False,
    ),
    Option(
        "async_init",
        "How many seconds of init the app's startup may take before the first event is asked for;"
        " the first invocation then waits for the rest of it. `9` for a lifespan that is longer"
        " than the 10 seconds of Lambda's init. In `adapter run`; on demand only, so without effect"
        " with SnapStart, provisioned concurrency and managed instances. See"
        " [a long startup](managed-runtime.md#a-long-startup).",
        seconds,
        "seconds",
        RUNTIME,
        argument=False,
    ),
    Option(
        "defer_build",
        "Whether pydantic builds the models of the handler's modules at their first use, and not"
        " while they are imported: see [packaging](package.md). In `adapter run`.",
        switch,
        "`on`, `off`",
        RUNTIME,
        argument=False,
    ),
    Option(
        "exec_wrapper",
        "A second wrapper script, through which `adapter/bootstrap` runs:"
        " `AWS_LAMBDA_EXEC_WRAPPER` already names `adapter/bootstrap`.",
        text,
        "a path",
        RUNTIME,
        argument=False,
    ),
)
