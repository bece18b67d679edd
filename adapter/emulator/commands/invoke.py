"""``adapter invoke``: one invocation, without a server."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from ...errors import ConfigurationError, EventError
from ...prelude import CONTENT_TYPE
from ..console import Console
from ..environments.environment import explain
from ..environments.pool import Pool, open_pool
from ..environments.sandbox import find_sandbox
from ..front_ends.prelude_reader import PreludeReader
from ..front_ends.url_request import EVENT_TOO_LARGE, UrlEvent, UrlRequest, url_event
from ..front_ends.url_response import TOKEN
from ..local_invocation import InvocationFailure, LocalInvocation, ResponseStart
from .dev import function_of

if TYPE_CHECKING:
    from argparse import Namespace

    from ..function_config import FunctionConfig

WELL, FAILED, NOT_LOADED, STARTUP_FAILED = range(4)


@dataclass(frozen=True)
class Invoke:
    """Everything that `adapter invoke` was asked for."""

    function: FunctionConfig
    event: UrlEvent
    include: bool
    timings: bool


def main(arguments: Namespace) -> int:
    """Invoke the function once; return 0 (well), 1 (it failed), 2 (not loaded), 3 (lifespan).

    Raises:
        ConfigurationError: TARGET or an option cannot be used; nothing was started.
    """
    function = function_of(arguments)
    event = made_event(arguments) if arguments.event is None else given_event(arguments)
    if event.too_large:
        raise ConfigurationError(f"Not invoked: {EVENT_TOO_LARGE}")
    return anyio.run(run, Invoke(function, event, arguments.include, arguments.timings))


def given_event(arguments: Namespace) -> UrlEvent:
    """Read an event from a file or from stdin."""
    if arguments.method is not None or arguments.header or arguments.data is not None:
        raise ConfigurationError(
            "--event is sent as it is: --method, --header and --data go with --path only."
        )
    name: str = arguments.event
    document = read(name)
    try:
        json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} does not hold an event: {error}") from error
    made = url_event(UrlRequest("GET", "/", "", [], b"", "http", 80, "127.0.0.1"))
    return made._replace(document=document)


def made_event(arguments: Namespace) -> UrlEvent:
    """Build the event of the request that the options describe."""
    body = b""
    if arguments.data is not None:
        data: str = arguments.data
        body = read(data[1:]) if data.startswith("@") else data.encode()
    path, _, query = arguments.path.partition("?")
    if not path.startswith("/"):
        raise ConfigurationError(f"--path has to begin with /, and {arguments.path!r} does not.")
    headers = [(b"host", b"localhost"), (b"user-agent", b"adapter-invoke")]
    for line in arguments.header:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not TOKEN.fullmatch(name):
            raise ConfigurationError(f"--header {line!r} is no header. Try 'Accept: text/html'.")
        headers = [field for field in headers if field[0] != name.encode()]
        headers.append((name.encode(), value.strip().encode()))
    method: str | None = arguments.method
    if method is None:
        method = "GET" if arguments.data is None else "POST"
    if not TOKEN.fullmatch(method):
        raise ConfigurationError(f"--method {method!r} is no method. Try PUT.")
    return url_event(
        UrlRequest(method.upper(), path, query, headers, body, "http", 80, "127.0.0.1")
    )


def read(name: str) -> bytes:
    """Read a file, or stdin for ``-``."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Cannot read {name!r}: {error.strerror}.") from error


async def run(invoke: Invoke) -> int:
    """Start an environment, invoke it, show the answer; Ctrl-C ends it all."""
    console = Console(sys.stderr)
    sandbox = await anyio.to_thread.run_sync(find_sandbox, invoke.function.task_root)
    async with (
        open_pool(invoke.function, sandbox, console, limit=1) as pool,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(stop_on_signal, tasks.cancel_scope)
        code = await invoke_once(invoke, pool, console)
        tasks.cancel_scope.cancel()
        return code
    return 128 + signal.SIGINT


async def stop_on_signal(scope: anyio.CancelScope) -> None:
    """Cancel everything at the first signal."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()


async def invoke_once(invoke: Invoke, pool: Pool, console: Console) -> int:
    """Send the event and show the answer."""
    event = invoke.event
    invocation = LocalInvocation(
        event.document, request_id=event.request_id, trace_id=event.trace_id
    )
    pool.submit(invocation)
    async with invocation.body:
        answer = await invocation.answer()
        printer = Printer(invoke, console, invocation.delivered_at or monotonic())
        if isinstance(answer, ResponseStart):
            code = WELL if await show(answer, invocation, printer) else FAILED
        else:
            printer.note(f"The function failed. {explain(answer)}")
            code = code_of(answer)
    await invocation.done.wait()
    return code


def code_of(failure: InvocationFailure) -> int:
    """Return the exit code for a function that gave no answer."""
    if not failure.in_init:
        return FAILED
    return STARTUP_FAILED if explain(failure).startswith("LifespanFailed") else NOT_LOADED


async def show(answer: ResponseStart, invocation: LocalInvocation, printer: Printer) -> bool:
    """Print the answer as it comes; return whether it was a good one."""
    reader = PreludeReader() if answer.content_type == CONTENT_TYPE else None
    status = 200
    try:
        async for chunk in invocation.body:
            rest = chunk
            if reader is not None:
                found = reader.feed(chunk)
                if found is None:
                    continue
                prelude, rest = found
                reader = None
                status = prelude.get("statusCode", 200)
                printer.head(dict(prelude))
            printer.chunk(rest)
    except EventError as error:
        printer.note(str(error))
        return False
    assert invocation.end is not None
    if reader is not None:
        printer.note("The stream ended before its prelude was complete.")
        return False
    if not invocation.end.clean:
        printer.note(f"The stream ended with {invocation.end.error_type}.")
    return invocation.end.clean and status < 500


class Printer:
    """Writes body bytes to stdout, everything about them to stderr."""

    def __init__(self, invoke: Invoke, console: Console, started: float) -> None:
        self._invoke = invoke
        self._console = console
        self._started = started

    def head(self, prelude: dict[str, object]) -> None:
        """Show status, headers and cookies, if asked."""
        if not self._invoke.include:
            return
        self.note(f"Status: {prelude.get('statusCode', 200)}")
        headers = prelude.get("headers")
        for name, value in headers.items() if isinstance(headers, dict) else ():
            self.note(f"{name}: {value}")
        cookies = prelude.get("cookies")
        for cookie in cookies if isinstance(cookies, list) else ():
            self.note(f"Set-Cookie: {cookie}")

    def chunk(self, data: bytes) -> None:
        """Show body bytes, now."""
        if not data:
            return
        if self._invoke.timings:
            self.note(f"{monotonic() - self._started:8.3f} s  {len(data)} bytes")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Who read us has left (head, less): the function goes on, and the interpreter must
            # not stumble over what is left to flush when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def note(self, text: str) -> None:
        """Say something that is not the body."""
        self._console.line(text)
