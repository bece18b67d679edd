from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from adapter.observe.metrics import emit, record
from adapter.observe.summary import Outcome, Summary
from tests.emulator.conftest import local as local

if TYPE_CHECKING:
    from tests.emulator.conftest import LocalFactory

pytestmark = pytest.mark.anyio

STREAMED = Summary("id-1", Outcome.COMPLETE, 200, True, 0.0125, 1.5, 4096, 3)._replace(
    method="GET", route="/items/{id}", source="function URL", cold_start=True, first_body=0.25
)

APP = """
from adapter import LambdaHandler

async def app(scope, receive, send):
    if scope["type"] != "http": return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})

handler = LambdaHandler(app)
"""


def test_a_record_is_as_cloudwatch_reads_it() -> None:
    assert record(STREAMED, "shop", 1_760_000_000.0625) == {
        "_aws": {
            "Timestamp": 1_760_000_000_062,
            "CloudWatchMetrics": [
                {
                    "Namespace": "AsgiLambdaStream",
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [
                        {"Name": "TimeToFirstByte", "Unit": "Milliseconds"},
                        {"Name": "TimeToFirstBodyByte", "Unit": "Milliseconds"},
                        {"Name": "Duration", "Unit": "Milliseconds"},
                        {"Name": "Bytes", "Unit": "Bytes"},
                        {"Name": "Chunks", "Unit": "Count"},
                        {"Name": "Failures", "Unit": "Count"},
                    ],
                }
            ],
        },
        "FunctionName": "shop",
        "Outcome": "complete",
        "Status": 200,
        "Streamed": True,
        "RequestId": "id-1",
        "Method": "GET",
        "Route": "/items/{id}",
        "Source": "function URL",
        "ColdStart": True,
        "TimeToFirstByte": 12.5,
        "TimeToFirstBodyByte": 250.0,
        "Duration": 1500.0,
        "Bytes": 4096,
        "Chunks": 3,
        "Failures": 0,
    }


def test_a_record_names_no_metric_that_it_has_not() -> None:
    made = record(STREAMED._replace(first_byte=None, first_body=None), "shop", 0)
    assert "TimeToFirst" not in json.dumps(made)


def test_a_warm_up_ping_is_counted_apart_so_that_it_spoils_no_other_metric() -> None:
    warm_up = Summary("id-1", Outcome.WARM_UP, None, False, None, 0.001, 0, 0)
    made: dict[str, Any] = record(warm_up, "shop", 0)
    [metrics] = made["_aws"]["CloudWatchMetrics"]
    assert metrics["Metrics"] == [{"Name": "WarmUps", "Unit": "Count"}]
    assert (made["WarmUps"], made["Outcome"]) == (1, "warm-up")


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.COMPLETE, Outcome.WARM_UP}))
def test_all_that_did_not_go_well_counts_as_a_failure(outcome: Outcome) -> None:
    made = record(STREAMED._replace(outcome=outcome), "shop", 0)
    assert (made["Outcome"], made["Failures"]) == (outcome.value, 1)


def test_a_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit(STREAMED)
    line, rest = capsys.readouterr().out.split("\n")
    assert json.loads(line)["Bytes"] == 4096
    assert rest == ""


@pytest.mark.parametrize(
    ("command", "options"),
    [
        pytest.param(("adapter", "run"), {}, id="native"),
        pytest.param(("adapter", "run"), {"concurrency": 2}, id="concurrent"),
        pytest.param(("awslambdaric", "main.handler"), {}, id="managed"),
    ],
)
async def test_every_runtime_prints_one_an_invocation(
    local: LocalFactory,
    tmp_path: anyio.Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    options: dict[str, Any],
) -> None:
    monkeypatch.setenv("ADAPTER_METRICS", "emf")
    root = anyio.Path(tmp_path) / "task"
    await root.mkdir()
    await (root / "main.py").write_text(APP)
    run = (sys.executable, "-m", *command)
    async with local("", command=run, name="shop", **options) as running:
        assert (await running.client.get("/")).text == "onetwo"
        while '"_aws"' not in running.log.getvalue():  # noqa: ASYNC110 - it is a log
            await anyio.sleep(0.005)
        records = [json.loads(line) for line in running.log.lines if '"_aws"' in line]
    assert len(records) == 1
    assert records[0]["FunctionName"] == "shop"
    assert (records[0]["Bytes"], records[0]["Chunks"]) == (6, 2)
    first, body, duration = (
        records[0][name] for name in ("TimeToFirstByte", "TimeToFirstBodyByte", "Duration")
    )
    assert first <= body <= duration
    assert (records[0]["Method"], records[0]["Route"]) == ("GET", "/")
    assert records[0]["Source"] == "function URL"
    assert records[0]["ColdStart"] is ("concurrency" not in options)
