"""What a wrapper around the handler does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .connections import NEWER
from .processes import app, cut, raised, reported
from .row import ALL, OURS, Row
from .stage import WHOLE, Seen

if TYPE_CHECKING:
    from .stage import Stage

WRAPPED = {"FAULT": "wrapper", "ADAPTER_LIFESPAN": "off", "_HANDLER": "main.handler"}


def no_response(stage: Stage, variant: str) -> Seen:
    """Have the wrapper return JSON, which is posted as it is."""
    stage.deliver("/no-response")
    peer, request = stage.read()
    assert request.json == {"ok": True}
    peer.accept()
    return Seen("200, that JSON", "a complete response")


def half_of_a_pair(stage: Stage, variant: str) -> Seen:
    stage.deliver("/surrogate")
    peer, request = stage.read()
    assert request.json == {"half": "\ud800"}
    peer.accept()
    return Seen("200, that JSON", "a complete response")


def leaves_a_call(stage: Stage, variant: str) -> Seen:
    """The two are in a race, so this is done several times."""
    for number in range(10):
        assert stage.serves()
        stage.deliver("/leave-a-call", f"id-{number}")
        outcome = stage.outcome()
        assert outcome in (WHOLE, Seen("401, whole", WHOLE.platform)), "one of the two, streamed"
    return Seen("the one or the other, whole", WHOLE.platform)


WRAPPERS = [
    Row("The wrapper returns `{{\"statusCode\": 401, \"body\": \"no\"}}` instead of the handler",
        app("/own-response"), Seen("401, whole", "a complete response"), environ=WRAPPED,
        runtimes=ALL),
    Row("The wrapper returns other JSON instead of the handler", no_response,
        Seen("200, that JSON", "a complete response"), environ=WRAPPED, runtimes=ALL),
    Row("The wrapper returns `{{\"statusCode\": 401}}`, and leaves a call to a thread",
        leaves_a_call, Seen("the one or the other, whole", "a complete response"),
        environ=WRAPPED, runtimes=ALL),
    Row("The wrapper returns an HTTP response whose body has half of a surrogate pair",
        app("/own-surrogate"), Seen("401, whole", "a complete response"),
        environ=WRAPPED | NEWER, runtimes=ALL),
    Row("The wrapper returns other JSON that has half of a surrogate pair", half_of_a_pair,
        Seen("200, that JSON", "a complete response"), environ=WRAPPED | NEWER, runtimes=ALL),
    Row("The wrapper raises an error that cannot be described", reported("/own-opaque"),
        raised("Opaque"), log="Opaque", environ=WRAPPED, runtimes=ALL),
    Row("The wrapper raises an error with a message of 8 MiB, of which 256 KiB are reported",
        reported("/own-verbose"), raised("ValueError"), log="ValueError", environ=WRAPPED,
        runtimes=ALL),
    Row("The wrapper raises `GeneratorExit`", app("/own-generator-exit"), raised("GeneratorExit"),
        log="GeneratorExit", environ=WRAPPED, runtimes=OURS),
    Row("The wrapper removes its working directory, and raises", app("/own-remove-and-raise"),
        raised("ValueError"), log="ValueError: no", environ=WRAPPED, runtimes=ALL),
    Row("The wrapper removes its working directory, and returns an object that is not JSON",
        app("/own-remove-and-no-json"), raised("Runtime.MarshalError"),
        log="not JSON serializable", environ=WRAPPED, runtimes=ALL),
    Row("The wrapper changes the request id in the context object", app("/rename"), WHOLE,
        environ=WRAPPED, runtimes=ALL),
    Row("The wrapper responds in its own way to a failure after the head", app("/late"),
        cut("ValueError"), log="ValueError: no", environ=WRAPPED, runtimes=ALL),
    Row("The wrapper raises after the response", app("/raise-after"), WHOLE, log="ValueError: no",
        environ=WRAPPED, runtimes=ALL),
]  # fmt: skip
