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

from ..errors import AdapterError, ConfigurationError, LifespanFailed, LoadError, failed_start
from ..invocation.loggers import get_logger
from ..invocation.runner import KeptOpen, LoopRunner, current_runner
from ..invocation.tasks import unlisted
from ..loader import calls_function, load
from ..options import resolve_runtime
from ..runtime_api.client import RuntimeClient
from ..sync import set_bridge
from ..sync.bridge import Bridge
from . import log
from .signals import SignalHandlers, WakingSignals
from .thread_pools import Threads
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ..options.table import RuntimeOptions
    from ..runtime_api.connection import Connection
    from ..streams.streaming_handler import StreamingHandler

logger = get_logger("adapter.runtime")

SHUTDOWN_SECONDS = 0.45
"""The time from SIGTERM to the end of the process. SIGKILL comes 0.3 to 0.5 s after SIGTERM."""

BLOCKED_SECONDS = 0.5
"""The time from SIGTERM to the end of a process whose event loop is blocked."""

SIGTERM_GRACE_SECONDS = 0.2
"""The time after SIGTERM in which running invocations may end."""

CANCEL_GRACE_SECONDS = 0.05
"""The time after `SIGTERM_GRACE_SECONDS` in which cancelled invocations may post their errors."""

EXIT_FAILED, EXIT_USAGE, EXIT_LIFESPAN = 1, 2, 3


def main(target: str | None = None) -> int:
    """Serve invocations until the environment ends, and return the exit status.

    ``target`` names the handler or the app; the default is ``$_HANDLER``. The status is 0 after
    SIGTERM or Ctrl-C, 1 if the handler or the Runtime API failed, 2 outside a Lambda environment, 3
    if the app's lifespan startup failed, 64 if a hook before a snapshot failed, and 65 if a hook
    after a restore failed.
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
    _set_module_path(os.environ)
    concurrency = _concurrency(os.environ)
    runtime = Runtime(address, SignalHandlers(), concurrency)
    bridge: Bridge | None = None
    try:
        options = resolve_runtime(os.environ)
        bridge = Bridge(LoopRunner(_new_loop(options.loop), concurrent=concurrency is not None))
        set_bridge(bridge)
        handler = _load_handler(name or _no_handler(), options, bridge)
        if options.async_init:
            handler = _with_async_init(handler, options.async_init, runtime)
    except BaseException as error:  # a module that calls sys.exit() fails its environment too
        with asyncio.Runner() as reporting:
            status = reporting.run(runtime.fail_init(error))
        if bridge is not None:
            loop = bridge.runner.loop
            with asyncio.Runner(loop_factory=lambda: loop):
                pass  # this cancels the tasks that the module has left on the loop
        return status
    loop = bridge.runner.loop
    with asyncio.Runner(loop_factory=lambda: loop), KeptOpen(loop), WakingSignals(loop):
        status = _run_phases(runtime, handler, bridge, options)
        if runtime.is_abandoned():
            _exit(status)
        return status


def _load_handler(name: str, options: RuntimeOptions, bridge: Bridge) -> StreamingHandler:
    """Import the module of the handler; return the handler, ready for ``bridge``.

    Raises:
        LoadError: there is no such handler.
        BaseException: the exception of the module.
    """
    loop = bridge.runner.loop
    # As under AWS's runtime, the loop is the current one and does not run during the import: a
    # module may open a pool on the loop that will run the app, or run another loop.
    asyncio.set_event_loop(loop)
    with KeptOpen(loop), _deferred_models(options):
        handler = load(name)
    if bridge.runner.use_current_loop():
        loop.close()
    bridge.calls_function = calls_function(handler)
    if "sentry_sdk" in sys.modules or "logfire" in sys.modules:
        from .vendors import warn_of_patches  # lazy: cold start

        warn_of_patches()
    if options.watchdog:
        from .watchdog import WatchedHandler  # lazy: cold start

        return WatchedHandler(handler)
    return handler


def _run_phases(
    runtime: Runtime, handler: StreamingHandler, bridge: Bridge, options: RuntimeOptions
) -> int:
    """Run the phases of an environment: startup, snapshot hooks, invocations; return the status."""
    failed = bridge.runner.run(runtime.start(handler, options))
    if failed is None and os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from .snapshot import pause  # lazy: cold start

        failed = pause(runtime.client, bridge.runner, runtime.stop)
    return bridge.runner.run(runtime.serve(handler, bridge)) if failed is None else failed


class Runtime:
    """Runs one environment: startup, invocations, shutdown.

    Args:
        address: ``host:port`` of the Runtime API.
        signals: the signal handlers of the process.
        concurrency: how many invocations to serve at once; None for an environment that has
            one invocation at a time and is frozen between them.
    """

    def __init__(
        self, address: str, signals: SignalHandlers, concurrency: int | None = None
    ) -> None:
        self.client = RuntimeClient(address)
        self._address = address
        self._signals = signals
        self._concurrency = concurrency
        self._workers: Sequence[Worker] = ()
        self._abandoned = False
        self._threads: Threads | None = None
        self._overdue: set[asyncio.Task[None]] = set()
        self._extension: Connection | None = None
        self._end_at = 0.0  #: time of the event loop; 0 until SIGTERM
        self._gave_up = False  #: the startup has failed after init
        self._is_shutting_down = False  #: the shutdown of the handler has begun and is not over
        self.stop = asyncio.Event()  #: set by SIGTERM, or by `give_up`

    async def start(self, handler: StreamingHandler, options: RuntimeOptions) -> int | None:
        """Prepare for the first event; return an exit status if that fails."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._signals.call_first(number, partial(self._on_signal, current_runner()))
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
        """Serve until SIGTERM or a failure, then stop the handler; return the exit status."""
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
        """Await a startup. At SIGTERM, cancel the startup and return None."""
        starting = unlisted(asyncio.create_task(startup))
        stopping = unlisted(asyncio.create_task(self.stop.wait()))
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
        self._is_shutting_down = True
        ending = unlisted(asyncio.create_task(handler.shutdown()))
        left = self._end_at - asyncio.get_running_loop().time() if self._end_at else None
        seconds = SHUTDOWN_SECONDS if left is None else max(left, CANCEL_GRACE_SECONDS)
        await asyncio.wait((ending,), timeout=seconds)
        if ending.done():
            self._is_shutting_down = False
            ending.result()
        else:
            _log_abandoned_shutdown(seconds)
            self._abandoned = True
            ending.cancel()

    async def fail_init(self, error: BaseException) -> int:
        """Tell Lambda that the environment cannot start; return the exit status."""
        try:
            await self.client.init_error(error)
        except (OSError, AdapterError) as failure:
            logger.critical("Reporting the error failed: %s", failure)
        text, shown = failed_start(error)
        logger.critical("The environment cannot start: %s", text, exc_info=shown)
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
        workers: list[ConcurrentWorker] = []
        workers += [
            ConcurrentWorker(handler, self._address, bridge, self._threads, self._overdue, workers)
            for _ in range(self._concurrency)
        ]
        return workers

    async def _run(self, bridge: Bridge) -> int:
        """Serve until SIGTERM or until a worker fails; then let running invocations end."""
        tasks = [unlisted(asyncio.create_task(worker.run())) for worker in self._workers]
        stop = unlisted(asyncio.create_task(self.stop.wait()))
        await asyncio.wait((*tasks, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for worker in self._workers:  # the failure of one worker ends the environment
            worker.stop()
        await self._end({*tasks, *self._overdue}, bridge)
        failures = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for failure in filter(None, failures):
            logger.critical("The environment ends: %s", failure)
        if self._gave_up:
            return EXIT_LIFESPAN
        return EXIT_FAILED if any(failures) else 0

    async def _end(self, tasks: set[asyncio.Task[None]], bridge: Bridge) -> None:
        """Wait for running invocations; then cancel the rest."""
        _, running = await asyncio.wait(tasks, timeout=SIGTERM_GRACE_SECONDS)
        if running:
            logger.warning("The environment ends. Invocations still running: %d", len(running))
            self._abandoned = True  # their threads may still run
            bridge.served.mark_cancelled()
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CANCEL_GRACE_SECONDS)

    async def _register(self) -> None:
        from . import extension  # lazy: cold start

        try:
            self._extension = await extension.register(self._address)
        except (OSError, AdapterError) as error:
            logger.warning("Could not register an extension; no SIGTERM at shutdown: %s", error)

    def _on_signal(self, runner: LoopRunner | None) -> None:
        """Let the event loop end the environment, and start a timer that ends the process.

        The timer is for a loop that does not run: it is paused while a synchronous function
        runs, and a startup or a shutdown may block it. If code in C blocks the main thread, Python
        does not call this method before the end of that code, and SIGKILL ends the process.
        """
        assert runner is not None
        seconds = SHUTDOWN_SECONDS if runner.paused else BLOCKED_SECONDS
        timer = threading.Timer(seconds, self._exit_overdue, (seconds,))
        timer.daemon = True
        timer.start()
        # add_signal_handler would replace a callback of the app for the same signal.
        with suppress(RuntimeError):  # the loop is closed: the process ends
            runner.loop.call_soon_threadsafe(self._terminate)

    def _exit_overdue(self, seconds: float) -> None:
        """End the process without the event loop; called by the thread of a timer."""
        if self._is_shutting_down:
            _log_abandoned_shutdown(seconds)
        _exit(0)

    def _terminate(self) -> None:
        """Take no more events, and end; called by the event loop."""
        if self.stop.is_set():  # the second signal
            os._exit(EXIT_FAILED)
        self._end_at = asyncio.get_running_loop().time() + SHUTDOWN_SECONDS
        self.stop.set()
        for worker in self._workers:  # now, before a worker takes another event
            worker.stop()


def _log_abandoned_shutdown(seconds: float) -> None:
    logger.error("The shutdown of the app took over %.2f s and is abandoned", seconds)


def _no_handler() -> NoReturn:
    """Refuse to start: Lambda sets no ``_HANDLER`` for a container image.

    Raises:
        LoadError: always.
    """
    raise LoadError(
        "Runtime.HandlerNotFound",
        "No handler is named. adapter run reads its argument TARGET, or _HANDLER, which Lambda"
        " does not set for a container image on managed instances. Name the handler in the image:"
        ' ENTRYPOINT ["python", "-m", "adapter", "run"], CMD ["main.handler"].',
    )


def _with_async_init(
    handler: StreamingHandler, seconds: float, runtime: Runtime
) -> StreamingHandler:
    from .async_init import AsyncInitHandler, is_on_demand  # lazy: cold start

    if not is_on_demand(os.environ):
        return handler
    return AsyncInitHandler(handler, seconds, runtime.give_up)


def _deferred_models(options: RuntimeOptions) -> AbstractContextManager[None]:
    if not options.defer_build:
        return nullcontext()
    from ..imports.deferred_models import defer_models  # lazy: cold start

    return defer_models()


def _concurrency(environ: Mapping[str, str]) -> int | None:
    given = environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "")
    return max(int(given), 1) if given.isascii() and given.isdigit() else None


def _set_module_path(environ: Mapping[str, str]) -> None:
    """Put the task root first in ``sys.path``; on Lambda, also read ``.pth`` files.

    After it comes the working directory: Lambda sets ``LAMBDA_TASK_ROOT`` to ``/var/task`` also for
    an image whose app is elsewhere. The rest of ``sys.path`` comes from the container, or from
    ``adapter/bootstrap``.
    """
    here = os.getcwd()
    root = environ.get("LAMBDA_TASK_ROOT") or here
    sys.path[:] = dict.fromkeys((root, here, *sys.path))
    if environ.get("AWS_EXECUTION_ENV", "").startswith("AWS_Lambda_"):
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for folder in (root, f"/opt/python/lib/{version}/site-packages", "/opt/python"):
            if os.path.isdir(folder):
                site.addsitedir(folder)


def _exit(status: int) -> None:
    """End the process without waiting for its threads, which cannot be stopped."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the app may have closed or replaced the stream
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
