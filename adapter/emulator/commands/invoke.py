"""``adapter invoke``: one invocation, without a server."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from ...errors import ConfigurationError
from ..console import Console
from ..environments.pool import Pool, open_pool
from ..environments.sandbox import find_sandbox
from ..front_ends.client_request import ClientRequest
from ..front_ends.function_url import url_event
from ..front_ends.prelude_reader import PRELUDE_CONTENT_TYPE, PreludeReader
from ..front_ends.source_event import EVENT_TOO_LARGE, SourceEvent
from ..front_ends.source_response import TOKEN, InvalidResponseError, read_object, status_of
from ..local_invocation import MAX_PAYLOAD_BYTES, LocalInvocation
from ..outcome import EXIT_ERROR, InvocationFailure, ResponseStart
from .conflicts import refuse_conflicts
from .function_options import read_function
from .request_options import read_data, read_file, read_path
from .stop_signals import stop_signals

if TYPE_CHECKING:
    import signal
    from argparse import Namespace

    from ..function_config import FunctionConfig

#: unless --header names them
DEFAULT_HEADERS = [(b"host", b"localhost"), (b"user-agent", b"adapter-invoke")]

SUCCESS, FAILED, NOT_LOADED, STARTUP_FAILED = range(4)


@dataclass(frozen=True)
class InvokeSettings:
    """The command line of ``adapter invoke``."""

    function: FunctionConfig
    event: SourceEvent
    include: bool
    timings: bool


def main(arguments: Namespace) -> int:
    """Invoke the function once; return 0 (success), 1 (failed), 2 (not loaded) or 3 (lifespan).

    Raises:
        ConfigurationError: TARGET or an option is invalid; nothing was started.
    """
    refuse_conflicts(arguments)
    function = read_function(arguments)
    event = build_event(arguments) if arguments.event is None else read_event(arguments)
    if event.too_large:
        raise ConfigurationError(f"Not invoked: {EVENT_TOO_LARGE}")
    return anyio.run(run, InvokeSettings(function, event, arguments.include, arguments.timings))


def read_event(arguments: Namespace) -> SourceEvent:
    """Read an event from a file or from stdin."""
    name: str = arguments.event
    content = read_file(name)
    try:
        text = content.decode("utf-8-sig")  # editors on Windows begin a file with a BOM
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{'stdin' if name == '-' else name} does not hold an event, which is JSON in UTF-8: "
            f"{error}. To send a request instead, use --path."
        ) from error
    # The ids are those of a made-up request, because an event has none.
    with_ids = url_event(ClientRequest("GET", "/", "", [], b"", "http", 80, "127.0.0.1"))
    return with_ids._replace(document=text.encode())


def build_event(arguments: Namespace) -> SourceEvent:
    """Return the event of the request that the options describe."""
    path, _, query = read_path(arguments.path).partition("?")
    given = [read_header(line) for line in arguments.header]
    names = {name for name, _ in given}
    headers = [field for field in DEFAULT_HEADERS if field[0] not in names] + given
    method: str | None = arguments.method
    if method is None:
        method = "GET" if arguments.data is None else "POST"
    if not TOKEN.fullmatch(method):
        raise ConfigurationError(f"--method {method!r} is not a method. Try PUT.")
    body = b"" if arguments.data is None else read_data(arguments.data)
    return url_event(
        ClientRequest(method.upper(), path, query, headers, body, "http", 80, "127.0.0.1")
    )


def read_header(line: str) -> tuple[bytes, bytes]:
    """Read ``--header``."""
    name, colon, value = line.partition(":")
    name = name.strip().lower()
    if not colon or not TOKEN.fullmatch(name) or re.search(r"[\r\n]", value.strip()):
        raise ConfigurationError(f"--header {line!r} is not a header. Try 'Accept: text/html'.")
    return name.encode(), os.fsencode(value.strip())


async def run(settings: InvokeSettings) -> int:
    """Invoke the function in a new environment and print the response; a signal cancels all."""
    console = Console(sys.stderr)
    sandbox = await anyio.to_thread.run_sync(find_sandbox, settings.function.task_root)
    async with (
        open_pool(settings.function, sandbox, console, limit=1) as pool,
        anyio.create_task_group() as tasks,
    ):
        received: list[signal.Signals] = []
        tasks.start_soon(cancel_on_signal, tasks.cancel_scope, received)
        code = await invoke(settings, pool, console)
        tasks.cancel_scope.cancel()
        return code
    return 128 + received[0]  # as a shell reports the signal, which has cancelled the block


async def cancel_on_signal(scope: anyio.CancelScope, received: list[signal.Signals]) -> None:
    """Cancel the scope at a signal, and add the signal to ``received``."""
    with anyio.open_signal_receiver(*stop_signals()) as signals:
        async for number in signals:
            received.append(number)
            scope.cancel()


async def invoke(settings: InvokeSettings, pool: Pool, console: Console) -> int:
    """Send the event, print the response and return the exit code."""
    event = settings.event
    invocation = LocalInvocation(
        event.document, request_id=event.request_id, trace_id=event.trace_id
    )
    pool.submit(invocation)
    async with invocation.body:
        start = await invocation.wait_for_start()
        printer = Printer(settings, console, invocation.delivered_at or monotonic())
        if isinstance(start, ResponseStart):
            code = SUCCESS if await print_response(start, invocation, printer) else FAILED
        else:
            printer.note(failure_line(start, settings.function))
            code = exit_code_of(start)
    await invocation.done.wait()
    return code


def failure_line(failure: InvocationFailure, function: FunctionConfig) -> str:
    """Return the last line about a function that did not respond."""
    if failure.in_init and failure.error_type != EXIT_ERROR:  # the log has a line "Init failed"
        what = f"{function.target} from {function.task_root}"
        return f"{what} cannot start. The lines above say why."
    return f"The function failed. {failure.summarise()}"


def exit_code_of(failure: InvocationFailure) -> int:
    """Return the exit code for a function that did not respond."""
    if not failure.in_init:
        return FAILED
    return STARTUP_FAILED if failure.explain().startswith("LifespanFailed") else NOT_LOADED


async def print_response(
    start: ResponseStart, invocation: LocalInvocation, printer: Printer
) -> bool:
    """Print the response as it arrives; return whether all of it came, without a server error."""
    is_stream = start.content_type == PRELUDE_CONTENT_TYPE
    try:
        status = await (print_stream if is_stream else print_body)(invocation, printer)
    except InvalidResponseError as error:
        printer.note(str(error))
        return False
    assert invocation.end is not None
    if not invocation.end.clean:
        printer.note(f"The stream ended with {invocation.end.error_type}.")
    return invocation.end.clean and status < 500 and printer.complete


async def print_stream(invocation: LocalInvocation, printer: Printer) -> int:
    """Print a response with a prelude; return its status.

    Raises:
        InvalidResponseError: the prelude is not valid.
    """
    reader = PreludeReader()
    async for chunk in invocation.body:
        if (found := reader.feed(chunk)) is None:
            continue
        prelude, body = found
        status = status_of(prelude)
        printer.head(prelude)
        printer.chunk(body)
        async for later in invocation.body:
            printer.chunk(later)
        return status
    raise InvalidResponseError("The stream ended before its prelude was complete.")


async def print_body(invocation: LocalInvocation, printer: Printer) -> int:
    """Print a response without a prelude; return the status in its JSON, or 200."""
    body = b""
    async for chunk in invocation.body:
        printer.chunk(chunk)
        if len(body) < MAX_PAYLOAD_BYTES:  # a stream without a prelude may be larger
            body += chunk
    try:
        return status_of(read_object(body))
    except InvalidResponseError:
        return 200


class Printer:
    """Writes the body to stdout and everything else to stderr."""

    def __init__(self, settings: InvokeSettings, console: Console, started: float) -> None:
        self._settings = settings
        self._console = console
        self._started = started
        self.complete = True  #: whether stdout has taken the body so far, or its reader has exited

    def head(self, prelude: dict[str, object]) -> None:
        """Print status, headers and cookies, with ``--include``."""
        if not self._settings.include:
            return
        self.note(f"Status: {prelude.get('statusCode', 200)}")
        headers = prelude.get("headers")
        for name, value in headers.items() if isinstance(headers, dict) else ():
            self.note(f"{name}: {value}")
        cookies = prelude.get("cookies")
        for cookie in cookies if isinstance(cookies, list) else ():
            self.note(f"Set-Cookie: {cookie}")

    def chunk(self, data: bytes) -> None:
        """Print bytes of the body at once."""
        if not data:
            return
        if self._settings.timings:
            self.note(f"{monotonic() - self._started:8.3f} s  {len(data)} bytes")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            self._console.in_line = sys.stdout.isatty() and not data.endswith(b"\n")
        except OSError as error:
            # The reader (head, less) has exited, or the disk is full. The function keeps running.
            # The interpreter flushes stdout when it exits, so stdout has to be writable.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                self.complete = False
                self.note(f"The output is incomplete: {error.strerror}. Make room for it.")

    def note(self, text: str) -> None:
        """Print a line that is not part of the body."""
        self._console.line(text)
