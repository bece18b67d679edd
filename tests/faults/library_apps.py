"""Apps that raise, cancel, log and fork as libraries do: each by its name."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from .apps import body, fail, head, held, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator

    from adapter.types import ASGIApp, Receive, Scope, Send

    Jobs = asyncio.Queue[tuple[Callable[[], Awaitable[None]], asyncio.Future[None]]]

SURROGATE = "\ud800"  # what json.loads makes of half a pair in a request


# Errors that refer to one another.


def own_cause() -> NoReturn:
    error = ValueError("no")
    raise error from error


def causes_of_each_other() -> NoReturn:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


def context_that_holds_it() -> NoReturn:
    error = ValueError("no")
    error.__context__ = ExceptionGroup("group", [error])
    raise error


def nested_groups() -> NoReturn:
    error: Exception = ValueError("no")
    for _ in range(3000):
        error = ExceptionGroup("group", [error])
    raise error


class Unreadable(Exception):
    """Has no truth value, no class and no cause that could be read."""

    def refuse(self) -> NoReturn:
        raise RuntimeError("no")

    __bool__ = refuse
    __class__ = __cause__ = __context__ = property(refuse)


def caused_by_an_unreadable_one() -> NoReturn:
    raise ValueError("no") from Unreadable()


def unreadable() -> NoReturn:
    raise Unreadable


# Cancellations that end within the app.


async def group_whose_child_fails_as_it_ends() -> None:
    async def child() -> NoReturn:
        fail()

    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(child())


async def own_cancellation() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)


async def timeout_of_a_client() -> None:
    """Time out as aiohttp does: a timer cancels the task, and the client makes its own error."""
    task = asyncio.current_task()
    assert task is not None
    timer = asyncio.get_running_loop().call_later(0.01, task.cancel)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        timer.cancel()


async def cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(0)


async def cancel_others() -> None:
    """As a helper does that cleans up: wait for the end of each."""
    tasks = asyncio.all_tasks()
    me = asyncio.current_task()
    assert me is not None
    tasks.remove(me)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def leave_cancelling(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave a task that cancels all tasks."""
    await response(send)
    held.append(asyncio.create_task(cancel_all()))


async def leave_cancelling_timer(scope: Scope, receive: Receive, send: Send) -> None:
    """Leave a timer that cancels all tasks."""

    def cancel() -> None:
        for task in asyncio.all_tasks():
            task.cancel()

    await response(send)
    asyncio.get_running_loop().call_later(0.2, cancel)


# Logging that fails.


class Raising(logging.Filter):
    def filter(self, record: logging.LogRecord) -> NoReturn:
        raise ValueError("filter")


class RaisingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> NoReturn:
        raise ValueError("handler")


class RaisingSink:
    """In place of stdout and stderr: what is written raises."""

    def write(self, text: str) -> NoReturn:
        raise ValueError("sink")

    def flush(self) -> None:
        pass  # Python itself calls it at its end


def raising_factory(*args: Any, **kwargs: Any) -> NoReturn:
    raise ValueError("factory")


def break_logging(part: str) -> None:
    root = logging.getLogger()
    if part == "filter":
        for logger in (root, *map(logging.getLogger, root.manager.loggerDict)):
            logger.addFilter(Raising())
        for handler in root.handlers:
            handler.addFilter(Raising())
    elif part == "handler":
        root.addHandler(RaisingHandler())
    elif part == "factory":
        logging.setLogRecordFactory(raising_factory)
    else:
        sys.stdout = sys.stderr = RaisingSink()
        logging.raiseExceptions = True


def fails_with_a_surrogate() -> NoReturn:
    raise ValueError(f"no such name: {SURROGATE}")


# Tasks of the lifespan that work for requests.


async def work(jobs: Jobs) -> None:
    while True:
        job, done = await jobs.get()
        try:
            await job()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)


async def work_below_a_generator(jobs: Jobs) -> None:
    async def generator() -> AsyncIterator[None]:
        await work(jobs)
        yield

    async for _ in generator():
        pass


class Awaiting:
    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.coroutine = coroutine

    def __await__(self) -> Generator[Any, None, None]:
        yield from self.coroutine.__await__()


async def work_below_an_await(jobs: Jobs) -> None:
    await Awaiting(work(jobs))


WORKERS = {
    "a task": work,
    "an asynchronous generator of a task": work_below_a_generator,
    "an `__await__` method of a task": work_below_an_await,
}
jobs_of: dict[str, Jobs] = {}


def start_workers() -> list[asyncio.Task[None]]:
    jobs_of.update({name: asyncio.Queue() for name in WORKERS})
    return [asyncio.create_task(work(jobs_of[name])) for name, work in WORKERS.items()]


async def stream(send: Send) -> None:
    await send(head())
    while True:
        await send(body(b"x" * 1000, more=True))
        await asyncio.sleep(0.001)


def in_the_worker(name: str, respond: Callable[[Send], Awaitable[None]]) -> ASGIApp:
    """Return the app that has a worker respond."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        jobs_of[name].put_nowait((lambda: respond(send), done))
        await done

    return app


# Children of `os.fork` that come back.


def fork() -> bool:
    """Fork. The parent waits for the end of its child, and returns whether the adapter ended it."""
    child = os.fork()
    if child == 0:
        raise RuntimeError("a child that comes back")
    return was_ended(child)


def was_ended(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == os.EX_SOFTWARE


def told(ended: bool) -> None:
    if ended:
        os.close(os.open("child-ended", os.O_CREAT))


async def fork_and_return(scope: Scope, receive: Receive, send: Send) -> None:
    """Fork in mid-stream, and let the child go on as its parent does."""
    await send(head())
    await send(body(b"hel", more=True))
    child = os.fork()
    if child == 0:
        await send(body(b"not for the client"))
        return
    told(was_ended(child))
    await send(body(b"lo"))


# The event loop, and signals.


async def stop_the_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().stop()


async def set_task_factory() -> None:
    """Set a factory as it was before Python 3.11."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coroutine: asyncio.Task(coroutine, loop=loop))


async def wrap_coroutines() -> None:
    """Set a factory that wraps each coroutine, as that of sentry_sdk's `AsyncioIntegration`."""

    async def wrapped(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await coroutine

    asyncio.get_running_loop().set_task_factory(
        lambda loop, coroutine, **context: asyncio.Task(wrapped(coroutine), loop=loop, **context)
    )


async def alarm_while_idle() -> None:
    raise_at(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    await asyncio.sleep(0.6)


async def signal_to_come() -> None:
    raise_at(signal.SIGUSR1)


async def signal_in_the_app() -> None:
    raise_at(signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)


def raise_at(number: int) -> None:
    def handle(*args: object) -> NoReturn:
        raise TimeoutError("signal")

    signal.signal(number, handle)


def failing(fails: Callable[[], object], *, late: bool = False) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if late:
            await send(head())
            await send(body(b"part", more=True))
        fails()

    return app


def well(does: Callable[[], Awaitable[None]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await does()
        await response(send)

    return app


def unlogged(part: str, *, late: bool = False) -> ASGIApp:
    def fails() -> None:
        break_logging(part)
        fail()

    return failing(fails, late=late)


ERRORS = {
    "its own cause": own_cause,
    "the cause of its cause": causes_of_each_other,
    "in a group that is its context": context_that_holds_it,
    "in 3,000 nested groups": nested_groups,
    "without attributes that can be read": unreadable,
    "caused by such an error": caused_by_an_unreadable_one,
}
CANCELLATIONS = {
    "a task group whose child fails as it ends": group_whose_child_fails_as_it_ends,
    "`current_task().cancel()`": own_cancellation,
    "the timeout of an HTTP client": timeout_of_a_client,
}
LOGGING = ("filter", "handler", "factory", "sink")
FORKS = ("an endpoint", "a thread", "a background task", "a background thread", "a task",
         "a callback")  # fmt: skip

APPS: dict[str, ASGIApp] = {
    **{name: failing(fails) for name, fails in ERRORS.items()},
    **{f"late {name}": failing(fails, late=True) for name, fails in ERRORS.items()},
    **{name: well(does) for name, does in CANCELLATIONS.items()},
    "cancel all": well(cancel_all),
    "cancel others": well(cancel_others),
    "leave cancelling": leave_cancelling,
    "leave a cancelling timer": leave_cancelling_timer,
    "surrogate": failing(fails_with_a_surrogate),
    "late surrogate": failing(fails_with_a_surrogate, late=True),
    **{part: unlogged(part) for part in LOGGING},
    **{f"late {part}": unlogged(part, late=True) for part in LOGGING},
    **{f"stream in {name}": in_the_worker(name, stream) for name in WORKERS},
    **{f"respond in {name}": in_the_worker(name, response) for name in WORKERS},
    "forks in mid-stream": fork_and_return,
    "stop": well(stop_the_loop),
    "task factory that takes no context": well(set_task_factory),
    "task factory that wraps": well(wrap_coroutines),
    "alarm": well(alarm_while_idle),
    "signal": well(signal_in_the_app),
    "signal to come": well(signal_to_come),
}
