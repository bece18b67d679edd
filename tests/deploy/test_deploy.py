"""`adapter deploy` with real boto3 against moto's server: the first run, and the second."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from .conftest import write_zip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

    from .conftest import Run

TAG = "asgi-lambda-stream:deployment"


@pytest.fixture
def functions(aws: RecordingAws) -> Any:
    return boto3.client("lambda", region_name="eu-west-1")


class TestTheFirstDeployment:
    def test_makes_all_that_a_url_needs_and_prints_it(self, deploy: Run, aws: RecordingAws) -> None:
        outcome = deploy()
        assert outcome.code == 0, outcome.err
        assert aws.changes() == [
            "CreateRole",
            "PutRolePolicy",
            "CreateLogGroup",
            "PutRetentionPolicy",
            "CreateFunction",
            "PublishVersion",
            "CreateAlias",
            "AddPermission",
            "AddPermission",
            "CreateFunctionUrlConfig",
        ]
        url, curl = outcome.out.splitlines()
        assert url.startswith("https://")
        assert curl == f"curl -N {url}"

    def test_configures_a_function_that_streams(self, deploy: Run, functions: Any) -> None:
        deploy()
        state = functions.get_function_configuration(FunctionName="shop", Qualifier="live")
        assert state["Version"] == "1"
        assert state["Handler"] == "lambda_function.lambda_handler"
        assert (state["MemorySize"], state["Timeout"]) == (1024, 30)
        assert state["Environment"]["Variables"] == {"ADAPTER_INVOKE_MODE": "response_stream"}
        url = functions.get_function_url_config(FunctionName="shop", Qualifier="live")
        assert (url["InvokeMode"], url["AuthType"]) == ("RESPONSE_STREAM", "NONE")

    def test_gives_the_alias_both_permissions_that_a_public_url_needs(
        self, deploy: Run, aws: RecordingAws
    ) -> None:
        deploy()
        call, invoke = (each.parameters for each in aws.named("AddPermission"))
        assert call == {
            "FunctionName": "shop",
            "Qualifier": "live",
            "StatementId": "adapter-may-call-url",
            "Action": "lambda:InvokeFunctionUrl",
            "FunctionUrlAuthType": "NONE",
            "Principal": "*",
        }
        assert invoke == {
            "FunctionName": "shop",
            "Qualifier": "live",
            "StatementId": "adapter-may-invoke-through-url",
            "Action": "lambda:InvokeFunction",
            "InvokedViaFunctionUrl": True,
            "Principal": "*",
        }

    def test_gives_nobody_a_permission_if_requests_are_signed(
        self, run: Run, aws: RecordingAws
    ) -> None:
        outcome = run("deploy", "shop.zip", "--name", "shop", "--auth", "iam")
        assert aws.named("AddPermission") == []
        (url,) = aws.named("CreateFunctionUrlConfig")
        assert url.parameters["AuthType"] == "AWS_IAM"
        assert '--aws-sigv4 "aws:amz:eu-west-1:lambda"' in outcome.out

    def test_tags_what_it_makes(self, deploy: Run, functions: Any) -> None:
        deploy()
        assert functions.get_function(FunctionName="shop")["Tags"] == {TAG: "shop"}
        iam = boto3.client("iam")
        tags = iam.list_role_tags(RoleName="shop-eu-west-1-role")["Tags"]
        assert tags == [{"Key": TAG, "Value": "shop"}]
        logs = boto3.client("logs", region_name="eu-west-1")
        (group,) = logs.describe_log_groups()["logGroups"]
        assert group["retentionInDays"] == 14
        arn = group["arn"].removesuffix(":*")
        assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {TAG: "shop"}

    def test_lets_the_function_write_its_own_log_and_nothing_else(self, deploy: Run) -> None:
        deploy()
        found = boto3.client("iam").get_role_policy(
            RoleName="shop-eu-west-1-role", PolicyName="adapter"
        )
        assert found["PolicyDocument"]["Statement"] == [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/shop:*",
            }
        ]

    def test_makes_no_role_if_one_is_named(
        self, deploy: Run, aws: RecordingAws, functions: Any
    ) -> None:
        role = {"AssumeRolePolicyDocument": "{}", "RoleName": "mine"}
        arn = boto3.client("iam").create_role(**role)["Role"]["Arn"]
        assert deploy("--role", "mine").code == 0
        assert aws.named("CreateRole", "PutRolePolicy", "TagRole") == []
        assert functions.get_function_configuration(FunctionName="shop")["Role"] == arn


class TestADryRun:
    def test_prints_the_plan_and_changes_nothing(self, deploy: Run, aws: RecordingAws) -> None:
        outcome = deploy("--dry-run")
        assert outcome.code == 0
        assert [line.split()[:2] for line in outcome.out.splitlines()] == [
            ["create", "role"],
            ["write", "role"],
            ["create", "log"],
            ["write", "log"],
            ["create", "function"],
            ["publish", "version"],
            ["create", "alias"],
            ["create", "permission"],
            ["create", "permission"],
            ["create", "function"],
        ]
        assert aws.changes() == []

    def test_shows_no_value_of_the_environment(self, deploy: Run) -> None:
        deploy("--environment", "SECRET=before", "--environment", "OLD=old")
        outcome = deploy("--environment", "SECRET=after", "--environment", "NEW=new", "--dry-run")
        assert "+NEW, -OLD, ~SECRET" in outcome.out
        for value in ("before", "after", "old", "new"):
            assert f"={value}" not in outcome.out + outcome.err


class TestASecondDeployment:
    def test_changes_nothing_if_nothing_differs(self, deploy: Run, aws: RecordingAws) -> None:
        options = ("--snapstart", "--tracing", "--log-format", "json", "--native")
        deploy(*options)
        outcome = deploy(*options)
        assert aws.changes() == []
        assert "Nothing to change." in outcome.err

    def test_of_other_code_leaves_the_configuration(
        self, deploy: Run, aws: RecordingAws, tmp_path: Path, functions: Any
    ) -> None:
        deploy()
        write_zip(tmp_path / "shop.zip", "2")
        deploy()
        assert aws.changes() == ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"]
        assert functions.get_alias(FunctionName="shop", Name="live")["FunctionVersion"] == "2"

    def test_publishes_no_code_of_another_run(
        self, deploy: Run, aws: RecordingAws, functions: Any
    ) -> None:
        deploy()
        (published,) = aws.named("PublishVersion")
        latest = functions.get_function_configuration(FunctionName="shop")
        assert published.parameters["CodeSha256"] == latest["CodeSha256"]

    def test_keeps_the_url_in_step_with_the_adapter(self, deploy: Run, aws: RecordingAws) -> None:
        deploy()
        deploy("--invoke-mode", "buffered")
        (url,) = aws.named("UpdateFunctionUrlConfig")
        assert url.parameters == {
            "FunctionName": "shop",
            "Qualifier": "live",
            "AuthType": "NONE",
            "InvokeMode": "BUFFERED",
        }
        (update,) = aws.named("UpdateFunctionConfiguration")
        variables = update.parameters["Environment"]["Variables"]
        assert variables == {"ADAPTER_INVOKE_MODE": "buffered"}

    def test_that_closes_the_url_takes_the_permissions_back(
        self, deploy: Run, run: Run, aws: RecordingAws
    ) -> None:
        deploy()
        run("deploy", "shop.zip", "--name", "shop", "--auth", "iam")
        assert aws.changes() == ["UpdateFunctionUrlConfig", "RemovePermission", "RemovePermission"]
        deploy()
        assert aws.changes() == ["AddPermission", "AddPermission", "UpdateFunctionUrlConfig"]

    def test_writes_the_policy_for_traces_when_they_are_turned_on(
        self, deploy: Run, aws: RecordingAws
    ) -> None:
        deploy()
        deploy("--tracing")
        assert aws.changes()[0] == "PutRolePolicy"
        (policy,) = aws.named("PutRolePolicy")
        statements = json.loads(policy.parameters["PolicyDocument"])["Statement"]
        assert statements[1]["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]


class TestThePinnedRuntime:
    ARN = "arn:aws:lambda:eu-west-1::runtime:0a1b"

    def test_is_set_before_and_for_the_published_version(
        self, deploy: Run, aws: RecordingAws
    ) -> None:
        deploy("--runtime-version", self.ARN)
        order = [name for name in aws.changes() if name.startswith("P") and "Role" not in name]
        assert order[1:] == [
            "PutRuntimeManagementConfig",
            "PublishVersion",
            "PutRuntimeManagementConfig",
        ]
        pins = [call.parameters for call in aws.named("PutRuntimeManagementConfig")]
        assert [pin["Qualifier"] for pin in pins] == ["$LATEST", "1"]
        assert {pin["RuntimeVersionArn"] for pin in pins} == {self.ARN}
        deploy("--runtime-version", self.ARN)
        assert aws.changes() == []

    def test_is_let_go_without_a_new_version(self, deploy: Run, aws: RecordingAws) -> None:
        deploy("--runtime-version", self.ARN)
        deploy()
        pins = [call.parameters for call in aws.named("PutRuntimeManagementConfig")]
        assert [pin["UpdateRuntimeOn"] for pin in pins] == ["Auto", "Auto"]
        assert aws.named("PublishVersion") == []


def test_a_customer_managed_runtime_is_named_by_its_arn_and_its_alias(
    deploy: Run, aws: RecordingAws
) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:runtime/adapter"
    assert deploy("--custom-runtime", f"{arn}:live").code == 0
    (made,) = aws.named("CreateFunction")
    assert made.parameters["Runtime"] == "custom"
    assert made.parameters["RuntimeConfig"] == {"RuntimeArn": arn, "RuntimeAlias": "live"}
    deploy("--custom-runtime", f"{arn}:live")
    assert aws.changes() == []


class TestARollback:
    def test_makes_the_version_before_live_with_the_invoke_mode_that_it_needs(
        self, deploy: Run, run: Run, aws: RecordingAws, functions: Any
    ) -> None:
        deploy("--invoke-mode", "buffered")
        deploy()
        outcome = run("deploy", "--name", "shop", "--rollback")
        assert outcome.code == 0, outcome.err
        assert aws.changes() == ["UpdateAlias", "UpdateFunctionUrlConfig"]
        (url,) = aws.named("UpdateFunctionUrlConfig")
        assert url.parameters["InvokeMode"] == "BUFFERED"
        assert functions.get_alias(FunctionName="shop", Name="live")["FunctionVersion"] == "1"

    def test_is_undone_by_the_next_deployment(self, deploy: Run, run: Run, functions: Any) -> None:
        deploy("--memory", "512")
        deploy()
        run("deploy", "--name", "shop", "--rollback")
        assert deploy().code == 0
        assert functions.get_alias(FunctionName="shop", Name="live")["FunctionVersion"] == "2"

    def test_without_an_older_version_says_so(self, deploy: Run, run: Run) -> None:
        deploy()
        outcome = run("deploy", "--name", "shop", "--rollback")
        assert outcome.code == 1
        assert "Version 1 of shop is live, and there is no older one." in outcome.err

    def test_of_a_function_whose_url_was_deleted_changes_nothing(
        self, deploy: Run, run: Run, aws: RecordingAws, functions: Any
    ) -> None:
        deploy("--memory", "512")
        deploy()
        functions.delete_function_url_config(FunctionName="shop", Qualifier="live")
        outcome = run("deploy", "--name", "shop", "--rollback")
        assert outcome.code == 1
        assert "shop has no function URL. Deploy it again, which creates one." in outcome.err
        assert aws.changes() == []

    def test_of_what_is_not_there_says_so(self, run: Run) -> None:
        outcome = run("deploy", "--name", "shop", "--rollback")
        assert outcome.code == 1
        assert "There is no deployment 'shop' here." in outcome.err


@pytest.fixture
def stranger(aws: RecordingAws, functions: Any) -> Callable[..., dict[str, str]]:
    """Make a function otherwise, with a role of its own."""

    def make(**tags: str) -> dict[str, str]:
        role = boto3.client("iam").create_role(AssumeRolePolicyDocument="{}", RoleName="theirs")
        made: dict[str, str] = functions.create_function(
            FunctionName="shop",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="theirs.handler",
            Code={"ZipFile": b"theirs"},
            Tags=tags,
        )
        return made

    return make


class TestAFunctionThatWasMadeOtherwise:
    @pytest.mark.parametrize("tags", [{}, {TAG: "another"}], ids=["untagged", "another"])
    def test_is_refused(
        self,
        deploy: Run,
        aws: RecordingAws,
        stranger: Callable[..., object],
        tags: dict[str, str],
    ) -> None:
        stranger(**tags)
        outcome = deploy()
        assert outcome.code == 1
        assert "There is a function named shop already" in outcome.err
        assert "--adopt" in outcome.err
        assert aws.changes() == []

    def test_is_taken_over_with_adopt_and_keeps_its_role(
        self,
        deploy: Run,
        aws: RecordingAws,
        stranger: Callable[..., dict[str, str]],
        functions: Any,
    ) -> None:
        role = stranger()["Role"]
        assert deploy("--adopt").code == 0
        assert functions.get_function(FunctionName="shop")["Tags"] == {TAG: "shop"}
        assert functions.get_function_configuration(FunctionName="shop")["Role"] == role
        deploy()
        assert aws.changes() == []

    def test_is_not_destroyed(
        self, run: Run, aws: RecordingAws, stranger: Callable[..., object]
    ) -> None:
        stranger()
        outcome = run("destroy", "shop", "--yes")
        assert "Nothing in 123456789012, eu-west-1 has the tag" in outcome.err
        assert aws.changes() == []
