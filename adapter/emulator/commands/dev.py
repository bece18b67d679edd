"""``adapter dev``: a function on this machine, behind an event source."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ...errors import ConfigurationError
from ..console import Console
from ..environments.sandbox import Sandbox, find_sandbox, no_sandbox
from ..front_ends.front_end_settings import FrontEndSettings
from ..front_ends.listening import listen
from ..host import is_loopback
from .arguments import MAX_ENVIRONMENTS
from .conflicts import refuse_conflicts
from .dev_settings import DevSettings
from .function_options import read_dev_function
from .reload_filter import ReloadFilter
from .source_options import read_source
from .stop_signals import stop_signals

if TYPE_CHECKING:
    import signal
    import socket
    from argparse import Namespace
    from collections.abc import AsyncIterator, Callable
    from concurrent.futures import Future
    from contextlib import AbstractAsyncContextManager

    from ..environments.environment import Environment
    from ..environments.pool import Pool
    from ..function_config import FunctionConfig

WRITABLE_TASK_ROOT = (
    "Note: this system allows no read-only mount, so the app can write to its own folder here. "
    "On Lambda it can write to /tmp only."
)
EVERY_HOST = (
    "Note: with this --host, other machines and containers reach the function, and so does a web "
    "page whose domain points here: the Host header is not checked."
)


# These are imported later, while the function starts. A missing package is reported now.
for _name in ("starlette", "uvicorn", "watchfiles"):
    if find_spec(_name) is None:
        raise ModuleNotFoundError(name=_name)


def main(arguments: Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or the end of the terminal; return the exit code.

    Raises:
        ConfigurationError: TARGET or an option is invalid; nothing was started.
    """
    refuse_conflicts(arguments)
    dev = read_dev_function(arguments)
    # For the native runtime; other runtimes ignore these variables.
    environ = {"ADAPTER_ACCESS_LOG": "on", "ADAPTER_WATCHDOG": "on", **dev.config.environ}
    function = replace(dev.config, environ=environ)
    front_end = FrontEndSettings(
        undocumented=frozenset(arguments.undocumented),
        check_host=is_loopback(arguments.host),
        show_init_errors=arguments.reload,
    )
    source = read_source(arguments, dev.url_config)
    reload_filter = reload_filter_of(arguments, function.task_root)
    with ExitStack() as sockets, ThreadPoolExecutor(1) as background:
        http_socket = sockets.enter_context(listen(arguments.host, arguments.port))
        invoke_socket = None
        if arguments.invoke_port is not None:
            invoke_socket = sockets.enter_context(
                listen(arguments.host, arguments.invoke_port, "--invoke-port")
            )
        settings = DevSettings(
            function,
            front_end,
            source,
            http_socket,
            invoke_socket,
            (arguments.max_environments or MAX_ENVIRONMENTS) if function.isolated else 1,
            reload_filter,
            inspector=arguments.inspector,
        )
        future_sandbox = background.submit(sandbox_of, function)
        return anyio.run(run, settings, future_sandbox)


def reload_filter_of(arguments: Namespace, task_root: Path) -> ReloadFilter | None:
    """Read ``--reload``, ``--reload-include`` and ``--reload-exclude``."""
    patterns = [*arguments.reload_include, *arguments.reload_exclude]
    if not all(Path(pattern).name for pattern in patterns):
        raise ConfigurationError(
            "--reload-include and --reload-exclude take a file, a folder or a pattern: '*.sql'."
        )
    if not arguments.reload:
        return None
    return ReloadFilter(task_root, tuple(arguments.reload_include), tuple(arguments.reload_exclude))


async def run(settings: DevSettings, future_sandbox: Future[Sandbox]) -> int:
    """Serve until a signal; return the exit code, which is 1 if the function cannot start."""
    from ..environments.environment import wait_any  # lazy: imported while the sandbox is found
    from ..environments.pool import open_pool

    console = Console()
    function = settings.function
    reload_stop = anyio.Event()
    # Signals first: a Ctrl-C during the start has to stop the server cleanly as well.
    with anyio.open_signal_receiver(*stop_signals()) as signals:
        sandbox = await anyio.to_thread.run_sync(future_sandbox.result)
        if function.isolated and not sandbox.read_only:
            console.line(WRITABLE_TASK_ROOT)
        async with (
            open_pool(function, sandbox, console, settings.max_environments) as pool,
            anyio.create_task_group() as watching,
        ):
            if settings.reload_filter is not None:  # first: a change during the start counts too
                watching.start_soon(reload, pool, settings.reload_filter, console, reload_stop)
            first = await pool.start()
            serve_function = await anyio.to_thread.run_sync(import_servers)
            async with serve_function(settings, pool, console), anyio.create_task_group() as tasks:
                signalled, failed = anyio.Event(), anyio.Event()
                tasks.start_soon(wait_for_signal, signals, signalled)
                tasks.start_soon(announce, settings, first, console, failed)
                await wait_any(signalled, failed)
                console.line(stopping_line(len(pool.unfinished)))
                reload_stop.set()
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await pool.close()
            watching.cancel_scope.cancel()
    return 1 if failed.is_set() else 0


def stopping_line(unfinished: int) -> str:
    """Return the line for a server that stops while it has unfinished responses.

    >>> stopping_line(1)
    'Stopping; 1 response is cut off.'
    """
    if not unfinished:
        return "Stopping."
    return f"Stopping; {unfinished} response{' is' if unfinished == 1 else 's are'} cut off."


def import_servers() -> Callable[[DevSettings, Pool, Console], AbstractAsyncContextManager[None]]:
    """Import the servers; in a thread, while the function starts."""
    from .serving import serve_function  # lazy: imported while the function starts

    return serve_function


def sandbox_of(function: FunctionConfig) -> Sandbox:
    """Return how the function's processes are started."""
    if not function.isolated:
        return no_sandbox()
    return find_sandbox(function.task_root, function.layers)


async def wait_for_signal(signals: AsyncIterator[signal.Signals], signalled: anyio.Event) -> None:
    """Set an event at the first signal."""
    await anext(signals)
    signalled.set()


async def announce(
    settings: DevSettings, environment: Environment, console: Console, failed: anyio.Event
) -> None:
    """Wait for the function, then print its URL; set ``failed`` if the function cannot start.

    With ``--reload`` a function that cannot start is served, as the next save may repair it.
    """
    from ..inspector.app import ROOT  # lazy: imported while the function starts

    function = settings.function
    what = function.target if function.is_native else shlex.join(function.command)
    await environment.api.initialised.wait()
    if environment.init_failed and settings.reload_filter is None:
        console.line(
            f"{what} from {function.task_root} cannot start. The lines above say why. "
            "(With --reload, adapter dev waits for the next save.)",
            "error",
        )
        failed.set()
        return
    explain_failed_init(environment, function, console)
    console.line(
        f"Serving {what} from {function.task_root} "
        f"at {base_url(settings.http_socket)} (Ctrl-C stops it)",
        "success",
    )
    if settings.inspector:
        console.line(f"Inspector: {base_url(settings.http_socket)}{ROOT}/")
    if not settings.front_end.check_host:
        console.line(EVERY_HOST)
    if settings.invoke_socket is not None:
        console.line(
            f"boto3.client('lambda', endpoint_url='{base_url(settings.invoke_socket)}') "
            f"invokes FunctionName='{function.name}'"
        )


def base_url(listening: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def warm(pool: Pool, console: Console) -> None:
    """Start an environment before the first request, so that an error shows at once."""
    explain_failed_init(await pool.warm(), pool.function, console)


def explain_failed_init(
    environment: Environment, function: FunctionConfig, console: Console
) -> None:
    """Explain an init that failed or timed out, and the effect on the next request."""
    if environment.init_timed_out:
        console.line(init_timeout_advice(function), "error")
    elif environment.init_failed:
        console.line(
            "The function cannot start; requests fail. The lines above say why. "
            "Once the error is fixed, the next request starts the function again.",
            "error",
        )


def init_timeout_advice(function: FunctionConfig) -> str:
    """Return the message for an init that timed out."""
    stopped = f"Init took longer than {function.init_timeout_seconds:g} s and was stopped"
    if function.concurrency is not None:
        return f"{stopped}. The next request starts another environment."
    return (
        f"{stopped}, as on AWS. The next request initialises the function again, "
        f"within the function's timeout of {function.timeout_seconds:g} s."
    )


async def reload(
    pool: Pool, reload_filter: ReloadFilter, console: Console, stop: anyio.Event
) -> None:
    """Replace the environments whenever a file of the app changes, until ``stop`` is set.

    Cancellation does not end the task at once, because `watchfiles` waits in a thread.
    """
    from watchfiles import awatch  # lazy: for --reload only

    root = pool.function.task_root
    async for changes in awatch(root, watch_filter=reload_filter, stop_event=stop):
        names = sorted({Path(path).name for _, path in changes})
        console.line(f"Changed: {', '.join(names[:5])}. Restarting the function.", "platform")
        pool.replace()
        await warm(pool, console)
