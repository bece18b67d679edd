"""Environments as a pool runs them: real processes, scripted."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from adapter.emulator.environments.sandbox import find_sandbox
from adapter.emulator.outcome import EndOfResponse, InvocationFailure, ResponseStart
from adapter.emulator.runtime_api.concurrent_api import ConcurrentApi

from ..clock import pass_time
from ..fidelity import Source, behaviour
from ..scripts import ECHO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..conftest import Local, LocalFactory

pytestmark = pytest.mark.anyio


async def outcome(
    local: Local, request_id: str = "id-1"
) -> tuple[ResponseStart | InvocationFailure, bytes]:
    invocation = local.submit(request_id=request_id)
    async with invocation.body:
        start = await invocation.wait_for_start()
        body = b"".join([chunk async for chunk in invocation.body])
        await invocation.done.wait()
    return start, body


def error_of(start: ResponseStart | InvocationFailure) -> tuple[str, str]:
    assert isinstance(start, InvocationFailure)
    document = json.loads(start.payload)
    assert document["errorType"] == start.error_type
    return start.error_type, document["errorMessage"]


@behaviour("START, END and REPORT", Source.DOCS, "the same, and two fields about the stream")
async def test_an_invocation_is_logged_as_lambda_logs_it(local: LocalFactory) -> None:
    async with local(ECHO, memory_mb=256) as running:
        assert (await outcome(running))[1] == b"{}"
        await outcome(running, "id-2")
        lines = running.log.lines
    assert lines[:2] == ["START RequestId: id-1 Version: $LATEST", "END RequestId: id-1"]
    cold, warm = lines[2], lines[5]
    number = r"\d+\.\d\d ms"
    assert re.fullmatch(
        rf"REPORT RequestId: id-1\tDuration: {number}\tBilled Duration: \d+ ms"
        rf"\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: {number}"
        rf"\tTime To First Byte: {number}\tBytes Streamed: 2",
        cold,
    )
    assert "Init Duration" not in warm


async def test_the_output_of_the_process_is_forwarded_line_by_line(local: LocalFactory) -> None:
    script = """
import sys
print("out 1", flush=True)
sys.stderr.write("err \\u20ac, no newline")
sys.stderr.buffer.write(b" \\xff")
sys.exit(1)
"""
    async with local(script) as running:
        await outcome(running)
        assert "out 1" in running.log.lines
        assert "err €, no newline \\xff" in running.log.lines


@behaviour("Lambda's environment variables", Source.DOCS)
async def test_the_runtime_has_its_environment_variables(local: LocalFactory) -> None:
    script = """
import json
c = Client()
request_id, _ = c.next()
names = ("_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_FUNCTION_NAME")
told = {"cwd": os.getcwd(), **{name: os.environ[name] for name in names}}
c.call("POST", f"{API}/invocation/{request_id}/response", body=json.dumps(told).encode())
c.next()
"""
    async with local(script, name="shop") as running:
        told = json.loads((await outcome(running))[1])
        root = str(running.pool.function.task_root)
    assert told == {
        "cwd": root,
        "_HANDLER": "main:app",
        "LAMBDA_TASK_ROOT": root,
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
    }


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os._exit(0)", "without providing a reason"),
        ("os.kill(os.getpid(), 9)", "signal: killed"),
    ],
)
@behaviour("A crash costs the environment", Source.DOCS)
async def test_after_a_crash_the_next_invocation_gets_a_new_environment(
    local: LocalFactory, death: str, reason: str
) -> None:
    script = ECHO.replace("    assert", f"    if b'die' in event: {death}\n    assert")
    async with local(script) as running:
        invocation = running.submit(b'"die"')
        async with invocation.body:
            kind, message = error_of(await invocation.wait_for_start())
        assert kind == "Runtime.ExitError"
        assert reason in message
        assert (await outcome(running, "id-2"))[1] == b"{}"
        assert any("Error Type: Runtime.ExitError" in line for line in running.log.lines)


@behaviour("An exit in mid-stream truncates the response", Source.SERVER)
async def test_an_exit_during_a_response_truncates_it(local: LocalFactory) -> None:
    script = """
c = Client()
request_id, _ = c.next()
c.stream(request_id)
c.chunk("part")
os._exit(1)
"""
    async with local(script) as running:
        invocation = running.submit()
        async with invocation.body:
            assert [chunk async for chunk in invocation.body] == [b"part"]
        assert invocation.end is not None
        assert invocation.end.completeness is EndOfResponse.TRUNCATED


async def test_a_response_sent_before_an_exit_is_still_read(local: LocalFactory) -> None:
    script = """
c = Client()
request_id, _ = c.next()
c.stream(request_id)
c.chunk("all of it")
c.end()
os._exit(0)
"""
    async with local(script) as running:
        invocation = running.submit()
        async with invocation.body:
            assert [chunk async for chunk in invocation.body] == [b"all of it"]
        assert invocation.end is not None
        assert invocation.end.clean


@behaviour("A timeout ends the environment", Source.DOCS)
async def test_a_timeout_ends_the_environment(local: LocalFactory) -> None:
    script = ECHO.replace("    assert", "    if b'hang' in event: signal.pause()\n    assert")
    async with local("import signal\n" + script, timeout_seconds=0.2) as running:
        invocation = running.submit(b'"hang"')
        async with invocation.body:
            kind, message = error_of(await invocation.wait_for_start())
        assert kind == "Sandbox.Timedout"
        assert message == "RequestId: id-1 Error: Task timed out after 0.20 seconds"
        await outcome(running, "id-2")
        text = running.log.getvalue()
    assert "id-1 Task timed out after 0.20 seconds" in text
    assert "Duration: 200.00 ms\tBilled Duration" in text
    assert "Status: timeout" in text


@behaviour("A timeout in mid-stream is `Sandbox.Timeout`", Source.SERVER)
async def test_a_timeout_after_the_head_truncates_the_response(local: LocalFactory) -> None:
    script = """
import signal
c = Client()
request_id, _ = c.next()
c.stream(request_id)
c.chunk("part")
signal.pause()
"""
    async with local(script, timeout_seconds=20) as running:
        invocation = running.submit()
        async with invocation.body:
            assert await anext(invocation.body) == b"part"
            pass_time(20)
            assert [chunk async for chunk in invocation.body] == []
        assert invocation.end == (EndOfResponse.TRUNCATED, "Sandbox.Timeout", "")


@behaviour("Work after the response counts towards the timeout", Source.DOCS)
async def test_time_after_the_response_counts_too(local: LocalFactory) -> None:
    script = ECHO + "    import signal; signal.pause()\n"
    async with local(script, timeout_seconds=20) as running:
        invocation = running.submit()
        async with invocation.body:
            assert [chunk async for chunk in invocation.body] == [b"{}"]
        assert invocation.end is not None
        assert invocation.end.clean
        pass_time(20)
        await invocation.logged.wait()
        assert "id-1 Task timed out" in running.log.getvalue()


HUNGRY = ECHO.replace(
    "    assert", "    eaten = bytearray(200 << 20) if b'eat' in event else None\n    assert"
)


@behaviour(
    "Processes above the function's memory are killed: `signal: killed`, `Runtime.OutOfMemory`",
    Source.REPORTS,
    "checked ten times a second",
)
async def test_an_environment_that_uses_more_than_its_memory_is_killed(local: LocalFactory) -> None:
    script = HUNGRY.replace(
        "    assert", "    import time\n    if eaten: time.sleep(20)\n    assert", 1
    )
    async with local(script, memory_mb=128) as running:
        invocation = running.submit(b'"eat"')
        async with invocation.body:
            kind, message = error_of(await invocation.wait_for_start())
            await invocation.done.wait()
        assert (kind, message) == (
            "Runtime.ExitError",
            "RequestId: id-1 Error: Runtime exited with error: signal: killed",
        )
        assert (await outcome(running, "id-2"))[1] == b"{}"
        text = running.log.getvalue()
    assert "used more than its 128 MB" in text
    assert "Status: error\tError Type: Runtime.OutOfMemory" in text


async def test_without_isolation_there_is_no_limit_and_output_goes_to_the_terminal(
    local: LocalFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "print('on the terminal', flush=True)\n" + HUNGRY
    async with local(script, memory_mb=128, isolated=False) as running:
        invocation = running.submit(b'"eat"')
        async with invocation.body:
            assert [chunk async for chunk in invocation.body] == [b'"eat"']
        assert "on the terminal" not in running.log.getvalue()
    assert "on the terminal" in capfd.readouterr().out


INIT_ERROR = """
import sys
c = Client()
body = b'{"errorType":"Runtime.ImportModuleError","errorMessage":"no such module"}'
kind = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError"
c.call("POST", f"{API}/init/error", kind, body=body)
sys.exit(1)
"""


async def test_a_failed_init_fails_the_invocation(local: LocalFactory) -> None:
    async with local(INIT_ERROR) as running:
        start, _ = await outcome(running)
        assert error_of(start) == ("Runtime.ImportModuleError", "no such module")
        text = running.log.getvalue()
    assert "Status: error\tError Type: Runtime.ImportModuleError" in text
    assert "Init failed: Runtime.ImportModuleError: no such module" in text


async def test_a_process_that_exits_during_its_init_fails_the_invocation(
    local: LocalFactory,
) -> None:
    async with local("raise SystemExit(7)") as running:
        kind, message = error_of((await outcome(running))[0])
        assert kind == "Runtime.ExitError"
        assert message.endswith("exit status 7")


async def test_a_command_that_cannot_be_started(local: LocalFactory) -> None:
    async with local("", command=("/does/not/exist",)) as running:
        start, _ = await outcome(running)
        assert isinstance(start, InvocationFailure)


@behaviour("An init of over 10 s is repeated in the first invocation", Source.DOCS)
async def test_a_slow_init_is_repeated_within_the_timeout_of_the_invocation(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    tried = anyio.Path(tmp_path) / "tried"
    script = (
        f"""
import signal
mark = {str(tried)!r}
if not os.path.exists(mark):
    open(mark, "w").close()
    signal.pause()
"""
        + ECHO
    )
    async with local(script, init_timeout_seconds=20) as running:
        invocation = running.submit()
        while not await tried.exists():
            await anyio.lowlevel.checkpoint()
        pass_time(20)
        async with invocation.body:
            assert [chunk async for chunk in invocation.body] == [b"{}"]
        assert "Init Duration: 20000.00 ms\tPhase: init\tStatus: timeout" in running.log.getvalue()


@behaviour("A repeated init that fails is logged with the phase invoke", Source.REPORTS)
async def test_an_init_that_fails_twice_is_logged_as_on_aws(
    local: LocalFactory, tmp_path: anyio.Path
) -> None:
    tries = anyio.Path(tmp_path) / "tries"
    script = f"import signal\nopen({str(tries)!r}, 'a').write('x')\nsignal.pause()\n"
    async with local(script, init_timeout_seconds=20, timeout_seconds=30) as running:
        invocation = running.submit()
        for count, seconds in ((1, 20), (2, 30)):
            while not await tries.exists() or len(await tries.read_bytes()) < count:
                await anyio.lowlevel.checkpoint()
            pass_time(seconds)
        await invocation.logged.wait()
    kinds = [re.split(r"[ \t]", line)[0] for line in running.log.getvalue().splitlines()]
    assert kinds == ["INIT_REPORT", "INIT_REPORT", "START", "END", "REPORT"]
    assert "Init Duration: 30000.00 ms\tPhase: invoke\tStatus: timeout" in running.log.getvalue()


NOTICE = """
import signal, sys
def on_term(*_):
    print("told to end", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, on_term)
"""
REGISTER = """
x = Client()
name = "Lambda-Extension-Name: x"
_, headers, _ = x.call("POST", "/2020-01-01/extension/register", name, body=b'{"events":[]}')
identifier = headers["lambda-extension-identifier"]
x.head("GET", "/2020-01-01/extension/event/next", f"Lambda-Extension-Identifier: {identifier}")
"""


@behaviour("SIGTERM only with an extension", Source.DOCS)
async def test_a_process_with_an_extension_gets_sigterm(local: LocalFactory) -> None:
    async with local(NOTICE + REGISTER + ECHO, kill_delay_seconds=20) as running:
        await outcome(running)
        await running.pool.close()
        assert "told to end" in running.log.lines


@behaviour("Without an extension the process is killed", Source.DOCS)
async def test_a_process_without_an_extension_gets_no_sigterm(local: LocalFactory) -> None:
    async with local(NOTICE + ECHO) as running:
        await outcome(running)
        await running.pool.close()
        assert "told to end" not in running.log.lines


async def test_a_process_that_ignores_sigterm_is_killed(local: LocalFactory) -> None:
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    async with local(deaf + REGISTER + ECHO, kill_delay_seconds=0.05) as running:
        await outcome(running)
        await running.pool.close()
        assert running.pool.environments == 0


async def test_children_of_the_runtime_end_with_it(local: LocalFactory) -> None:
    script = """
import subprocess
c = Client()
request_id, _ = c.next()
child = subprocess.Popen(["sleep", "1000"])
c.call("POST", f"{API}/invocation/{request_id}/response", body=str(child.pid).encode())
c.next()
"""
    async with local(script) as running:
        pid = int((await outcome(running))[1])
        # becomes readable when the process ends, child or not
        with open_pidfd(pid) as descriptor:
            await running.pool.close()
            await anyio.wait_readable(descriptor)


@contextmanager
def open_pidfd(pid: int) -> Iterator[int]:
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@behaviour("The task root is read-only", Source.DOCS, "the same where Linux allows mounts")
async def test_the_task_root_is_read_only_and_tmp_is_not(local: LocalFactory) -> None:
    script = """
import json, tempfile
c = Client()
request_id, _ = c.next()
results = []
for folder in (".", os.environ["LAMBDA_TASK_ROOT"], "/tmp"):
    try:
        with tempfile.NamedTemporaryFile(dir=folder): results.append("written")
    except OSError as error:
        results.append(error.strerror)
c.call("POST", f"{API}/invocation/{request_id}/response", body=json.dumps(results).encode())
c.next()
"""
    async with local(script) as running:
        results = json.loads((await outcome(running))[1])
        sandbox = find_sandbox(running.pool.function.task_root)
    code = "Read-only file system" if sandbox.read_only else "written"
    assert results == [code, code, "written"]


RESTORED = """
import sys
x = Client()
status, _, _ = x.call("GET", "/2018-06-01/runtime/restore/next")
assert status == 200
print("restored", flush=True)
"""


@behaviour(
    "With SnapStart an environment waits in its snapshot", Source.DOCS, "a process that waits"
)
async def test_an_environment_with_snapstart_waits_in_its_snapshot(local: LocalFactory) -> None:
    async with local(RESTORED + ECHO, snapstart=True) as running:
        await running.pool.warm()
        assert "restored" not in running.log.lines
        assert (await outcome(running))[1] == b"{}"
        assert "restored" in running.log.lines
        text = running.log.getvalue()
    assert re.search(r"^RESTORE_REPORT Restore Duration: \d+\.\d\d ms$", text, re.MULTILINE)
    assert re.search(r"^REPORT .*\tRestore Duration: \d+\.\d\d ms", text, re.MULTILINE)
    assert "Init Duration" not in text  # it was paid for when the snapshot was made


async def test_a_failed_restore_fails_the_invocation(local: LocalFactory) -> None:
    script = RESTORED + INIT_ERROR.replace("init/error", "restore/error").replace(
        "Runtime.ImportModuleError", "Runtime.AfterRestoreError"
    )
    async with local(script, snapstart=True) as running:
        start, _ = await outcome(running)
        assert error_of(start) == ("Runtime.AfterRestoreError", "no such module")
        while "END RequestId: id-1" not in running.log.lines:
            await anyio.lowlevel.checkpoint()
        text = running.log.getvalue()
    assert "Status: error\tError Type: Runtime.AfterRestoreError" in text
    assert "Restore failed: Runtime.AfterRestoreError: no such module" in text


async def test_an_exit_during_the_restore_fails_the_invocation(local: LocalFactory) -> None:
    async with local(RESTORED + "sys.exit(65)", snapstart=True) as running:
        kind, message = error_of((await outcome(running))[0])
        assert kind == "Runtime.ExitError"
        assert message.endswith("exit status 65")


async def test_without_snapstart_there_is_nothing_to_restore(local: LocalFactory) -> None:
    script = RESTORED.replace("== 200", "== 404").replace("print", "()  #") + ECHO
    async with local(script) as running:
        assert (await outcome(running))[1] == b"{}"


# Waits for two events at once. "die" makes it exit; "hang" gets a response after a later event.
CONCURRENT = """
clients = [Client(), Client()]
for c in clients:
    c.head("GET", f"{API}/invocation/next")
late = []
while True:
    for c in clients:
        _, headers, event = c.reply()
        if b"die" in event: os._exit(3)
        request_id = headers["lambda-runtime-aws-request-id"]
        if b"hang" in event:
            late.append(request_id)
        else:
            for number in (*late, request_id):
                reply = c.call("POST", f"{API}/invocation/{number}/response", body=event)
                print(number, reply[0], flush=True)
        c.head("GET", f"{API}/invocation/next")
"""


@behaviour("A managed instance outlives a timeout", Source.DOCS)
async def test_a_managed_instance_outlives_a_timeout(local: LocalFactory) -> None:
    async with local(CONCURRENT, concurrency=2, timeout_seconds=20) as running:
        invocation = running.submit(b'"hang"')
        async with invocation.body:
            while "START RequestId: id-1" not in running.log.getvalue():
                await anyio.lowlevel.checkpoint()
            pass_time(20)
            start = await invocation.wait_for_start()
            kind, message = error_of(start)
            await invocation.done.wait()
        assert (kind, message) == ("Sandbox.Timedout", "Task timed out after 20.00 seconds")
        assert (await outcome(running, "id-2"))[1] == b"{}"
        assert running.pool.environments == 1
        assert "id-1 410" in running.log.lines
        assert "id-1 Task timed out after 20.00 seconds" in running.log.getvalue()


async def test_the_exit_of_a_managed_instance_fails_all_its_invocations(
    local: LocalFactory,
) -> None:
    async with local(CONCURRENT, concurrency=2) as running:
        environment = await running.pool.warm()
        assert isinstance(environment.api, ConcurrentApi)
        while environment.api.state.waiting < 2:
            await anyio.lowlevel.checkpoint()
        hangs, dies = running.submit(b'"hang"'), running.submit(b'"die"', request_id="id-2")
        async with hangs.body, dies.body:
            for invocation in (hangs, dies):
                start = await invocation.wait_for_start()
                assert start == InvocationFailure(
                    "Runtime.ExitError", b'{"errorType": "Runtime.ExitError"}'
                )
        assert (await outcome(running, "id-3"))[1] == b"{}"


async def test_a_runtime_of_a_managed_instance_has_its_environment_variables(
    local: LocalFactory,
) -> None:
    script = """
import json
c = Client()
request_id, _ = c.next()
names = ("AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_FORMAT")
told = json.dumps([os.environ[name] for name in names])
c.call("POST", f"{API}/invocation/{request_id}/response", body=told.encode())
c.next()
"""
    async with local(script, concurrency=7) as running:
        told = json.loads((await outcome(running))[1])
    assert told == ["7", "lambda-managed-instances", "JSON"]
