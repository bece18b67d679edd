"""`adapter logs` prints the lines of all environments in order, and waits for more."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import boto3
import pytest

if TYPE_CHECKING:
    from tests.support.recording_aws import RecordingAws

    from .conftest import Run

GROUP = "/aws/lambda/shop"


def put(stream: str, *lines: tuple[int, str]) -> None:
    """Write lines that are so many seconds old."""
    logs = boto3.client("logs")
    names = [
        s["logStreamName"] for s in logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    ]
    if stream not in names:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    now = round(time.time() * 1000)
    events = [{"timestamp": now - age * 1000, "message": text} for age, text in lines]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def test_lines_of_all_environments_are_printed_in_order(deploy: Run, run: Run) -> None:
    deploy()
    put("one", (30, "START\n"), (10, "END\n"))
    put("two", (20, "REPORT"))
    assert run("logs", "shop").out == "START\nREPORT\nEND\n"


def test_a_traceback_is_printed_in_lines(deploy: Run, run: Run) -> None:
    deploy()
    put("one", (10, "[ERROR] The app failed\rTraceback:\r\N{NO-BREAK SPACE} main.py\r\nKeyError\n"))
    assert run("logs", "shop").out == (
        "[ERROR] The app failed\nTraceback:\n\N{NO-BREAK SPACE} main.py\nKeyError\n"
    )


def test_since_says_how_far_back(deploy: Run, run: Run) -> None:
    deploy()
    put("one", (7200, "old"), (60, "new"))
    assert run("logs", "shop").out == "new\n"
    assert run("logs", "shop", "--since", "30").out == ""
    assert run("logs", "shop", "--since", "3h").out == "old\nnew\n"
    assert run("logs", "shop", "--since", "36500d").out == "old\nnew\n"  # before 1970


@pytest.mark.parametrize("since", ["yesterday", "9" * 5000])
def test_since_that_is_no_duration_is_wrong_usage(run: Run, since: str) -> None:
    outcome = run("logs", "shop", "--since", since)
    assert outcome.code == 2
    assert f"--since {since!r} is not a duration such as 90, 5m, 2h or 1d." in outcome.err


def test_a_function_that_is_not_there_is_one_sentence(run: Run) -> None:
    outcome = run("logs", "shop")
    assert outcome.code == 1
    sentence = "adapter logs: There is no function 'shop' here. Check its name and --region."
    assert outcome.err == f"{sentence}\n"


@pytest.mark.process
def test_follow_prints_each_new_line_once(deploy: Run, aws: RecordingAws) -> None:
    deploy()
    put("one", (1, "first"))
    command = [sys.executable, "-m", "adapter", "logs", "shop", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        put("one", (0, "second"))
        put("two", (0, "third"))
        assert {process.stdout.readline(), process.stdout.readline()} == {"second\n", "third\n"}
        process.terminate()
