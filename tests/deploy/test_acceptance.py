"""The acceptance run, rehearsed with a small app; tests/system has both examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.probes import PROBES, Seen
from tests.acceptance.report import LOCAL, table
from tests.acceptance.run import Example, Mode, all_modes, run

from .rehearsal import left, rehearsal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

EVENTS = next(probe for probe in PROBES if probe.is_slow)

APP = """
import asyncio

async def app(scope, receive, send):
    if scope["path"] == "/fail/before":
        raise RuntimeError("before")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(4):
        await send({"type": "http.response.body", "body": b"line", "more_body": True})
        await asyncio.sleep(0.3 * (scope["path"] == "/sse"))
    if scope["path"] == "/fail/after":
        raise RuntimeError("after")
    await send({"type": "http.response.body", "body": b""})
"""


@pytest.fixture
def example(tmp_path: Path) -> Example:
    folder = tmp_path / "small_app"
    folder.mkdir()
    (folder / "main.py").write_text(APP)
    return Example(folder, "main.py:app", ("-c", ""))


def two_modes(example: Example) -> list[Mode]:
    managed, *_, rest = all_modes(example)
    return [managed, rest]


@pytest.mark.process
@pytest.mark.timeout(120)
def test_each_mode_is_deployed_seen_reported_and_deleted(
    aws: RecordingAws, example: Example, tmp_path: Path
) -> None:
    report = tmp_path / "acceptance.md"
    with rehearsal(aws, [example], two_modes) as setup:
        assert run(report, setup) == 0, report.read_text()
    text = report.read_text()
    assert "| Request | local Lambda | managed runtime | REST API, STREAM |" in text
    (events,) = (line for line in text.splitlines() if line.startswith("| events |"))
    assert events.count("200, 16 bytes, complete, streamed") == 3
    assert "≠" not in text.partition("\n## ")[2]
    assert text.count("### adapter doctor, ") == text.count("The response streams.") == 3
    integrations = aws.named("PutIntegration")
    assert [c.parameters["responseTransferMode"] for c in integrations] == ["STREAM"] * 2
    assert left() == []


@pytest.mark.process
@pytest.mark.timeout(120)
def test_a_mode_that_fails_is_told_and_all_of_it_is_deleted(
    aws: RecordingAws, example: Example, tmp_path: Path
) -> None:
    aws.refuse("CreateAlias")
    aws.refuse("CreateDeployment")
    report = tmp_path / "acceptance.md"
    with rehearsal(aws, [example], two_modes) as setup:
        assert run(report, setup) == 1
    text = report.read_text()
    assert "**managed runtime**: RuntimeError: adapter deploy failed: " in text
    assert "**REST API, STREAM**: ClientError: An error occurred (AccessDeniedException)" in text
    assert left() == []


def test_a_response_that_differs_from_the_local_one_is_marked() -> None:
    local = Seen(EVENTS, 200, 16, "complete", (0.1, 1.0))
    seen = {
        LOCAL: {EVENTS.name: local},
        "later": {EVENTS.name: local._replace(times=(0.5, 1.6))},
        "in one go": {EVENTS.name: local._replace(times=(1.0, 1.1))},
        "cut": {EVENTS.name: local._replace(end="RemoteProtocolError")},
    }
    rows = [*table(seen)]
    (events,) = (row.split(" | ") for row in rows if row.startswith("| events |"))
    assert [cell.startswith("≠") for cell in events[1:]] == [False, False, True, True]
    assert events[3].startswith("≠ 200, 16 bytes, complete, in one go<br>2 chunks, 1.00 s to 1.10")
