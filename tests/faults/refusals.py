"""The Runtime API refuses a request, at every endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .connections import (
    BUFFERED,
    CONCURRENT,
    FAILED_HOOK,
    FAILED_STARTUP,
    LIFESPAN,
    RAISE,
    SNAPSTART,
)
from .row import BOTH, MANAGED, Row
from .stage import CUT, WHOLE, Seen, seen

if TYPE_CHECKING:
    from .stage import Stage

FINE = ("400", "410", "413")  # the invocation is lost, the environment is well
LOST_LOG = "The outcome of an invocation was not delivered: POST /runtime/invocation/… returned {}"
LOST = ("403", "500")  # the environment is lost
ALL = ("400", "403", "410", "413", "500")
REFUSED = "The Runtime API did not take the response ({})"
ENDS = "The environment ends: POST /runtime/invocation/… returned {}"


def at_next(stage: Stage, status: str) -> None:
    stage.asked().refuse(int(status))


def in_mid_stream(stage: Stage, status: str) -> Seen:
    stage.deliver("/endless")
    peer, _ = stage.begun()
    peer.refuse(int(status), Connection="close")
    peer.wait_closed()  # what the app wrote until then is no request
    return CUT


def while_idle(stage: Stage, status: str) -> Seen:
    stage.deliver("/idle")
    stage.begun()[0].refuse(int(status), Connection="close")
    return CUT


def at_the_end(stage: Stage, status: str) -> Seen:
    stage.deliver("/raise" if stage.raises else "/")
    peer, request = stage.read()
    peer.refuse(int(status))
    return seen(request)


def at_init_error(stage: Stage, status: str) -> Seen:
    peer, request = stage.read()
    peer.refuse(int(status))
    return seen(request)


def in_the_snapshot(stage: Stage, status: str) -> Seen:
    stage.waits_in_snapshot().refuse(int(status))
    return stage.outcome()


def at_restore_error(stage: Stage, status: str) -> Seen:
    stage.waits_in_snapshot().reply(200)
    peer, request = stage.read()
    peer.refuse(int(status))
    return seen(request)


def at_registration(stage: Stage, status: str) -> None:
    stage.read()[0].refuse(int(status))


def at_the_extensions_next(stage: Stage, status: str) -> None:
    peer, _ = stage.read()
    peer.reply(200, b"{}", Lambda_Extension_Identifier="ext-1")
    stage.read_of(peer)[0].refuse(int(status))


WHOLE_BUFFERED = Seen("200, whole", "a buffered response")
REPORT = Seen("502", "a failed invocation: ValueError")

REFUSALS = [
    Row("`next` is refused with {}", at_next, exit=1, variants=ALL,
        log="The environment ends: GET /runtime/invocation/next returned {}"),
    Row("A response is refused with {} while the app writes", in_mid_stream, CUT,
        log=REFUSED, variants=FINE, runtimes=BOTH),
    Row("A response is refused with {} while the app writes", in_mid_stream, CUT,
        log=ENDS, variants=LOST, exit=1),
    Row("A response is refused with {} while the app waits", while_idle, CUT,
        log=REFUSED, variants=FINE, runtimes=BOTH),
    Row("A response is refused with {} while the app waits", while_idle, CUT,
        log=ENDS, variants=LOST, exit=1),
    Row("A response is refused with {} at its end", at_the_end, WHOLE,
        log=REFUSED, variants=FINE, runtimes=BOTH),
    Row("A response is refused with {} at its end", at_the_end, WHOLE,
        log=ENDS, variants=LOST, exit=1),
    Row("A response is refused with {}; `next` will tell AWS's client the same", at_the_end,
        WHOLE, log=ENDS.removeprefix("The environment ends: "), variants=LOST, runtimes=MANAGED),
    Row("A buffered response is refused with {}", at_the_end, WHOLE_BUFFERED,
        log=REFUSED, variants=FINE, environ=BUFFERED),
    Row("A buffered response is refused with {}", at_the_end, WHOLE_BUFFERED,
        log=ENDS, variants=LOST, exit=1, environ=BUFFERED),
    Row("The report of an error is refused with {}", at_the_end, REPORT,
        log=REFUSED, variants=("400", "410"), environ=RAISE),
    Row("The report of an error is refused with {}", at_the_end, REPORT,
        log=ENDS, variants=LOST, exit=1, environ=RAISE),
    Row("`next` is refused with {} in a concurrent environment", at_next, variants=ALL,
        log="GET /runtime/invocation/next returned {}", environ=CONCURRENT),
    Row("A response is refused with {} in a concurrent environment", at_the_end, WHOLE,
        log=LOST_LOG,
        variants=LOST, environ=CONCURRENT),
    Row("A response is refused with {} in a concurrent environment, while the app writes",
        in_mid_stream, CUT, variants=LOST, environ=CONCURRENT,
        log=LOST_LOG),
    Row("The report of a failed init is refused with {}", at_init_error,
        Seen("502", "a failed init: LifespanFailed"),
        log="Reporting the error failed: POST", variants=ALL, exit=3,
        environ=FAILED_STARTUP),
    Row("The wait in the snapshot of SnapStart is refused with {}", in_the_snapshot,
        Seen("502", "a failed init: RuntimeApiError"),
        log="GET /2018-06-01/runtime/restore/next returned {}", variants=ALL, exit=64,
        environ=SNAPSTART),
    Row("The report of a hook that failed after the restore is refused with {}",
        at_restore_error, Seen("502", "a failed restore: ValueError"),
        log="Reporting the error failed: POST", variants=ALL, exit=65,
        environ=FAILED_HOOK),
    Row("The registration of the extension is refused with {}", at_registration,
        log="Could not register an extension; no SIGTERM at shutdown", variants=ALL,
        environ=LIFESPAN),
    Row("The extension's `next` is refused with {}", at_the_extensions_next, variants=ALL,
        environ=LIFESPAN),
]  # fmt: skip
