"""The environments of one function: one per concurrent request, reused while warm."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from .environment import Environment
from .invocation import platform_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskGroup

    from .console import Console
    from .function import Function
    from .invocation import Invocation
    from .sandbox import Sandbox


CLOSING = platform_error("Sandbox.Failure", "The local Lambda is closing.")


class Pool:
    """Serves invocations with up to ``limit`` environments; more wait, first come first served.

    Made by `open_pool`, which also ends it.
    """

    def __init__(
        self, tasks: TaskGroup, function: Function, sandbox: Sandbox, console: Console, limit: int
    ) -> None:
        self._tasks = tasks
        self._function = function
        self._sandbox = sandbox
        self._console = console
        self._slots = anyio.CapacityLimiter(limit)
        self._idle: list[Environment] = []
        self._current: set[Environment] = set()  #: those with today's code
        self._alive: set[Environment] = set()
        self._invocations: set[Invocation] = set()
        self._closed = False

    @property
    def function(self) -> Function:
        """What is served."""
        return self._function

    @property
    def environments(self) -> int:
        """How many processes there are."""
        return sum(not environment.ended.is_set() for environment in self._alive)

    def submit(self, invocation: Invocation) -> None:
        """Have an invocation served; its answer appears in it. A closed pool fails it."""
        self._tasks.start_soon(self._serve, invocation)

    async def warm(self) -> Environment:
        """Start one environment ahead of the first request and wait for the end of its init."""
        environment = await self._start(self._function.init_timeout)
        self._idle.append(environment)
        await environment.api.initialised.wait()
        return environment

    def replace(self) -> None:
        """Use new environments from now on: the code has changed. Running requests end well."""
        self._current.clear()
        for environment in self._idle:
            self._tasks.start_soon(environment.stop)
        self._idle.clear()

    async def close(self) -> None:
        """End every environment, and with it every invocation, those that wait included."""
        self._closed = True
        for invocation in self._invocations:
            invocation.fail(CLOSING)
        async with anyio.create_task_group() as stopping:
            for environment in list(self._alive):
                stopping.start_soon(environment.stop)

    async def _serve(self, invocation: Invocation) -> None:
        self._invocations.add(invocation)
        try:
            async with self._slots:
                if not self._closed:
                    await self._invoke(invocation)
        finally:
            self._invocations.discard(invocation)
            invocation.fail(CLOSING)  # says something only if nobody else did
            invocation.done.set()

    async def _invoke(self, invocation: Invocation) -> None:
        environment = self._take() or await self._start(self._function.init_timeout)
        await environment.api.initialised.wait()
        if environment.init_timed_out:
            # AWS tries once more, on the time of the invocation itself.
            environment = await self._start(self._function.timeout)
        await environment.invoke(invocation)
        if environment.usable and environment in self._current:
            self._idle.append(environment)
        else:
            await environment.stop()

    def _take(self) -> Environment | None:
        # The one used last is the most likely to be warm in every cache.
        while self._idle:
            environment = self._idle.pop()
            if environment.usable:
                return environment
        return None

    async def _start(self, init_timeout: float) -> Environment:
        environment = Environment(self._function, self._sandbox, self._console, init_timeout)
        self._current.add(environment)
        self._alive.add(environment)
        await self._tasks.start(self._run, environment)
        return environment

    async def _run(
        self, environment: Environment, *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        try:
            await environment.run(task_status=task_status)
        finally:
            self._current.discard(environment)
            self._alive.discard(environment)


@asynccontextmanager
async def open_pool(
    function: Function, sandbox: Sandbox, console: Console, limit: int = 10
) -> AsyncIterator[Pool]:
    """Hold a pool open; when the block is left, however it is left, no process remains."""
    async with anyio.create_task_group() as tasks:
        pool = Pool(tasks, function, sandbox, console, limit)
        try:
            yield pool
        finally:
            with anyio.CancelScope(shield=True):
                await pool.close()
            tasks.cancel_scope.cancel()
