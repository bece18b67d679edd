from __future__ import annotations

import json
import os
import re
import struct
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.runtimes.apps import HELLO
from tests.runtimes.conftest import RUN
from tests.support.fake_runtime_api import NEXT

if TYPE_CHECKING:
    from tests.runtimes.conftest import Start

SAY = """
import logging, os, sys

logger = logging.getLogger("shop")

def handler(event, context):
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in os.environ
    if event == "levels":
        for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            logger.log(logging.getLevelName(level), "said at %s", level)
    elif event == "traceback":
        try:
            1 / 0
        except ZeroDivisionError:
            logger.exception("two\\nlines")
    elif event == "extra":
        logger.warning("ünder %d", 1, extra={"order": 7, "thing": object})
    elif event == "dict":
        logger.warning({"a": [1]})
    elif event == "odd-level":
        logger.log(35, "odd")
    elif event == "threads":
        import threading
        from contextvars import copy_context
        thread = threading.Thread(target=copy_context().run, args=(logger.warning, "beside"))
        thread.start()
        thread.join()
    elif event == "raise":
        raise ValueError("no")
"""


class Frame(NamedTuple):
    kind: int
    micros: int
    message: str


def frames(data: bytes) -> list[Frame]:
    found = []
    while data:
        kind, size, micros = struct.unpack(">IIQ", data[:16])
        found.append(Frame(kind, micros, data[16 : 16 + size].decode()))
        data = data[16 + size :]
    return found


def say(start: Start, event: str, **environ: str) -> str:
    lambda_ = start(SAY, "main.handler", **environ)
    platform = lambda_.connection()
    platform.invoke(event, "id-1", Lambda_Runtime_Aws_Tenant_Id="blue")
    assert platform.read().call == NEXT
    return lambda_.output


def say_json(start: Start, event: str, **environ: str) -> list[dict[str, Any]]:
    lines = say(start, event, AWS_LAMBDA_LOG_FORMAT="JSON", **environ).splitlines()
    return [json.loads(line) for line in lines]


def test_a_record_is_a_line_with_level_time_and_request_id(start: Start) -> None:
    lines = say(start, "levels").splitlines()
    assert len(lines) == 3  # from WARNING on, as logging does
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"\[WARNING\]\t{time}\tid-1\tsaid at WARNING", lines[0])


@pytest.mark.parametrize(
    ("level", "count"),
    [("TRACE", 5), ("DEBUG", 5), ("INFO", 4), ("warn", 3), ("ERROR", 2), ("FATAL", 1), ("x", 3)],
)
def test_the_level_is_the_functions_and_has_lambdas_names(
    start: Start, level: str, count: int
) -> None:
    output = say(start, "levels", AWS_LAMBDA_LOG_LEVEL=level)
    assert len(re.findall("said at", output)) == count


def test_a_record_with_a_traceback_is_one_line_and_so_one_event(start: Start) -> None:
    [line] = say(start, "traceback").rstrip("\n").split("\n")
    assert "two\rlines\rTraceback (most recent call last):\r" in line
    assert "\r\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}File" in line
    assert line.endswith("\rZeroDivisionError: division by zero")


def test_a_json_record_has_AWSs_keys_and_the_invocation(start: Start) -> None:
    [record] = say_json(start, "traceback")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record.pop("timestamp"))
    assert record.pop("stackTrace")[-1].startswith("  File")
    assert re.fullmatch(r".*main\.py:handler:\d+", record.pop("location"))
    assert record == {
        "level": "ERROR",
        "message": "two\nlines",
        "logger": "shop",
        "errorType": "ZeroDivisionError",
        "errorMessage": "division by zero",
        "requestId": "id-1",
        "tenantId": "blue",
    }


def test_what_came_as_extra_is_in_the_json_and_what_json_cannot_say_is_its_str(
    start: Start,
) -> None:
    [record] = say_json(start, "extra")
    assert record["message"] == "ünder 1"
    assert (record["order"], record["thing"]) == (7, "<class 'object'>")
    assert "errorType" not in record


def test_a_dict_is_logged_as_an_object(start: Start) -> None:
    assert say_json(start, "dict")[0]["message"] == {"a": [1]}


def test_a_level_of_the_users_own_counts_as_the_next_lower_one(start: Start) -> None:
    assert say_json(start, "odd-level")[0]["level"] == "WARNING"


def test_a_thread_that_was_given_the_context_logs_for_its_invocation(start: Start) -> None:
    assert say_json(start, "threads")[0]["requestId"] == "id-1"


def test_the_runtimes_own_errors_are_one_record_of_the_same_form(start: Start) -> None:
    [record] = say_json(start, "raise")
    assert record["requestId"] == "id-1"
    assert (record["errorType"], record["errorMessage"]) == ("ValueError", "no")


def test_between_invocations_there_is_no_request_id(start: Start) -> None:
    lambda_ = start("import logging; logging.warning('early')\n" + HELLO)
    lambda_.connection().read()
    assert re.fullmatch(r"\[WARNING\]\t\S+\t\tearly\n", lambda_.output)


@pytest.mark.parametrize(
    ("log_format", "first"), [("Text", 0xA55A0003), ("JSON", 0xA55A0002)], ids=["text", "json"]
)
def test_where_there_is_a_log_pipe_records_go_there_framed_with_their_level(
    start: Start, log_format: str, first: int
) -> None:
    reading, writing = os.pipe()
    lambda_ = start(
        SAY,
        "main.handler",
        RUN,
        (writing,),
        _LAMBDA_TELEMETRY_LOG_FD=str(writing),
        AWS_LAMBDA_LOG_FORMAT=log_format,
        AWS_LAMBDA_LOG_LEVEL="INFO",
    )
    os.close(writing)
    platform = lambda_.connection()
    platform.invoke("levels", "id-1")
    platform.invoke("traceback", "id-2")
    platform.read()
    found = frames(os.read(reading, 100_000))
    os.close(reading)
    assert [frame.kind - first for frame in found] == [12, 16, 20, 24, 20]
    assert 0 < found[0].micros <= found[-1].micros
    assert "id-1" in found[0].message
    message = found[-1].message
    assert "two\nlines" in (json.loads(message)["message"] if log_format == "JSON" else message)
    assert "\r" not in message
    assert lambda_.output == ""


def test_what_is_printed_gets_out_before_the_process_is_frozen_or_killed(start: Start) -> None:
    source = """
    import os, sys

    def handler(event, context):
        print("half a line", end="")
        sys.stderr.write("and an error")
        os._exit(1)
    """
    lambda_ = start(source, "main.handler")
    lambda_.connection().deliver({})
    assert lambda_.exit_code() == 1
    assert lambda_.output == "half a lineand an error"


def test_a_process_without_stdout_serves_all_the_same(start: Start) -> None:
    source = """
    import logging

    def handler(event, context):
        print("to nobody")
        logging.warning("to nobody")
        return "fine"
    """
    closing = ("sh", "-c", 'exec "$0" -m adapter run >&- 2>&-', sys.executable)
    platform = start(source, "main.handler", closing).connection()
    assert platform.invoke({}).json == "fine"
    assert platform.read().call == NEXT


ODD = """
import logging

logger = logging.getLogger("shop")

class Mute(Exception):
    def __str__(self):
        raise self.error

class Nameless(type):
    __name__ = property(lambda kind: 1 / 0)
    __module__ = property(lambda kind: 1 / 0)

class Opaque(Mute, metaclass=Nameless):
    error = SystemExit(1)

Mute.error = RuntimeError("no")

class Raises(logging.Filter):
    def filter(self, record):
        raise ValueError("filter")

class Fails(logging.Formatter):
    def format(self, record):
        raise ValueError("formatter")

def handler(event, context):
    [ours] = logging.getLogger().handlers
    if event == "surrogate":
        logger.warning("half \\ud800 of it")
    elif event == "argument":
        logger.warning("given %s", Mute())
    elif event == "arguments":
        logger.warning("given %d %d", 1)
    elif event == "message":
        logger.warning(Mute())
    elif event == "mute":
        try: raise Mute
        except Mute: logger.exception("caught")
    elif event == "opaque":
        try: raise Opaque
        except Opaque: logger.exception("caught")
    elif event == "extra":
        loop = []
        loop.append(loop)
        logger.warning("given %d", 1, extra={"loop": loop, "mute": Mute()})
    elif event == "key":
        logger.warning({(1, 2): Mute()})
    elif event == "filter":
        ours.addFilter(raises := Raises())
        logger.warning("kept")
        ours.removeFilter(raises)
    elif event == "formatter":
        formatter = ours.formatter
        ours.setFormatter(Fails())
        logger.warning("given %d", 1)
        ours.setFormatter(formatter)
    return "fine"
"""

ODD_RECORDS = {
    "surrogate": r"half \\?ud800 of it",
    "argument": r"given %s .* raised RuntimeError: no",
    "arguments": r"given %d %d .* raised TypeError: not enough",
    "message": r"Mute object at .* raised RuntimeError: no",
    "mute": "caught.*Mute",
    "opaque": "caught.*Opaque",
    "extra": "given 1",
    "key": r"\(?1, 2|Mute|dict",
    "filter": "kept",
    "formatter": "given 1.* raised ValueError: formatter",
}


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("piped", [False, True], ids=["line", "frame"])
def test_a_record_that_cannot_be_formatted_leaves_a_line_and_the_response_as_it_is(
    start: Start, log_format: str, piped: bool
) -> None:
    reading, writing = os.pipe()
    pipe = {"_LAMBDA_TELEMETRY_LOG_FD": str(writing)} if piped else {}
    lambda_ = start(ODD, "main.handler", RUN, (writing,), AWS_LAMBDA_LOG_FORMAT=log_format, **pipe)
    os.close(writing)
    platform = lambda_.connection()
    assert platform.read().call == NEXT
    for event, pattern in ODD_RECORDS.items():
        logged_before = len(lambda_.output)
        platform.event(event, f"id-{event}")
        assert platform.read().json == "fine"
        platform.accept()
        assert platform.read().call == NEXT
        if piped:
            [written] = [frame.message for frame in frames(os.read(reading, 100_000))]
        else:
            lines = lambda_.output[logged_before:].split("\n")  # a filter's failure: to stderr
            [written] = [line for line in lines if line.startswith(("[WARNING]", "[ERROR]", "{"))]
        assert f"id-{event}" in written or event == "formatter"
        assert re.search(pattern, written.replace("\n", " ").replace("\r", " ")), written
        if log_format == "JSON" and event != "formatter":
            assert json.loads(written)["logger"] == "shop"
    os.close(reading)
