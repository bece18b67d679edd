"""AWS's own runtime with its client patched by others too, in the ways that vendors do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import NEXT, error_of, response_of
from tests.support.runtimes import APP, EVENT

if TYPE_CHECKING:
    from tests.support.runtimes import Ric, Running, StartRunning

HANDLER = """
async def choose(scope, receive, send):
    if scope.get("path") == "/early":
        raise ValueError("no")
    await app(scope, receive, send)
    if scope.get("path") == "/late":
        raise ValueError("too late")

handler = LambdaHandler(choose, errors="raise")
"""

# Sentry's own package, with a transport that tells what it is asked to do. Without the option
# Sentry imports every framework that is installed, as in tests/vendors.
SENTRY = """
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from sentry_sdk.transport import Transport

class Told(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            if (event := item.get_event()) is not None:
                print("captured", event["exception"]["values"][-1]["type"], flush=True)

    def flush(self, timeout, callback=None):
        print("flushed", flush=True)

sentry_sdk.init(
    "http://key@localhost:9/1",
    integrations=[AwsLambdaIntegration()],
    auto_enabling_integrations=False,
    transport=Told,
)
"""

# The way of xoto3's `lambda_.finalize`, and of vendors that keep the name of what they patch.
PATCH = """
import functools
from awslambdaric import lambda_runtime_client as module

def patch(owner, name):
    original = vars(owner)[name]
    {wraps}
    def patched({parameters}):
        print("patch of", name, flush=True)
        return original({parameters})
    setattr(owner, name, patched)

for owner in [getattr(module, "{owner}", module.LambdaRuntimeClient)]:
    for name in ["wait_next_invocation", "post_invocation_result", "post_invocation_error"]:
        if name not in vars(owner):  # inherited: vendors set it on the class that they know
            setattr(owner, name, getattr(owner, name))
        patch(owner, name)
"""


def assert_clean(running: Running) -> None:
    """Assert that the log blames none of those who patch."""
    log = running.platform.output
    assert not [word for word in ("WARNING", "not streamed", "403", "Traceback") if word in log]


def arrange(order: str, patching: str) -> str:
    """Return a module that applies ``patching`` before the handler is made, or after it."""
    return {
        "before the handler": APP + patching + HANDLER,
        "before the adapter": patching + APP + HANDLER,
        "after the handler": APP + HANDLER + patching,
    }[order]


ORDERS = ["before the adapter", "before the handler", "after the handler"]


@pytest.mark.parametrize("order", ORDERS)
class TestSentry:
    """https://pypi.org/project/sentry-sdk/, which patches the class of the client."""

    def test_it_drains_its_queue_and_each_response_is_streamed_once(
        self, managed: StartRunning, ric: Ric, order: str
    ) -> None:
        running = managed(arrange(order, SENTRY), ric.threaded)
        assert running.stream() == b"one two"
        assert running.serves_on()
        assert running.platform.output.count("flushed") == 2
        assert_clean(running)

    def test_it_captures_a_failure_which_is_reported_once(
        self, managed: StartRunning, ric: Ric, order: str
    ) -> None:
        running = managed(arrange(order, SENTRY), ric.threaded)
        running.client.deliver(function_url_event("/early"))
        request = running.client.read()
        assert (request.call, request.json["errorType"]) == (error_of("id-1"), "ValueError")
        running.client.accept()
        assert "captured ValueError" in running.platform.output
        running.client.deliver(EVENT, "id-2")
        assert running.ours.read().content == b"one two"
        running.ours.accept()
        assert running.client.read().call == NEXT


def test_sentry_may_be_initialized_by_a_wrapper_in_the_first_invocation(
    managed: StartRunning, ric: Ric
) -> None:
    initialized = "\n".join("    " + line for line in SENTRY.splitlines())
    source = f"""
import functools
inner = handler

@functools.cache
def initialize():
{initialized}

def handler(event, context):
    initialize()
    return inner(event, context)
"""
    running = managed(APP + HANDLER + source, ric.threaded)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("flushed") == 2
    assert_clean(running)


# In the place of the class, one that inherits from it; the client that runs was made before.
INHERIT = """
from awslambdaric import bootstrap, lambda_runtime_client as module

class Client(module.LambdaRuntimeClient):
    def wait_next_invocation(self):
        return super().wait_next_invocation()

module.LambdaRuntimeClient = bootstrap.LambdaRuntimeClient = Client
"""


@pytest.mark.parametrize("order", ORDERS)
def test_a_class_in_the_place_of_the_clients_changes_nothing(
    managed: StartRunning, ric: Ric, order: str
) -> None:
    running = managed(arrange(order, INHERIT), ric.environ)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert_clean(running)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("owner", ["LambdaRuntimeClient", "BaseLambdaRuntimeClient"])
@pytest.mark.parametrize(
    ("wraps", "parameters"),
    [
        pytest.param("", "*args, **kwargs", id="any parameters"),
        pytest.param("@functools.wraps(original)", "*args, **kwargs", id="wraps"),
        pytest.param("", "client, *rest", id="names of its own"),
    ],
)
def test_a_patch_is_called_and_each_response_is_streamed_once(
    managed: StartRunning, ric: Ric, order: str, owner: str, wraps: str, parameters: str
) -> None:
    patching = PATCH.replace("{owner}", owner).replace("{wraps}", wraps)
    running = managed(arrange(order, patching.replace("{parameters}", parameters)), ric.environ)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("patch of post_invocation_result") == 2
    assert running.platform.output.count("patch of wait_next_invocation") == 3
    assert_clean(running)
    running.client.event(function_url_event("/early"), "id-3")
    request = running.client.read()
    assert (request.call, request.json["errorType"]) == (error_of("id-3"), "ValueError")
    assert "patch of post_invocation_error" in running.platform.output


def test_a_patch_whose_parameters_have_other_names_is_not_taken_for_another_version(
    managed: StartRunning, ric: Ric
) -> None:
    patching = """
from awslambdaric import lambda_runtime_client as module

owner = getattr(module, "BaseLambdaRuntimeClient", module.LambdaRuntimeClient)
original = owner.wait_next_invocation
def patched(client):
    print("patched", flush=True)
    return original(client)
owner.wait_next_invocation = patched
"""
    running = managed(arrange("before the handler", patching), ric.environ)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert running.platform.output.count("patched") == 3
    assert_clean(running)


@pytest.mark.parametrize(
    "where", ["import runtime_client as extension", "extension = module.runtime_client"]
)
@pytest.mark.parametrize("order", ORDERS)
def test_a_patch_of_the_extension_module_leaves_one_response(
    managed: StartRunning, ric: Ric, order: str, where: str
) -> None:
    patching = f"""
from awslambdaric import lambda_runtime_client as module
{where}

def patch(original):
    def patched(*args, **kwargs):
        print("posted", flush=True)
        return original(*args, **kwargs)
    return patched

extension.post_invocation_result = patch(extension.post_invocation_result)
"""
    running = managed(arrange(order, patching), ric.environ)
    assert running.stream() == b"one two"
    assert running.serves_on()
    assert_clean(running)


@pytest.mark.parametrize("order", ORDERS)
def test_what_a_patched_client_posts_for_a_function_that_does_not_stream_is_posted_as_ever(
    managed: StartRunning, order: str
) -> None:
    buffered = (
        arrange(order, SENTRY)
        .replace("def choose", "def other")
        .replace("handler = LambdaHandler(choose", "inner = LambdaHandler(other")
    )
    running = managed(buffered + "\ndef handler(event, context):\n    return {'ok': True}\n")
    running.client.deliver(EVENT)
    request = running.client.read()
    assert (request.call, request.json) == (response_of("id-1"), {"ok": True})
    running.client.accept()
    assert "flushed" in running.platform.output
