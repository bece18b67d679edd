"""`adapter destroy` shows what it will delete, and deletes only what carries the tag."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

if TYPE_CHECKING:
    from tests.support.recording_aws import RecordingAws

    from .conftest import Run

ALL = ["DeleteFunction", "DeleteRolePolicy", "DeleteRole", "DeleteLogGroup"]


def test_all_that_was_made_is_shown_and_deleted(deploy: Run, run: Run, aws: RecordingAws) -> None:
    deploy()
    outcome = run("destroy", "shop", "--yes")
    assert outcome.code == 0, outcome.err
    assert [line.split()[:2] for line in outcome.out.splitlines()] == [
        ["delete", "function"],
        ["delete", "role"],
        ["delete", "log"],
    ]
    assert aws.changes() == ALL
    run("destroy", "shop", "--yes")
    assert aws.changes() == []


def test_without_a_terminal_and_yes_nothing_is_deleted(
    deploy: Run, run: Run, aws: RecordingAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        outcome = run("destroy", "shop")
    assert outcome.code == 1
    assert outcome.err == "There is no terminal to confirm at: use --yes.\nNothing was deleted.\n"
    assert aws.changes() == []
    monkeypatch.setattr(sys, "stdin", None)  # as after <&-
    assert run("destroy", "shop") == outcome
    assert aws.changes() == []


@pytest.mark.process
@pytest.mark.parametrize(("typed", "code"), [("shop", 0), ("yes", 1)])
def test_a_person_confirms_by_the_name(deploy: Run, typed: str, code: int) -> None:
    deploy()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "adapter", "destroy", "shop"], stdin=theirs
    ) as process:
        os.write(ours, f"{typed}\n".encode())
        assert process.wait() == code
    os.close(ours)
    os.close(theirs)
    assert [bool(f) for f in [boto3.client("lambda").list_functions()["Functions"]]] == [bool(code)]


def test_policies_that_were_attached_to_the_role_by_hand_do_not_keep_it(
    deploy: Run, run: Run
) -> None:
    deploy()
    iam = boto3.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    policy = iam.create_policy(PolicyName="more", PolicyDocument=document)
    arn = policy["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="shop-eu-west-1-role", PolicyArn=arn)
    assert run("destroy", "shop", "--yes").code == 0
    assert iam.list_roles()["Roles"] == []
    assert iam.list_policies(Scope="Local")["Policies"] != []


def test_a_role_that_was_named_stays(deploy: Run, run: Run) -> None:
    iam = boto3.client("iam")
    iam.create_role(AssumeRolePolicyDocument="{}", RoleName="mine")
    deploy("--role", "mine")
    assert run("destroy", "shop", "--yes").code == 0
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["mine"]


@pytest.mark.parametrize("operation", ALL)
def test_a_failure_at_a_step_is_told_and_the_next_run_goes_on(
    deploy: Run, run: Run, aws: RecordingAws, operation: str
) -> None:
    deploy()
    aws.refuse(operation)
    failed = run("destroy", "shop", "--yes")
    assert failed.code == 1
    assert "Stopped at step " in failed.err
    assert run("destroy", "shop", "--yes").code == 0
    assert run("destroy", "shop", "--yes").err.startswith("Nothing in 123456789012, eu-west-1")
