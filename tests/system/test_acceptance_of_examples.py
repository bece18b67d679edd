"""The acceptance run, rehearsed with both examples in every mode."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.run import BOTH, CUSTOM_RUNTIME, all_modes, run
from tests.deploy.conftest import aws, moto
from tests.deploy.rehearsal import RUNTIME, left, rehearsal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

__all__ = ["aws", "moto"]  # fixtures


@pytest.mark.timeout(1200)
def test_every_mode_of_both_examples_is_deployed_seen_reported_and_deleted(
    aws: RecordingAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CUSTOM_RUNTIME, RUNTIME)
    copies = [each._replace(folder=tmp_path / each.name) for each in BOTH]
    for example, copy in zip(BOTH, copies, strict=True):
        shutil.copytree(example.folder, copy.folder)
    report = tmp_path / "acceptance.md"
    with rehearsal(aws, copies, all_modes) as setup:
        assert run(report, setup) == 0, report.read_text()
    text = report.read_text()
    head = (
        "| Request | local Lambda | managed runtime | native runtime | SnapStart "
        "| REST API, STREAM | customer-managed runtime |"
    )
    assert text.count(head) == 2
    for row in (line for line in text.splitlines() if line.startswith("| events |")):
        assert row.count("complete, streamed") == 6
    assert "≠" not in text.partition("\n## ")[2]
    made = [call.parameters for call in aws.named("CreateFunction")]
    assert [each["Runtime"] for each in made].count("custom") == 2
    assert [each["SnapStart"]["ApplyOn"] for each in made].count("PublishedVersions") == 2
    assert left() == []
