"""What docs/deploy.md promises: its policy is enough, its settings and its workflow are valid."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from adapter.deploy import inputs
from adapter.deploy.settings import resolve

from .conftest import write_zip
from .test_uploads import grow

if TYPE_CHECKING:
    import pytest

    from tests.support.recording_aws import RecordingAws

    from .conftest import Run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text()

#: The actions of IAM that are not named as their operation is.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "CompleteMultipartUpload": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
}
#: Allowed without a policy.
FREE = {"GetCallerIdentity"}
#: Needed by what AWS does with a call: tags, a role for a function, a zip in a bucket.
IMPLIED = {
    *("lambda:TagResource", "iam:TagRole", "iam:PassRole", "logs:TagResource"),
    *("s3:GetObject", "s3:AbortMultipartUpload", "iam:DetachRolePolicy"),
}


def block(name: str, language: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_policy_has_the_actions_that_the_commands_need_and_no_others(
    deploy: Run,
    run: Run,
    aws: RecordingAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inputs, "MAX_ZIPPED_BYTES", 8 * 1024 * 1024)
    pinned = ("--runtime-version", "arn:aws:lambda:eu-west-1::runtime:0a1b")
    done: set[str] = set()
    deploy()
    done.update(call.operation for call in aws.calls)
    write_zip(tmp_path / "shop.zip", "2")
    grow(tmp_path / "shop.zip", 9 * 1024 * 1024)
    for arguments in (
        ("deploy", "shop.zip", "--name", "shop", "--auth", "iam", "--memory", "512", *pinned),
        ("deploy", "--name", "shop", "--rollback"),
        ("logs", "shop"),
        ("destroy", "shop", "--yes"),
    ):
        assert run(*arguments).code == 0
        done.update(call.operation for call in aws.calls)
    statements = json.loads(block("policy", "json"))["Statement"]
    listed = [each["Action"] for each in statements]
    allowed = {
        a for actions in listed for a in ([actions] if isinstance(actions, str) else actions)
    }
    named = {action.partition(":")[2]: action for action in allowed}
    needed = {ACTIONS.get(name) or named.get(name, name) for name in done - FREE}
    assert allowed - IMPLIED == needed


def test_the_settings_are_valid() -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    table = tomllib.loads(found[1])["tool"]["adapter"]["deploy"]
    settings = resolve({}, table, "the page")
    assert (settings.name, settings.timeout, settings.snapstart) == ("shop", 300, True)


def test_the_workflow_pins_its_actions_and_gives_each_job_no_more_than_it_needs() -> None:
    text = block("workflow", "yaml")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for action in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v[\d.]+", action)
    assert [*workflow["jobs"]] == ["package", "deploy"]
    assert workflow["jobs"]["deploy"]["permissions"]["id-token"] == "write"
