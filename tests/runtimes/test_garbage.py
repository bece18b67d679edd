"""What an invocation leaves behind in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runtimes.conftest import every_runtime

if TYPE_CHECKING:
    from tests.support.runtimes import StartRunning

COUNTING = """
import gc
from adapter import LambdaHandler

async def app(scope, receive, send):
    unreachable = gc.collect()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"%d" % unreachable})

handler = LambdaHandler(app, lifespan="off")
gc.disable()
"""


@every_runtime
def test_an_invocation_leaves_no_reference_cycle_so_its_event_is_freed_at_once(
    run: StartRunning,
) -> None:
    running = run(COUNTING)
    counts = [running.stream() for _ in range(4)]
    assert counts[2:] == [b"0", b"0"]
