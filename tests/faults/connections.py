"""The connection to the Runtime API breaks, or brings nonsense, or is slow, at every step."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import event_reply

from .apps import BODY
from .row import ALL, BOTH, MANAGED, OURS, Row
from .stage import CUT, WHOLE, Seen, seen

if TYPE_CHECKING:
    from tests.support.fake_runtime_api import Peer

    from .stage import Stage

ENDS = ("a reset", "a close", "a half-close")
BREAKS = (*ENDS, "garbage")
UNKNOWN = "It is not known whether the Runtime API took the response"
BUFFERED = {"ADAPTER_INVOKE_MODE": "buffered"}
RAISE = {"ADAPTER_ERRORS": "raise"}
# AWS's client writes JSON with other characters than those of ASCII then.
NEWER = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}
CONCURRENT = {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}
PROXY = {"FAULT": "proxy", "ADAPTER_SHUTDOWN": "off"}
FAILED_STARTUP = {"FAULT": "startup"}
LIFESPAN = {"FAULT": "lifespan"}
SNAPSTART = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "ADAPTER_LIFESPAN": "off"}
FAILED_HOOK = {**SNAPSTART, "FAULT": "after-restore"}


def break_(peer: Peer, how: str) -> None:
    if how == "garbage":
        peer.send(b"\0\0 what?\r\n\r\n")
        peer.wait_closed()  # reads what an app still wrote, which is not the next request
    else:
        getattr(peer, how.removeprefix("a ").replace("-", "_"))()


def before_the_first_event(stage: Stage, how: str) -> None:
    break_(stage.asked(), how)


def between_invocations(stage: Stage, how: str) -> None:
    assert stage.serves()
    break_(stage.asked(), how)


def in_an_event(stage: Stage, how: str) -> None:
    assert stage.serves()
    peer = stage.asked()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
    peer.send(b"what?\r\n") if how == "garbage" else break_(peer, how)


def in_two_events(stage: Stage, how: str) -> None:
    """Break the connection that was kept, and the new one, each in the middle of an event."""
    in_an_event(stage, how)
    peer = stage.asked()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    break_(peer, how)


def before_the_response(stage: Stage, how: str) -> Seen:
    peer = stage.deliver("/gate")
    stage.wait_for("ready")
    break_(peer, how)
    stage.go()
    return stage.outcome()


def before_the_managed_response(stage: Stage, how: str) -> Seen:
    stage.deliver("/")
    peer, _ = stage.read()  # the connection of the responses, which is kept for the next
    peer.accept()
    stage.deliver("/gate", "id-2")
    stage.wait_for("ready")
    break_(peer, how)
    stage.go()
    return stage.outcome()


def while_writing(stage: Stage, how: str) -> Seen:
    stage.deliver("/endless")
    peer, _ = stage.begun()
    break_(peer, how)
    if how in ("a half-close", "garbage"):
        peer.wait_closed()  # what the app wrote until then is no request
    return CUT


def while_idle(stage: Stage, how: str) -> Seen:
    stage.deliver("/idle")
    break_(stage.begun()[0], how)
    return CUT


def after_the_response(stage: Stage, how: str) -> Seen:
    stage.deliver("/")
    peer, request = stage.read()
    break_(peer, how)
    return seen(request)


def in_the_reply(stage: Stage, how: str) -> Seen:
    stage.deliver("/")
    peer, request = stage.read()
    peer.send(b"HTTP/1.1 202 Accepted\r\nContent-Le")
    break_(peer, how)
    return seen(request)


def after_a_post(stage: Stage, how: str) -> Seen:
    """A buffered response or an error report, which is sent once more, and refused then."""
    stage.deliver("/raise" if stage.raises else "/")
    peer, request = stage.read()
    break_(peer, how)
    peer, again = stage.read()
    assert (again.call, again.body) == (request.call, request.body)
    peer.refuse(403, "InvalidStateTransition")
    return seen(request)


def after_a_post_that_is_not_repeated(stage: Stage, how: str) -> Seen:
    stage.deliver("/raise" if stage.raises else "/")
    peer, request = stage.read()
    break_(peer, how)
    return seen(request)


def at_init_error(stage: Stage, how: str) -> Seen:
    peer, request = stage.read()
    break_(peer, how)
    return seen(request)


def at_registration(stage: Stage, how: str) -> None:
    break_(stage.read()[0], how)


def while_registered(stage: Stage, how: str) -> None:
    peer, _ = stage.read()
    peer.reply(200, b"{}", Lambda_Extension_Identifier="ext-1")
    asking, _ = stage.read_of(peer)
    break_(asking, how)


def in_the_snapshot(stage: Stage, how: str) -> Seen:
    break_(stage.waits_in_snapshot(), how)
    return stage.outcome()


def at_restore_error(stage: Stage, how: str) -> Seen:
    stage.waits_in_snapshot().reply(200)
    peer, request = stage.read()
    break_(peer, how)
    return seen(request)


def nobody_there(stage: Stage, how: str) -> None:
    peer = stage.asked()
    stage.platform.stop_listening()
    peer.close()


def slow_event(stage: Stage, how: str) -> Seen:
    peer = stage.asked()
    for byte in event_reply(function_url_event("/")):
        peer.send(bytes([byte]))
    return stage.outcome()


def slow_reply(stage: Stage, how: str) -> Seen:
    stage.deliver("/")
    peer, request = stage.read()
    for byte in b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}":
        peer.send(bytes([byte]))
    return seen(request)


def slow_reader(stage: Stage, how: str) -> Seen:
    stage.deliver("/large")
    peer, request = stage.head()
    time.sleep(0.2)  # until the app has filled all buffers, and waits
    while peer.chunk(request):
        pass
    assert hashlib.sha256(request.content).digest() == hashlib.sha256(BODY).digest()
    peer.accept()
    return seen(request)


CONNECTIONS = [
    Row("The port of the Runtime API is closed when the runtime asks for the first event",
        nobody_there, log="The environment ends", exit=1),
    Row("{} on the first connection, before the first event",
        before_the_first_event, log="The Runtime API closed the connection", exit=1,
        variants=ENDS),
    Row("{} while the next event is waited for, as after a freeze",
        between_invocations, variants=ENDS),
    Row("{} between two invocations of an app that has replaced `socket.socket` by a class that"
        " connects through a proxy, as PySocks does", between_invocations,
        variants=("a reset",), environ=PROXY, runtimes=ALL),
    Row("{} instead of an event, in a concurrent environment", before_the_first_event,
        log="GET next failed; retrying in 0.1 s", variants=BREAKS, environ=CONCURRENT),
    Row("{} instead of an event", between_invocations,
        log="The environment ends: Not a status line", exit=1, variants=("garbage",)),
    Row("{} in the middle of an event", in_an_event, variants=ENDS, runtimes=OURS),
    Row("{} in the middle of an event, and again on the new connection", in_two_events,
        variants=ENDS, runtimes=OURS),
    Row("{} in the middle of an event", in_an_event,
        log="The environment ends: Not a chunk size", exit=1, variants=("garbage",)),
    Row("{} in the middle of an event, in a concurrent environment", in_an_event,
        log="GET next failed; retrying in 0.1 s: Not a chunk size", variants=("garbage",),
        runtimes=("concurrent",)),
    Row("{} after the event, before the response begins", before_the_response,
        Seen("502", "a failed invocation: ClientDisconnected"),
        log="The connection to the Runtime API was lost before the response",
        variants=BREAKS),
    Row("{} on the connection for responses, before the next one begins",
        before_the_managed_response, Seen("502", "a failed invocation: ClientDisconnected"),
        log="The connection to the Runtime API was lost before the response",
        variants=BREAKS, runtimes=MANAGED),
    Row("{} in mid-stream, while the app writes", while_writing, CUT, log=UNKNOWN,
        variants=BREAKS, runtimes=BOTH),
    Row("{} in mid-stream, while the app waits", while_idle, CUT, log=UNKNOWN,
        variants=BREAKS, runtimes=BOTH),
    Row("{} after the last byte, instead of the reply of the platform", after_the_response, WHOLE,
        log=UNKNOWN, variants=BREAKS, runtimes=BOTH),
    Row("{} in the middle of the reply of the platform", in_the_reply, WHOLE,
        log=UNKNOWN, variants=BREAKS, runtimes=BOTH),
    Row("{} after a buffered response, which is sent once more and refused with 403: it was taken",
        after_a_post, Seen("200, whole", "a buffered response"), variants=ENDS, environ=BUFFERED),
    Row("{} after a buffered response", after_a_post_that_is_not_repeated,
        Seen("200, whole", "a buffered response"), log=UNKNOWN, variants=("garbage",),
        environ=BUFFERED),
    Row("{} after the report of an error, which is sent once more and refused with 403",
        after_a_post, Seen("502", "a failed invocation: ValueError"), log="ValueError: no",
        variants=ENDS, environ=RAISE),
    Row("{} after the report of an error", after_a_post_that_is_not_repeated,
        Seen("502", "a failed invocation: ValueError"), log=UNKNOWN, variants=("garbage",),
        environ=RAISE),
    Row("{} after the report of a failed init", at_init_error,
        Seen("502", "a failed init: LifespanFailed"), log="Reporting the error failed",
        exit=3, variants=BREAKS, environ=FAILED_STARTUP),
    Row("{} in the snapshot of SnapStart", in_the_snapshot,
        Seen("502", "a failed init: ConnectionResetError"), log="No snapshot can be taken",
        exit=64, variants=ENDS, environ=SNAPSTART),
    Row("{} in the snapshot of SnapStart", in_the_snapshot,
        Seen("502", "a failed init: ProtocolError"), log="No snapshot can be taken",
        exit=64, variants=("garbage",), environ=SNAPSTART),
    Row("{} after the report of a hook that failed after the restore", at_restore_error,
        Seen("502", "a failed restore: ValueError"), log="Reporting the error failed",
        exit=65, variants=BREAKS, environ=FAILED_HOOK),
    Row("{} when the extension is registered", at_registration,
        log="Could not register an extension; no SIGTERM at shutdown", variants=BREAKS,
        environ=LIFESPAN),
    Row("{} on the connection of the extension", while_registered, variants=BREAKS,
        environ=LIFESPAN),
    Row("An event that comes byte by byte", slow_event, WHOLE, runtimes=BOTH),
    Row("A reply to the response that comes byte by byte", slow_reply, WHOLE, runtimes=BOTH),
    Row("A reader that stops reading for a while", slow_reader, WHOLE, runtimes=BOTH),
]  # fmt: skip
"""Rows are a table; one item a line would hide it."""
