"""The Invoke API as its callers see it, which are real boto3 clients."""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import weakref
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from adapter.emulator.console import Console
from adapter.emulator.front_ends.http_server import serve
from adapter.emulator.front_ends.invoke_api import InvokeApi
from adapter.emulator.front_ends.listening import listen
from adapter.emulator.local_invocation import MAX_PAYLOAD_BYTES, LocalInvocation

from ..fidelity import Source, behaviour
from ..scripts import ECHO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapter.emulator.invocation_steps import Listener

    from ..conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio


@dataclass
class Lambda:
    """A function, and boto3 to call it."""

    running: Local
    url: str
    client: Any

    async def call(self, operation: str, **given: Any) -> Any:
        def call() -> Any:
            response = getattr(self.client, operation)(FunctionName="function", **given)
            for name in ("Payload", "EventStream"):
                if name in response:
                    stream = response[name]
                    response[name] = stream.read() if name == "Payload" else list(stream)
            return response

        return await anyio.to_thread.run_sync(call)

    async def invoke(self, **given: Any) -> Any:
        return await self.call("invoke", **given)

    async def invoke_when_free(self, **given: Any) -> Any:
        """Call until the environment has room: a runtime calls next after its response."""
        with anyio.fail_after(10):
            while True:
                try:
                    return await self.invoke(**given)
                except self.client.exceptions.TooManyRequestsException:
                    await anyio.sleep(0.01)

    async def stream(self, **given: Any) -> list[dict[str, Any]]:
        response = await self.call("invoke_with_response_stream", **given)
        events: list[dict[str, Any]] = response["EventStream"]
        return events


def client(url: str, **config: Any) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


@contextlib.asynccontextmanager
async def invoking(local: LocalFactory, script: str, **options: Any) -> AsyncIterator[Lambda]:
    async with local(script, **options) as running:
        with listen("127.0.0.1", 0) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            async with serve(InvokeApi(running.pool, Console(running.log)), listening):
                aws = client(url)
                yield Lambda(running, url, aws)
                aws.close()


def responding(*lines: str) -> str:
    """A runtime that responds to every event in the same way."""
    return "\n".join(
        [
            "c = Client()",
            "while True:",
            "    request_id, event = c.next()",
            *("    " + x for x in lines),
        ]
    )


POST = 'c.call("POST", f"{API}/invocation/{request_id}/%s", %s)'
OPEN = 'c.stream(request_id, "Content-Type: text/plain")'


async def test_a_buffered_call_returns_the_whole_response(local: LocalFactory) -> None:
    async with invoking(local, ECHO) as function:
        response = await function.invoke(Payload=b'{"a": 1}', Qualifier="live")
        assert response["Payload"] == b'{"a": 1}'
        assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
        assert "FunctionError" not in response
        assert f"START RequestId: {response['ResponseMetadata']['RequestId']}" in (
            function.running.log.getvalue()
        )


@behaviour("A streamed call returns chunks and `InvokeComplete`", Source.DOCS)
async def test_a_streamed_call_returns_chunks_and_the_end(local: LocalFactory) -> None:
    script = responding(OPEN, "c.chunk(event)", "c.end()", "c.reply()")
    async with invoking(local, script) as function:
        assert await function.stream(Payload=b"[1]") == [
            {"PayloadChunk": {"Payload": b"[1]"}},
            {"InvokeComplete": {}},
        ]


async def test_a_chunk_arrives_before_the_next_one_is_sent(local: LocalFactory) -> None:
    script = responding(OPEN, "c.chunk('first')", "c.reply()")  # there is no reply before the end
    async with invoking(local, script, timeout_seconds=60) as function:

        def first_event() -> Any:
            response = function.client.invoke_with_response_stream(FunctionName="function")
            with contextlib.closing(response["EventStream"]) as events:
                return next(iter(events))

        event = await anyio.to_thread.run_sync(first_event)
        assert event == {"PayloadChunk": {"Payload": b"first"}}


SAYS = responding("print('said', event.decode(), flush=True)", POST % ("response", "body=event"))


@behaviour('`LogType="Tail"` returns the last 4 KB of the log', Source.DOCS)
async def test_a_call_may_return_the_end_of_the_log(local: LocalFactory) -> None:
    async with invoking(local, SAYS) as function:
        response = await function.invoke(Payload=b"1", LogType="Tail")
        lines = b64decode(response["LogResult"]).decode().splitlines()
        assert [line.partition(" ")[0] for line in lines] == ["START", "said", "END", "REPORT"]
        assert "LogResult" not in await function.invoke(Payload=b"2")
        complete = (await function.stream(Payload=b"3", LogType="Tail"))[-1]["InvokeComplete"]
        assert "said 3" in b64decode(complete["LogResult"]).decode().splitlines()


@behaviour("Each tenant has its own environments", Source.DOCS)
async def test_each_tenant_has_environments_of_its_own(local: LocalFactory) -> None:
    script = """
import json
c = Client()
while True:
    status, headers, _ = c.call("GET", f"{API}/invocation/next")
    told = json.dumps([os.getpid(), headers.get("lambda-runtime-aws-tenant-id")]).encode()
    request_id = headers["lambda-runtime-aws-request-id"]
    c.call("POST", f"{API}/invocation/{request_id}/response", body=told)
"""
    async with invoking(local, script, limit=2) as function:
        told = []
        for tenant in ("blue", "red", "blue", None, "red"):
            given = {} if tenant is None else {"TenantId": tenant}
            response = await function.invoke(LogType="Tail", **given)  # until it is free again
            told.append(tuple(json.loads(response["Payload"])))
        assert [tenant for _, tenant in told] == ["blue", "red", "blue", None, "red"]
        assert told[0] == told[2]
        assert told[0] != told[1]
        assert len({pid for pid, tenant in told if tenant is None}) == 1
        assert function.running.pool.environments <= 2


CAUSE = {"errorType": "ValueError", "errorMessage": "no"}


@behaviour("A call succeeds even if the function fails", Source.DOCS)
async def test_a_call_succeeds_even_if_the_function_fails(local: LocalFactory) -> None:
    kind = '"Lambda-Runtime-Function-Error-Type: Function.ValueError"'
    async with invoking(
        local, responding(POST % ("error", f"{kind}, body={json.dumps(CAUSE).encode()!r}"))
    ) as function:
        response = await function.invoke()
        assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
        assert json.loads(response["Payload"]) == CAUSE
        [complete] = await function.stream()
        assert complete["InvokeComplete"]["ErrorCode"] == "Function.ValueError"
        assert json.loads(complete["InvokeComplete"]["ErrorDetails"]) == CAUSE


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b64encode(json.dumps(CAUSE).encode()).decode(), CAUSE),
        ("x", {"errorType": "ValueError", "errorMessage": "The function failed."}),
    ],
    ids=["base64", "broken"],
)
@behaviour("An error in mid-stream is in `InvokeComplete`", Source.DOCS)
async def test_an_error_after_the_first_byte_is_in_the_last_event(
    local: LocalFactory, body: str, details: dict[str, str]
) -> None:
    name = "Lambda-Runtime-Function-Error"
    end = f"c.end('{name}-Type: ValueError', '{name}-Body: {body}')"
    async with invoking(local, responding(OPEN, "c.chunk('part')", end, "c.reply()")) as function:
        part, complete = await function.stream()
        assert part == {"PayloadChunk": {"Payload": b"part"}}
        assert complete["InvokeComplete"]["ErrorCode"] == "ValueError"
        assert json.loads(complete["InvokeComplete"]["ErrorDetails"]) == details
        response = await function.invoke()
        assert response["FunctionError"] == "Unhandled"
        assert json.loads(response["Payload"]) == details


async def test_a_truncated_or_oversized_response_is_an_error(local: LocalFactory) -> None:
    script = f"""
c = Client()
request_id, event = c.next()
c.call("POST", f"{{API}}/invocation/{{request_id}}/response", body=b"x" * {MAX_PAYLOAD_BYTES + 1})
c = Client()
request_id, event = c.next()
{OPEN}
c.chunk("part")
os._exit(1)
"""
    async with invoking(local, script, limit=1) as function:
        for kind in ("Function.ResponseSizeTooLarge", "Runtime.TruncatedResponse"):
            response = await function.invoke()
            assert response["FunctionError"] == "Unhandled"
            assert json.loads(response["Payload"])["errorType"] == kind


async def test_an_event_call_returns_at_once_and_a_dry_run_runs_nothing(
    local: LocalFactory,
) -> None:
    async with invoking(local, ECHO) as function:
        assert (await function.invoke(InvocationType="DryRun"))["StatusCode"] == 204
        assert function.running.log.getvalue() == ""
        assert (await function.invoke(InvocationType="Event"))["StatusCode"] == 202
        while "END RequestId" not in function.running.log.getvalue():
            await anyio.lowlevel.checkpoint()


@behaviour("A refused call is AWS's exception", Source.DOCS)
async def test_a_refused_call_is_an_exception(local: LocalFactory) -> None:
    async with invoking(local, ECHO) as function:
        with pytest.raises(function.client.exceptions.InvalidRequestContentException):
            await function.invoke(Payload=b"{")
        unsigned = Lambda(
            function.running, function.url, client(function.url, signature_version=UNSIGNED)
        )
        with pytest.raises(ClientError, match="Missing Authentication Token"):
            await unsigned.invoke()
        unsigned.client.close()


async def test_a_managed_instance_at_its_limit_is_too_many_requests(local: LocalFactory) -> None:
    script = 'import signal\nc = Client()\nc.head("GET", f"{API}/invocation/next")\nsignal.pause()'
    async with invoking(local, script, concurrency=1, timeout_seconds=60) as function:
        await function.invoke(InvocationType="Event")
        while "START" not in function.running.log.getvalue():
            await anyio.lowlevel.checkpoint()
        refused: list[weakref.ref[LocalInvocation]] = []

        def watch(invocation: LocalInvocation) -> Listener:
            refused.append(weakref.ref(invocation))
            return lambda step: None

        function.running.pool.listener_of = watch
        for operation in ("invoke", "invoke_with_response_stream"):
            with pytest.raises(function.client.exceptions.TooManyRequestsException):
                await function.call(operation)
        with anyio.fail_after(10):  # the events of refused calls are not kept
            while any(each() for each in refused):
                gc.collect()
                await anyio.sleep(0.01)


HANDLER = """
def handler(event, context):
    given = context.client_context
    return given and {"custom": given.custom, "env": given.env, "app": given.client.app_title}
"""
NATIVE = (sys.executable, "-m", "adapter", "run", "main.handler")
MANAGED = (sys.executable, "-m", "awslambdaric", "main.handler")


@pytest.mark.parametrize("command", [NATIVE, MANAGED], ids=["native", "managed"])
@pytest.mark.parametrize("concurrency", [None, 2], ids=["on-demand", "concurrent"])
async def test_a_client_context_reaches_the_handler(
    local: LocalFactory, tmp_path: Path, command: tuple[str, ...], concurrency: int | None
) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "main.py").write_text(HANDLER)
    sent = {"custom": {"shop": "café"}, "env": {"make": "x"}, "client": {"app_title": "Tea"}}
    encoded = b64encode(json.dumps(sent, ensure_ascii=False, indent=1).encode()).decode()
    async with invoking(local, "", command=command, concurrency=concurrency) as function:
        response = await function.invoke(ClientContext=encoded)
        assert json.loads(response["Payload"]) == {
            "custom": {"shop": "café"},
            "env": {"make": "x"},
            "app": "Tea",
        }
        assert json.loads((await function.invoke_when_free())["Payload"]) is None
