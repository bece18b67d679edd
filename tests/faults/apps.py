"""The app under every fault: the path of a request says what it shall do."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import resource
import socket
import sys
import tempfile
import threading
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from adapter import LambdaHandler, before_snapshot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapter.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("shop")
BODY = bytes(range(256)) * 4096 * 8  # 8 MiB
FLOOD = 5_000  # lines of 200 bytes
held: list[object] = []  #: what an app keeps for good, with intent


def head(status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": []}


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def response(send: Send, data: bytes = b"hello") -> None:
    await send(head())
    await send(body(data))


async def gate() -> None:
    """Wait until the test lets us go on; then for what the socket has to say by then."""
    os.close(os.open("ready", os.O_CREAT))
    while not await asyncio.to_thread(os.path.exists, "go"):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    for _ in range(5):
        await asyncio.sleep(0)


async def hello(receive: Receive, send: Send) -> None:
    await response(send)


async def slow(receive: Receive, send: Send) -> None:
    await asyncio.sleep(0.05)
    await response(send)


async def gated(receive: Receive, send: Send) -> None:
    await gate()
    await response(send)


async def endless(receive: Receive, send: Send) -> None:
    await send(head())
    while True:
        await send(body(b"x" * 1000, more=True))
        await asyncio.sleep(0.001)


async def idle(receive: Receive, send: Send) -> None:
    await receive()
    await send(head())
    await send(body(b"here", more=True))
    await receive()
    await send(body(b"more"))


async def large(receive: Receive, send: Send) -> None:
    await send(head())
    for start in range(0, len(BODY), 65_536):
        await send(body(BODY[start : start + 65_536], more=True))
    await send(body(b""))


async def cancel_large(receive: Receive, send: Send) -> None:
    await send(head())
    sending = asyncio.ensure_future(send(body(BODY * 4, more=True)))
    await asyncio.sleep(0.05)  # until it waits for the reader
    sending.cancel()
    await asyncio.wait([sending])
    os.close(os.open("ready", os.O_CREAT))
    await send(body(b"more"))


async def go_on(receive: Receive, send: Send) -> None:
    await response(send)
    await asyncio.Event().wait()


async def count(receive: Receive, send: Send) -> None:
    await response(send, str(len((await receive())["body"])).encode())


def failing(fail: Callable[[], object], *sent: Message) -> Callable[..., Awaitable[None]]:
    async def fails(receive: Receive, send: Send) -> None:
        for message in sent:
            await send(message)
        fail()

    return fails


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


def exit_generator() -> NoReturn:
    raise GeneratorExit


def recurse() -> None:
    recurse()


def fail() -> NoReturn:
    raise ValueError("no")


async def thread(receive: Receive, send: Send) -> None:
    dying = threading.Thread(target=fail, name="worker")
    dying.start()
    dying.join()
    await response(send)


def in_a_thread(fail: Callable[[], object], *sent: Message) -> Callable[..., Awaitable[None]]:
    async def fails(receive: Receive, send: Send) -> None:
        for message in sent:
            await send(message)
        await asyncio.to_thread(fail)

    return fails


async def task(receive: Receive, send: Send) -> None:
    dying = asyncio.ensure_future(asyncio.to_thread(fail))
    await asyncio.wait([dying])
    del dying
    await response(send)


def beside(fail: Callable[[], object]) -> Callable[..., Awaitable[None]]:
    async def fails() -> None:
        fail()

    async def goes_on(receive: Receive, send: Send) -> None:
        await send(head())
        await send(body(b"hello", more=True))
        failing = asyncio.ensure_future(fails())
        await asyncio.sleep(0.05)
        assert failing.exception() is not None
        await send(body(b""))

    return goes_on


async def ended(child: int) -> None:
    await asyncio.to_thread(os.waitpid, child, 0)


async def fork(receive: Receive, send: Send) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    await ended(child)
    await response(send)


async def fork_and_return(receive: Receive, send: Send) -> None:
    child = os.fork()
    if child == 0:
        sys.exit(0)  # comes up to the runtime, in a process that has no business there
    await ended(child)
    await response(send)


async def close_stdout(receive: Receive, send: Send) -> None:
    sys.stdout.close()
    logger.error("Nobody can read this.")
    await response(send)


async def flood(receive: Receive, send: Send) -> None:
    await send(head())
    for number in range(FLOOD):
        logger.error("%d %s", number, "x" * 180)
        if number % 1000 == 0:
            await send(body(b"tick ", more=True))
    await send(body(b"hello"))


async def jump(receive: Receive, send: Send) -> None:
    real = time.time
    try:
        time.time = lambda: real() + 3600
        await send(head())
        await asyncio.sleep(0.01)
        await send(body(b"hel", more=True))
        time.time = lambda: real() - 3600
        await asyncio.sleep(0.01)
        await send(body(b"lo"))
    finally:
        time.time = real


def open_all_files() -> OSError:
    """Open files until none is left, and return the error that says so."""
    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 2, resource.getrlimit(7)[1]))
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        return error


async def exhaust(receive: Receive, send: Send) -> None:
    await response(send, type(open_all_files()).__name__.encode())


class Freeing(logging.Handler):
    """Closes the files that the app holds as soon as the lack of them is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        if "Too many open files" in record.getMessage():
            while held:
                os.close(held.pop())  # type: ignore[arg-type]


async def exhaust_and_fail(receive: Receive, send: Send) -> None:
    await gate()
    logging.getLogger().addHandler(Freeing())
    open_all_files()
    fail()


async def exhaust_and_exit_generator(receive: Receive, send: Send) -> None:
    await gate()
    logging.getLogger().addHandler(Freeing())
    open_all_files()
    await asyncio.to_thread(exit_generator)


async def remove_and_raise(receive: Receive, send: Send) -> None:
    remove_working_directory()
    fail()


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no")


class Opaque(Exception, metaclass=Nameless):
    def __str__(self) -> str:
        raise SystemExit(1)


def raise_opaque() -> NoReturn:
    raise Opaque


def remove_working_directory() -> None:
    removed = tempfile.mkdtemp()
    os.chdir(removed)
    os.rmdir(removed)


def fail_at_length() -> NoReturn:
    raise ValueError("x" * 8 * 2**20)


async def soak(receive: Receive, send: Send) -> None:
    """Do what the plan of a soak says for this invocation."""
    from .plan import Job

    job = Job(**json.loads((await receive())["body"]))
    if job.ends == "raises":
        fail()
    if job.ends == "sends nonsense":
        await send({"type": "http.response.nonsense"})
    if job.ends == "hangs":
        await asyncio.Event().wait()
    data = job.body
    size = -(-len(data) // job.chunks)
    await send(head())
    for start in range(0, len(data), size):
        await send(body(data[start : start + size], more=True))
        await asyncio.sleep(job.delay)
    if job.ends == "raises late":
        fail()
    if job.ends == "hangs late":
        await asyncio.Event().wait()
    if job.ends != "returns early":
        await send(body(b""))


def read_proc() -> tuple[list[str], int]:
    """Return what the descriptors of this process are, and its resident KiB."""
    links = []
    for entry in os.scandir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that reads the folder
            links.append(os.readlink(entry))
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return links, pages * resource.getpagesize() // 1024


async def footprint(receive: Receive, send: Send) -> None:
    """Tell what this process holds."""
    gc.collect()
    links, resident = await asyncio.to_thread(read_proc)
    held = {
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "sockets": sum(link.startswith("socket:") for link in links),
        "descriptors": len(links),
        "allocated": tracemalloc.get_traced_memory()[0] // 1024,
        "resident": resident,
    }
    await response(send, json.dumps(held).encode())


DOES: dict[str, Callable[[Receive, Send], Awaitable[None]]] = {
    "/": hello,
    "/slow": slow,
    "/gate": gated,
    "/endless": endless,
    "/idle": idle,
    "/large": large,
    "/cancel-large": cancel_large,
    "/go-on": go_on,
    "/count": count,
    "/raise": failing(fail),
    "/late": failing(fail, head(), body(b"part", more=True)),
    "/memory": failing(lambda: bytearray(1 << 60)),
    "/memory-late": failing(lambda: bytearray(1 << 60), head(), body(b"part", more=True)),
    "/recursion": failing(recurse),
    "/recursion-late": failing(recurse, head(), body(b"part", more=True)),
    "/interrupt": failing(interrupt),
    "/interrupt-late": failing(interrupt, head(), body(b"part", more=True)),
    "/generator-exit": in_a_thread(exit_generator),
    "/generator-exit-late": in_a_thread(exit_generator, head(), body(b"part", more=True)),
    "/exit": failing(lambda: os._exit(7)),
    "/exit-late": failing(lambda: os._exit(7), head(), body(b"part", more=True)),
    "/abort": failing(os.abort),
    "/thread": thread,
    "/task": task,
    "/exit-beside": beside(lambda: sys.exit(5)),
    "/interrupt-beside": beside(interrupt),
    "/fork": fork,
    "/fork-and-return": fork_and_return,
    "/close-stdout": close_stdout,
    "/flood": flood,
    "/jump": jump,
    "/exhaust": exhaust,
    "/exhaust-and-fail": exhaust_and_fail,
    "/exhaust-and-exit-generator": exhaust_and_exit_generator,
    "/remove-and-raise": remove_and_raise,
    "/opaque": failing(raise_opaque),
    "/verbose": failing(fail_at_length),
    "/soak": soak,
    "/footprint": footprint,
}


def ending(name: str) -> ASGIApp:
    """Return the app that ends so; what that imports is not paid for by all others."""
    from tests.test_endings import ENDINGS

    return ENDINGS[name].app


def of_library(name: str) -> ASGIApp:
    """Return the app with this name. Starlette is imported only for an app that needs it."""
    from .library_apps import APPS

    if name in APPS:
        return APPS[name]
    from . import starlette_apps

    return starlette_apps.APPS[name]


async def hang() -> None:
    """Wait for what never comes, in the way that the environment says."""
    os.close(os.open("hangs", os.O_CREAT))
    while os.environ.get("BLOCKS"):
        # Not one long sleep: a signal just before its system call would be handled at its end.
        time.sleep(0.01)  # noqa: ASYNC251
    await asyncio.sleep(60)


async def lifespan(receive: Receive, send: Send) -> None:
    kind = os.environ.get("FAULT")
    assert kind, "an app without lifespan raises"
    await receive()
    if kind == "workers":
        from .library_apps import start_workers

        held.extend(start_workers())
    if kind == "startup hangs":
        await hang()
    messages = {
        "startup": "no database",
        "startup hangs on": "no database",
        "startup surrogate": "no such name: \ud800",
        "startup verbose": "x" * 8 * 2**20,
    }
    message = messages.get(kind)
    result = "complete" if message is None else "failed"
    await send({"type": f"lifespan.startup.{result}", "message": message or ""})
    if kind == "startup hangs on":
        await hang()
    if kind == "lifespan fails":
        raise ConnectionError("no queue")
    await receive()
    if kind == "shutdown hangs":
        await hang()
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["path"].startswith("/ending/"):
        await ending(scope["path"].removeprefix("/ending/"))(scope, receive, send)
    elif scope["path"].startswith("/libraries/"):
        await of_library(scope["path"].removeprefix("/libraries/"))(scope, receive, send)
    else:
        await DOES[scope["path"]](receive, send)


handler = LambdaHandler(app)


def remove_and_fail() -> NoReturn:
    remove_working_directory()
    fail()


def remove_and_return_what_is_no_json() -> object:
    remove_working_directory()
    return object()


OWN: dict[str, Callable[[], object]] = {
    "/own-response": lambda: {"statusCode": 401, "body": "no"},
    "/no-response": lambda: {"ok": True},
    "/own-surrogate": lambda: {"statusCode": 401, "body": "\ud800"},
    "/surrogate": lambda: {"half": "\ud800"},
    "/own-opaque": raise_opaque,
    "/own-verbose": fail_at_length,
    "/own-generator-exit": exit_generator,
    "/own-remove-and-raise": remove_and_fail,
    "/own-remove-and-no-json": remove_and_return_what_is_no_json,
}
"""What a wrapper does in the place of the handler, for each path of a request."""


def leave_a_call(event: dict[str, Any], context: Any) -> object:
    """Respond, though a thread is about to call the handler."""
    threading.Thread(target=inner, args=({**event, "rawPath": "/slow"}, context)).start()
    return {"statusCode": 401, "body": "no"}


def wrapper(event: dict[str, Any], context: Any) -> object:
    """Do what the path of a request says before the app's handler, or in its place."""
    path = event["rawPath"]
    if path in OWN:
        return OWN[path]()
    if path == "/leave-a-call":
        return leave_a_call(event, context)
    if path == "/rename":
        context.aws_request_id = "mine"
    event["rawPath"] = {"/rename": "/", "/raise-after": "/"}.get(path, path)
    try:
        return inner(event, context)
    except ValueError:
        return {"statusCode": 500}
    finally:
        if path == "/raise-after":
            fail()


class ProxySocket(socket.socket):
    """Sends all connections of the app through a proxy, which is not there."""

    def connect(self, address: object) -> None:
        raise ConnectionRefusedError("no proxy")


if os.environ.get("FAULT") == "wrapper":
    inner, handler = handler, wrapper  # type: ignore[assignment]

if os.environ.get("FAULT") == "proxy":
    socket.socket = ProxySocket  # type: ignore[misc]

if os.environ.get("FAULT") == "before-snapshot":

    @before_snapshot
    async def fail_before() -> None:
        fail()


if os.environ.get("FAULT") == "after-restore":
    from snapshot_restore_py import register_after_restore

    register_after_restore(fail)
