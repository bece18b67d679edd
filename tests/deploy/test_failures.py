"""What `adapter deploy` says and leaves when AWS refuses: at each step, before it, and for good."""

from __future__ import annotations

import signal
import socketserver
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from adapter.deploy import apply

from .conftest import write_zip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

    from .conftest import Run

FIRST = [
    "CreateRole",
    "PutRolePolicy",
    "CreateLogGroup",
    "PutRetentionPolicy",
    "CreateFunction",
    "PublishVersion",
    "CreateAlias",
    "AddPermission",
    "CreateFunctionUrlConfig",
]
SECOND = [
    "PutRolePolicy",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "PutRuntimeManagementConfig",
    "PublishVersion",
    "UpdateAlias",
    "UpdateFunctionUrlConfig",
    "RemovePermission",
]
OTHER = ["--memory", "512", "--tracing", "--invoke-mode", "buffered", "--auth", "iam"]
PINNED = ["--runtime-version", "arn:aws:lambda:eu-west-1::runtime:0a1b"]


def state() -> dict[str, Any]:
    """Return what is live, without what differs from run to run."""
    functions = boto3.client("lambda")
    live = functions.get_function_configuration(FunctionName="shop", Qualifier="live")
    url = functions.get_function_url_config(FunctionName="shop", Qualifier="live")
    names = ("Version", "MemorySize", "CodeSha256", "Environment", "TracingConfig")
    return {**{n: live[n] for n in names}, "mode": url["InvokeMode"], "auth": url["AuthType"]}


class TestAFirstDeployment:
    @pytest.mark.parametrize("operation", FIRST)
    def test_that_fails_at_a_step_goes_on_from_there(
        self, deploy: Run, aws: RecordingAws, operation: str
    ) -> None:
        aws.refuse(operation)
        failed = deploy()
        assert failed.code == 1
        assert "Stopped at step " in failed.err
        assert "docs/deploy.md has the policy that the deployer needs" in failed.err
        assert "Run the same command again to continue." in failed.err
        assert aws.changes()[-1] == operation
        done = {*aws.changes()[:-1]} - {"PublishVersion"}  # which gives the same version again
        assert deploy().code == 0
        assert [name for name in aws.changes() if name in done] == []
        assert state()["Version"] == "1"
        deploy()
        assert aws.changes() == []


@pytest.mark.parametrize("command", [("deploy", "shop.zip", "--auth", "none"), ("destroy",)])
def test_a_deployer_who_must_not_read_the_tags_changes_nothing(
    deploy: Run, run: Run, aws: RecordingAws, command: tuple[str, ...]
) -> None:
    deploy()
    aws.refuse("ListTags")
    name = ("--name", "shop") if command[0] == "deploy" else ("shop", "--yes")
    refused = run(*command, *name)
    assert refused.code == 1
    assert "docs/deploy.md has the policy that the deployer needs" in refused.err
    assert aws.changes() == []


class TestAnUpdate:
    @pytest.mark.parametrize("operation", SECOND)
    def test_that_fails_at_a_step_leaves_what_is_live_and_goes_on_from_there(
        self, deploy: Run, aws: RecordingAws, tmp_path: Path, operation: str
    ) -> None:
        deploy()
        before = state()
        write_zip(tmp_path / "shop.zip", "2")
        aws.refuse(operation)
        failed = deploy(*OTHER, *PINNED)
        assert failed.code == 1
        is_waiting = SECOND.index(operation) <= SECOND.index("UpdateAlias")
        assert ("The live version has not changed." in failed.err) == is_waiting
        if is_waiting:
            assert state() == before
        assert deploy(*OTHER, *PINNED).code == 0
        after = state()
        assert (after["Version"], after["MemorySize"]) == ("2", 512)
        assert (after["mode"], after["auth"]) == ("BUFFERED", "AWS_IAM")
        deploy(*OTHER, *PINNED)
        assert aws.changes() == []

    def test_whose_version_does_not_become_active_leaves_the_old_one_live(
        self, deploy: Run, aws: RecordingAws
    ) -> None:
        deploy()
        aws.broken_versions["shop:2"] = "Runtime.BeforeSnapshotError"
        failed = deploy("--memory", "512", "--snapstart")
        assert "The function did not become active: Runtime.BeforeSnapshotError" in failed.err
        assert state()["Version"] == "1"


class TestANewRole:
    NOT_YET = (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
        400,
    )

    NO_TRACES = (
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call PutTraceSegments on XRAY",
        400,
    )

    @pytest.mark.parametrize("refusal", [NOT_YET, NO_TRACES], ids=["role", "right"])
    def test_that_lambda_does_not_accept_yet_is_tried_again(
        self,
        deploy: Run,
        aws: RecordingAws,
        monkeypatch: pytest.MonkeyPatch,
        refusal: tuple[str, str, int],
    ) -> None:
        monkeypatch.setattr(apply, "ROLE_RETRY_SECONDS", 0)
        aws.refuse("CreateFunction", *refusal, times=3)
        outcome = deploy("--tracing")
        assert outcome.code == 0
        assert len(aws.named("CreateFunction")) == 4
        assert outcome.err.count("Lambda does not accept the role yet: up to 60 s ...") == 1

    def test_whose_new_right_lambda_does_not_see_yet_is_tried_again(
        self, deploy: Run, aws: RecordingAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(apply, "ROLE_RETRY_SECONDS", 0)
        deploy()
        aws.refuse("UpdateFunctionConfiguration", *self.NO_TRACES, times=3)
        assert deploy("--tracing").code == 0
        assert len(aws.named("UpdateFunctionConfiguration")) == 4

    def test_that_lambda_can_never_assume_is_an_error_in_the_end(
        self, deploy: Run, aws: RecordingAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(apply, "ROLE_TIMEOUT_SECONDS", 0)
        aws.refuse("CreateFunction", *self.NOT_YET, times=100)
        outcome = deploy()
        assert outcome.code == 1
        assert "cannot be assumed by Lambda" in outcome.err

    def test_is_not_the_reason_of_any_other_refusal(self, deploy: Run, aws: RecordingAws) -> None:
        refusal = ("InvalidParameterValueException", "Unzipped size must be smaller", 400)
        aws.refuse("CreateFunction", *refusal, times=100)
        outcome = deploy()
        assert "Unzipped size must be smaller" in outcome.err
        assert len(aws.named("CreateFunction")) == 1


class PlainHttp(socketserver.BaseRequestHandler):
    """Responds in plain HTTP to whatever comes, such as the first bytes of TLS."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            self.request.recv(65536)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class TestWithout:
    @pytest.mark.parametrize("command", ["deploy", "destroy", "logs"])
    def test_credentials_one_sentence_says_so(
        self, run: Run, aws: RecordingAws, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        outcome = run(*line(command))
        assert outcome.code == 1
        assert outcome.err == (
            f"adapter {command}: No credentials for AWS were found. Log in with `aws login`, or "
            "name a --profile.\n"
        )

    @pytest.mark.parametrize("command", ["deploy", "destroy", "logs"])
    def test_a_region_one_sentence_says_so(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        outcome = run(*line(command))
        assert outcome.code == 1
        assert outcome.err == (
            f"adapter {command}: No region is set. Name one with --region, or "
            "AWS_REGION=eu-west-1.\n"
        )

    def test_a_network_one_sentence_says_so(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        outcome = run(*line("deploy"))
        assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/"' in outcome.err
        assert outcome.err.endswith(". Check the network, the proxy (HTTPS_PROXY) and --region.\n")

    def test_tls_one_sentence_says_so(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), PlainHttp) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{server.server_address[1]}")
            outcome = run(*line("deploy"))
            server.shutdown()
        assert outcome.err.startswith("adapter deploy: SSL validation failed for https://")
        assert outcome.err.endswith(". Check the network, the proxy (HTTPS_PROXY) and --region.\n")
        assert outcome.err.count("\n") == 1

    def test_the_profile_that_was_named_one_sentence_says_so(self, run: Run) -> None:
        outcome = run(*line("deploy"), "--profile", "nonsense")
        assert "The config profile (nonsense) could not be found." in outcome.err


def line(command: str) -> list[str]:
    more = ["shop.zip", "--name", "shop", "--auth", "none"]
    return [command, *(more if command == "deploy" else ["shop"])]


def test_aws_region_counts_as_for_all_tools_but_boto3(
    run: Run, aws: RecordingAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert run(*line("deploy")).code == 0
    (role,) = aws.named("CreateRole")
    assert role.parameters["RoleName"] == "shop-eu-central-1-role"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ExpiredToken", "The credentials have expired. Log in again, and run the same command."),
        ("InvalidClientTokenId", "AWS does not know these credentials (InvalidClientTokenId)."),
    ],
)
def test_credentials_that_aws_refuses_are_explained(
    deploy: Run, aws: RecordingAws, code: str, sentence: str
) -> None:
    aws.refuse("GetCallerIdentity", code, "no")
    outcome = deploy()
    assert outcome.code == 1
    assert sentence in outcome.err


@pytest.mark.process
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interrupted_deployment_says_where_it_stopped_and_goes_on_from_there(
    deploy: Run, aws: RecordingAws, number: signal.Signals, code: int
) -> None:
    waits = "The role defined for the function cannot be assumed by Lambda."
    aws.refuse("CreateFunction", "InvalidParameterValueException", waits, 400, times=1000)
    line = ["deploy", "shop.zip", "--name", "shop", "--auth", "none", "--no-doctor"]
    command = [sys.executable, "-m", "adapter", *line]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("does not accept the role yet" in line for line in process.stderr)
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait() == code
    assert rest == (
        "Stopped at step 5 of 10, create function shop: interrupted, so this step may be done or "
        "not.\nThe steps before this one stay. Run the same command again to continue.\n"
    )
    aws.refusals.clear()
    outcome = deploy()
    assert outcome.code == 0, outcome.err
    assert "CreateRole" not in aws.changes()


def test_a_version_that_cannot_be_read_is_not_taken_for_a_missing_alias(
    deploy: Run, aws: RecordingAws
) -> None:
    deploy()
    aws.refuse("GetRuntimeManagementConfig", "ResourceNotFoundException", "Not found", 404)
    outcome = deploy("--memory", "512")
    assert outcome.code == 1
    assert "GetRuntimeManagementConfig" in outcome.err
    assert aws.changes() == []
