"""Every template is what AWS's tools call valid, and becomes what a stream needs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import EXAMPLES, ROOT, TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDERS = [example.folder for example in EXAMPLES]
MCP = ROOT / "examples" / "mcp_server" / "template.yaml"
SAM = [*(file for folder in FOLDERS for file in sorted(folder.glob("template*.yaml"))), MCP]
PLAIN = [file for folder in FOLDERS for file in sorted(folder.glob("cloudformation*.yaml"))]


def name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


@pytest.mark.parametrize("template", [*SAM, *PLAIN], ids=name)
def test_cfn_lint_finds_nothing(template: Path, run: Callable[..., str]) -> None:
    run("cfn-lint", template)


@pytest.mark.parametrize("template", SAM, ids=name)
def test_sam_finds_nothing(template: Path, run: Callable[..., str]) -> None:
    run("sam", "validate", "--lint", "-t", template)


def transformed(template: Path) -> list[dict[str, Any]]:
    """The resources that a SAM template becomes; a plain one stays what it is."""
    script = Path(__file__).with_name("transform.py")
    command = [str(TOOLS / "python"), str(script), str(template)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    resources: dict[str, dict[str, Any]] = json.loads(ended.stdout)["Resources"]
    return list(resources.values())


def of_type(resources: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in resources if r["Type"] == kind]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
class TestTemplates:
    @pytest.mark.parametrize("template", ["template.yaml", "cloudformation.yaml"])
    def test_a_function_url_streams_and_nothing_but_the_url_is_public(
        self, folder: Path, template: str
    ) -> None:
        resources = transformed(folder / template)
        (url,) = of_type(resources, "AWS::Lambda::Url")
        assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
        permissions = of_type(resources, "AWS::Lambda::Permission")
        assert {p["Principal"] for p in permissions} == {"*"}
        conditions = ("FunctionUrlAuthType", "InvokedViaFunctionUrl")
        allowed = [(p["Action"], *map(p.get, conditions)) for p in permissions]
        assert sorted(allowed) == [
            ("lambda:InvokeFunction", None, True),  # without it anybody could, by Lambda's API
            ("lambda:InvokeFunctionUrl", "NONE", None),
        ]

    def test_a_rest_api_streams_from_every_path(self, folder: Path) -> None:
        resources = transformed(folder / "template-rest.yaml")
        (api,) = of_type(resources, "AWS::ApiGateway::RestApi")
        paths = api["Body"]["paths"]
        assert set(paths) == {"/", "/{proxy+}"}
        for path in paths.values():
            integration = path["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
            assert integration["responseTransferMode"] == "STREAM"
            assert integration["timeoutInMillis"] == 300_000
            uri = json.dumps(integration["uri"])
            assert "lambda:path/2021-11-15/functions/" in uri
            assert "/response-streaming-invocations" in uri
        (function,) = of_type(resources, "AWS::Lambda::Function")
        variables = function["Environment"]["Variables"]
        assert variables["ADAPTER_INVOKE_MODE"] == "response_stream"

    def test_a_rest_api_has_no_stage_but_its_own(self, folder: Path) -> None:
        resources = transformed(folder / "template-rest.yaml")
        (stage,) = of_type(resources, "AWS::ApiGateway::Stage")
        (deployment,) = of_type(resources, "AWS::ApiGateway::Deployment")
        assert stage["StageName"] == "live"
        assert "StageName" not in deployment  # of SAM's own, which would be public beside it

    def test_a_stream_may_take_longer_than_the_three_seconds_of_the_default(
        self, folder: Path
    ) -> None:
        for template in ("template.yaml", "template-rest.yaml"):
            (function,) = of_type(transformed(folder / template), "AWS::Lambda::Function")
            assert function["Timeout"] == 300


FASTAPI = FOLDERS[0]
CLOUDFRONT = ["template-cloudfront.yaml", "template-cloudfront-rest.yaml"]


@pytest.mark.parametrize("template", CLOUDFRONT)
class TestBehindCloudFront:
    def test_a_stream_is_passed_on_as_it_is_and_nothing_is_kept(self, template: str) -> None:
        (distribution,) = of_type(transformed(FASTAPI / template), "AWS::CloudFront::Distribution")
        behavior = distribution["DistributionConfig"]["DefaultCacheBehavior"]
        assert behavior["Compress"] is False
        assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        assert "POST" in behavior["AllowedMethods"]

    def test_the_header_with_the_viewers_host_is_the_one_that_the_adapter_reads(
        self, template: str
    ) -> None:
        resources = transformed(FASTAPI / template)
        (function,) = of_type(resources, "AWS::Lambda::Function")
        (code,) = of_type(resources, "AWS::CloudFront::Function")
        header = function["Environment"]["Variables"]["ADAPTER_TRUSTED_HOST_HEADER"]
        assert f'request.headers["{header}"] = ' in code["FunctionCode"]


def test_only_its_distribution_may_call_a_function_url_behind_cloudfront() -> None:
    resources = transformed(FASTAPI / CLOUDFRONT[0])
    (url,) = of_type(resources, "AWS::Lambda::Url")
    assert (url["AuthType"], url["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    permissions = of_type(resources, "AWS::Lambda::Permission")
    assert {p["Principal"] for p in permissions} == {"cloudfront.amazonaws.com"}
    assert all("${Distribution}" in json.dumps(p["SourceArn"]) for p in permissions)
    actions = sorted(p["Action"] for p in permissions)
    assert actions == ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]
    (access,) = of_type(resources, "AWS::CloudFront::OriginAccessControl")
    config = access["OriginAccessControlConfig"]
    assert (config["OriginAccessControlOriginType"], config["SigningBehavior"]) == (
        "lambda",
        "always",
    )


def test_the_secret_that_cloudfront_sends_to_a_rest_api_is_the_one_that_the_adapter_asks_for() -> (
    None
):
    resources = transformed(FASTAPI / CLOUDFRONT[1])
    (distribution,) = of_type(resources, "AWS::CloudFront::Distribution")
    (origin,) = distribution["DistributionConfig"]["Origins"]
    (header,) = origin["OriginCustomHeaders"]
    (function,) = of_type(resources, "AWS::Lambda::Function")
    front_end = function["Environment"]["Variables"]["ADAPTER_TRUSTED_FRONT_END"]
    assert front_end == {"Fn::Sub": f"{header['HeaderName']}: ${{OriginSecret}}"}
    assert header["HeaderValue"] == {"Ref": "OriginSecret"}


def test_managed_instances_serve_many_requests_in_one_process() -> None:
    resources = transformed(FASTAPI / "template-managed-instances.yaml")
    (capacity,) = of_type(resources, "AWS::Lambda::CapacityProvider")
    assert capacity["InstanceRequirements"]["Architectures"] == ["arm64"]
    (function,) = of_type(resources, "AWS::Lambda::Function")
    config = function["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"]
    assert config["PerExecutionEnvironmentMaxConcurrency"] == 64
    assert function["MemorySize"] >= 2048
    variables = function["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/adapter/bootstrap"
    (url,) = of_type(resources, "AWS::Lambda::Url")
    assert url["TargetFunctionArn"] == {"Ref": "FunctionAliaslive"}  # only versions run on them


def test_the_mcp_server_streams_from_its_url() -> None:
    resources = transformed(MCP)
    (url,) = of_type(resources, "AWS::Lambda::Url")
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
    (function,) = of_type(resources, "AWS::Lambda::Function")
    assert function["Timeout"] == 300
