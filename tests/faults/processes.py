"""What an app can do to its whole process."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from adapter.runtime_api.wire import MAX_REPORT_BYTES

from .apps import FLOOD
from .connections import BUFFERED, RAISE, SNAPSTART
from .refusals import WHOLE_BUFFERED
from .row import ALL, BOTH, MANAGED, NATIVE, AWSs, Row
from .stage import CUT, NOTHING, WHOLE, Seen, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stage import Stage

HTTP_500 = Seen("500, whole", "a complete response")
HTTP_500_BUFFERED = Seen("500, whole", "a buffered response")


def app(path: str) -> Callable[[Stage, str], Seen]:
    def play(stage: Stage, variant: str) -> Seen:
        stage.deliver(path)
        return stage.outcome()

    return play


def dies(path: str) -> Callable[[Stage, str], Seen]:
    def play(stage: Stage, variant: str) -> Seen:
        stage.deliver(path)
        stage.platform.exit_code()
        return NOTHING

    return play


def dies_late(path: str) -> Callable[[Stage, str], Seen]:
    def play(stage: Stage, variant: str) -> Seen:
        stage.deliver(path)
        _, request = stage.begun()
        stage.platform.exit_code()
        assert request.content == b"part"
        return CUT

    return play


def cancelled_in_the_middle(stage: Stage, variant: str) -> Seen:
    stage.deliver("/cancel-large")
    peer, request = stage.begun()
    stage.wait_for("ready")
    while peer.chunk(request):
        pass
    assert not request.content.endswith(b"more")
    peer.accept()
    return seen(request)


def goes_on_too_long(stage: Stage, variant: str) -> Seen:
    stage.deliver("/go-on", seconds=0.6)
    return stage.outcome()


def limited(stage: Stage, variant: str) -> Seen:
    stage.deliver({"listens": "/idle", "sends": "/endless"}[variant])
    return stage.outcome()


def flood(stage: Stage, variant: str) -> Seen:
    stage.deliver("/flood")
    peer, request = stage.read()
    assert request.content == b"tick " * 5 + b"hello"
    assert stage.platform.output.count("x" * 180) == FLOOD
    peer.accept()
    return seen(request)


def frozen(stage: Stage, variant: str) -> Seen:
    """Stop the process as a freeze does; all its clocks jump."""
    peer = stage.asked()
    process = stage.platform.process
    process.send_signal(signal.SIGSTOP)
    assert peer.is_silent(0.3)
    process.send_signal(signal.SIGCONT)
    peer.event(_HELLO)
    return stage.outcome()


def frozen_in_mid_stream(stage: Stage, variant: str) -> Seen:
    stage.deliver("/gate")
    process = stage.platform.process
    process.send_signal(signal.SIGSTOP)
    stage.go()
    process.send_signal(signal.SIGCONT)
    return stage.outcome()


def exhausted(stage: Stage, variant: str) -> Seen:
    stage.deliver("/exhaust")
    peer, request = stage.read()
    assert request.content == b"OSError"
    peer.accept()
    return seen(request)


def exhausted_and_reset(stage: Stage, variant: str) -> Seen:
    outcome = exhausted(stage, variant)
    stage.asked().reset()
    return outcome


def exhausted_before_the_report(stage: Stage, variant: str) -> Seen:
    peer = stage.deliver("/exhaust-and-fail")
    stage.wait_for("ready")
    peer.reset()
    stage.go()
    return NOTHING


def exhausted_before_aws_reports(stage: Stage, variant: str) -> Seen:
    stage.deliver("/exhaust-and-exit-generator")
    adapters = stage.platform.connection()  # AWS's client received the event over another one
    stage.wait_for("ready")
    adapters.reset()
    stage.go()
    outcome = stage.outcome()
    if sys.version_info >= (3, 14) and outcome == raised("HandlerError"):
        return raised("RuntimeError")  # before 3.14, the GeneratorExit closes the call as well
    return outcome


def reported(path: str) -> Callable[[Stage, str], Seen]:
    """Have the app at ``path`` fail; its report must be one that Lambda takes."""

    def play(stage: Stage, variant: str) -> Seen:
        stage.deliver(path)
        peer, request = stage.read()
        assert len(request.body) <= MAX_REPORT_BYTES
        peer.accept()
        return seen(request)

    return play


def init_fails(stage: Stage, variant: str) -> Seen:
    return stage.outcome()


def restore_fails(stage: Stage, variant: str) -> Seen:
    stage.waits_in_snapshot().reply(200)
    return stage.outcome()


def raised(name: str) -> Seen:
    return Seen("502", f"a failed invocation: {name}")


def cut(name: str) -> Seen:
    return Seen("200, cut short", f"error trailers: {name}")


def _event() -> object:
    from adapter.samples.url_event import function_url_event

    return function_url_event("/")


_HELLO = _event()

# AWS's client leaves the sockets open over which it reports.
LEAKY = {"PYTHONWARNINGS": "ignore::ResourceWarning"}
HOOK = SNAPSTART | LEAKY

PROCESSES = [
    Row("`MemoryError` before the head", app("/memory"), HTTP_500, log="MemoryError",
        runtimes=BOTH),
    Row("`MemoryError` before the head, with `errors=\"raise\"`", app("/memory"),
        raised("MemoryError"), log="MemoryError", environ=RAISE, runtimes=BOTH),
    Row("`MemoryError` after the head", app("/memory-late"), cut("MemoryError"),
        log="MemoryError", runtimes=BOTH),
    Row("`RecursionError` before the head", app("/recursion"), HTTP_500,
        log="RecursionError", runtimes=BOTH),
    Row("`RecursionError` after the head", app("/recursion-late"), cut("RecursionError"),
        log="RecursionError", runtimes=BOTH),
    Row("`KeyboardInterrupt` before the head", app("/interrupt"), HTTP_500,
        log="KeyboardInterrupt", runtimes=BOTH),
    Row("`KeyboardInterrupt` before the head, with `errors=\"raise\"`", app("/interrupt"),
        raised("KeyboardInterrupt"), log="KeyboardInterrupt", environ=RAISE, runtimes=BOTH),
    Row("`KeyboardInterrupt` after the head", app("/interrupt-late"), cut("KeyboardInterrupt"),
        log="KeyboardInterrupt", runtimes=BOTH),
    Row("`GeneratorExit` in a thread of the app, before the head", app("/generator-exit"),
        HTTP_500, log="GeneratorExit", runtimes=ALL),
    Row("`GeneratorExit` in a thread of the app, with `errors=\"raise\"`", app("/generator-exit"),
        raised("GeneratorExit"), log="GeneratorExit", environ=RAISE, runtimes=ALL),
    Row("`GeneratorExit` in a thread of the app, where the response is buffered",
        app("/generator-exit"), HTTP_500_BUFFERED, log="GeneratorExit", environ=BUFFERED,
        runtimes=ALL),
    Row("`GeneratorExit` in a thread of the app, after the head", app("/generator-exit-late"),
        cut("GeneratorExit"), log="GeneratorExit", runtimes=ALL),
    Row("`os._exit` before the head", dies("/exit"), NOTHING, exit=7, runtimes=BOTH),
    Row("`os._exit` after the head", dies_late("/exit-late"), CUT, exit=7, runtimes=BOTH),
    Row("`os.abort`, as when an extension module crashes", dies("/abort"), NOTHING,
        exit=-signal.SIGABRT, runtimes=BOTH),
    Row("A thread of the app dies", app("/thread"), WHOLE, log="Exception in thread worker",
        runtimes=BOTH),
    Row("A task of the app raises `SystemExit` beside a response", app("/exit-beside"), WHOLE,
        log="SystemExit: 5", runtimes=BOTH),
    Row("A task of the app raises `KeyboardInterrupt` beside a response", app("/interrupt-beside"),
        WHOLE, log="A background task or a signal handler raised", runtimes=BOTH),
    Row("The app forks, and the child ends by `os._exit`", app("/fork"), WHOLE, runtimes=BOTH),
    Row("The app forks, and the child raises `SystemExit`", app("/fork-and-return"), WHOLE,
        runtimes=BOTH),
    Row("The app closes stdout", app("/close-stdout"), WHOLE),
    Row("The app closes stdout, which AWS's client has wrapped", app("/close-stdout"),
        HTTP_500, runtimes=MANAGED),
    Row("The app writes 5,000 lines into the log at once", flood, WHOLE, log="4999 xxx",
        runtimes=BOTH),
    Row("The wall clock jumps an hour forward and back during a response", app("/jump"), WHOLE,
        runtimes=BOTH),
    Row("The app cancels a large body message in the middle of it", cancelled_in_the_middle,
        cut("CancelledError"), log="a write was cancelled", runtimes=BOTH),
    Row("A stream goes on for longer than `max_stream_seconds`, and its app {}", limited, WHOLE,
        variants=("listens", "sends"), environ={"ADAPTER_MAX_STREAM_SECONDS": "0.2"},
        runtimes=ALL),
    Row("The app goes on after a buffered response until its time is up", goes_on_too_long,
        WHOLE_BUFFERED, log="though its response had ended", environ=BUFFERED, runtimes=BOTH),
    Row("The environment is frozen between two invocations", frozen, WHOLE, runtimes=NATIVE),
    Row("The environment is frozen before the response", frozen_in_mid_stream, WHOLE,
        runtimes=BOTH),
    Row("No file descriptor is left", exhausted, WHOLE, runtimes=BOTH),
    Row("No file descriptor is left, and the connection breaks", exhausted_and_reset, WHOLE),
    Row("No file descriptor is left, and the connection breaks before an error is reported",
        exhausted_before_the_report, NOTHING, log="could not be sent", exit=1, environ=RAISE),
    Row("No file descriptor is left, and the connection breaks before an error is reported, in a"
        " concurrent environment", exhausted_before_the_report, NOTHING, environ=RAISE,
        log="The outcome of an invocation was not delivered", runtimes=("concurrent",)),
    Row("No file descriptor is left, and the connection breaks before a `GeneratorExit` is"
        " reported",
        exhausted_before_aws_reports, raised("RuntimeError"), log="could not be sent",
        environ=RAISE, runtimes=AWSs),
    Row("The app removes its working directory, and raises", app("/remove-and-raise"),
        raised("ValueError"), log="ValueError: no", environ=RAISE, runtimes=ALL),
    Row("The app raises an error that cannot be described", reported("/opaque"),
        raised("Opaque"), log="Opaque", environ=RAISE, runtimes=ALL),
    Row("The app raises an error with a message of 8 MiB, of which at most 256 KiB are reported",
        reported("/verbose"), raised("ValueError"), log="ValueError: xxx", environ=RAISE,
        runtimes=ALL),
    Row("An `async` hook raises before the snapshot of SnapStart", init_fails,
        Seen("502", "a failed init: ValueError"), log="ValueError: no", exit=64, runtimes=BOTH,
        environ=HOOK | {"FAULT": "before-snapshot"}),
    Row("A hook raises after the restore of SnapStart", restore_fails,
        Seen("502", "a failed restore: ValueError"), log="ValueError: no", exit=65, runtimes=BOTH,
        environ=HOOK | {"FAULT": "after-restore"}),
    Row("`AWS_LAMBDA_CONCURRENCY_MODE` is `thread` or `hybrid`", init_fails,
        Seen("502", "a failed init: ConfigurationError"), log="Set it to 'process'", exit=1,
        runtimes=MANAGED, environ=LEAKY | {"AWS_LAMBDA_CONCURRENCY_MODE": "thread"}),
]  # fmt: skip
