"""Signals: a handler that raises between two invocations, and the wake-up of the event loop."""

from __future__ import annotations

import asyncio
import signal
import socket
from itertools import count
from typing import TYPE_CHECKING

import pytest

from adapter.native.signals import WakingSignals
from tests.support.fake_runtime_api import NEXT
from tests.support.runtimes import EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.runtimes.conftest import Start

# After its response to invocation n the app sends itself a signal at the n-th call of a function.
SOURCE = '''
import signal, sys

def on_signal(number, frame):
    raise {error}

signal.signal(signal.SIGUSR1, on_signal)

# In the name of another module: what the signal interrupts must not be code of the app.
COUNT = """
def count(frame, event, arg):
    global left
    if event == "call" and frame.f_code.co_name == "app":
        sys.setprofile(None)  # the next invocation
    elif event == "call":
        left -= 1
        if left == 0:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGUSR1)
"""
counting = dict(__name__="signal", signal=signal, sys=sys)
exec(COUNT, counting)

async def app(scope, receive, send):
    counting["left"] = int(scope["headers"][0][1])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
    sys.setprofile(counting["count"])
'''


@pytest.mark.parametrize("concurrency", ["", "1"], ids=["one at a time", "concurrent"])
@pytest.mark.parametrize("error", ["OSError(104, 'reset')", "ValueError('no')", "SystemExit(3)"])
def test_at_each_step_it_costs_nothing(start: Start, error: str, concurrency: str) -> None:
    environ = {"AWS_LAMBDA_MAX_CONCURRENCY": concurrency, "ADAPTER_LIFESPAN": "off"}
    lambda_ = start(SOURCE.replace("{error}", error), **environ)
    platform = lambda_.connection()
    for step in count(1):
        event = EVENT | {"headers": {"x-step": str(step)}}
        assert platform.invoke(event, f"id-{step}").content == b"hello"
        if lambda_.output.count("A signal handler of the app raised") < step - 1:
            break  # the runtime had made fewer steps by then
    assert step > 50
    assert platform.read().call == NEXT


class TestWakingSignals:
    @pytest.fixture
    def loop(self) -> Iterator[asyncio.AbstractEventLoop]:
        loop = asyncio.new_event_loop()
        yield loop
        loop.close()
        signal.set_wakeup_fd(-1)

    def test_the_loop_is_woken_after_the_app_has_removed_its_last_handler(
        self, loop: asyncio.AbstractEventLoop
    ) -> None:
        with WakingSignals(loop):
            before = wakeup_fd()
            loop.add_signal_handler(signal.SIGUSR1, print)
            loop.remove_signal_handler(signal.SIGUSR1)
            assert wakeup_fd() == before != -1
        assert wakeup_fd() == -1

    def test_a_descriptor_of_the_app_stays(self, loop: asyncio.AbstractEventLoop) -> None:
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            signal.set_wakeup_fd(one.fileno())
            with WakingSignals(loop):
                assert wakeup_fd() == one.fileno()
            signal.set_wakeup_fd(-1)


def wakeup_fd() -> int:
    """Return the descriptor to which Python writes signals; -1 without one."""
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    return descriptor
