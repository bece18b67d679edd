"""The native runtime: a Runtime API loop on one asyncio event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import site
import sys
import threading
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import AdapterError, ConfigurationError, LifespanFailed, LoadError, advice
from ..function import FunctionHandler
from ..invocation.loggers import get_logger
from ..invocation.registry import set_host
from ..invocation.runner import LoopRunner, current_runner
from ..loader import load
from ..options import resolve_runtime
from ..runtime_api.client import RuntimeClient
from ..sync.bridge import Bridge
from . import extension, log
from .signals import Signals
from .thread_pools import Threads
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ..options import RuntimeOptions
    from ..runtime_api.connection import Connection
    from ..streams.streaming_handler import StreamingHandler

logger = get_logger("adapter.runtime")

SHUTDOWN_SECONDS = 0.45
"""From SIGTERM to the end of the process; Lambda kills the process 0.3 to 0.5 s after SIGTERM."""

BLOCKED_SECONDS = 0.5
"""From SIGTERM to the end of a process whose event loop is blocked."""

GRACE_SECONDS = 0.2
"""In which running invocations may end after SIGTERM."""

CANCEL_GRACE_SECONDS = 0.05
"""After that, cancelled, to post their errors."""

EXIT_FAILED, EXIT_USAGE, EXIT_LIFESPAN = 1, 2, 3


def main(target: str | None = None) -> int:
    """Serve invocations until the environment ends, and return the exit status.

    ``target`` is what to load, ``$_HANDLER`` if not given. The status is 0 after SIGTERM or Ctrl-C,
    1 when the handler or the Runtime API failed, 2 when this is no Lambda environment, 3 when the
    app's lifespan startup failed, and 64 or 65 when a hook did, before a snapshot or after it.
    """
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    name = target or os.environ.get("_HANDLER")
    if not address:
        sys.stderr.write(
            "adapter run: AWS_LAMBDA_RUNTIME_API is not set, so this is not a Lambda environment."
            f" To serve an app on this machine: adapter dev {name or 'main:app'}\n"
        )
        return EXIT_USAGE
    log.configure(os.environ)
    _find_modules(os.environ)
    concurrency = _concurrency(os.environ)
    runtime = Runtime(address, Signals(), concurrency)
    closing: asyncio.Runner | None = None
    try:
        options = resolve_runtime(os.environ)
        closing = asyncio.Runner(loop_factory=partial(_new_loop, options.loop))
        bridge = Bridge(LoopRunner(closing.get_loop(), concurrent=concurrency is not None))
        set_host(bridge)
        # Current, but standing still, as under AWS's own runtime: a module may open a pool on the
        # loop that the app will run on, or run a loop of its own.
        asyncio.set_event_loop(bridge.runner.loop)
        with _deferred(options):
            handler = load(name or _no_handler())
        bridge.calls_function = isinstance(handler, FunctionHandler)
        if "sentry_sdk" in sys.modules:
            from .vendors import warn_of_sentry  # lazy: cold start

            warn_of_sentry()
        handler = _watched(handler) if options.watchdog else handler
        if options.async_init:
            handler = _patient(handler, options.async_init, runtime)
    except BaseException as error:  # a module that calls sys.exit() fails its environment too
        with asyncio.Runner() as reporting:
            status = reporting.run(runtime.fail_init(error))
        if closing is not None:
            closing.close()
        return status
    with closing:
        status = _live(runtime, handler, bridge, options)
        if runtime.is_abandoned():
            _exit(status)
        return status


def _live(
    runtime: Runtime, handler: StreamingHandler, bridge: Bridge, options: RuntimeOptions
) -> int:
    """Go through the phases of an environment. The hooks of a snapshot run between them."""
    failed = bridge.runner.run(runtime.start(handler, options))
    if failed is None and os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from .snapshot import pause  # lazy: cold start

        failed = pause(runtime.client, bridge.runner, runtime.stop)
    return bridge.runner.run(runtime.serve(handler, bridge)) if failed is None else failed


class Runtime:
    """The life of one environment.

    Args:
        address: ``host:port`` of the Runtime API.
        signals: the signal handlers of the process.
        concurrency: how many invocations to serve at once; None if there is never more than
            one, and the environment is frozen between them.
    """

    def __init__(self, address: str, signals: Signals, concurrency: int | None = None) -> None:
        self.client = RuntimeClient(address)
        self._address = address
        self._signals = signals
        self._concurrency = concurrency
        self._workers: Sequence[Worker] = ()
        self._abandoned = False
        self._threads: Threads | None = None
        self._zombies: set[asyncio.Task[None]] = set()
        self._extension: Connection | None = None
        self._end_at = 0.0  #: time of the event loop, once SIGTERM has come
        self._gave_up = False  #: the startup has failed after init
        self.stop = asyncio.Event()  #: set by SIGTERM, or by `give_up`

    async def start(self, handler: StreamingHandler, options: RuntimeOptions) -> int | None:
        """Do all that comes before the first event; return an exit status if that fails."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._signals.put_first(number, partial(self._on_signal, current_runner()))
        try:
            self._threads = Threads(self._concurrency or 1)
            needs_shutdown = await self._unless_stopped(handler.startup())
        except BaseException as error:
            return await self.fail_init(error)
        if needs_shutdown is None:
            self._abandoned = True
            return 0
        if needs_shutdown and options.shutdown:
            await self._register()
        return None

    async def serve(self, handler: StreamingHandler, bridge: Bridge) -> int:
        """Serve until SIGTERM or a fault, then stop the handler; return the exit status."""
        if not self.stop.is_set():
            self._workers = self._make_workers(handler, bridge)
        try:
            return await self._run(bridge) if self._workers else 0
        finally:
            await self._shut_down(handler)
            if self._extension is not None:
                self._extension.close()
            for worker in self._workers:
                worker.close()

    async def _unless_stopped(self, startup: Coroutine[Any, Any, bool]) -> bool | None:
        """Await a startup; give up on it at SIGTERM, and return None."""
        starting = asyncio.create_task(startup)
        stopping = asyncio.create_task(self.stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            return starting.result()
        logger.error("The environment ends during the startup of the app")
        starting.cancel()
        await asyncio.wait((starting,), timeout=CANCEL_GRACE_SECONDS)
        return None

    async def _shut_down(self, handler: StreamingHandler) -> None:
        """Stop the handler, within the time that Lambda gives for it."""
        ending = asyncio.create_task(handler.shutdown())
        left = self._end_at - asyncio.get_running_loop().time() if self._end_at else None
        seconds = SHUTDOWN_SECONDS if left is None else max(left, CANCEL_GRACE_SECONDS)
        await asyncio.wait((ending,), timeout=seconds)
        if ending.done():
            ending.result()
        else:
            logger.error("The shutdown of the app took over %.2f s and is abandoned", seconds)
            self._abandoned = True
            ending.cancel()

    async def fail_init(self, error: BaseException) -> int:
        """Tell the platform that the environment cannot start; return the exit status."""
        try:
            await self.client.init_error(error)
        except (OSError, AdapterError) as failure:
            logger.critical("Reporting the error failed: %s", failure)
        # A LoadError says it all in its message; the frames that matter are those of its cause.
        shown = error.__cause__ if isinstance(error, LoadError) else error
        hint = advice(error)
        logger.critical("The environment cannot start: %s%s", error, hint, exc_info=shown)
        self.client.close()
        return EXIT_LIFESPAN if isinstance(error, LifespanFailed) else EXIT_FAILED

    def is_abandoned(self) -> bool:
        """Whether work is left that cannot be stopped, so that the process must not wait."""
        return self._abandoned or (self._threads is not None and self._threads.end())

    def give_up(self) -> None:
        """Take no more events: the startup of the app has failed after init."""
        self._gave_up = True
        self.stop.set()

    def _make_workers(self, handler: StreamingHandler, bridge: Bridge) -> Sequence[Worker]:
        if self._concurrency is None:
            return [Worker(handler, self.client, bridge)]
        from .concurrent import ConcurrentWorker

        assert self._threads is not None
        siblings: list[ConcurrentWorker] = []
        siblings += [
            ConcurrentWorker(handler, self._address, bridge, self._threads, self._zombies, siblings)
            for _ in range(self._concurrency)
        ]
        return siblings

    async def _run(self, bridge: Bridge) -> int:
        """Serve until SIGTERM or until a worker gives up; then let the running ones end."""
        tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
        stop = asyncio.create_task(self.stop.wait())
        await asyncio.wait((*tasks, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for worker in self._workers:  # the fault of one worker is the fault of all
            worker.stop()
        await self._end({*tasks, *self._zombies}, bridge)
        faults = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for fault in filter(None, faults):
            logger.critical("The environment ends: %s", fault)
        if self._gave_up:
            return EXIT_LIFESPAN
        return EXIT_FAILED if any(faults) else 0

    async def _end(self, tasks: set[asyncio.Task[None]], bridge: Bridge) -> None:
        """Wait for running invocations; then cancel the rest."""
        _, running = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        if running:
            logger.error("The environment ends. Invocations still running: %d", len(running))
            self._abandoned = True  # at the least they may leave a thread behind
            bridge.cancel_all()
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CANCEL_GRACE_SECONDS)

    async def _register(self) -> None:
        try:
            self._extension = await extension.register(self._address)
        except (OSError, AdapterError) as error:
            logger.warning("Could not register an extension; no SIGTERM at shutdown: %s", error)

    def _on_signal(self, runner: LoopRunner | None) -> None:
        """Have the event loop end the environment, and see to it that something does.

        The loop cannot do it while a synchronous function runs, for which the loop stands still, or
        while a startup or a shutdown blocks the loop. A timer ends the process then.
        """
        assert runner is not None
        timer = threading.Timer(
            SHUTDOWN_SECONDS if runner.stands_still else BLOCKED_SECONDS, _exit, (0,)
        )
        timer.daemon = True
        timer.start()
        # Not by add_signal_handler, where the app may have a callback for the same signal.
        with suppress(RuntimeError):  # the loop is closed: the process is at its end
            runner.loop.call_soon_threadsafe(self._terminate)

    def _terminate(self) -> None:
        """Take no more events, and end; called by the event loop."""
        if self.stop.is_set():  # asked twice
            os._exit(EXIT_FAILED)
        self._end_at = asyncio.get_running_loop().time() + SHUTDOWN_SECONDS
        self.stop.set()
        for worker in self._workers:  # at once: no event may be taken any more
            worker.stop()


def _no_handler() -> NoReturn:
    """Refuse to start: Lambda sets no ``_HANDLER`` for a container image.

    Raises:
        LoadError: always.
    """
    raise LoadError(
        "Runtime.HandlerNotFound",
        "No handler is named. adapter run takes it as its argument TARGET, or from _HANDLER, which"
        " Lambda does not set for a container image on managed instances. Name it in the image:"
        ' ENTRYPOINT ["python", "-m", "adapter", "run"], CMD ["main.handler"].',
    )


def _watched(handler: StreamingHandler) -> StreamingHandler:
    from .watchdog import Watched  # lazy: cold start

    return Watched(handler)


def _patient(handler: StreamingHandler, seconds: float, runtime: Runtime) -> StreamingHandler:
    from .patience import Patient, is_on_demand  # lazy: cold start

    return Patient(handler, seconds, runtime.give_up) if is_on_demand(os.environ) else handler


def _deferred(options: RuntimeOptions) -> AbstractContextManager[None]:
    if not options.defer_build:
        return nullcontext()
    from ..imports.deferred_models import defer_models  # lazy: cold start

    return defer_models()


def _concurrency(environ: Mapping[str, str]) -> int | None:
    given = environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "")
    return max(int(given), 1) if given.isascii() and given.isdigit() else None


def _find_modules(environ: Mapping[str, str]) -> None:
    """Let modules be found in the task root first and, on Lambda, by ``.pth`` files.

    The rest of the path is that of the container, or the path that ``adapter/bootstrap`` made.
    """
    root = environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
    sys.path[:] = [root, *(folder for folder in sys.path if folder != root)]
    if environ.get("AWS_EXECUTION_ENV", "").startswith("AWS_Lambda_"):
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for folder in (root, f"/opt/python/lib/{version}/site-packages", "/opt/python"):
            if os.path.isdir(folder):
                site.addsitedir(folder)


def _exit(status: int) -> None:
    """End the process without waiting for its threads, which cannot be stopped."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the app may have closed it, or put another in its place
            stream.flush()
    os._exit(status)


def _new_loop(kind: str) -> asyncio.AbstractEventLoop:
    if kind == "asyncio":
        return asyncio.new_event_loop()
    try:
        import uvloop  # third party, so only when asked for
    except ImportError as error:
        raise ConfigurationError(
            "ADAPTER_LOOP is 'uvloop', but uvloop is not installed: pip install uvloop"
        ) from error
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
