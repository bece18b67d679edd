"""The plain template, created on moto's server, configures a URL that streams."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import httpx
import pytest

from .conftest import TOOLS, Example, every_example

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(120)

SERVER = Path(__file__).with_name("moto_server.py")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server that responds as AWS does, and return its address."""
    log = tmp_path_factory.mktemp("moto") / "log"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(TOOLS / "python"), str(SERVER), str(port)]
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=said) as server:
        try:
            while server.poll() is None and not responses(url):
                sleep(0.1)
            assert server.poll() is None, log.read_text()
            yield url
        finally:
            server.kill()
            sys.stderr.write(log.read_text())  # pytest shows it when a test has failed


def responses(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/").status_code == 200
    except httpx.TransportError:
        return False


@every_example
def test_the_stack_has_a_public_url_that_streams(example: Example, aws: str) -> None:
    client("s3", aws).create_bucket(Bucket="code")
    client("s3", aws).put_object(Bucket="code", Key="function.zip", Body=b"a zip")
    made = create_stack(aws, example, CodeBucket="code", CodeKey="function.zip")
    url = client("lambda", aws).get_function_url_config(FunctionName=made.function)
    assert (url["AuthType"], url["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
    assert url["FunctionUrl"] == made.outputs["Url"]
    configured = client("lambda", aws).get_function_configuration(FunctionName=made.function)
    assert (configured["Timeout"], configured["MemorySize"]) == (300, 1024)
    assert (configured["Handler"], configured["Runtime"]) == ("handler.handler", "python3.13")
    assert configured["Environment"]["Variables"]["ADAPTER_INVOKE_MODE"] == "response_stream"
    policy = json.loads(client("lambda", aws).get_policy(FunctionName=made.function)["Policy"])
    actions = {statement["Action"] for statement in policy["Statement"]}
    assert actions == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}


@every_example
def test_a_container_image_takes_the_place_of_the_zip(example: Example, aws: str) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/example:1"
    made = create_stack(aws, example, ImageUri=image)
    function = client("lambda", aws).get_function(FunctionName=made.function)
    assert function["Code"]["ImageUri"] == image
    assert not function["Configuration"].get("Handler")
    assert not function["Configuration"].get("Runtime")


class Stack(NamedTuple):
    function: str
    outputs: dict[str, str]


def client(service: str, aws: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def create_stack(aws: str, example: Example, **parameters: str) -> Stack:
    cloudformation = client("cloudformation", aws)
    name = f"{example.name}-{len(cloudformation.describe_stacks()['Stacks'])}".replace("_", "-")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(example.folder / "cloudformation.yaml").read_text("utf-8"),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {**parameters, **example.parameters}.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    (made,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    (function,) = (
        resource["PhysicalResourceId"]
        for resource in cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    )
    return Stack(function, {o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]})
