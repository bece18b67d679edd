"""Runs an app in the local Lambda and sends the app one request."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from ..diagnosis.observation import may_name_middleware
from ..emulator.console import Console
from ..emulator.environments.pool import open_pool
from ..emulator.environments.sandbox import find_sandbox
from ..emulator.front_ends.front_end_settings import FrontEndSettings
from ..emulator.front_ends.http_front_end import HttpFrontEnd
from ..emulator.front_ends.http_server import serve
from ..emulator.front_ends.listening import listen
from ..emulator.function_config import FunctionConfig
from ..emulator.inspector.journal import Journal
from ..emulator.inspector.record_observer import observe
from ..emulator.inspector.stack_reader import read_stack
from ..errors import ConfigurationError
from .probe import probe
from .template import places_without_streaming

if TYPE_CHECKING:
    from ..diagnosis.observation import Observation
    from ..emulator.invocation_steps import Listener
    from ..emulator.local_invocation import LocalInvocation
    from ..target import Target
    from .probe import ProbedResponse, ProbeRequest

MARGIN_SECONDS = 5.0
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MAX_MEMORY_MB = 10_240


async def probe_target(
    target: Target, request: ProbeRequest, seconds: float
) -> tuple[Observation, ProbedResponse]:
    """Send a request to an app; return the observations of the local Lambda and of the client.

    ``request.url`` begins with the path. The app's log goes to stderr.

    Raises:
        ConfigurationError: the app cannot start.
    """
    function = FunctionConfig(
        target.handler,
        target.task_root,
        timeout_seconds=seconds + MARGIN_SECONDS,
        memory_mb=MAX_MEMORY_MB,  # the doctor judges the response, not the memory
        environ={"ADAPTER_WATCHDOG": "on"},
    )
    console = Console(sys.stderr)
    journal = Journal()
    seen = await send(request, function, seconds, console, journal)
    if seen is None:
        raise ConfigurationError(
            f"{target.handler} from {target.task_root} cannot start. The lines above say why."
        )
    record = next(iter(journal), None)
    if record is None:
        raise ConfigurationError(f"The local Lambda refused the request with {seen.status}.")
    observation = replace(
        observe(record, templates=places_without_streaming(target.task_root, target.handler)),
        expected_to_stream=True,
        protocol=seen.protocol,
    )
    if may_name_middleware(observation):
        observation = replace(observation, middleware=await read_stack(function, console))
    if seen.stopped:  # the doctor ended the response, so it is not broken
        return replace(observation, duration=seen.duration, broken="", error=""), seen
    return replace(observation, broken=observation.broken or seen.broken), seen


async def send(
    request: ProbeRequest,
    function: FunctionConfig,
    seconds: float,
    console: Console,
    journal: Journal,
) -> ProbedResponse | None:
    """Serve the function and send it the request; return ``None`` if the function cannot start."""
    invocations: list[LocalInvocation] = []

    def record(invocation: LocalInvocation) -> Listener:
        invocations.append(invocation)
        return journal.record(invocation)

    sandbox = await anyio.to_thread.run_sync(find_sandbox, function.task_root)
    with listen("127.0.0.1", 0) as listening:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with (
            open_pool(function, sandbox, console, limit=1) as pool,
            serve(HttpFrontEnd(pool, FrontEndSettings(), console), listening),
        ):
            seen = None
            if not (await pool.warm()).init_failed:
                pool.listener_of = record
                seen = await probe(request._replace(url=f"{base}{request.url}"), seconds)
                # An error of the app is logged after its response has been sent.
                with anyio.move_on_after(0 if seen.stopped else MARGIN_SECONDS):
                    for invocation in invocations:
                        await invocation.logged.wait()
            await pool.close()  # reads the rest of the log
    return seen
