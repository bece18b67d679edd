"""The native runtime: a Runtime API loop on one asyncio event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import site
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import AdapterError, ConfigurationError, LifespanFailed, LoadError
from ..function import FunctionHandler
from ..loader import load
from ..loggers import get_logger
from . import extension, log
from .bridge import Bridge
from .client import RuntimeClient
from .executor import Threads
from .native_bridge import NativeBridge
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from ..types import StreamingHandler
    from .connection import Connection

logger = get_logger("adapter.runtime")

GRACE = 0.2
"""Seconds that running invocations get after SIGTERM; Lambda kills 0.3 to 0.5 s after it."""

LAST_WORDS = 0.05
"""Seconds they get after that, cancelled, to say so."""

EXIT_FAILED, EXIT_USAGE, EXIT_LIFESPAN = 1, 2, 3


def main(target: str | None = None) -> int:
    """Serve invocations until the environment ends, and return the exit status.

    ``target`` is what to load, ``$_HANDLER`` if not given. The status is 0 after SIGTERM or Ctrl-C,
    1 when the handler or the Runtime API failed, 2 when this is no Lambda environment, 3 when the
    app's lifespan startup failed, and 64 or 65 when a hook did, before a snapshot or after it.
    """
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    name = target or os.environ.get("_HANDLER")
    if not address or not name:
        missing = "_HANDLER" if address else "AWS_LAMBDA_RUNTIME_API"
        sys.stderr.write(
            f"adapter run: {missing} is not set, so this is not a Lambda environment."
            f" To serve an app on this machine: adapter dev {name or 'main:app'}\n"
        )
        return EXIT_USAGE
    log.configure(os.environ)
    _find_modules(os.environ)
    runtime = Runtime(address, _concurrency(os.environ))
    try:
        bridge = NativeBridge(asyncio.Runner(loop_factory=partial(_new_loop, os.environ)))
        Bridge.native = bridge
        # Outside the loop, as under AWS's own runtime: a module may run a loop of its own.
        handler = load(name)
        bridge.is_open = isinstance(handler, FunctionHandler)
        handler = _watched(handler, os.environ)
        _ = bridge.loop
    except BaseException as error:  # a module that calls sys.exit() fails its environment too
        with asyncio.Runner() as runner:
            return runner.run(runtime.fail_init(error))
    with bridge.runner:
        status = _live(runtime, handler, bridge)
        if runtime.is_abandoned():
            _exit(status)
        return status


def _live(runtime: Runtime, handler: StreamingHandler, bridge: NativeBridge) -> int:
    """Go through the phases of an environment. What hooks there are run between them."""
    failed = bridge.run(runtime.start(handler))
    if failed is None and os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from .snapstart import pause  # not on the way of every other cold start

        failed = pause(runtime.client, bridge, runtime.stop)
    return _run(bridge, runtime.serve(handler, bridge)) if failed is None else failed


def _run(bridge: NativeBridge, coroutine: Coroutine[Any, Any, int]) -> int:
    """Run it to its end, also when a task that the app left behind raises what stops the loop.

    Let out, that would end the process in the middle of responses that have nothing to do with
    it. A real Ctrl-C does not come this way: it is handled as SIGTERM is.
    """
    task = bridge.loop.create_task(coroutine)
    while True:
        try:
            return bridge.run(_result(task))
        except (SystemExit, KeyboardInterrupt) as error:
            if task.done():
                raise
            logger.error("Raised beside the responses, which go on.", exc_info=error)


async def _result(task: asyncio.Task[int]) -> int:
    return await asyncio.shield(task)


class Runtime:
    """The life of one environment.

    Args:
        address: ``host:port`` of the Runtime API.
        concurrency: how many invocations to serve at once; None where there is never more than
            one, and the environment is frozen between them.
    """

    def __init__(self, address: str, concurrency: int | None = None) -> None:
        self.client = RuntimeClient(address)
        self._address = address
        self._concurrency = concurrency
        self._workers: Sequence[Worker] = ()
        self._abandoned = False
        self._threads: Threads | None = None
        self._zombies: set[asyncio.Task[None]] = set()
        self._extension: Connection | None = None
        self.stop = asyncio.Event()  #: set by SIGTERM

    async def start(self, handler: StreamingHandler) -> int | None:
        """Do all that comes before the first event; return an exit status if that fails."""
        for ends in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(ends, self._terminate)
        try:
            self._threads = Threads(self._concurrency or 1)
            wants_shutdown = _choice(os.environ, "ADAPTER_SHUTDOWN", "on", "off") == "on"
            needs_shutdown = await handler.startup()
            if path := os.environ.get("ADAPTER_PRIME"):
                from .prime import prime

                await asyncio.create_task(prime(handler, path))
        except BaseException as error:
            return await self.fail_init(error)
        if needs_shutdown and wants_shutdown:
            await self._register()
        return None

    async def serve(self, handler: StreamingHandler, bridge: Bridge) -> int:
        """Serve until SIGTERM or a fault, then stop the handler; return the exit status."""
        if not self.stop.is_set():
            self._workers = self._make_workers(handler, bridge)
        try:
            return await self._run() if self._workers else 0
        finally:
            await handler.shutdown()
            if self._extension is not None:
                self._extension.close()
            for worker in self._workers:
                worker.close()

    async def fail_init(self, error: BaseException) -> int:
        """Tell the platform that the environment cannot start; return the exit status."""
        # A LoadError says it all in its message; the frames that matter are those of its cause.
        shown = error.__cause__ if isinstance(error, LoadError) else error
        logger.critical("The environment cannot start: %s", error, exc_info=shown)
        try:
            await self.client.init_error(error)
        except (OSError, AdapterError) as failure:
            logger.critical("That could not be reported either: %s", failure)
        self.client.close()
        return EXIT_LIFESPAN if isinstance(error, LifespanFailed) else EXIT_FAILED

    def is_abandoned(self) -> bool:
        """Whether something runs on that nobody can stop, so that the process must not wait."""
        return self._abandoned or (self._threads is not None and self._threads.end())

    def _make_workers(self, handler: StreamingHandler, bridge: Bridge) -> Sequence[Worker]:
        if self._concurrency is None:
            return [Worker(handler, self.client, bridge)]
        from .concurrent import ConcurrentWorker

        assert self._threads is not None
        crew: list[ConcurrentWorker] = []
        crew += [
            ConcurrentWorker(handler, self._address, bridge, self._threads, self._zombies, crew)
            for _ in range(self._concurrency)
        ]
        return crew

    async def _run(self) -> int:
        """Serve until SIGTERM or until a worker gives up; then see the running ones to an end."""
        tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
        stop = asyncio.create_task(self.stop.wait())
        await asyncio.wait((*tasks, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for worker in self._workers:  # what made one give up holds for all
            worker.stop()
        await self._end({*tasks, *self._zombies})
        faults = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for fault in filter(None, faults):
            logger.critical("The environment ends: %s", fault)
        return EXIT_FAILED if any(faults) else 0

    async def _end(self, tasks: set[asyncio.Task[None]]) -> None:
        """See what still runs to its end, or to ours."""
        _, running = await asyncio.wait(tasks, timeout=GRACE)
        if running:
            logger.error("The environment ends. Invocations still running: %d", len(running))
            self._abandoned = True  # at the least they may leave a thread behind
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=LAST_WORDS)

    async def _register(self) -> None:
        try:
            self._extension = await extension.register(self._address)
        except (OSError, AdapterError) as error:
            logger.warning("Lambda will not announce the end of this environment: %s", error)

    def _terminate(self) -> None:
        if self.stop.is_set():  # asked twice
            os._exit(EXIT_FAILED)
        self.stop.set()
        for worker in self._workers:  # at once: no event may be taken any more
            worker.stop()


def _watched(handler: StreamingHandler, environ: Mapping[str, str]) -> StreamingHandler:
    if _choice(environ, "ADAPTER_WATCHDOG", "off", "on") == "off":
        return handler
    from .watchdog import Watched  # what Lambda need not pay for

    return Watched(handler)


def _concurrency(environ: Mapping[str, str]) -> int | None:
    given = environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "")
    return max(int(given), 1) if given.isascii() and given.isdigit() else None


def _find_modules(environ: Mapping[str, str]) -> None:
    """Let modules be found in the task root first and, in a managed runtime, by ``.pth`` files.

    The rest of the path is as it is in a container, and as ``adapter/bootstrap`` made it elsewhere.
    """
    root = environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
    sys.path[:] = [root, *(folder for folder in sys.path if folder != root)]
    if environ.get("AWS_EXECUTION_ENV", "").startswith("AWS_Lambda_python"):
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for folder in (root, f"/opt/python/lib/{version}/site-packages", "/opt/python"):
            if os.path.isdir(folder):
                site.addsitedir(folder)


def _exit(status: int) -> None:
    """End the process without waiting for its threads: nobody can stop them."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the app may have closed it, or put another in its place
            stream.flush()
    os._exit(status)


def _new_loop(environ: Mapping[str, str]) -> asyncio.AbstractEventLoop:
    if _choice(environ, "ADAPTER_LOOP", "asyncio", "uvloop") == "asyncio":
        return asyncio.new_event_loop()
    try:
        import uvloop  # third party, so only when asked for
    except ImportError as error:
        raise ConfigurationError(
            "ADAPTER_LOOP is 'uvloop', but uvloop is not installed: pip install uvloop"
        ) from error
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _choice(environ: Mapping[str, str], name: str, default: str, other: str) -> str:
    value = environ.get(name, default)
    if value not in (default, other):
        raise ConfigurationError(f"{name} is {value!r}; it can be {default!r} or {other!r}.")
    return value
