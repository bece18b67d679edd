"""The matrix: three modes, six apps, and what startup makes of each pair."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
import weakref
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette

from adapter.asgi.lifespan import lifespan
from adapter.errors import LifespanFailed, app_frames

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from adapter.types import ASGIApp, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio


async def supported(scope: Scope, receive: Receive, send: Send) -> None:
    assert await receive() == {"type": "lifespan.startup"}
    scope["state"]["response"] = 42
    await send({"type": "lifespan.startup.complete"})
    assert await receive() == {"type": "lifespan.shutdown"}
    await send({"type": "lifespan.shutdown.complete"})


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def failing_and_raising(scope: Scope, receive: Receive, send: Send) -> None:
    await failing(scope, receive, send)
    raise RuntimeError("no database")


async def raising(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError(f"cannot handle {scope['type']}")


async def exiting(scope: Scope, receive: Receive, send: Send) -> None:
    raise SystemExit(3)


async def returning(scope: Scope, receive: Receive, send: Send) -> None:
    pass


async def careless(scope: Scope, receive: Receive, send: Send) -> None:
    """Does not look at the type of the scope, as the apps of many tutorials."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


STARTED = {"response": 42}


@pytest.mark.parametrize(
    ("app", "auto", "on"),
    [
        pytest.param(supported, STARTED, STARTED, id="supported"),
        pytest.param(failing, LifespanFailed, LifespanFailed, id="failed"),
        pytest.param(failing_and_raising, LifespanFailed, LifespanFailed, id="failed-and-raises"),
        pytest.param(raising, None, LifespanFailed, id="raises"),
        pytest.param(exiting, None, LifespanFailed, id="raises-SystemExit"),
        pytest.param(returning, None, LifespanFailed, id="returns"),
        pytest.param(careless, None, LifespanFailed, id="responds-as-if-it-were-http"),
    ],
)
@pytest.mark.parametrize("mode", ["auto", "on", "off"])
async def test_startup_gives_a_state_or_none_or_fails(
    mode: str, app: ASGIApp, auto: Any, on: Any
) -> None:
    before = asyncio.all_tasks()
    span = lifespan(app, mode)
    expected = {"auto": auto, "on": on, "off": None}[mode]
    if expected is LifespanFailed:
        with pytest.raises(LifespanFailed):
            await span.startup()
    else:
        await span.startup()
        assert span.state == expected
    await span.shutdown()
    assert asyncio.all_tasks() == before


async def test_a_failed_startup_tells_the_message_and_the_cause() -> None:
    with pytest.raises(LifespanFailed, match=r"^The app's startup failed: no database$") as caught:
        await lifespan(failing_and_raising, "auto").startup()
    assert repr(caught.value.__cause__) == "RuntimeError('no database')"


async def test_a_traceback_as_the_message_becomes_its_last_line() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # as Starlette does
        await receive()
        try:
            raise RuntimeError("no database")
        except RuntimeError:
            message = traceback.format_exc()
            await send({"type": "lifespan.startup.failed", "message": message})
            raise

    with pytest.raises(LifespanFailed) as caught:
        await lifespan(app, "auto").startup()
    assert str(caught.value) == "The app's startup failed: RuntimeError: no database"
    assert [frame.name for frame in app_frames(caught.value)][-1] == "app"


async def test_an_app_without_the_lifespan_it_must_have_is_told_why() -> None:
    with pytest.raises(LifespanFailed, match=r"lifespan is 'on', but the app ended") as caught:
        await lifespan(raising, "on").startup()
    assert repr(caught.value.__cause__) == "ValueError('cannot handle lifespan')"


async def test_an_app_that_would_wait_for_ever_ends_after_its_shutdown() -> None:
    ended = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            while True:
                await send({"type": (await receive())["type"] + ".complete"})
        finally:
            ended.append(True)

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    assert ended


async def test_what_the_app_cleans_up_after_its_last_response_is_waited_for() -> None:
    events = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await supported(scope, receive, send)
        await asyncio.sleep(0.01)
        events.append("closed the pool")

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    assert events == ["closed the pool"]


@pytest.mark.parametrize(
    "response",
    [
        pytest.param("lifespan.startup.complete", id="a-second-time"),
        pytest.param("lifespan.shutdown.complete", id="to-a-question-not-asked"),
        pytest.param("lifespan.nonsense", id="that-nobody-knows"),
        pytest.param(None, id="without-a-type"),
    ],
)
async def test_a_response_out_of_place_is_an_error_of_the_app(
    response: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await send({"type": response})

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    [record] = caplog.records
    assert record.name == "adapter.lifespan"
    assert record.exc_info
    assert f"{response!r} during its lifespan" in str(record.exc_info[1])


async def test_a_failed_shutdown_is_logged_because_nobody_is_left_to_raise_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the pool is busy"})

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    assert [record.getMessage() for record in caplog.records] == [
        "The app's shutdown failed: the pool is busy"
    ]


async def waiting(receive: Receive) -> None:
    await asyncio.Event().wait()


async def reading_on(receive: Receive) -> None:
    await receive()


async def ignoring_its_cancellation(receive: Receive) -> None:
    with suppress(asyncio.CancelledError):
        await waiting(receive)
    await waiting(receive)


async def cleaning_up(receive: Receive) -> None:
    try:
        await waiting(receive)
    finally:
        for _ in range(8):
            await asyncio.sleep(0)


never_returning = pytest.mark.parametrize(
    "wait", [waiting, reading_on, cleaning_up, ignoring_its_cancellation]
)


@never_returning
async def test_a_failed_startup_does_not_wait_for_an_app_that_never_returns(
    wait: Callable[[Receive], Awaitable[None]],
) -> None:
    tasks = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await failing(scope, receive, send)
        await wait(receive)

    with pytest.raises(LifespanFailed, match="no database"):
        await asyncio.wait_for(lifespan(app, "auto").startup(), 10)
    [task] = filter(None, tasks)
    if wait is ignoring_its_cancellation:
        task.cancel()
        await asyncio.wait((task,))
    assert task.done()


@never_returning
async def test_a_failed_shutdown_does_not_wait_for_an_app_that_never_returns(
    wait: Callable[[Receive], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    tasks = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the pool is busy"})
        await wait(receive)

    span = lifespan(app, "on")
    await span.startup()
    await asyncio.wait_for(span.shutdown(), 10)
    assert "The app's shutdown failed: the pool is busy" in caplog.text
    [task] = filter(None, tasks)
    if wait is ignoring_its_cancellation:
        task.cancel()
        await asyncio.wait((task,))


async def test_a_cancelled_shutdown_takes_the_app_with_it() -> None:
    before, cleaning_up = asyncio.all_tasks(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await supported(scope, receive, send)
        cleaning_up.set()
        await asyncio.Event().wait()

    span = lifespan(app, "on")
    await span.startup()
    ending = asyncio.create_task(span.shutdown())
    await cleaning_up.wait()
    ending.cancel()
    await asyncio.wait((ending,))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_lifespan_that_fails_while_requests_are_served_is_logged_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail, failed = asyncio.Event(), asyncio.Event()

    async def poll() -> None:
        await fail.wait()
        raise ConnectionError("no queue")

    @asynccontextmanager
    async def polling(app: Starlette) -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(poll())
                yield
        finally:
            failed.set()

    span = lifespan(Starlette(lifespan=polling), "on")
    await span.startup()
    fail.set()
    await failed.wait()
    await asyncio.sleep(0)
    [record] = caplog.records
    assert record.getMessage() == (
        "The app's lifespan failed before its shutdown; requests are still served"
    )
    assert "ConnectionError: no queue" in caplog.text
    assert "UnexpectedMessage" not in caplog.text
    await span.shutdown()
    assert caplog.records == [record]


@pytest.mark.parametrize(
    ("message", "logged"), [({"message": "no queue"}, "no queue"), ({}, "no message")]
)
async def test_a_failure_that_an_app_reports_before_its_shutdown_is_logged_with_its_message(
    message: Message, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.failed", **message})

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    assert [record.getMessage() for record in caplog.records] == [
        f"The app's lifespan failed before its shutdown; requests are still served: {logged}"
    ]


async def test_a_failure_that_an_app_reports_too_early_is_logged_at_the_end_if_the_app_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.failed", "message": "no queue"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    assert [record.getMessage() for record in caplog.records] == [
        "The app's lifespan failed: no queue"
    ]


async def test_a_failed_startup_is_raised_and_not_logged_as_a_later_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(LifespanFailed):
        await lifespan(failing_and_raising, "on").startup()
    assert caplog.records == []


async def test_an_error_of_the_shutdown_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await supported(scope, receive, send)
        raise ConnectionError("no queue")

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    assert [record.getMessage() for record in caplog.records] == ["The app's lifespan failed."]
    assert "ConnectionError: no queue" in caplog.text


async def test_an_app_may_end_its_lifespan_without_a_failure_while_requests_are_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    span = lifespan(app, "on")
    await span.startup()
    await span.shutdown()
    assert caplog.records == []


async def test_a_lifespan_that_is_cancelled_while_requests_are_served_has_not_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await supported(scope, receive, send)

    span = lifespan(app, "on")
    await span.startup()
    [task] = filter(None, tasks)
    task.cancel()
    await asyncio.wait((task,))
    await span.shutdown()
    assert caplog.records == []


async def test_a_second_shutdown_does_nothing() -> None:
    span = lifespan(supported, "on")
    await span.startup()
    await span.shutdown()
    await span.shutdown()


async def test_an_app_without_lifespan_costs_no_more_than_a_debug_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "adapter")
    await lifespan(raising, "auto").startup()
    [record] = caplog.records
    assert record.levelno == logging.DEBUG


async def raising_in_startup(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise ConnectionError("no database")


async def misspelling(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.completed"})


async def reading_as_if_it_were_http(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await careless(scope, receive, send)


async def reading_and_returning(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()


@pytest.mark.parametrize(
    ("app", "error"),
    [
        pytest.param(raising_in_startup, "ConnectionError: no database", id="raises"),
        pytest.param(misspelling, "'lifespan.startup.completed'", id="sends what does not exist"),
    ],
)
async def test_an_app_that_raises_in_its_startup_is_a_warning_with_the_traceback(
    app: ASGIApp, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    span = lifespan(app, "auto")
    await span.startup()
    assert span.state is None
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "lifespan='on'" in record.getMessage()
    assert error in caplog.text


@pytest.mark.parametrize("app", [reading_as_if_it_were_http, reading_and_returning])
async def test_an_app_that_does_not_look_at_the_type_of_the_scope_is_no_warning(
    app: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    await lifespan(app, "auto").startup()
    assert caplog.records == []


async def test_a_cancelled_startup_takes_the_app_with_it() -> None:
    before, asked = asyncio.all_tasks(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await asyncio.Event().wait()

    starting = asyncio.create_task(lifespan(app, "on").startup())
    await asked.wait()
    starting.cancel()
    await asyncio.wait((starting,))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


class Counting:
    """Notes its startups and shutdowns; refuses a second start while it runs, as mcp's does."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2):
            kind = (await receive())["type"]
            self.seen.append(kind.removeprefix("lifespan."))
            await asyncio.sleep(0)
            await send({"type": f"{kind}.complete"})


class TestShared:
    async def test_lifespans_of_one_app_are_one_that_the_first_starts_and_the_first_ends(
        self,
    ) -> None:
        app = Counting()
        spans = [lifespan(app, mode, shared=True) for mode in ("auto", "on", "auto")]
        await asyncio.gather(*(span.startup() for span in spans))
        await lifespan(app, "on", shared=True).startup()
        assert app.seen == ["startup"]
        assert [span.state for span in spans] == [{}] * 3
        for span in spans:
            await span.shutdown()
        assert app.seen == ["startup", "shutdown"]

    async def test_lifespans_of_two_apps_that_are_equal_are_two(self) -> None:
        class Equal(Counting):
            __hash__ = None  # type: ignore[assignment]

            def __eq__(self, other: object) -> bool:
                return True

        apps = [Equal(), Equal()]
        spans = [lifespan(app, "auto", shared=True) for app in apps]
        for span in spans:
            await span.startup()
        assert [app.seen for app in apps] == [["startup"]] * 2
        for span in spans:
            await span.shutdown()

    async def test_an_app_can_start_again_after_its_shutdown(self) -> None:
        app = Counting()
        for _ in range(2):
            span = lifespan(app, "auto", shared=True)
            await span.startup()
            await span.shutdown()
        assert app.seen == ["startup", "shutdown"] * 2

    async def test_a_failed_startup_is_tried_again_by_the_next_handler(self) -> None:
        failures = [failing, supported]

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await failures.pop(0)(scope, receive, send)

        with pytest.raises(LifespanFailed):
            await lifespan(app, "auto", shared=True).startup()
        span = lifespan(app, "auto", shared=True)
        await span.startup()
        assert span.state == STARTED
        await span.shutdown()

    async def test_an_app_without_a_lifespan_is_not_kept_alive(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            assert scope["type"] == "http"

        alive = weakref.ref(app)
        span = lifespan(app, "auto", shared=True)
        await span.startup()
        assert span.state is None
        del app, span
        gc.collect()
        assert alive() is None

    async def test_one_that_is_required_fails_for_an_app_that_another_found_to_have_none(
        self,
    ) -> None:
        await lifespan(raising, "auto", shared=True).startup()
        with pytest.raises(LifespanFailed):
            await lifespan(raising, "on", shared=True).startup()

    async def test_one_that_is_required_fails_for_an_app_that_raised_for_another(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            raise ValueError("no database")

        await lifespan(app, "auto", shared=True).startup()
        span = lifespan(app, "on", shared=True)
        with pytest.raises(LifespanFailed, match="another handler"):
            await span.startup()
        await span.shutdown()


async def test_starlette_starts_and_stops_on_the_same_loop_with_its_state() -> None:
    events: list[object] = []

    @asynccontextmanager
    async def pool(app: Starlette) -> AsyncIterator[dict[str, str]]:
        events.append(asyncio.get_running_loop())
        yield {"pool": "open"}
        events.append(asyncio.get_running_loop())

    span = lifespan(Starlette(lifespan=pool), "on")
    await span.startup()
    assert span.state == {"pool": "open"}
    await span.shutdown()
    assert events == [asyncio.get_running_loop()] * 2


@pytest.mark.anyio
async def test_an_app_that_raises_in_its_startup_is_started_once_for_all_its_handlers() -> None:
    started = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        started.append(scope["type"])
        raise ValueError("no database")

    lifespans = [lifespan(app, "auto", shared=True) for _ in range(2)]
    for each in lifespans:
        await each.startup()
    assert started == ["lifespan"]
    assert [each.state for each in lifespans] == [None, None]
    for each in lifespans:
        await each.shutdown()
