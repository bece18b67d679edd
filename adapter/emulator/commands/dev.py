"""``adapter dev``: a function URL on this machine."""

from __future__ import annotations

import os
import re
import signal
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from watchfiles import awatch

from ...errors import ConfigurationError
from ...target import find_target
from ..console import Console
from ..environments.environment import first_of
from ..environments.pool import Pool, open_pool
from ..environments.sandbox import find_sandbox
from ..front_ends.function_url import FunctionUrl, UrlSettings
from ..front_ends.http_server import listen, serve
from ..front_ends.invoke_api import InvokeApi
from ..function_config import FunctionConfig, region_of
from ..host import is_loopback
from .reload_filter import ReloadFilter

if TYPE_CHECKING:
    import socket
    from argparse import Namespace
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from ..environments.environment import Environment

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_TIMEOUT = 10.0
PATIENT_INIT_TIMEOUT = 130.0  # at least, of snapshots and of managed instances
KILL_DELAY = 0.5
MANAGED_KILL_DELAY = 0.6
NOT_READ_ONLY = (
    "Note: this system lets us mount nothing, so the app can write to its own folder here; "
    "on Lambda it cannot (only to /tmp)."
)


@dataclass(frozen=True)
class Dev:
    """Everything that `adapter dev` was asked for."""

    function: FunctionConfig
    url: UrlSettings
    listening: socket.socket
    invoking: socket.socket | None  #: where SDKs may call, if they may
    max_environments: int
    reload: ReloadFilter | None  #: which changes start the function again, if any do


def main(arguments: Namespace) -> int:
    """Serve until Ctrl-C, a SIGTERM or the end of the terminal; return the exit code.

    Raises:
        ConfigurationError: TARGET or an option cannot be used; nothing was started.
    """
    function = replace(
        function_of(arguments, concurrency=arguments.concurrency),
        environ={"ADAPTER_WATCHDOG": "on"},  # a runtime that is not ours will not mind
    )
    url = UrlSettings(
        invoke_mode=arguments.invoke_mode,
        midstream_error=arguments.midstream_error,
        empty_body_hang=arguments.empty_body_hang,
        hold_last_chunk=arguments.hold_last_chunk,
        aws_region=region_of(os.environ) if arguments.as_aws else None,
        check_host=is_loopback(arguments.host),
        show_init_errors=arguments.reload,
    )
    reload_filter = reload_filter_of(arguments, function.task_root)
    with ExitStack() as ports:
        listening = ports.enter_context(listen(arguments.host, arguments.port))
        invoking = None
        if arguments.invoke_port is not None:
            invoking = ports.enter_context(listen(arguments.host, arguments.invoke_port))
        dev = Dev(function, url, listening, invoking, arguments.max_environments, reload_filter)
        return anyio.run(run, dev)


def reload_filter_of(arguments: Namespace, task_root: Path) -> ReloadFilter | None:
    """Read ``--reload``, ``--reload-include`` and ``--reload-exclude``."""
    patterns = [*arguments.reload_include, *arguments.reload_exclude]
    if patterns and not arguments.reload:
        raise ConfigurationError("--reload-include and --reload-exclude go with --reload only.")
    if not all(Path(pattern).name for pattern in patterns):
        raise ConfigurationError(
            "--reload-include and --reload-exclude take a file, a folder or a pattern: '*.sql'."
        )
    if not arguments.reload:
        return None
    return ReloadFilter(task_root, tuple(arguments.reload_include), tuple(arguments.reload_exclude))


def function_of(arguments: Namespace, concurrency: int | None = None) -> FunctionConfig:
    """Configure the function that TARGET names."""
    target = find_target(arguments.target, Path.cwd(), factory=arguments.factory)
    if arguments.snapstart and concurrency is not None:
        raise ConfigurationError(
            "Managed instances have no SnapStart: use --snapstart or --concurrency, not both."
        )
    patient = arguments.snapstart or concurrency is not None
    return FunctionConfig(
        target=target.handler,
        task_root=target.task_root,
        name=re.sub(r"[^A-Za-z0-9-_]", "-", target.task_root.name) or "function",
        timeout=arguments.timeout,
        memory=arguments.memory,
        init_timeout=max(PATIENT_INIT_TIMEOUT, arguments.timeout) if patient else INIT_TIMEOUT,
        kill_delay=KILL_DELAY if concurrency is None else MANAGED_KILL_DELAY,
        concurrency=concurrency,
        snapstart=arguments.snapstart,
    )


async def run(dev: Dev) -> int:
    """Serve until a signal says stop; return the exit code: 1 if the function cannot start."""
    console = Console()
    function = dev.function
    stopping = anyio.Event()
    # Opened first: a Ctrl-C that comes while we start must end us as cleanly as any other.
    stop_signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with anyio.open_signal_receiver(*stop_signals) as signals:
        sandbox = await anyio.to_thread.run_sync(find_sandbox, function.task_root)
        if not sandbox.read_only:
            console.line(NOT_READ_ONLY)
        async with (
            open_pool(function, sandbox, console, dev.max_environments) as pool,
            serve(FunctionUrl(pool, dev.url, console), dev.listening),
            serve_sdks(dev, pool, console),
            anyio.create_task_group() as tasks,
        ):
            stopped, failed = anyio.Event(), anyio.Event()
            tasks.start_soon(wait_for_signal, signals, stopped)
            tasks.start_soon(begin, dev, pool, console, failed)
            if dev.reload is not None:
                tasks.start_soon(reload, pool, dev.reload, console, stopping)
            await first_of(stopped, failed)
            console.line("Stopping.")
            stopping.set()
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await pool.close()
    return 1 if failed.is_set() else 0


async def wait_for_signal(signals: AsyncIterator[signal.Signals], stopped: anyio.Event) -> None:
    """Note that a signal has come."""
    await anext(signals)
    stopped.set()


async def begin(dev: Dev, pool: Pool, console: Console, failed: anyio.Event) -> None:
    """Start the function, then say where it is served; note if it cannot start.

    With ``--reload`` it is served all the same: the next save may repair it.
    """
    environment = await pool.warm()
    if environment.init_failed and dev.reload is None:
        console.line(
            f"{dev.function.target} cannot start. The lines above say why. "
            "(With --reload, adapter dev waits for the next save.)",
            "bad",
        )
        failed.set()
        return
    say_if_failed(environment, dev.function, console)
    console.line(
        f"Serving {dev.function.target} from {dev.function.task_root} "
        f"at {address(dev.listening)} (Ctrl-C stops it)",
        "good",
    )
    if dev.invoking is not None:
        console.line(
            f"boto3.client('lambda', endpoint_url='{address(dev.invoking)}') "
            f"invokes FunctionName='{dev.function.name}'"
        )


def serve_sdks(dev: Dev, pool: Pool, console: Console) -> AbstractAsyncContextManager[None]:
    """Serve the Invoke API while the block runs, if that was asked for."""
    if dev.invoking is None:
        return nullcontext()
    return serve(InvokeApi(pool, console, check_host=dev.url.check_host), dev.invoking)


def address(listening: socket.socket) -> str:
    """Return the URL of a port."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def warm(pool: Pool, console: Console) -> None:
    """Start an environment before the first request, so that a mistake shows at once."""
    say_if_failed(await pool.warm(), pool.function, console)


def say_if_failed(environment: Environment, function: FunctionConfig, console: Console) -> None:
    """Say that the function cannot start, if it cannot, and what the next request will do."""
    if environment.init_timed_out:
        console.line(init_timeout_advice(function), "bad")
    elif environment.init_failed:
        console.line(
            "The function cannot start; requests get 502. The lines above say why. "
            "Once it is fixed, the next request tries again.",
            "bad",
        )


def init_timeout_advice(function: FunctionConfig) -> str:
    """Say what follows from an init that took too long."""
    stopped = f"Init took longer than {function.init_timeout:g} s and was stopped"
    if function.concurrency is not None:
        return f"{stopped}. The next request starts another environment."
    return (
        f"{stopped}, as on AWS. The next request initialises the function again, "
        f"within the function's timeout of {function.timeout:g} s."
    )


async def reload(
    pool: Pool, reload_filter: ReloadFilter, console: Console, stopping: anyio.Event
) -> None:
    """Replace the environments whenever a file of the app changes.

    It watches in a thread, which a cancellation cannot end; ``stopping`` does at once.
    """
    root = pool.function.task_root
    async for changes in awatch(root, watch_filter=reload_filter, stop_event=stopping):
        names = sorted({Path(path).name for _, path in changes})
        console.line(f"Changed: {', '.join(names[:5])}. Starting the function again.", "platform")
        pool.replace()
        await warm(pool, console)
