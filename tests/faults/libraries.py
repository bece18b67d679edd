"""What apps and their libraries raise, cancel, log and fork."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING
from urllib.parse import quote

from adapter.runtime_api.wire import MAX_REPORT_BYTES
from adapter.samples.url_event import function_url_event

from . import library_apps
from .connections import NEWER, RAISE
from .processes import HTTP_500, LEAKY, cut, raised
from .row import ALL, OURS, AWSs, Row
from .stage import CUT, NOTHING, WHOLE, Seen, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stage import Stage

WORKERS = {"FAULT": "workers", "ADAPTER_SHUTDOWN": "off"}


def app(name: str = "{}") -> Callable[[Stage, str], Seen]:
    """Have the app of this name respond."""

    def play(stage: Stage, variant: str) -> Seen:
        stage.deliver(quote(f"/libraries/{name.format(variant)}"))
        return stage.outcome()

    return play


def worker(stage: Stage, variant: str) -> Seen:
    """Refuse what a worker task of the lifespan writes; it must be there for the next job."""
    peer = stage.deliver(quote(f"/libraries/stream in {variant}"))
    peer, request = stage.begun()
    peer.refuse(413)
    peer.wait_closed()
    assert request.path.endswith("/response")
    assert app("respond in {}")(stage, variant) == WHOLE
    return CUT


def timer_after_a_freeze(stage: Stage, variant: str) -> Seen:
    """The event and the timer are due in the same iteration of the event loop."""
    assert app("leave a cancelling timer")(stage, variant) == WHOLE
    peer = stage.asked()
    process = stage.platform.process
    process.send_signal(signal.SIGSTOP)
    peer.event(function_url_event("/"))
    assert peer.is_silent(0.3)
    process.send_signal(signal.SIGCONT)
    return stage.outcome()


def forks(name: str) -> Callable[[Stage, str], Seen]:
    def play(stage: Stage, variant: str) -> Seen:
        stage.deliver(quote(f"/libraries/forks in {name.format(variant)}"))
        peer, request = stage.read()
        assert request.content == b"hello", "nothing of the child is in it"
        peer.accept()
        stage.wait_for("child-ended")
        return seen(request)

    return play


def failed_init(stage: Stage, variant: str) -> Seen:
    peer, request = stage.read()
    assert len(request.body) <= MAX_REPORT_BYTES
    peer.accept()
    return seen(request)


def signalled(stage: Stage, variant: str) -> Seen:
    outcome = app("signal to come")(stage, variant)
    peer = stage.asked()
    stage.platform.wait_idle()  # a handler that raises in the runtime's own code is another fault
    stage.platform.process.send_signal(signal.SIGUSR1)
    stage.platform.wait_for("TimeoutError: signal")
    peer.event(function_url_event("/"))
    assert stage.outcome() == WHOLE
    return outcome


def signalled_under_aws(stage: Stage, variant: str) -> Seen:
    """AWS's client takes the event and raises what the handler of the signal has raised."""
    assert app("signal to come")(stage, variant) == WHOLE
    peer = stage.asked()
    stage.platform.wait_idle()
    stage.platform.process.send_signal(signal.SIGUSR1)
    peer.event(function_url_event("/"))
    stage.platform.exit_code()
    return NOTHING


def terminated(stage: Stage, variant: str) -> None:
    """End the environment while a lifespan hangs, which would go on for a minute."""
    if stage.fault == "shutdown hangs":
        stage.deliver("/")
        assert stage.outcome() == WHOLE
        stage.asked()
        stage.platform.terminate()
    stage.wait_for("hangs")
    if stage.fault == "startup hangs":
        stage.platform.terminate()
    stage.platform.exit_code()


def lifespan_fails(stage: Stage, variant: str) -> Seen:
    """Read the log before the end of the environment, which may be the end of the process."""
    stage.deliver("/")
    found = stage.outcome()
    assert "requests are still served" in stage.platform.output
    return found


def hangs(phase: str, *, blocks: bool = False) -> dict[str, str]:
    return {"FAULT": f"{phase} hangs", "BLOCKS": "1" * blocks, "ADAPTER_SHUTDOWN": "off"}


FORKS = "The app forks in {}, and the child comes back"

LIBRARIES = [
    Row("The app raises an error that is {}", app(), HTTP_500, log="The app failed",
        variants=tuple(library_apps.ERRORS), runtimes=ALL),
    Row("The app raises an error that is {}, after the head", app("late {}"), cut("ValueError"),
        log="The app failed", variants=tuple(library_apps.ERRORS)[:3], runtimes=ALL),
    Row("An endpoint behind Starlette's `@app.middleware(\"http\")` raises", app("middleware"),
        HTTP_500, log="The app failed, and has sent a 500 itself", runtimes=ALL),
    Row("The app gets over {}", app(), WHOLE, variants=tuple(library_apps.CANCELLATIONS),
        runtimes=ALL),
    Row("The app cancels all tasks of `asyncio.all_tasks()`", app("cancel all"), HTTP_500,
        log="CancelledError", runtimes=ALL),
    Row("The app cancels all tasks but its own, and waits for their end", app("cancel others"),
        WHOLE, runtimes=ALL),
    Row("The app leaves a task behind that cancels all tasks", app("leave cancelling"), WHOLE,
        runtimes=ALL),
    Row("A timer of the app cancels all tasks when a freeze ends and the next event comes",
        timer_after_a_freeze, WHOLE, runtimes=ALL),
    Row("The app quotes half of a surrogate pair in an exception", app("surrogate"), HTTP_500,
        log="The app failed", runtimes=ALL),
    Row("The app quotes half of a surrogate pair in an exception, with `errors=\"raise\"`",
        app("surrogate"), raised("ValueError"), environ=RAISE, runtimes=ALL),
    Row("The app quotes half of a surrogate pair in an exception, after the head",
        app("late surrogate"), cut("ValueError"), log="The app failed", runtimes=ALL),
    Row("The startup fails with half of a surrogate pair in its message", failed_init,
        Seen("502", "a failed init: LifespanFailed"), log="The app's startup failed", exit=3,
        environ={"FAULT": "startup surrogate"}, runtimes=OURS),
    Row("The startup fails with half of a surrogate pair in its message", failed_init,
        Seen("502", "a failed init: LifespanFailed"), log="The environment cannot start", exit=1,
        environ={"FAULT": "startup surrogate"} | NEWER | LEAKY, runtimes=AWSs),
    Row("The startup fails with a message of 8 MiB, of which at most 256 KiB are reported",
        failed_init, Seen("502", "a failed init: LifespanFailed"), log="xxx", exit=3,
        environ={"FAULT": "startup verbose"}, runtimes=OURS),
    Row("The startup fails with a message of 8 MiB, of which at most 256 KiB are reported",
        failed_init, Seen("502", "a failed init: LifespanFailed"), log="xxx", exit=1,
        environ={"FAULT": "startup verbose"} | LEAKY, runtimes=AWSs),
    Row("The startup fails, and the app never returns", failed_init,
        Seen("502", "a failed init: LifespanFailed"), log="The app's startup failed: no database",
        exit=3, environ={"FAULT": "startup hangs on"}, runtimes=OURS),
    Row("The startup fails, and the app never returns", failed_init,
        Seen("502", "a failed init: LifespanFailed"), log="The app's startup failed: no database",
        exit=1, environ={"FAULT": "startup hangs on"} | LEAKY, runtimes=AWSs),
    Row("The lifespan of the app fails while requests are served", lifespan_fails, WHOLE,
        log="ConnectionError: no queue", runtimes=ALL,
        environ={"FAULT": "lifespan fails", "ADAPTER_SHUTDOWN": "off"}),
    Row("A logging {} of the app raises when its failure is logged", app(), HTTP_500,
        variants=library_apps.LOGGING, runtimes=ALL),
    Row("A logging {} of the app raises when its failure is logged, after the head",
        app("late {}"), cut("ValueError"), variants=library_apps.LOGGING, runtimes=ALL),
    Row("A disconnect passes through {} that works for requests since the startup", worker, CUT,
        environ=WORKERS, variants=tuple(library_apps.WORKERS), runtimes=ALL),
    Row(FORKS, forks("{}"), WHOLE, variants=library_apps.FORKS, runtimes=ALL),
    Row("The app forks in mid-stream, and the child writes on", forks("mid-stream"), WHOLE,
        runtimes=ALL),
    Row(f"{FORKS}, with `errors=\"raise\"`", forks("{}"), WHOLE,
        variants=library_apps.FORKS, environ=RAISE, runtimes=ALL),
    Row("The app stops the event loop", app("stop"), WHOLE, runtimes=ALL),
    Row("The app sets a task factory {}", app("task factory {}"), WHOLE,
        variants=("that takes no context", "that wraps"), runtimes=ALL),
    Row("A signal handler of the app raises while the app waits", app("alarm"), WHOLE,
        log="TimeoutError: signal", runtimes=ALL),
    Row("A signal handler of the app raises in the app", app("signal"), HTTP_500,
        log="TimeoutError: signal", runtimes=ALL),
    Row("A signal handler of the app raises between two invocations", signalled, WHOLE,
        log="A signal handler of the app raised", runtimes=OURS),
    Row("A signal handler of the app raises between two invocations, in AWS's own code",
        signalled_under_aws, NOTHING, log="TimeoutError: signal", exit=1, environ=LEAKY,
        runtimes=AWSs),
    Row("SIGTERM comes while the startup of the app hangs", terminated, exit=0, runtimes=OURS,
        log="The environment ends during the startup", environ=hangs("startup")),
    Row("SIGTERM comes while the startup of the app blocks the event loop", terminated, exit=0,
        environ=hangs("startup", blocks=True), runtimes=OURS),
    Row("SIGTERM comes, and the shutdown of the app hangs", terminated, exit=0, runtimes=OURS,
        log="The shutdown of the app took over", environ=hangs("shutdown")),
    Row("SIGTERM comes, and the shutdown of the app blocks the event loop", terminated, exit=0,
        log="The shutdown of the app took over", environ=hangs("shutdown", blocks=True),
        runtimes=OURS),
]  # fmt: skip
