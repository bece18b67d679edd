"""What a wrapper around the handler does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .processes import app, cut
from .row import BOTH, Row
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
        runtimes=BOTH),
    Row("It returns other JSON in the place of the handler", no_response,
        Seen("200, that JSON", "a complete response"), environ=WRAPPED, runtimes=BOTH),
    Row("It changes the request id in the context object", app("/rename"), WHOLE,
        environ=WRAPPED, runtimes=BOTH),
    Row("It responds in its own way to a failure after the head", app("/late"),
        cut("ValueError"), log="ValueError: no", environ=WRAPPED, runtimes=BOTH),
    Row("It raises after the response", app("/raise-after"), WHOLE, log="ValueError: no",
        environ=WRAPPED, runtimes=BOTH),
]  # fmt: skip
