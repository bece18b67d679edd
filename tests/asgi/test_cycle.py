"""One exchange with an app: what it is told, when its bytes go, and how it is stopped."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import threading
import weakref
from typing import TYPE_CHECKING

import pytest

from adapter.asgi import cycle as cycle_module
from adapter.asgi.cycle import CANCEL_DELAY_SECONDS, HttpCycle, is_disconnect
from adapter.asgi.response import Response
from adapter.errors import ClientDisconnected, DeadlineExceeded
from adapter.events import FUNCTION_URL
from adapter.events.prelude import encode
from adapter.streams.buffered_stream import BufferedStream
from adapter.testing import MemoryStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import NoReturn

    from adapter.streams.response_stream import ResponseStream
    from adapter.types import ASGIApp, Head, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
SOME: Message = {"type": "http.response.body", "body": b"some", "more_body": True}
NOTHING: Message = {"type": "http.response.body", "body": b"", "more_body": True}
LAST: Message = {"type": "http.response.body", "body": b" more"}


async def run(
    app: ASGIApp,
    stream: ResponseStream,
    *,
    method: str = "GET",
    body: bytes = b"",
    seconds: float | None = None,
    limit: float = 0.0,
) -> None:
    scope = {"type": "http", "method": method, "raw_path": b"/x"}
    cycle = HttpCycle(app, scope, body, Response(method), stream, FUNCTION_URL, limit)
    await cycle.run(seconds)


@pytest.fixture
def stream() -> MemoryStream:
    return MemoryStream()


@pytest.fixture
def short_head_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle_module, "HEAD_DELAY_SECONDS", 0.01)


@pytest.fixture
def endless_head_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle_module, "HEAD_DELAY_SECONDS", 3600)


class TestReceive:
    async def test_gives_the_whole_body_and_then_blocks_until_the_response_is_over(
        self, stream: MemoryStream
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            assert await receive() == {"type": "http.request", "body": b"abc", "more_body": False}
            listening = asyncio.ensure_future(receive())
            for message in (START, SOME, SOME):
                await send(message)
                await asyncio.sleep(0)
                assert not listening.done()
            await send(LAST)
            assert await listening == {"type": "http.disconnect"}
            assert await receive() == {"type": "http.disconnect"}

        await run(app, stream, body=b"abc")
        assert (stream.body, stream.error) == (b"somesome more", None)

    async def test_wakes_an_idle_app_when_the_client_goes_and_it_may_then_just_return(
        self, stream: MemoryStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        waiting = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send(START)
            await send(SOME)
            waiting.set()
            assert await receive() == {"type": "http.disconnect"}

        running = asyncio.create_task(run(app, stream))
        await waiting.wait()
        stream.disconnect("the client hung up")
        await running
        assert (stream.error, caplog.records) == (None, [])

    async def test_after_a_disconnect_the_app_hears_of_it_from_send_too(
        self, stream: MemoryStream
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            stream.disconnect("the client hung up")
            with pytest.raises(OSError, match="hung up"):
                await receive_all(receive, send)
            with pytest.raises(OSError, match="gone"):
                await send(SOME)

        async def receive_all(receive: Receive, send: Send) -> None:
            await send(START)
            await send(SOME)

        await run(app, stream)


async def test_a_response_that_cannot_be_rendered_is_no_disconnect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "adapter")

    def render(head: Head | None, body: bytes) -> NoReturn:
        raise ValueError("no")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(LAST)

    stream = BufferedStream(render, FUNCTION_URL)
    await run(app, stream)
    assert caplog.records == []
    with pytest.raises(ValueError, match="no"):
        stream.result()


class TestDisconnect:
    async def test_stops_a_generator_by_OSError_and_lets_it_clean_up(
        self, stream: MemoryStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "adapter")
        cleaned_up = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            try:
                while True:
                    await send(SOME)
                    stream.disconnect("the client hung up")
            finally:
                cleaned_up.append(True)

        await run(app, stream)
        assert cleaned_up
        [record] = caplog.records
        assert (record.levelno, record.getMessage()) == (
            logging.INFO,
            "Client disconnected: GET /x",
        )

    @pytest.mark.parametrize(
        ("error", "level"),
        [
            pytest.param(ExceptionGroup("", [ClientDisconnected()]), "INFO", id="a-group-of-them"),
            pytest.param(
                ExceptionGroup("", [ClientDisconnected(), KeyError()]), "ERROR", id="a-mixed-group"
            ),
            pytest.param(KeyError(), "ERROR", id="something-else"),
        ],
    )
    async def test_only_what_is_made_of_a_disconnect_is_no_failure_of_the_app(
        self,
        stream: MemoryStream,
        caplog: pytest.LogCaptureFixture,
        error: Exception,
        level: str,
    ) -> None:
        caplog.set_level(logging.INFO, "adapter")

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            stream.disconnect("the client hung up")
            await receive()
            await receive()
            raise error

        await run(app, stream)
        assert [record.levelname for record in caplog.records] == [level]

    async def test_at_the_last_message_is_no_failure_of_the_app_either(
        self, stream: MemoryStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "adapter")

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(SOME)
            stream.disconnect("the client hung up")
            await send({"type": "http.response.body", "body": b"the last"})

        await run(app, stream)
        [record] = caplog.records
        assert (record.levelname, record.exc_info) == ("INFO", None)

    async def test_before_the_held_back_head_goes_leaves_nothing_to_send(
        self, stream: MemoryStream, short_head_delay: None
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            stream.disconnect("the client hung up")
            await asyncio.sleep(0.03)  # the timer for the head finds nobody
            with pytest.raises(OSError, match="gone"):
                await send(SOME)

        await run(app, stream)
        assert (stream.chunks, stream.error) == ([], None)

    @pytest.mark.usefixtures("short_head_delay")
    @pytest.mark.parametrize("held", [True, False], ids=["head-held-back", "head-out"])
    async def test_a_stream_ended_by_another_hand_is_a_client_gone(
        self, stream: MemoryStream, held: bool
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            if not held:
                await send(SOME)
            stream.fail(DeadlineExceeded("the function around us is late"))
            if held:
                await asyncio.sleep(0.03)
            with pytest.raises(OSError, match=r"ended|gone"):
                await send(SOME)

        await run(app, stream)
        assert isinstance(stream.error, DeadlineExceeded)


class TestHead:
    async def test_goes_by_itself_when_the_body_lets_wait(
        self, stream: MemoryStream, short_head_delay: None
    ) -> None:
        go_on = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({**START, "status": 201})
            await go_on.wait()
            await send(LAST)

        running = asyncio.create_task(run(app, stream))
        assert await anext(aiter(stream)) == encode({"statusCode": 201, "headers": {}})
        go_on.set()
        await running
        assert stream.chunks[1:] == [b" more"]

    async def test_is_held_back_so_that_a_failure_can_still_be_a_500(
        self, stream: MemoryStream, endless_head_delay: None
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await asyncio.sleep(0.01)
            assert not stream.started
            raise ValueError("boom")

        await run(app, stream)
        assert stream.prelude["statusCode"] == 500

    async def test_is_out_for_good_once_its_time_has_come_so_a_failure_is_an_error_trailer(
        self, stream: MemoryStream, short_head_delay: None
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await anext(aiter(stream))
            raise ValueError("boom")

        await run(app, stream)
        assert (stream.prelude["statusCode"], repr(stream.error)) == (200, "ValueError('boom')")

    @pytest.mark.parametrize("first", [SOME, NOTHING], ids=["some-body", "an-empty-one"])
    async def test_goes_with_the_first_body_message_even_an_empty_one(
        self, stream: MemoryStream, endless_head_delay: None, first: Message
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(first)
            assert stream.prelude["statusCode"] == 200
            await send(LAST)

        await run(app, stream)
        assert len(stream.chunks) == 2 + bool(first["body"])

    @pytest.mark.usefixtures("short_head_delay")
    @pytest.mark.parametrize(
        "messages",
        [
            pytest.param([START, LAST], id="complete"),
            pytest.param([START, SOME], id="unfinished"),
            pytest.param([START], id="held-back"),
            pytest.param([START, START], id="failed"),
        ],
    )
    async def test_its_timer_never_outlives_the_exchange(
        self, stream: MemoryStream, messages: list[Message]
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            for message in messages:
                await send(message)

        await run(app, stream)
        chunks = stream.chunks.copy()
        await asyncio.sleep(0.03)
        assert stream.chunks == chunks


class TestBody:
    async def test_each_message_is_handed_on_before_the_next_one_is_asked_for(
        self, stream: MemoryStream
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            for number in range(5):
                await send({**SOME, "body": b"%d" % number})
                assert stream.chunks[-1] == b"%d" % number
            await send(LAST)
            assert stream.closed

        await run(app, stream)

    @pytest.mark.parametrize(
        ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 103)]
    )
    async def test_is_not_sent_where_http_has_none(
        self, stream: MemoryStream, method: str, status: int
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            for message in ({**START, "status": status}, SOME, NOTHING, LAST):
                await send(message)

        await run(app, stream, method=method)
        assert (stream.prelude["statusCode"], stream.body, stream.error) == (status, b"", None)

    async def test_what_the_app_does_after_the_end_is_waited_for(
        self, stream: MemoryStream
    ) -> None:
        done = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(LAST)
            assert stream.closed
            await asyncio.sleep(0.01)
            done.append("background task")

        await run(app, stream)
        assert done


async def swallowing(scope: Scope, receive: Receive, send: Send) -> None:
    """Ignores two refusals, and goes on."""
    for _ in range(2):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            return


class TestDeadline:
    @pytest.mark.parametrize(
        ("messages", "status", "error"),
        [
            pytest.param([], 504, None, id="before-the-head"),
            pytest.param([START], 504, None, id="head-held-back"),
            pytest.param([START, SOME], 200, "DeadlineExceeded", id="after-the-head"),
            pytest.param([START, LAST], 200, None, id="after-the-end"),
        ],
    )
    async def test_cancels_the_app_and_tells_the_client(
        self,
        stream: MemoryStream,
        caplog: pytest.LogCaptureFixture,
        messages: list[Message],
        status: int,
        error: str | None,
    ) -> None:
        cancelled = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            for message in messages:
                await send(message)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        await run(app, stream, seconds=0.01)
        assert cancelled
        assert stream.prelude["statusCode"] == status
        assert (type(stream.error).__name__ if stream.error else None) == error
        [record] = caplog.records
        assert "still running at its deadline, after 0.01 s" in record.getMessage()

    async def test_is_first_told_by_a_disconnect_so_that_an_app_that_listens_can_end_by_itself(
        self, stream: MemoryStream
    ) -> None:
        heard = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            heard.append((await receive())["type"])
            await asyncio.sleep(0)
            heard.append("cleaned up")

        await run(app, stream, seconds=0.01)
        assert heard == ["http.disconnect", "cleaned up"]
        await asyncio.sleep(cycle_module.CANCEL_DELAY_SECONDS)  # nothing is cancelled any more

    async def test_leaves_no_mark_on_the_task_that_ran_the_app(self, stream: MemoryStream) -> None:
        await run(swallowing, stream, seconds=0.01)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    async def test_of_an_app_in_time_never_comes(
        self, stream: MemoryStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(LAST)

        await run(app, stream, seconds=0.01)
        await asyncio.sleep(0.03)
        assert (stream.error, caplog.records) == (None, [])

    async def test_is_reported_before_an_app_that_swallows_the_cancellation_has_ended(
        self, stream: MemoryStream
    ) -> None:
        go_on = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            while not go_on.is_set():
                try:
                    await go_on.wait()
                except asyncio.CancelledError:
                    continue

        running = asyncio.create_task(run(app, stream, seconds=0.01))
        await stream.wait_closed()
        assert stream.prelude["statusCode"] == 504
        await asyncio.sleep(0)
        assert not running.done()
        go_on.set()
        await running

    async def test_is_reported_before_a_thread_that_cannot_be_stopped_has_ended(
        self, stream: MemoryStream
    ) -> None:
        go_on = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            from anyio.to_thread import run_sync  # what Starlette calls sync endpoints with

            await run_sync(go_on.wait)

        running = asyncio.create_task(run(app, stream, seconds=0.01))
        await stream.wait_closed()
        assert stream.prelude["statusCode"] == 504
        await asyncio.sleep(3 * CANCEL_DELAY_SECONDS)  # the time to cancel it is over
        assert not running.done()
        go_on.set()
        await running

    async def test_makes_every_later_send_an_OSError(self, stream: MemoryStream) -> None:
        errors: list[Exception] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                for message in (START, SOME, LAST):
                    try:
                        await send(message)
                    except OSError as error:
                        errors.append(error)
                assert await receive()
                assert await receive() == {"type": "http.disconnect"}

        await run(app, stream, seconds=0.01)
        assert len(errors) == 3
        assert all("deadline has passed" in str(error) for error in errors)
        assert stream.prelude["statusCode"] == 504

    @pytest.mark.parametrize(
        ("method", "body"),
        [
            pytest.param("GET", b"x", id="small-chunks"),
            pytest.param("GET", b"x" * 300_000, id="big-chunks"),
            pytest.param("GET", b"", id="empty-chunks"),
            pytest.param("HEAD", b"x", id="HEAD"),
        ],
    )
    async def test_reaches_a_generator_that_never_awaits_and_timers_beside_it_get_their_turn(
        self, stream: MemoryStream, method: str, body: bytes
    ) -> None:
        ticks: list[bool] = []

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield body

        async def tick() -> None:
            while len(ticks) < 4:
                await asyncio.sleep(0.001)
                ticks.append(True)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            ticking = asyncio.create_task(tick())
            await send(START)
            async for chunk in endless():
                await send({**SOME, "body": chunk})
                del stream.chunks[1:]
                if ticking.done() and not expects_deadline:
                    return

        expects_deadline = False  # however slow the machine is, the ticks come
        await run(app, stream, method=method, seconds=30)
        assert len(ticks) == 4
        expects_deadline, stream = True, MemoryStream()
        await run(app, stream, method=method, seconds=0.1)
        assert isinstance(stream.error, DeadlineExceeded)

    async def test_an_error_that_an_app_keeps_and_raises_again_ends_nothing_else_of_it(
        self, stream: MemoryStream
    ) -> None:
        kept = ValueError("the database is away")

        async def reconnecting() -> AsyncIterator[str]:
            try:
                raise kept
            except ValueError:
                yield "first"
                yield "second"

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            raise kept

        other = reconnecting()
        assert await anext(other) == "first"
        await run(app, stream)
        assert stream.prelude["statusCode"] == 500
        assert await anext(other) == "second"
        await other.aclose()  # type: ignore[attr-defined]

    async def test_an_app_that_fails_over_it_says_so_in_a_line_of_its_own(
        self, stream: MemoryStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise KeyError("the pool is closed")

        await run(app, stream, seconds=0.01)
        late, failed = caplog.records
        assert "still running" in late.getMessage()
        assert failed.exc_info
        assert isinstance(failed.exc_info[1], KeyError)


class TestCancellation:
    """The environment ends while the app runs."""

    async def test_from_outside_ends_the_response_and_is_passed_on(
        self, stream: MemoryStream
    ) -> None:
        running = asyncio.create_task(run(hanging_after_the_head, stream, seconds=30))
        chunks = aiter(stream)
        await anext(chunks)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert isinstance(stream.error, asyncio.CancelledError)

    async def test_is_passed_on_even_if_the_app_swallows_it(self, stream: MemoryStream) -> None:
        running = asyncio.create_task(run(swallowing, stream))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    async def test_that_the_caller_has_got_over_is_not_raised_again(
        self, stream: MemoryStream
    ) -> None:
        async def caller() -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await run(complete, stream)
            return "served"

        calling = asyncio.create_task(caller())
        await asyncio.sleep(0)
        calling.cancel()
        assert await calling == "served"


class Empty(Exception):
    def __len__(self) -> int:
        return 0


class Hiding(Exception):
    def hide(self) -> NoReturn:
        raise RuntimeError("no")

    __class__ = __cause__ = __context__ = property(hide)


class TestOrigin:
    """What an error comes of."""

    @pytest.mark.parametrize("ends_in", [ClientDisconnected("gone"), ValueError("no")])
    def test_is_found_behind_causes_contexts_and_groups(self, ends_in: Exception) -> None:
        cause, context = ValueError(), ValueError()
        cause.__cause__ = ends_in
        context.__context__ = ExceptionGroup("group", [cause, ends_in])
        assert is_disconnect(context) == isinstance(ends_in, ClientDisconnected)

    def test_is_no_disconnect_if_another_error_stands_beside_it(self) -> None:
        assert not is_disconnect(ExceptionGroup("group", [ClientDisconnected(), ValueError()]))

    def test_is_asked_of_each_error_once_however_they_refer_to_one_another(self) -> None:
        own, first, second, held = ValueError(), ValueError(), ValueError(), ValueError()
        own.__cause__ = own
        first.__cause__, second.__cause__ = second, first
        held.__context__ = ExceptionGroup("group", [held])
        assert not any(map(is_disconnect, (own, first, second, held)))

    def test_is_a_disconnect_if_that_is_all_there_is_in_the_circle(self) -> None:
        error, gone = ValueError(), ClientDisconnected()
        error.__context__ = ExceptionGroup("group", [error, gone])
        assert is_disconnect(error)

    @pytest.mark.parametrize("innermost", [ClientDisconnected(), ValueError()])
    def test_is_found_in_groups_deeper_than_python_recurses(self, innermost: Exception) -> None:
        error = innermost
        for _ in range(3000):
            error = ExceptionGroup("group", [error])
        assert is_disconnect(error) == isinstance(innermost, ClientDisconnected)

    def test_is_found_behind_an_error_that_is_false_or_that_hides_its_attributes(self) -> None:
        error = ValueError()
        error.__cause__, error.__context__ = Empty(), ClientDisconnected()
        assert not is_disconnect(error)
        assert not is_disconnect(Hiding())
        hidden = Hiding()
        BaseException.__dict__["__context__"].__set__(hidden, ClientDisconnected())
        assert is_disconnect(hidden)

    async def test_does_not_keep_the_cycle_from_its_end(self, stream: MemoryStream) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            error = ValueError()
            raise error from error

        timers = len(asyncio.all_tasks())
        await run(app, stream, seconds=0.01)
        assert stream.prelude["statusCode"] == 500
        await asyncio.sleep(0.02)
        assert len(asyncio.all_tasks()) == timers, "the deadline has been stopped"


class TestFrames:
    async def test_of_a_task_that_waits_are_left_to_it(self, stream: MemoryStream) -> None:
        jobs: asyncio.Queue[tuple[Callable[[], Awaitable[None]], asyncio.Future[None]]]
        jobs = asyncio.Queue()

        async def work() -> None:
            while True:
                job, done = await jobs.get()
                try:
                    await job()
                except OSError as error:
                    done.set_exception(error)
                else:
                    done.set_result(None)

        async def submit(job: Callable[[], Awaitable[None]]) -> None:
            done = asyncio.get_running_loop().create_future()
            jobs.put_nowait((job, done))
            await done

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            stream.disconnect("gone")
            await submit(lambda: send(START))

        worker = asyncio.create_task(work())
        await run(app, stream)
        again = MemoryStream()
        await run(
            lambda scope, receive, send: submit(lambda: complete(scope, receive, send)), again
        )
        assert again.body == b" more"
        worker.cancel()


async def complete(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await send(LAST)


async def hanging_after_the_head(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await send(SOME)
    await asyncio.Event().wait()


async def test_a_slow_reader_makes_the_app_wait() -> None:
    class SlowStream(MemoryStream):
        def __init__(self) -> None:
            super().__init__()
            self.caught_up = asyncio.Event()

        @property
        def congested(self) -> bool:
            return not self.caught_up.is_set()

        async def drain(self) -> None:
            await self.caught_up.wait()

    stream, sent = SlowStream(), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        for _ in range(3):
            await send(SOME)
            sent.append(True)
        await send(LAST)

    running = asyncio.create_task(run(app, stream))
    await anext(aiter(stream))
    assert sent == []
    stream.caught_up.set()
    await running
    assert len(sent) == 3


async def test_an_app_that_writes_where_lambda_allows_no_writing_is_told_where_it_may(
    stream: MemoryStream, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "/var/task/cache")

    await run(app, stream)
    assert "The app failed (on Lambda only /tmp can be written to): GET /x" in caplog.text


class TestLimit:
    """The option `max_stream_seconds`."""

    async def test_ends_the_stream_well_and_tells_an_app_that_listens(
        self, stream: MemoryStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        got: list[Message] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send(START)
            await send(SOME)
            got.append(await receive())

        await run(app, stream, limit=0.01)
        assert (stream.body, stream.closed, stream.error) == (b"some", True, None)
        assert got == [{"type": "http.disconnect"}]
        assert [record.levelname for record in caplog.records] == ["INFO"]

    async def test_stops_an_app_that_sends_as_a_disconnect_does(
        self, stream: MemoryStream, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            while not stream.closed:
                await send(SOME)
                await asyncio.sleep(0.001)
            with pytest.raises(ClientDisconnected, match="max_stream_seconds"):
                await send(SOME)
            await send(SOME)

        await run(app, stream, limit=0.02)
        assert (stream.closed, stream.error) == (True, None)
        assert [record for record in caplog.records if record.levelno > logging.INFO] == []

    async def test_cancels_an_app_that_does_neither(self, stream: MemoryStream) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(SOME)
            await asyncio.Event().wait()

        await run(app, stream, seconds=30, limit=0.01)
        assert (stream.body, stream.error) == (b"some", None)

    async def test_counts_from_the_head_so_that_an_app_may_think_before_it(
        self, stream: MemoryStream
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.05)
            await send(START)
            await send(LAST)

        await run(app, stream, limit=0.01)
        assert stream.body == b" more"

    async def test_leaves_the_work_after_a_complete_response_alone(
        self, stream: MemoryStream
    ) -> None:
        done = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(LAST)
            await asyncio.sleep(0.01 + 2 * CANCEL_DELAY_SECONDS)
            done.append(True)

        await run(app, stream, limit=0.01)
        assert done == [True]

    async def test_keeps_nothing_of_a_stream_that_has_ended_before_it(
        self, stream: MemoryStream
    ) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(LAST)

        scope: Scope = {"type": "http", "method": "GET", "raw_path": b"/x"}
        cycle = HttpCycle(app, scope, b"", Response("GET"), stream, FUNCTION_URL, 3600.0)
        await cycle.run(None)
        kept = weakref.ref(cycle)
        del cycle
        gc.collect()
        assert kept() is None

    async def test_never_cuts_a_message_in_two(self) -> None:
        class Slow(MemoryStream):
            """Waits after the first slice until the limit has been reached."""

            reached = asyncio.Event()

            @property
            def is_in_message(self) -> bool:
                self.reached.set()
                return super().is_in_message

            async def _give_turn(self) -> None:
                await self.reached.wait()

        stream = Slow()
        large = bytes(5 * 64 * 1024)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send({"type": "http.response.body", "body": large, "more_body": True})
            await asyncio.Event().wait()

        await run(app, stream, limit=0.01)
        assert (len(stream.body), stream.error) == (len(large), None)
