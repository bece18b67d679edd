"""What a wrapper around the handler does."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


WRAPPERS = [
    Row("It returns `{{\"statusCode\": 401, \"body\": \"no\"}}` in the place of the handler",
        app("/own-response"), Seen("401, whole", "a complete response"), environ=WRAPPED,
        runtimes=ALL),
    Row("It returns other JSON in the place of the handler", no_response,
        Seen("200, that JSON", "a complete response"), environ=WRAPPED, runtimes=ALL),
    Row("It raises an error that cannot be described", reported("/own-opaque"), raised("Opaque"),
        log="Opaque", environ=WRAPPED, runtimes=ALL),
    Row("It raises an error with a message of 8 MiB, of which at most 256 KiB are reported",
        reported("/own-verbose"), raised("ValueError"), log="ValueError", environ=WRAPPED,
        runtimes=ALL),
    Row("It raises `GeneratorExit`", app("/own-generator-exit"), raised("GeneratorExit"),
        log="GeneratorExit", environ=WRAPPED, runtimes=OURS),
    Row("It removes its working directory, and raises", app("/own-remove-and-raise"),
        raised("ValueError"), log="ValueError: no", environ=WRAPPED, runtimes=ALL),
    Row("It removes its working directory, and returns an object that is not JSON",
        app("/own-remove-and-no-json"), raised("Runtime.MarshalError"),
        log="not JSON serializable", environ=WRAPPED, runtimes=ALL),
    Row("It changes the request id in the context object", app("/rename"), WHOLE,
        environ=WRAPPED, runtimes=ALL),
    Row("It responds in its own way to a failure after the head", app("/late"),
        cut("ValueError"), log="ValueError: no", environ=WRAPPED, runtimes=ALL),
    Row("It raises after the response", app("/raise-after"), WHOLE, log="ValueError: no",
        environ=WRAPPED, runtimes=ALL),
]  # fmt: skip
