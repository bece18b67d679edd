"""A signal handler that raises, at each step of the runtime between two invocations."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_runtime_api import NEXT
from tests.support.runtimes import EVENT

if TYPE_CHECKING:
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
