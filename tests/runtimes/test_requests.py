"""The requests of AWS's runtime, which go over a socket of the adapter's."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import NEXT, error_of, response_of

if TYPE_CHECKING:
    from tests.support.runtimes import Ric, StartRunning

FUNCTION = """
import signal, socket, threading
from awslambdaric import lambda_runtime_client as module
from adapter import LambdaHandler

async def app(scope, receive, send):
    ...

inner = LambdaHandler(app, lifespan="off")
socket.setdefaulttimeout(0.05)
signal.signal(signal.SIGUSR1, lambda *_: print(threading.current_thread().name, flush=True))
started = []
start = threading.Thread.start
threading.Thread.start = lambda thread: (started.append(thread), start(thread))

def handler(event, context):
    if event.get("fails"):
        raise ValueError(event["fails"])
    custom = context.client_context and context.client_context.custom
    return {"custom": custom, "arn": context.invoked_function_arn, "threads": len(started)}
"""


def test_no_thread_waits_for_an_event_and_a_signal_is_handled_meanwhile(
    managed: StartRunning, ric: Ric
) -> None:
    running = managed(FUNCTION, ric.threaded)
    for number in ("id-1", "id-2"):
        running.client.deliver({}, number)
        request = running.client.read()
        assert (request.call, request.json["threads"]) == (response_of(number), 0)
        running.client.accept()
    assert running.client.read().call == NEXT
    running.platform.process.send_signal(signal.SIGUSR1)
    running.platform.wait_for("MainThread")


def test_headers_are_UTF_8_and_a_missing_one_is_empty(managed: StartRunning, ric: Ric) -> None:
    running = managed(FUNCTION, ric.environ)
    context = json.dumps({"custom": {"a": "é"}}, ensure_ascii=False).encode().decode("latin-1")
    running.client.deliver(
        {}, Lambda_Runtime_Client_Context=context, Lambda_Runtime_Invoked_Function_Arn=""
    )
    assert running.client.read().json == {"custom": {"a": "é"}, "arn": "", "threads": 0}
    running.client.accept()


def test_an_error_report_has_the_cause_for_X_Ray_and_the_nonce_of_the_event(
    managed: StartRunning,
) -> None:
    running = managed(FUNCTION)
    running.client.deliver({"fails": "é"}, Lambda_Runtime_Invocation_Id="nonce")
    request = running.client.read()
    assert (request.call, request.json["errorMessage"]) == (error_of("id-1"), "é")
    assert request.headers["lambda-runtime-invocation-id"] == "nonce"
    cause = json.loads(request.headers["lambda-runtime-function-xray-error-cause"])
    assert cause["exceptions"][0]["type"] == "ValueError"
    running.client.accept()


def test_an_event_without_a_request_id_ends_the_environment(managed: StartRunning) -> None:
    running = managed(FUNCTION)
    running.client.deliver({}, "")
    assert running.platform.exit_code() == 1
    assert "The Runtime API sent an event without a request id." in running.platform.output


@pytest.mark.parametrize("function", ["next", "post_invocation_result", "post_error"])
def test_a_function_of_the_extension_module_that_is_patched_is_called(
    managed: StartRunning, ric: Ric, function: str
) -> None:
    patching = f"""
import runtime_client

class Proxy:  # as those of wrapt
    def __init__(self, original):
        self.original = original

    @property
    def __class__(self):
        return type(self.original)

    def __call__(self, *args):
        print("patched {function}", flush=True)
        return self.original(*args)

runtime_client.{function} = Proxy(runtime_client.{function})
"""
    running = managed(patching + FUNCTION, ric.environ)
    running.client.deliver({"fails": "no"} if function == "post_error" else {})
    running.platform.wait_for(f"patched {function}")


def test_what_is_no_response_of_a_stream_is_posted_over_the_connection_of_the_events(
    managed: StartRunning,
) -> None:
    running = managed(FUNCTION)
    running.client.deliver(function_url_event("/"))
    assert running.client.read().call == response_of("id-1")
    running.client.accept()
    assert running.client.read().call == NEXT
