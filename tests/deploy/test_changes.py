"""Each setting in a second run: what is sent to AWS when it is set, and when it is left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError

from adapter.deploy.settings import OTHER_SETTINGS, SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

    from .conftest import Run

PIN = "arn:aws:lambda:eu-west-1::runtime:0a1b"
RUNTIME = "arn:aws:lambda:eu-west-1:123456789012:runtime/adapter"
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:fonts:1"
CONFIGURATION = "UpdateFunctionConfiguration"
#: Not a part of the function: which one it is, where it is, and how the command works.
OUTSIDE = {"name", "target", "factory", "region", "profile", "bucket", "stream_path", "role"}


class Change(NamedTuple):
    """The options that set something, and what a call then has; ``back`` if they are left out."""

    options: list[str]
    operation: str
    there: dict[str, Any]
    back: dict[str, Any]


def variables(**more: str) -> dict[str, Any]:
    return {"Environment": {"Variables": {"ADAPTER_INVOKE_MODE": "response_stream", **more}}}


def logging(log_format: str) -> dict[str, Any]:
    return {"LoggingConfig": {"LogFormat": log_format, "LogGroup": "/aws/lambda/shop"}}


CHANGES = {
    "memory": Change(["--memory", "512"], CONFIGURATION, {"MemorySize": 512}, {"MemorySize": 1024}),
    "timeout": Change(["--timeout", "60"], CONFIGURATION, {"Timeout": 60}, {"Timeout": 30}),
    "environment": Change(
        ["--environment", "LOG_LEVEL=debug"],
        CONFIGURATION,
        variables(LOG_LEVEL="debug"),
        variables(),
    ),
    "layers": Change(["--layers", LAYER], CONFIGURATION, {"Layers": [LAYER]}, {"Layers": []}),
    "tracing": Change(
        ["--tracing"],
        CONFIGURATION,
        {"TracingConfig": {"Mode": "Active"}},
        {"TracingConfig": {"Mode": "PassThrough"}},
    ),
    "log_format": Change(["--log-format", "json"], CONFIGURATION, logging("JSON"), logging("Text")),
    "python": Change(
        ["--python", "3.14"], CONFIGURATION, {"Runtime": "python3.14"}, {"Runtime": "python3.13"}
    ),
    "arch": Change(
        ["--arch", "arm64"],
        "UpdateFunctionCode",
        {"Architectures": ["arm64"]},
        {"Architectures": ["x86_64"]},
    ),
    "native": Change(
        ["--native"],
        CONFIGURATION,
        variables(AWS_LAMBDA_EXEC_WRAPPER="/var/task/adapter/bootstrap"),
        variables(),
    ),
    "snapstart": Change(
        ["--snapstart"],
        CONFIGURATION,
        {"SnapStart": {"ApplyOn": "PublishedVersions"}},
        {"SnapStart": {"ApplyOn": "None"}},
    ),
    "runtime_version": Change(
        ["--runtime-version", PIN],
        "PutRuntimeManagementConfig",
        {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": PIN},
        {"UpdateRuntimeOn": "Auto"},
    ),
    "custom_runtime": Change(
        ["--custom-runtime", f"{RUNTIME}:live"],
        CONFIGURATION,
        {"Runtime": "custom", "RuntimeConfig": {"RuntimeArn": RUNTIME, "RuntimeAlias": "live"}},
        {"Runtime": "python3.13"},
    ),
    "auth": Change(
        ["--auth", "iam"],
        "UpdateFunctionUrlConfig",
        {"AuthType": "AWS_IAM"},
        {"AuthType": "NONE"},
    ),
    "invoke_mode": Change(
        ["--invoke-mode", "buffered"],
        "UpdateFunctionUrlConfig",
        {"InvokeMode": "BUFFERED"},
        {"InvokeMode": "RESPONSE_STREAM"},
    ),
    "handler": Change(
        ["--handler", "main.handler"],
        CONFIGURATION,
        {"Handler": "main.handler"},
        {"Handler": "lambda_function.lambda_handler"},
    ),
}


@pytest.fixture(autouse=True)
def layer(aws: RecordingAws) -> None:
    functions = boto3.client("lambda", region_name="eu-west-1")
    functions.publish_layer_version(LayerName="fonts", Content={"ZipFile": b"fonts"})


def state() -> dict[str, Any]:
    """Return all that a caller of the URL meets, without what differs from version to version."""
    functions = boto3.client("lambda", region_name="eu-west-1")
    where = {"FunctionName": "shop", "Qualifier": "live"}
    configuration = functions.get_function_configuration(**where)
    for name in ("Version", "FunctionArn", "RevisionId", "LastModified", "ResponseMetadata"):
        configuration.pop(name, None)
    if configuration["Runtime"] != "custom":
        configuration.pop("RuntimeConfig", None)  # which the proxy keeps
    url = functions.get_function_url_config(**where)
    version = functions.get_alias(FunctionName="shop", Name="live")["FunctionVersion"]
    pin = functions.get_runtime_management_config(FunctionName="shop", Qualifier=version)
    iam = boto3.client("iam")
    role = iam.get_role_policy(RoleName="shop-eu-west-1-role", PolicyName="adapter")
    try:
        policy = json.loads(functions.get_policy(**where)["Policy"])["Statement"]
    except ClientError:
        policy = []
    return {
        "configuration": configuration,
        "url": (url["AuthType"], url["InvokeMode"]),
        "pin": (pin["UpdateRuntimeOn"], pin.get("RuntimeVersionArn")),
        "rights": role["PolicyDocument"],
        "permissions": sorted(statement["Sid"] for statement in policy),
    }


def test_each_setting_is_in_the_table() -> None:
    assert {setting.name for setting in (*SETTINGS, *OTHER_SETTINGS)} - OUTSIDE == CHANGES.keys()


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_that_is_left_out_again_is_as_if_it_had_never_been_there(
    deploy: Run, aws: RecordingAws, name: str
) -> None:
    options, operation, there, back = CHANGES[name]
    deploy("--python", "3.13")
    before = state()
    for more, expected in ((options, there), ([], back)):
        outcome = deploy("--python", "3.13", *more)
        assert outcome.code == 0, outcome.err
        call = aws.named(operation)[-1]
        assert call.parameters.items() >= expected.items()
        if operation == CONFIGURATION:
            changes = [change for change in aws.changes() if change != "PutRolePolicy"]
            assert changes == [CONFIGURATION, "PublishVersion", "UpdateAlias"]
        assert (state() == before) == (not more)
        deploy("--python", "3.13", *more)
        assert aws.changes() == []


class TestAnotherRole:
    @pytest.fixture(autouse=True)
    def role(self, aws: RecordingAws) -> str:
        made = boto3.client("iam").create_role(AssumeRolePolicyDocument="{}", RoleName="mine")
        arn: str = made["Role"]["Arn"]
        return arn

    def test_takes_the_place_of_the_one_that_was_made_which_stays_for_a_rollback(
        self, deploy: Run, aws: RecordingAws, role: str
    ) -> None:
        deploy()
        deploy("--role", "mine")
        assert aws.changes() == [CONFIGURATION, "PublishVersion", "UpdateAlias"]
        assert aws.named(CONFIGURATION)[0].parameters["Role"] == role
        roles = boto3.client("iam").list_roles()["Roles"]
        assert {each["RoleName"] for each in roles} == {"mine", "shop-eu-west-1-role"}
        deploy()  # without --role the function keeps it
        assert aws.changes() == []

    def test_gives_way_to_the_one_that_was_made_if_that_is_named(
        self, deploy: Run, aws: RecordingAws
    ) -> None:
        deploy()
        deploy("--role", "mine")
        deploy("--role", "shop-eu-west-1-role")
        assert aws.changes() == [CONFIGURATION, "PublishVersion", "UpdateAlias"]
        deploy()
        assert aws.changes() == []

    @pytest.mark.parametrize("kept", ["", '[tool.adapter.deploy]\nrole = "mine"\n'])
    def test_does_not_keep_the_one_that_was_made_when_all_is_destroyed(
        self, deploy: Run, run: Run, tmp_path: Path, kept: str
    ) -> None:
        deploy()
        deploy("--role", "mine")
        (tmp_path / "pyproject.toml").write_text(kept)
        outcome = run("destroy", "shop", "--yes")
        assert outcome.code == 0, outcome.err
        roles = boto3.client("iam").list_roles()["Roles"]
        assert [each["RoleName"] for each in roles] == ["mine"]


def test_another_region_is_another_deployment(deploy: Run, run: Run, aws: RecordingAws) -> None:
    deploy()
    before = state()
    first = aws.changes()
    assert deploy("--region", "eu-central-1", "--memory", "512").code == 0
    assert aws.changes() == first
    assert state() == before
    assert run("destroy", "shop", "--region", "eu-central-1", "--yes").code == 0
    assert state() == before
    deploy()
    assert aws.changes() == []
