"""Every option there is, in one table: what it is called, what it may be, what it does.

``python -m adapter.options`` prints the table as Markdown; ``docs/options.md`` is its output.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .values import choice, event_path, function, handlers, milliseconds, path, switch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .events.custom import EventHandler

PREFIX = "ADAPTER_"


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


class Option(NamedTuple):
    """One row of the table."""

    name: str
    meaning: str
    parse: Callable[[str, Any], Any]
    values: str
    default: str
    argument: bool = True
    variable: bool = True


def resolve(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Options, list[str]]:
    """Return the options, and a warning for each ``ADAPTER_*`` variable that nobody reads.

    The environment beats the argument, so that a deployment changes without a change of code.

    Raises:
        ConfigurationError: a value means nothing; the message lists what would.
    """
    values = {}
    for option in OPTIONS:
        variable = PREFIX + option.name.upper()
        if option.variable and variable in environ:
            values[option.name] = option.parse(variable, environ[variable])
        elif option.name in arguments:
            values[option.name] = option.parse(option.name, arguments[option.name])
    return Options(**values), _unknown(environ)


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {PREFIX + option.name.upper() for option in OPTIONS if option.variable}
    known |= {variable for variable, _, _, _ in PROCESS_VARIABLES}
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    if not unknown:
        return []
    import difflib  # 5 ms that only a mistake should cost

    def nearest(name: str) -> list[str]:  # without the prefix, which would make all names alike
        candidates = [variable.removeprefix(PREFIX) for variable in sorted(known)]
        return difflib.get_close_matches(name.removeprefix(PREFIX), candidates, 1)

    return [
        f"{name} is not an option of the adapter."
        + "".join(f" Did you mean {PREFIX}{near}?" for near in nearest(name))
        for name in unknown
    ]


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
        "`0`, `1`",
        "`0`",
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
)

# name, values, default, meaning: they belong to a process, not to a handler.
PROCESS_VARIABLES = (
    ("ADAPTER_LOOP", "`asyncio`, `uvloop`", "`asyncio`", "The event loop of `adapter run`."),
    (
        "ADAPTER_PRIME",
        "a path",
        "none",
        "Requested once from the app while the environment starts, or before its snapshot is"
        " taken, so that imports and caches are warm. The answer is dropped and not"
        " measured. In `adapter run`.",
    ),
    (
        "ADAPTER_SHUTDOWN",
        "`on`, `off`",
        "`on`",
        "Whether an app with a lifespan is told of the end of its environment. It takes an"
        " internal extension, without which Lambda gives no notice. In `adapter run`.",
    ),
    (
        "ADAPTER_WATCHDOG",
        "`on`, `off`",
        "`off`",
        "Whether what blocks the event loop for over a second is logged, with its stack. In"
        " `adapter run`; `adapter dev` turns it on.",
    ),
    (
        "ADAPTER_EXEC_WRAPPER",
        "a path",
        "none",
        "Another wrapper script, for `adapter/bootstrap` to run itself through: the place of"
        " `AWS_LAMBDA_EXEC_WRAPPER` is taken.",
    ),
)


def markdown() -> str:
    """Return the table as a page of Markdown."""
    rows = [
        (
            f"`{option.name}`" if option.argument else "environment only",
            f"`{PREFIX}{option.name.upper()}`" if option.variable else "code only",
            option.values,
            option.default,
            option.meaning,
        )
        for option in OPTIONS
    ]
    rows += [
        ("environment only", f"`{name}`", values, default, meaning)
        for name, values, default, meaning in PROCESS_VARIABLES
    ]
    lines = [
        "# Options",
        "",
        "Each can be an argument of `LambdaHandler`, an environment variable, or both; the",
        "variable wins, so that a deployment changes without a change of code. An invalid value is",
        "an error that lists the valid ones; an unknown `ADAPTER_*` variable is a warning.",
        "",
        "| argument | variable | values | default | what it does |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
