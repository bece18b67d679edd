"""Body messages that are much larger than what a connection takes at once."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from adapter.streams.response_stream import SLICE_BYTES
from tests.runtimes.conftest import every_runtime
from tests.support.fake_runtime_api import NEXT
from tests.support.runtimes import EVENT

if TYPE_CHECKING:
    from tests.support.runtimes import StartRunning

SIZE = 200 * 1024 * 1024
HUGE = f"""
from resource import RUSAGE_SELF, getrusage
from adapter import LambdaHandler

def peak():
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024

async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200}})
    await send({{"type": "http.response.body", "body": b"small", "more_body": True}})
    before = peak()
    await send({{"type": "http.response.body", "body": b"x" * {SIZE}}})
    print("took", peak() - before, flush=True)

handler = LambdaHandler(app, lifespan="off")
"""
TWO_SENDERS = """
import asyncio
from adapter import LambdaHandler

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})

    async def sender(letter):
        for size in (1_000_000, 10, 300_000):
            body = letter * size
            await send({"type": "http.response.body", "body": body, "more_body": True})

    await asyncio.gather(sender(b"a"), sender(b"b"))
    await send({"type": "http.response.body", "body": b"end"})

handler = LambdaHandler(app, lifespan="off")
"""
FAILING = """
import asyncio
from adapter import LambdaHandler

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    body = {"type": "http.response.body", "body": bytes(20_000_000), "more_body": True}
    sending = asyncio.create_task(send(body))
    await asyncio.sleep(0.05)
    {then}

handler = LambdaHandler(app, lifespan="off")
"""


@every_runtime
def test_one_of_200_mib_takes_about_its_own_size_of_memory(run: StartRunning) -> None:
    running = run(HUGE)
    running.client.deliver(EVENT)
    peer = running.ours
    request = peer.head()
    received = 0
    while chunk := peer.chunk(request):
        received += len(chunk)
        request.chunks.clear()
    assert received > SIZE
    peer.accept()
    running.platform.wait_for("took ")
    taken = int(running.platform.output.partition("took ")[2].split()[0])
    assert taken < 1.25 * SIZE
    assert running.client.read().call == NEXT


@every_runtime
def test_the_messages_of_two_senders_are_whole_in_the_stream(run: StartRunning) -> None:
    content = run(TWO_SENDERS).stream()
    assert content.endswith(b"end")
    letters = content.removesuffix(b"end")
    runs = [(letter, sum(1 for _ in group)) for letter, group in groupby(letters)]
    sizes = {letter: sum(size for other, size in runs if other == letter) for letter in b"ab"}
    assert sizes == dict.fromkeys(b"ab", 1_300_010)
    # A run is a message, or several of one sender: never a part of a message.
    for letter in b"ab":
        rest = [1_000_000, 10, 300_000]
        for size in (size for other, size in runs if other == letter):
            while size:
                size -= rest.pop(0)
                assert size >= 0, runs


@every_runtime
def test_error_trailers_follow_a_whole_slice_of_a_message_that_is_being_sent(
    run: StartRunning,
) -> None:
    running = run(FAILING.replace("{then}", "raise ValueError('no')"))
    running.client.deliver(EVENT)
    peer = running.ours
    running.platform.wait_for("ValueError: no")  # the platform has read nothing until now
    request = peer.read()
    assert request.trailers["lambda-runtime-function-error-type"] == "Function.ValueError"
    slices = request.chunks[1:]
    assert {len(part) for part in slices} == {SLICE_BYTES}
    assert 0 < len(slices) * SLICE_BYTES < 20_000_000
