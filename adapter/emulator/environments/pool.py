"""The environments of one function: one per concurrent request, or one for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from ..outcome import platform_error
from .environment import Environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from anyio.abc import TaskGroup

    from ..console import Console
    from ..function_config import FunctionConfig
    from ..invocation_steps import Listener
    from ..local_invocation import LocalInvocation
    from .sandbox import Sandbox


REUSE_SECONDS = 0.1
"""How long a request waits for an environment that has just responded, before another starts.

The runtime calls ``next`` only after its response, so a client that sends one request after
another is faster than the runtime.
"""

CLOSING = platform_error("Sandbox.Failure", "The local Lambda is closing.")


class Pool(ABC):
    """Serves invocations in environments that it starts, reuses and ends.

    Made by `open_pool`, which also closes it.
    """

    def __init__(
        self, tasks: TaskGroup, function: FunctionConfig, sandbox: Sandbox, console: Console
    ) -> None:
        self._tasks = tasks
        self._function = function
        self._sandbox = sandbox
        self._console = console
        self._alive: set[Environment] = set()
        self._invocations: set[LocalInvocation] = set()
        self._closed = False
        self.listener_of: Callable[[LocalInvocation], Listener] | None = None

    @property
    def function(self) -> FunctionConfig:
        """Return the function that is served."""
        return self._function

    @property
    def environments(self) -> int:
        """Return the number of running processes."""
        return sum(not environment.ended.is_set() for environment in self._alive)

    @property
    def unfinished(self) -> list[LocalInvocation]:
        """Return the invocations that wait, or whose response has not ended."""
        return [invocation for invocation in self._invocations if invocation.end is None]

    def submit(self, invocation: LocalInvocation) -> None:
        """Serve an invocation in a task; a closed pool fails it."""
        if self.listener_of is not None:
            invocation.listener = self.listener_of(invocation)
        self._tasks.start_soon(self._serve, invocation)

    async def warm(self) -> Environment:
        """Start one environment before the first request and wait for the end of its init."""
        environment = await self.start()
        await environment.api.initialised.wait()
        return environment

    @abstractmethod
    async def start(self) -> Environment:
        """Start one environment for later requests, and do not wait for its init."""

    @abstractmethod
    def replace(self) -> None:
        """Use new environments from now on, for new code. Running invocations are completed."""

    async def close(self) -> None:
        """End every environment and fail every invocation, running or waiting."""
        self._closed = True
        for invocation in self.unfinished:
            invocation.fail(CLOSING)
            invocation.logged.set()  # without REPORT: the function has not failed
        async with anyio.create_task_group() as stopping:
            for environment in list(self._alive):
                stopping.start_soon(environment.stop)

    @abstractmethod
    async def _invoke(self, invocation: LocalInvocation) -> None:
        """Serve the invocation in an environment; return when the invocation is over."""

    async def _serve(self, invocation: LocalInvocation) -> None:
        self._invocations.add(invocation)
        try:
            if not self._closed:
                await self._invoke(invocation)
        finally:
            self._invocations.discard(invocation)
            invocation.fail(CLOSING)  # no effect on an invocation that has ended
            invocation.done.set()
            invocation.logged.set()

    async def _start(self, init_timeout_seconds: float, phase: str = "init") -> Environment:
        environment = Environment(
            self._function, self._sandbox, self._console, init_timeout_seconds, phase
        )
        self._alive.add(environment)
        await self._tasks.start(self._run, environment)
        return environment

    async def _run(
        self, environment: Environment, *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        try:
            await environment.run(task_status=task_status)
        finally:
            self._alive.discard(environment)


class OnDemandPool(Pool):
    """Up to ``limit`` environments, one per request; further requests wait in order."""

    def __init__(
        self,
        tasks: TaskGroup,
        function: FunctionConfig,
        sandbox: Sandbox,
        console: Console,
        limit: int,
    ) -> None:
        super().__init__(tasks, function, sandbox, console)
        self._limit = limit
        self._slots = anyio.Semaphore(limit, fast_acquire=True)
        self._idle: list[Environment] = []
        self._outdated: set[Environment] = set()  #: environments that run old code
        self._became_idle = anyio.Event()
        self._waiting = 0  #: requests that wait for an environment that has just responded

    async def start(self) -> Environment:
        """Start another environment."""
        environment = await self._start(self._function.init_timeout_seconds)
        self._idle.append(environment)
        return environment

    def replace(self) -> None:
        """End the idle environments now, and the others when they become idle."""
        self._outdated = set(self._alive)
        for environment in self._idle:
            self._tasks.start_soon(environment.stop)
        self._idle.clear()

    async def _invoke(self, invocation: LocalInvocation) -> None:
        async with self._slots:
            if self._closed:
                return
            environment = await self._reuse(invocation.tenant_id)
            if environment is None:
                await self._make_room()
                environment = await self._start(self._function.init_timeout_seconds)
            if not environment.api.initialised.is_set():
                await environment.api.initialised.wait()
            if environment.init_timed_out:
                # AWS tries once more, within the timeout of the invocation.
                environment = await self._start(self._function.timeout_seconds, "invoke")
            await environment.invoke(invocation)
            if environment.usable and environment not in self._outdated:
                self._idle.append(environment)
                self._became_idle.set()
                self._became_idle = anyio.Event()
            else:
                await environment.stop()

    async def _make_room(self) -> None:
        """End an idle environment of another tenant if the limit leaves no room for a new one."""
        if self._idle and len(self._alive) >= self._limit:
            await self._idle.pop(0).stop()

    async def _reuse(self, tenant_id: str) -> Environment | None:
        """Return an environment that is idle, or becomes idle within `REUSE_SECONDS`."""
        environment = self._pop_idle(tenant_id)
        if environment is not None or self._waiting >= self._nearly_idle:
            return environment
        self._waiting += 1
        try:
            with anyio.move_on_after(REUSE_SECONDS):
                while (environment := self._pop_idle(tenant_id)) is None:
                    await self._became_idle.wait()
        finally:
            self._waiting -= 1
        return environment

    @property
    def _nearly_idle(self) -> int:
        """Return how many environments have just responded, and become idle soon."""
        current = self._alive - self._outdated
        return sum(environment.responded_within(REUSE_SECONDS) for environment in current)

    def _pop_idle(self, tenant_id: str) -> Environment | None:
        """Return an idle environment that has served no other tenant."""
        # An init that timed out is repeated by the next invocation, in `_invoke`.
        self._idle = [each for each in self._idle if each.usable or each.init_timed_out]
        # The environment that was used last has the warmest caches.
        for environment in reversed(self._idle):
            if environment.tenant_id in (None, tenant_id):
                self._idle.remove(environment)
                return environment
        return None


class ConcurrentPool(Pool):
    """One concurrent environment for all requests; requests above its limit are refused."""

    def __init__(
        self, tasks: TaskGroup, function: FunctionConfig, sandbox: Sandbox, console: Console
    ) -> None:
        super().__init__(tasks, function, sandbox, console)
        self._environment: Environment | None = None
        self._starting = anyio.Lock()
        self._version = 0

    async def start(self) -> Environment:
        """Start the environment, if there is none."""
        async with self._starting:
            while self._environment is None or not self._environment.usable:
                version = self._version
                started = await self._start(self._function.init_timeout_seconds)
                if version == self._version:
                    self._environment = started
                else:  # replaced while it started
                    await started.stop()
            return self._environment

    def replace(self) -> None:
        """Use a new environment; the old one ends with the last of its invocations."""
        self._version += 1
        outdated, self._environment = self._environment, None
        if outdated is not None and not outdated.busy:
            self._tasks.start_soon(outdated.stop)

    async def _invoke(self, invocation: LocalInvocation) -> None:
        environment = await self.start()
        await environment.invoke(invocation)
        if environment is not self._environment and not environment.busy:
            await environment.stop()


@asynccontextmanager
async def open_pool(
    function: FunctionConfig, sandbox: Sandbox, console: Console, limit: int = 10
) -> AsyncIterator[Pool]:
    """Open a pool. When the block ends, for any reason, all its processes have ended.

    ``limit`` is how many environments an `OnDemandPool` may have; a `ConcurrentPool` has one.
    """
    async with anyio.create_task_group() as tasks:
        pool: Pool = (
            OnDemandPool(tasks, function, sandbox, console, limit)
            if function.concurrency is None
            else ConcurrentPool(tasks, function, sandbox, console)
        )
        try:
            yield pool
        finally:
            with anyio.CancelScope(shield=True):
                await pool.close()
            tasks.cancel_scope.cancel()
