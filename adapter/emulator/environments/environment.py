"""An execution environment: one runtime process and the Runtime API it talks to."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from time import monotonic
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute

from ..function_config import VERSION, FunctionConfig, region_of, variables
from ..local_invocation import InvocationFailure, LocalInvocation, platform_error, timeout_error
from ..runtime_api.extensions import Registered
from ..runtime_api.managed_api import ManagedApi
from ..runtime_api.on_demand_api import OnDemandApi
from ..runtime_api.server import Identity
from . import log_lines as report
from .memory import peak_memory

if TYPE_CHECKING:
    from anyio.abc import Process, SocketStream, TaskStatus
    from anyio.streams.stapled import MultiListener

    from ..console import Console
    from ..runtime_api.server import RuntimeApi
    from .sandbox import Sandbox

LAST_WORDS_SECONDS = 1.0
RESTORE_SECONDS = 10.0  # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html


class Environment:
    """One process, which serves what its Runtime API allows, and is reused while it is well.

    `run` is its whole life and belongs in a task of its own: it starts the process, serves its
    Runtime API on a port of its own (so the port says who calls), and returns when the process
    is dead; cancelling it kills the process. `invoke` has it serve one invocation.
    """

    def __init__(
        self, function: FunctionConfig, sandbox: Sandbox, console: Console, init_timeout: float
    ) -> None:
        self._function = function
        self._sandbox = sandbox
        self._console = console
        self._init_timeout = init_timeout
        identity = Registered(function.name, VERSION, function.target)
        arn = function.arn(region_of(os.environ))
        kind = OnDemandApi if function.concurrency is None else ManagedApi
        self.api: RuntimeApi = kind(
            Identity(identity, arn, function.timeout, function.throttle, function.snapstart)
        )
        self.ended = anyio.Event()
        self.init_timed_out = False
        self.init_failed = False
        self._stopping = False
        self.init_failure: InvocationFailure | None = None
        self._process: Process | None = None
        self._spawned = anyio.Event()  #: the process is there, or will never be
        self._server = anyio.CancelScope()
        self._started_at = 0.0
        self._running: set[LocalInvocation] = set()
        self._restore_duration: float | None = None

    @property
    def usable(self) -> bool:
        """Whether it can take an invocation: now or, while it starts, soon."""
        return not self.ended.is_set() and self.api.usable

    @property
    def busy(self) -> bool:
        """Whether it serves an invocation, or will when it has started."""
        return bool(self._running)

    def responded_within(self, seconds: float) -> bool:
        """Whether its responses have ended, the first of them less than ``seconds`` ago.

        Such an environment will soon ask for its next event, unless the app still works.
        """
        since = monotonic() - seconds
        ends = [invocation.ended_at for invocation in self._running]
        return self.busy and not self._stopping and all(end and end > since for end in ends)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Start the process, serve it, and see it to its end."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(self._serve, listener)
            tasks.start_soon(self._guard_init)
            task_status.started()
            try:
                await self._live(listener.extra(SocketAttribute.local_port))
            except OSError as error:
                self.init_failure = platform_error("Runtime.InvalidEntrypoint", str(error))
            finally:
                self._spawned.set()
                self._kill()
                with anyio.CancelScope(shield=True):
                    if self._process is not None:
                        await self._process.wait()
                self._end()
                tasks.cancel_scope.cancel()

    async def invoke(self, invocation: LocalInvocation) -> None:
        """Serve one invocation; return when the environment is free again, or dead."""
        self._running.add(invocation)
        try:
            await self.api.initialised.wait()
            if self.api.restore():
                await self._restored()
            await self._serve_one(invocation)
        finally:
            self._running.discard(invocation)

    async def _restored(self) -> None:
        """Wait until the runtime, restored from its snapshot, asks for its first event."""
        started = monotonic()
        with anyio.move_on_after(RESTORE_SECONDS):
            await first_of(self.api.asked, self.ended)
        self._restore_duration = monotonic() - started
        self.api.initialised_at = None  # init was paid for when the snapshot was made
        if not self.api.asked.is_set() and not self.ended.is_set():
            message = f"The runtime was not ready {RESTORE_SECONDS:.0f} s after its restore."
            self.init_failure = platform_error("Runtime.RestoreHookUserTimeout", message)
            await self.stop()
        kind = "" if self.api.asked.is_set() else self._reason("").error_type
        line = report.restore_line(self._restore_duration, kind)
        self._console.line(line, "bad" if kind else "platform")
        if kind and self.init_failure:
            self._console.line(f"Restore failed: {explain(self.init_failure)}", "bad")

    async def _serve_one(self, invocation: LocalInvocation) -> None:
        delivered = self.ended.is_set() or self.api.deliver(invocation)
        if not delivered:
            self._console.line(f"{invocation.request_id} Runtime.Unavailable: all are busy", "bad")
            return
        self._console.line(report.start_line(invocation.request_id), "platform")
        timed_out = False
        if self.ended.is_set():
            self._end()
        else:
            with anyio.move_on_after(self._function.timeout):
                await invocation.done.wait()
            timed_out = not invocation.done.is_set()
            if timed_out:
                await self._time_out(invocation)
        self._report(invocation, timed_out)

    async def stop(self) -> None:
        """End the process as Lambda does: with notice only if an extension is registered.

        https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
        """
        self._stopping = True
        await self._spawned.wait()
        if self._process is None or self.ended.is_set():
            return
        if self.api.extensions:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            with anyio.move_on_after(self._function.kill_delay):
                await self.ended.wait()
        self._kill()
        self._server.cancel()  # what is still on its way is for nobody
        await self.ended.wait()

    async def _serve(self, listener: MultiListener[SocketStream]) -> None:
        with self._server:
            await listener.serve(self.api.serve)

    async def _live(self, port: int) -> None:
        function = self._function
        self._started_at = monotonic()
        self._process = process = await anyio.open_process(
            self._sandbox.command(function.command),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            cwd=function.task_root,
            env=variables(function, f"127.0.0.1:{port}", os.environ),
            # A group of its own: Ctrl-C is ours to handle, and one signal ends all of it.
            start_new_session=True,
        )
        self._spawned.set()
        assert process.stdout is not None
        assert process.stderr is not None
        async with process.stdout, process.stderr, anyio.create_task_group() as readers:
            readers.start_soon(self._console.pass_on, process.stdout)
            readers.start_soon(self._console.pass_on, process.stderr)
            await process.wait()
            self._kill()  # nothing of an environment outlives its runtime
            readers.cancel_scope.deadline = anyio.current_time() + LAST_WORDS_SECONDS
        # What it had sent before it died is still read.
        if not self._server.cancel_called:
            await self.api.settled()

    async def _guard_init(self) -> None:
        with anyio.move_on_after(self._init_timeout):
            await self.api.initialised.wait()
        if self.api.initialised.is_set():
            return
        self.init_timed_out = True
        line = report.init_line(self._init_timeout, "timeout")
        self._console.line(line, "bad")
        await self.stop()

    async def _time_out(self, invocation: LocalInvocation) -> None:
        ends = self.api.expire(invocation)
        line = report.timeout_line(invocation.request_id, self._function.timeout)
        self._console.line(line, "bad")
        if ends:
            self._server.cancel()  # RAPID closes the runtime's connections first, then ends it
            await self.stop()

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self) -> None:
        """Note that the process is dead, and tell who waits for it."""
        if not self.ended.is_set():
            self.ended.set()
            self._note_init_failure()
            self.api.initialised.set()
        for invocation in self._running:
            invocation.fail(self._reason(invocation.request_id))
            invocation.done.set()

    def _reason(self, request_id: str) -> InvocationFailure:
        if self.init_failure is not None:
            return self.init_failure._replace(in_init=True)
        if self.init_timed_out:
            return timeout_error(request_id, self._init_timeout)
        returncode = self._process.returncode if self._process is not None else None
        failure = self.api.death(request_id, returncode or 0)
        return failure._replace(in_init=not self.api.asked.is_set())

    def _note_init_failure(self) -> None:
        self.init_failure = self.api.init_failure or self.init_failure
        if self.api.initialised.is_set() or self._stopping:
            return
        self.init_failed = True
        kind = self.init_failure.error_type if self.init_failure else "Runtime.ExitError"
        duration = monotonic() - self._started_at
        self._console.line(report.init_line(duration, "error", kind), "bad")
        if self.init_failure:
            self._console.line(f"Init failed: {explain(self.init_failure)}", "bad")

    def _report(self, invocation: LocalInvocation, timed_out: bool) -> None:
        started = invocation.delivered_at or monotonic()
        duration = monotonic() - started
        first = invocation.first_byte_at
        error_type = invocation.end.error_type if invocation.end else ""
        status = "timeout" if timed_out else "error" if error_type else ""
        line = report.report_line(
            report.Report(
                request_id=invocation.request_id,
                duration=self._function.timeout if timed_out else duration,
                memory_size=self._function.memory,
                max_memory_used=peak_memory(self._process.pid) if self._process else None,
                init_duration=self._take_init_duration(),
                restore_duration=self._take_restore_duration(),
                status=status,
                error_type=error_type if status == "error" else "",
                first_byte=None if first is None else first - started,
                bytes=invocation.bytes,
            )
        )
        self._console.line(report.end_line(invocation.request_id), "platform")
        self._console.line(line, "bad" if status else "good")

    def _take_init_duration(self) -> float | None:
        """Return how long init took, once: only the first invocation reports it."""
        at, self.api.initialised_at = self.api.initialised_at, None
        return None if at is None else at - self._started_at

    def _take_restore_duration(self) -> float | None:
        duration, self._restore_duration = self._restore_duration, None
        return duration


async def first_of(*events: anyio.Event) -> None:
    """Wait until one of several things has happened."""
    async with anyio.create_task_group() as tasks:

        async def wait(event: anyio.Event) -> None:
            await event.wait()
            tasks.cancel_scope.cancel()

        for event in events:
            tasks.start_soon(wait, event)


def explain(failure: InvocationFailure) -> str:
    """Say in one line what went wrong, from the error object that the runtime sent."""
    try:
        document = json.loads(failure.payload)
        return f"{document['errorType']}: {document['errorMessage']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return failure.payload.decode("utf-8", "replace") or failure.error_type
