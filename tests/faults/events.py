"""What `next` may bring, other than the event of a request with all its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import event_reply

from .connections import CONCURRENT
from .row import BOTH, Row
from .stage import WHOLE, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stage import Stage

EVENT = function_url_event("/")
VALUES = {"nothing": ""}


def event(body: Any = EVENT, **headers: Any) -> Callable[[Stage, str], Seen]:
    def play(stage: Stage, variant: str) -> Seen:
        stage.asked().send(event_reply(body, **headers))
        return stage.outcome()

    return play


def with_header(name: str) -> Callable[[Stage, str], Seen]:
    """Play a header whose value the variant shows."""
    return lambda stage, shown: event(**{name: VALUES.get(shown, shown.strip("`"))})(stage, shown)


def without(*names: bytes) -> Callable[[Stage, str], Seen]:
    def play(stage: Stage, variant: str) -> Seen:
        lines = event_reply(EVENT).split(b"\r\n")
        kept = [line for line in lines if not line.startswith(names)]
        assert len(kept) == len(lines) - len(names)
        stage.asked().send(b"\r\n".join(kept))
        return stage.outcome()

    return play


def no_request_id(stage: Stage, variant: str) -> None:
    stage.asked().event(EVENT, "")


def too_much(stage: Stage, variant: str) -> None:
    stage.asked().send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}")


def largest(stage: Stage, variant: str) -> Seen:
    room = 6 * 1024 * 1024 + 100 - len(str(function_url_event("/count", method="POST")))
    body = bytes(room * 3 // 4 - 1000)
    stage.asked().event(function_url_event("/count", method="POST", body=body))
    peer, request = stage.read()
    assert request.content == b"%d" % len(body)
    peer.accept()
    return WHOLE


UNMARSHAL = Seen("502", "a failed invocation: Runtime.UnmarshalError")
CONTEXT = Seen("502", "a failed invocation: Runtime.LambdaContextUnmarshalError")
NOT_HTTP = Seen("502", "a failed invocation: EventError")
OPTIONAL = {
    "Lambda_Runtime_Trace_Id": "",
    "Lambda_Runtime_Aws_Tenant_Id": "",
    "Lambda_Runtime_Cognito_Identity": "",
    "Lambda_Runtime_Client_Context": "",
    "Lambda_Runtime_Invocation_Id": "",
    "Lambda_Runtime_Invoked_Function_Arn": "",
}

EVENTS = [
    Row("An event that is not JSON", event(b"{"), UNMARSHAL, log="The event is not JSON"),
    Row("An event that was cut at 6 MiB", event(b'{"a":"' + b"x" * 6_291_550), UNMARSHAL,
        log="The event is not JSON"),
    Row("An event that is not UTF-8", event(b'{"a": "\xff"}'), UNMARSHAL,
        log="The event is not JSON"),
    Row("An event that is nested 100,000 deep", event(b"[" * 100_000), UNMARSHAL,
        log="The event is not JSON"),
    Row("An empty event", event(b""), UNMARSHAL, log="The event is not JSON"),
    Row("An event of 6 MiB", largest, WHOLE, runtimes=BOTH),
    Row("An event of another content type, which comes as bytes",
        event(b"a,b", Content_Type="text/csv"), NOT_HTTP,
        log="This event is not an HTTP request", runtimes=BOTH),
    Row("A JSON event of another kind, which nothing handles", event({"a": 1}), NOT_HTTP,
        log="This event is not an HTTP request", runtimes=BOTH),
    Row("A request's event that is not as documented", event({**EVENT, "headers": 1}),
        Seen("400, whole", "a complete response"),
        log="Malformed function URL event; responded 400", runtimes=BOTH),
    Row("More bytes than the event has", too_much, exit=1,
        log="The environment ends: Bytes after the end of a response"),
    Row("No request id", no_request_id, exit=1,
        log="The environment ends: The Runtime API sent an event without a request id"),
    Row("No request id, in a concurrent environment", no_request_id, environ=CONCURRENT,
        log="The Runtime API sent an event without a request id"),
    Row("Optional headers that are there but empty", event(**OPTIONAL), WHOLE),
    Row("No other header than the request id",
        without(b"Lambda-Runtime-Deadline", b"Lambda-Runtime-Invoked", b"Content-Type"), WHOLE),
    Row("A deadline of {}", with_header("Lambda_Runtime_Deadline_Ms"), WHOLE,
        variants=("nothing", "`soon`", "`-1`", "`1e99`")),
    Row("A client context that is {}", with_header("Lambda_Runtime_Client_Context"), CONTEXT,
        log="The context is not as documented", variants=("`{`", "`[]`", "`1`")),
    Row("A Cognito identity that is {}", with_header("Lambda_Runtime_Cognito_Identity"), CONTEXT,
        log="The context is not as documented", variants=("`{`", "`[]`", "`1`")),
]  # fmt: skip
