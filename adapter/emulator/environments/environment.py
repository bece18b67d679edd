"""An execution environment: one runtime process and its Runtime API."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute

from ..function_config import region_of
from ..invocation_steps import Started
from ..outcome import EXIT_ERROR, UNAVAILABLE, platform_error, timeout_error
from ..runtime_api.concurrent_api import ConcurrentApi
from ..runtime_api.on_demand_api import OnDemandApi
from . import log_lines
from .environment_log import EnvironmentLog
from .runtime_process import RuntimeProcess

if TYPE_CHECKING:
    from anyio.abc import SocketStream, TaskStatus
    from anyio.streams.stapled import MultiListener

    from ..console import Console
    from ..function_config import FunctionConfig
    from ..local_invocation import LocalInvocation
    from ..outcome import InvocationFailure
    from ..runtime_api.server import RuntimeApi
    from .sandbox import Sandbox

OUT_OF_MEMORY = "Runtime.OutOfMemory"

LOG_GRACE_SECONDS = 0.02
"""How long lines of the function are read after its invocation, if the caller wants them."""

RESTORE_SECONDS = 10.0  # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html


class Environment:
    """One runtime process, reused for invocations until it ends.

    `run` needs a separate task. It starts the process and serves the Runtime API to it, on a
    separate port, until the process has exited. Cancelling `run` kills the process. `invoke` serves
    one invocation.
    """

    def __init__(
        self,
        function: FunctionConfig,
        sandbox: Sandbox,
        console: Console,
        init_timeout_seconds: float,
        phase: str = "init",
    ) -> None:
        self._function = function
        self._phase = phase  #: of Lambda, for the line about a failed init
        self._running: set[LocalInvocation] = set()
        self._log = EnvironmentLog(console, self._running)
        #: of the latest invocation; in an on-demand environment, of all; ``None`` before the first
        self.tenant_id: str | None = None
        self._init_timeout_seconds = init_timeout_seconds
        kind = OnDemandApi if function.concurrency is None else ConcurrentApi
        self.api: RuntimeApi = kind(function, region_of(os.environ))
        self.ended = anyio.Event()
        self.init_timed_out = False
        self.init_failed = False
        self.init_failure: InvocationFailure | None = None
        self._stopping = False
        self._process = RuntimeProcess(function, sandbox, self._log)
        self._server_scope = anyio.CancelScope()
        self._restore_duration: float | None = None  #: until it is logged

    @property
    def usable(self) -> bool:
        """Whether the environment can take an invocation, now or after its init."""
        return not self.ended.is_set() and self.api.usable

    @property
    def busy(self) -> bool:
        """Whether the environment has an invocation."""
        return bool(self._running)

    def responded_within(self, seconds: float) -> bool:
        """Whether all its responses have ended, each less than ``seconds`` ago.

        Such an environment calls ``next`` soon, unless the app is still working.
        """
        since = monotonic() - seconds
        ends = [invocation.ended_at for invocation in self._running]
        return self.busy and not self._stopping and all(end and end > since for end in ends)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Start the process, serve its Runtime API, and return when the process has exited."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(self._serve, listener)
            if self._function.isolated:
                tasks.start_soon(self._enforce_init_timeout)
                tasks.start_soon(self._process.enforce_memory)
            task_status.started()
            try:
                await self._process.run(f"127.0.0.1:{listener.extra(SocketAttribute.local_port)}")
                if not self._server_scope.cancel_called:
                    await self.api.uploads_finished()  # a response sent before the exit is read
            except OSError as error:
                self.init_failure = platform_error("Runtime.InvalidEntrypoint", str(error))
            finally:
                self._process.kill()
                with anyio.CancelScope(shield=True):
                    await self._process.wait()
                self._end()
                tasks.cancel_scope.cancel()

    async def invoke(self, invocation: LocalInvocation) -> None:
        """Serve one invocation; return when the environment is free again, or has ended."""
        self._running.add(invocation)
        self.tenant_id = invocation.tenant_id
        try:
            if not self.api.initialised.is_set():
                await self.api.initialised.wait()
            if self.api.restore():
                await self._wait_restored()
            await self.api.wait_for_next()
            await self._deliver(invocation)
        finally:
            self._running.discard(invocation)

    async def _wait_restored(self) -> None:
        """Wait until the runtime, restored from its snapshot, calls ``next``."""
        started = monotonic()
        with anyio.move_on_after(RESTORE_SECONDS):
            await wait_any(self.api.next_called, self.ended)
        self._restore_duration = monotonic() - started
        self.api.initialised_at = None  # the init was billed when the snapshot was made
        if not self.api.next_called.is_set() and not self.ended.is_set():
            message = f"The runtime was not ready {RESTORE_SECONDS:.0f} s after its restore."
            self.init_failure = platform_error("Runtime.RestoreHookUserTimeout", message)
            await self.stop()
        error_type = "" if self.api.next_called.is_set() else self._exit_failure("").error_type
        line = log_lines.restore_line(self._restore_duration, error_type)
        self._log.line(line, "error" if error_type else "platform")
        if error_type and self.init_failure:
            self._log.line(f"Restore failed: {self.init_failure.summarise()}", "error")

    async def _deliver(self, invocation: LocalInvocation) -> None:
        # After a failed init the invocation fails below; its lines are logged, as on AWS.
        if not self.ended.is_set() and not self.api.deliver(invocation):
            self._log.line(
                f"RequestId: {invocation.request_id} {UNAVAILABLE}: concurrency limit reached",
                "error",
            )
            return
        cold = self._log.latest is None  # this is the first invocation
        self._log.latest = invocation
        pid = self._process.pid
        invocation.notify(
            Started(invocation.delivered_at or monotonic(), "" if pid is None else str(pid), cold)
        )
        await anyio.lowlevel.checkpoint()  # the event is sent before the line is written
        self._log.line(log_lines.start_line(invocation.request_id), "platform")
        timed_out = False
        if self.ended.is_set():
            self._fail_running()
        else:
            with anyio.move_on_after(self._function.timeout_seconds):
                await invocation.done.wait()
            timed_out = not invocation.done.is_set()
            if timed_out:
                await self._time_out(invocation)
        if invocation.log_tail is not None:
            await anyio.sleep(LOG_GRACE_SECONDS)
        self._log_report(invocation, timed_out)

    async def stop(self) -> None:
        """End the process as Lambda does: with SIGTERM first only if it has an extension.

        https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
        """
        self._stopping = True
        await self._process.spawned.wait()
        if self._process.pid is None or self.ended.is_set():
            return
        if self.api.extensions:
            self._process.terminate()
            with anyio.move_on_after(self._function.kill_delay_seconds):
                await self.ended.wait()
        self._process.kill()
        self._server_scope.cancel()  # unread bytes of the killed runtime are dropped
        await self.ended.wait()

    async def _serve(self, listener: MultiListener[SocketStream]) -> None:
        with self._server_scope:
            await listener.serve(self.api.serve)

    async def _enforce_init_timeout(self) -> None:
        with anyio.move_on_after(self._init_timeout_seconds):
            await self.api.initialised.wait()
        if self.api.initialised.is_set():
            return
        self.init_timed_out = True
        line = log_lines.init_line(self._init_timeout_seconds, "timeout", phase=self._phase)
        self._log.line(line, "error")
        await self.stop()

    async def _time_out(self, invocation: LocalInvocation) -> None:
        has_to_end = self.api.time_out(invocation)
        line = log_lines.timeout_line(invocation.request_id, self._function.timeout_seconds)
        self._log.line(line, "error")
        if has_to_end:
            self._server_scope.cancel()  # RAPID closes the connections before it ends the runtime
            await self.stop()

    def _end(self) -> None:
        """Record that the process has exited, and fail its invocations."""
        if not self.ended.is_set():
            self.ended.set()
            self._record_init_failure()
            self.api.initialised.set()
        self._fail_running()

    def _fail_running(self) -> None:
        """Fail the invocations of an environment whose process has exited."""
        for invocation in self._running:
            invocation.fail(self._exit_failure(invocation.request_id))
            invocation.done.set()

    def _exit_failure(self, request_id: str) -> InvocationFailure:
        if self.init_failure is not None:
            return self.init_failure._replace(in_init=True)
        if self.init_timed_out:
            return timeout_error(request_id, self._init_timeout_seconds)
        failure = self.api.exit_failure(request_id, self._process.returncode or 0)
        return failure._replace(in_init=not self.api.next_called.is_set())

    def _record_init_failure(self) -> None:
        self.init_failure = self.api.init_failure or self.init_failure
        if self.api.initialised.is_set() or self._stopping:
            return
        self.init_failed = True
        error_type = self.init_failure.error_type if self.init_failure else EXIT_ERROR
        if self._process.out_of_memory:
            error_type = OUT_OF_MEMORY
        duration = monotonic() - self._process.started_at
        self._log.line(log_lines.init_line(duration, "error", error_type, self._phase), "error")
        if self.init_failure:
            self._log.line(f"Init failed: {self.init_failure.summarise()}", "error")

    def _log_report(self, invocation: LocalInvocation, timed_out: bool) -> None:
        if invocation.logged.is_set():  # the pool closes
            return
        started = invocation.delivered_at or monotonic()
        duration = monotonic() - started
        first = invocation.first_byte_at
        error_type = invocation.end.error_type if invocation.end else ""
        if self._process.out_of_memory:
            error_type = OUT_OF_MEMORY
        status = "timeout" if timed_out else "error" if error_type else ""
        line = log_lines.report_line(
            log_lines.ReportLine(
                request_id=invocation.request_id,
                duration=self._function.timeout_seconds if timed_out else duration,
                memory_size_mb=self._function.memory_mb,
                max_memory_used_mb=self._process.peak_memory_mb,
                init_duration=self._take_init_duration(),
                restore_duration=self._take_restore_duration(),
                status=status,
                error_type=error_type if status == "error" else "",
                first_byte=None if first is None else first - started,
                bytes=invocation.bytes,
            )
        )
        self._log.line(log_lines.end_line(invocation.request_id), "platform")
        self._log.line(line, "error" if status else "success")
        invocation.logged.set()

    def _take_init_duration(self) -> float | None:
        """Return the duration of the init once, for the first REPORT line."""
        at, self.api.initialised_at = self.api.initialised_at, None
        return None if at is None else at - self._process.started_at

    def _take_restore_duration(self) -> float | None:
        duration, self._restore_duration = self._restore_duration, None
        return duration


async def wait_any(*events: anyio.Event) -> None:
    """Wait until one of several events is set."""
    async with anyio.create_task_group() as tasks:

        async def wait(event: anyio.Event) -> None:
            await event.wait()
            tasks.cancel_scope.cancel()

        for event in events:
            tasks.start_soon(wait, event)
