"""All options, in one table: name, meaning, values, default, scope.

``python -m adapter.options`` prints the table as Markdown; ``docs/options.md`` is its output.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .events.custom import EventHandler

PREFIX = "ADAPTER_"

HANDLER = "handler"
RUNTIME = "runtime"


class Options(NamedTuple):
    """The options of one handler, checked."""

    invoke_mode: str = "auto"
    lifespan: str = "auto"
    base_path: str = ""
    on_event: Callable[..., Any] | None = None
    event_path: str = ""
    custom_handlers: tuple[type[EventHandler], ...] = ()
    errors: str = "respond"
    on_complete: Callable[..., Any] | None = None
    deadline_margin: float = 0.25  #: seconds
    pad_empty: bool = False
    metrics: str = "off"


class RuntimeOptions(NamedTuple):
    """The options of the native runtime, checked."""

    loop: str = "asyncio"
    shutdown: bool = True
    watchdog: bool = False
    exec_wrapper: str = ""  #: read by the script ``adapter/bootstrap``


class Option(NamedTuple):
    """One row of the table."""

    name: str
    meaning: str
    parse: Callable[[str, Any], Any]
    values: str
    default: str
    scope: str = HANDLER
    argument: bool = True
    variable: bool = True

    @property
    def environment_name(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.name.upper()


def resolve(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Options, list[str]]:
    """Return the options of a handler, and a warning for each unknown ``ADAPTER_*`` variable.

    The environment beats the argument, so that a deployment changes without a change of code.

    Raises:
        ConfigurationError: a value is invalid; the message lists the valid values.
    """
    return Options(**_values(HANDLER, arguments, environ)), _unknown(environ)


def resolve_runtime(environ: Mapping[str, str]) -> RuntimeOptions:
    """Return the options of the native runtime.

    Raises:
        ConfigurationError: a value is invalid; the message lists the valid values.
    """
    return RuntimeOptions(**_values(RUNTIME, {}, environ))


def _values(scope: str, arguments: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for option in OPTIONS:
        if option.scope != scope:
            continue
        variable = option.environment_name
        if option.variable and variable in environ:
            values[option.name] = option.parse(variable, environ[variable])
        elif option.name in arguments:
            values[option.name] = option.parse(option.name, arguments[option.name])
    return values


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {option.environment_name for option in OPTIONS if option.variable}
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    if not unknown:
        return []
    import difflib  # lazy: 5 ms that only a mistake should cost

    def nearest(name: str) -> list[str]:  # without the prefix, which would make all names alike
        candidates = [variable.removeprefix(PREFIX) for variable in sorted(known)]
        return difflib.get_close_matches(name.removeprefix(PREFIX), candidates, 1)

    return [
        f"{name} is not an option of the adapter."
        + "".join(f" Did you mean {PREFIX}{near}?" for near in nearest(name))
        for name in unknown
    ]


# The parsers of values. Each takes the name by which the user knows the option, of the argument or
# of the variable, and raises ConfigurationError for an invalid value.


def choice(*choices: str) -> Callable[[str, Any], str]:
    """Return a parser for one of ``choices``."""

    def parse(name: str, value: Any) -> str:
        if value in choices:
            return str(value)
        raise ConfigurationError(f"{name} is {value!r}; it can be {_listed(choices)}.")

    return parse


def switch(name: str, value: Any) -> bool:
    """Parse ``on`` or ``off``."""
    return choice("on", "off")(name, value) == "on"


def path(name: str, value: Any) -> str:
    """Parse a path in front of others, or none."""
    if not isinstance(value, str) or (value and not value.startswith("/")):
        raise ConfigurationError(f"{name} is {value!r}; it must be a path like '/api', or ''.")
    return value.rstrip("/")


def event_path(name: str, value: Any) -> str:
    """Parse a path with a name in it, or none."""
    path: str = value if isinstance(value, str) else "?"
    if path and not (path.startswith("/") and path.strip("/")):
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a path of its own like '/lambda-events', or ''."
        )
    return path


def handlers(name: str, value: Any) -> tuple[type[EventHandler], ...]:
    """Parse classes with Mangum's interface."""
    if value is None:  # as for Mangum
        return ()
    handlers = tuple(value) if isinstance(value, list | tuple) else (value,)
    for handler in handlers:
        if not (isinstance(handler, type) and callable(getattr(handler, "infer", None))):
            raise ConfigurationError(
                f"{name} has {handler!r} in it; each must be a class with infer(event, context,"
                " config), scope, body and a call that takes the response, as for Mangum."
            )
    return handlers


def function(name: str, value: Any) -> Callable[..., Any] | None:
    """Parse a function, or none."""
    if value is None or callable(value):
        function: Callable[..., Any] | None = value
        return function
    takes = "summary" if name == "on_complete" else "event, context"
    raise ConfigurationError(f"{name} is {value!r}; it must be a function ({takes}).")


def milliseconds(name: str, value: Any) -> float:
    """Parse a duration; return it in seconds."""
    try:
        milliseconds = float(value)
    except (TypeError, ValueError):
        milliseconds = -1.0
    if 0 <= milliseconds < float("inf"):
        return milliseconds / 1000
    raise ConfigurationError(f"{name} is {value!r}; it must be a number of milliseconds, or 0.")


def text(name: str, value: Any) -> str:
    """Parse any string."""
    return str(value)


def _listed(choices: tuple[str, ...]) -> str:
    *first, last = map(repr, choices)
    return f"{', '.join(first)} or {last}"


OPTIONS = (
    Option(
        "invoke_mode",
        "What is streamed. `auto`: function URLs. `response_stream`: function URLs and REST APIs."
        " `buffered`: nothing. It must agree with the `InvokeMode` of the function URL.",
        choice("auto", "response_stream", "buffered"),
        "`auto`, `response_stream`, `buffered`",
        "`auto`",
    ),
    Option(
        "lifespan",
        "Whether the app's lifespan runs, once per app and environment. `auto`: if the app supports"
        " it; a startup that raises is a warning then.",
        choice("auto", "on", "off"),
        "`auto`, `on`, `off`",
        "`auto`",
    ),
    Option(
        "base_path",
        "A path in front of the app, for a custom domain with a mapping. Goes into `root_path`.",
        path,
        "a path",
        "none",
    ),
    Option(
        "on_event",
        "Called as `on_event(event, context)`, plain or `async`, for an event that is not HTTP.",
        function,
        "a function",
        "none",
        variable=False,
    ),
    Option(
        "event_path",
        "Where in the app an event that is not HTTP goes, if no `on_event` takes it: there it is"
        " POSTed as JSON, and the JSON of the answer is returned. A request from outside whose"
        " path ends like this is answered with 404.",
        event_path,
        "a path",
        "none",
    ),
    Option(
        "custom_handlers",
        "Classes with Mangum's interface, each asked whether an event is its own before anyone"
        " else is.",
        handlers,
        "a list of classes",
        "none",
        variable=False,
    ),
    Option(
        "errors",
        "What becomes of an app that fails before its response has begun. `respond`: a 500 for"
        " the client. `raise`: the invocation fails, which Lambda counts in its metrics.",
        choice("respond", "raise"),
        "`respond`, `raise`",
        "`respond`",
    ),
    Option(
        "on_complete",
        "Called as `on_complete(summary)`, plain or `async`, when an invocation is over: see"
        " [observability](observability.md).",
        function,
        "a function",
        "none",
        variable=False,
    ),
    Option(
        "deadline_margin",
        "How many milliseconds before Lambda's time-out the app is cancelled and its client told."
        " 0: never.",
        milliseconds,
        "milliseconds",
        "`250`",
        argument=False,
    ),
    Option(
        "pad_empty",
        "Whether an app's empty streamed body gets one space, for accounts in which an empty stream"
        " hangs. Never for `HEAD`, 1xx, 204 and 304. (A streaming function has to write it.)",
        switch,
        "`on`, `off`",
        "`off`",
        argument=False,
    ),
    Option(
        "metrics",
        "`emf`: a line of metrics for CloudWatch on stdout after each invocation: see"
        " [observability](observability.md).",
        choice("off", "emf"),
        "`off`, `emf`",
        "`off`",
        argument=False,
    ),
    Option(
        "loop",
        "The event loop of `adapter run`.",
        choice("asyncio", "uvloop"),
        "`asyncio`, `uvloop`",
        "`asyncio`",
        RUNTIME,
        argument=False,
    ),
    Option(
        "shutdown",
        "Whether an app with a lifespan is told of the end of its environment. It takes an internal"
        " extension, without which Lambda gives no notice. In `adapter run`.",
        switch,
        "`on`, `off`",
        "`on`",
        RUNTIME,
        argument=False,
    ),
    Option(
        "watchdog",
        "Whether code that blocks the event loop for over a second is logged, with its stack. In"
        " `adapter run`; `adapter dev` turns it on.",
        switch,
        "`on`, `off`",
        "`off`",
        RUNTIME,
        argument=False,
    ),
    Option(
        "exec_wrapper",
        "Another wrapper script, for `adapter/bootstrap` to run itself through: the place of"
        " `AWS_LAMBDA_EXEC_WRAPPER` is taken.",
        text,
        "a path",
        "none",
        RUNTIME,
        argument=False,
    ),
)


def markdown() -> str:
    """Return the table as a page of Markdown."""
    rows = [
        (
            f"`{option.name}`" if option.argument else "environment only",
            f"`{option.environment_name}`" if option.variable else "code only",
            option.values,
            option.default,
            option.scope,
            option.meaning,
        )
        for option in OPTIONS
    ]
    lines = [
        "# Options",
        "",
        "An option is an argument of `LambdaHandler`, an environment variable, or both; the",
        "variable wins, so that a deployment changes without a change of code. Options of scope",
        "`runtime` are read by the native runtime. An invalid value is an error that lists the",
        "valid ones; an unknown `ADAPTER_*` variable is a warning.",
        "",
        "| argument | variable | values | default | scope | what it does |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
