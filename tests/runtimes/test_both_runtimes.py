"""The native runtime beside AWS's own: the same handler and events, and what each sends and logs.

What differs on purpose:

* the platform drops an error type that is not `Runtime.X` or `Function.X`; AWS's runtime sends
  `ZeroDivisionError` or nothing, ours `Function.ZeroDivisionError`;
* the words of a message, where they are the runtime's and not the user's.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.conftest import RUN, Runtime
from tests.support.fake_runtime_api import NEXT, response_of
from tests.support.runtimes import RIC, RIC_4

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start
    from tests.support.fake_runtime_api import Request

HANDLER = """
import asyncio, decimal, json, logging, os, sys, threading

class Unprintable(Exception):
    pass

async def executed():
    await asyncio.get_running_loop().run_in_executor(None, logging.warning, "from an executor")

def handler(event, context):
    what = event if isinstance(event, str) else "echo"
    if what == "fail":
        raise Unprintable("wie schön")
    if what == "nested":
        def inner():
            return {}["missing"]
        return inner()
    if what == "unmarshallable":
        return {1, 2}
    if what == "bytes":
        return b"raw"
    if what == "decimal":
        return [decimal.Decimal("7"), decimal.Decimal("7.5")]
    if what == "nothing":
        return None
    if what == "unicode":
        return {"ü": "\\U0001f600"}
    if what == "log":
        logging.getLogger("shop").warning("warned %d", 1, extra={"order": 7})
        logging.error({"a": 1})
        logging.info("not logged")
        print("printed")
        return None
    if what == "threads":
        thread = threading.Thread(target=logging.warning, args=("from a thread",))
        thread.start()
        thread.join()
        asyncio.run(executed())
        return None
    if what == "traceback":
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("shop").exception("caught")
        return None
    if what == "context":
        client = context.client_context
        return {
            "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "name": context.function_name, "version": context.function_version,
            "memory": context.memory_limit_in_mb, "group": context.log_group_name,
            "stream": context.log_stream_name, "tenant": context.tenant_id,
            "identity": [context.identity.cognito_identity_id,
                         context.identity.cognito_identity_pool_id],
            "client": client and [client.custom, client.env, client.client and [
                client.client.installation_id, client.client.app_title,
                client.client.app_version_name, client.client.app_version_code,
                client.client.app_package_name]],
            "w3c": context.w3c(),
            "remaining": 0 < context.get_remaining_time_in_millis() <= 30_000,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        }
    return event
"""

ENVIRON = {
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/10/16/[1]abc",
}
GIVEN = {
    "Lambda_Runtime_Trace_Id": "Root=1-2-3;Parent=4;Sampled=1",
    "Lambda_Runtime_Aws_Tenant_Id": "blue",
    "Lambda_Runtime_Cognito_Identity": '{"cognitoIdentityId": "a", "cognitoIdentityPoolId": "b"}',
    "Lambda_Runtime_Client_Context": json.dumps(
        {
            "client": {"installation_id": "i", "app_title": "t"},
            "custom": {"x": 1},
            "env": {"locale": "de"},
            "w3c": {"traceparent": "00-1-2-01", "other": "x"},
        }
    ),
    "Lambda_Runtime_Invocation_Id": "nonce-1",
}


def runtimes(handler: str = "main.handler") -> tuple[Runtime, Runtime]:
    """Return ours, and AWS's: it warns, which is no error there."""
    return Runtime(RUN, ENVIRON), Runtime((*RIC[:-1], handler), ENVIRON | RIC_4.environ)


def invoke(
    start: Start, runtime: Runtime, event: Any, headers: dict[str, str], **environ: str
) -> tuple[Request, list[str]]:
    """Return what a runtime posts for an event, and the lines it has printed by then."""
    lambda_ = start(HANDLER, "main.handler", runtime.command, **runtime.environ, **environ)
    platform = lambda_.connection()
    platform.deliver(event, "id-1", **headers)
    request = platform.read()
    platform.accept()
    assert platform.read().call == NEXT
    return request, lambda_.output.rstrip("\n").split("\n")


def both(
    start: Start, event: Any, headers: dict[str, str] | None = None, **environ: str
) -> tuple[tuple[Request, list[str]], tuple[Request, list[str]]]:
    ours, theirs = runtimes()
    found = invoke(start, ours, event, headers or {}, **environ)
    return found, invoke(start, theirs, event, headers or {}, **environ)


def described(request: Request) -> Any:
    """Return what callers see of an error, without what is the machine's and not the handler's."""
    error = request.json
    error["stackTrace"] = [re.sub(r"/\S*/task\d/", "", line) for line in error["stackTrace"]]
    return error


def cause(request: Request) -> Any:
    text = request.headers["lambda-runtime-function-xray-error-cause"]
    return json.loads(re.sub(r"/[^\"]*/task\d", "/task", text))


WORDS = ["context", "nothing", "unicode", "bytes", "decimal"]
EVENTS: list[Any] = [*WORDS, {"a": [1, 2.5, None, True, "x"]}, [], 0]


@pytest.mark.parametrize("headers", [{}, GIVEN], ids=["bare", "full"])
def test_responses_are_the_same(start: Start, headers: dict[str, str]) -> None:
    posted = []
    for command, environ in runtimes():
        platform = start(HANDLER, "main.handler", command, **environ).connection()
        posted.append([platform.invoke(e, f"id-{n}", **headers) for n, e in enumerate(EVENTS)])
        assert platform.read().call == NEXT
    for number, (event, ours, theirs) in enumerate(zip(EVENTS, *posted, strict=True)):
        assert ours.call == theirs.call == response_of(f"id-{number}")
        if event == "bytes":
            assert ours.body == theirs.body
        else:
            assert ours.json == theirs.json
        for name in ("content-type", "lambda-runtime-invocation-id"):
            assert ours.headers.get(name) == theirs.headers.get(name)


@pytest.mark.parametrize("event", ["fail", "nested"])
def test_what_a_handler_raises_is_described_in_the_same_way(start: Start, event: str) -> None:
    (ours, ours_printed), (theirs, _) = both(start, event, GIVEN)
    assert ours.call == theirs.call
    assert described(ours) == described(theirs)
    assert cause(ours) == cause(theirs)
    assert len(ours_printed) == 1  # one event, as theirs, though not in their words
    kind = theirs.json["errorType"]
    assert ours.headers["lambda-runtime-function-error-type"] == f"Function.{kind}"
    name = "lambda-runtime-invocation-id"
    assert ours.headers[name] == theirs.headers[name] == "nonce-1"


@pytest.mark.parametrize(
    ("event", "headers"),
    [
        pytest.param("unmarshallable", {}, id="response"),
        pytest.param(b"{", {}, id="event"),
        pytest.param("echo", {"Lambda_Runtime_Client_Context": "{"}, id="client-context"),
        pytest.param("echo", {"Lambda_Runtime_Cognito_Identity": "{"}, id="identity"),
    ],
)
def test_what_the_runtime_refuses_has_the_same_type(
    start: Start, event: Any, headers: dict[str, str]
) -> None:
    (ours, _), (theirs, _) = both(start, event, headers)
    assert ours.call == theirs.call
    for key in ("errorType", "requestId"):
        assert ours.json[key] == theirs.json[key]
    for part in ("type", "stack"):
        assert cause(ours)["exceptions"][0][part] == cause(theirs)["exceptions"][0][part]


@pytest.mark.parametrize(
    ("handler", "source"),
    [
        pytest.param("handler", "", id="no-dot"),
        pytest.param("main.nope", "", id="no-attribute"),
        pytest.param("nope.handler", "", id="no-module"),
        pytest.param("main.handler", "import nope", id="no-import"),
        pytest.param("main.handler", "from os import nope", id="no-name"),
        pytest.param("main.handler", "def", id="syntax"),
        pytest.param("sys.exit", "", id="built-in"),
        pytest.param("sub/nope.handler", "", id="slash"),
        pytest.param("main.handler", "1 / 0", id="exception"),
        pytest.param("main.handler", "{}['x']", id="key-error"),
    ],
)
def test_init_fails_with_the_same_type_and_status(start: Start, handler: str, source: str) -> None:
    outcomes = []
    for command, environ in runtimes(handler):
        lambda_ = start(source, handler, command, **environ)
        platform = lambda_.connection()
        request = platform.read()
        platform.accept()
        kind = request.headers["lambda-runtime-function-error-type"]
        body = request.json
        outcomes.append(
            (
                request.call,
                kind.removeprefix("Function."),
                body["errorType"],
                lambda_.exit_code(),
                b"main.py" in request.body,
            )
        )
    assert outcomes[0] == outcomes[1]


def test_a_module_in_a_folder_is_named_with_slashes(start: Start) -> None:
    source = """
    import os
    os.mkdir("sub")
    open("sub/inner.py", "w").write("def handler(event, context): return __name__")
    """
    first = start(source, "main.handler")
    first.connection().read()
    for command, environ in runtimes("sub/inner.handler"):
        lambda_ = start("", "sub/inner.handler", command, **environ)
        (first.root / "sub").rename(lambda_.root / "sub")
        first = lambda_
        assert lambda_.connection().invoke({}).json == "sub.inner"


def logged(lines: list[str]) -> list[str]:
    return [re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", line) for line in lines]


@pytest.mark.parametrize("level", ["", "INFO", "ERROR"])
def test_a_handlers_own_lines_are_the_same_as_text(start: Start, level: str) -> None:
    (_, ours), (_, theirs) = both(start, "log", AWS_LAMBDA_LOG_LEVEL=level)
    assert logged(ours) == logged(theirs)


@pytest.mark.parametrize("event", ["log", "threads", "traceback"])
def test_a_handlers_own_lines_are_the_same_as_json(start: Start, event: str) -> None:
    found = []
    for _, lines in both(start, event, GIVEN, AWS_LAMBDA_LOG_FORMAT="JSON"):
        records = [json.loads(line) if line[0] == "{" else line for line in logged(lines)]
        text = json.dumps(records)
        found.append(json.loads(re.sub(r"/[^\"]*/task\d", "/task", text)))
    assert found[0] == found[1]
    assert len(found[0]) == {"log": 3, "threads": 2, "traceback": 1}[event]


@pytest.mark.parametrize("level", ["", "INFO"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("event", ["log", "traceback"])
def test_a_handlers_own_records_are_framed_in_the_same_way(
    start: Start, event: str, log_format: str, level: str
) -> None:
    found = []
    for command, environ in runtimes():
        reading, writing = os.pipe()
        environ = {**environ, "AWS_LAMBDA_LOG_FORMAT": log_format, "AWS_LAMBDA_LOG_LEVEL": level}
        environ |= {"_LAMBDA_TELEMETRY_LOG_FD": str(writing)}
        lambda_ = start(HANDLER, "main.handler", command, (writing,), **environ)
        os.close(writing)
        platform = lambda_.connection()
        platform.invoke(event)
        assert platform.read().call == NEXT
        frames = framed(os.read(reading, 100_000))
        os.close(reading)
        if log_format == "JSON":
            frames = [(kind, json.loads(text), text[-1]) for kind, text in frames]
        found.append(frames)
    assert found[0] == found[1]
    assert len(found[0]) == (1 if event == "traceback" else 3 if level else 2)


def framed(data: bytes) -> list[Any]:
    """Return the type and the text of each frame, without what is the moment's or the machine's."""
    found = []
    while data:
        end = 16 + int.from_bytes(data[4:8], "big")
        [text] = logged([data[16:end].decode()])
        found.append((data[:4].hex(), re.sub(r"/[^\"]*/task\d", "/task", text)))
        data = data[end:]
    return found
