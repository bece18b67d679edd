"""The files of examples/infrastructure, each read by its own tool, without an account."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from .conftest import ROOT, TOOLS
from .test_templates import of_type, transformed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)

INFRASTRUCTURE = ROOT / "examples" / "infrastructure"
NODE = ROOT / ".node-tools" / "node_modules"
CDK_PYTHON = ROOT / ".venv-cdk" / "bin"
OFFLINE = ("could not connect to", "failed to query available provider packages")


class Settings(NamedTuple):
    """What decides whether a function streams, and who may call it."""

    handler: str
    runtime: str
    architecture: str
    memory_mb: int
    timeout_seconds: int
    variables: dict[str, str]
    auth_type: str
    invoke_mode: str
    allowed: list[tuple[str, str | None, bool | None]]
    log_days: int


def settings_of(resources: list[dict[str, Any]]) -> Settings:
    """Return the settings in a CloudFormation template."""
    (function,) = of_type(resources, "AWS::Lambda::Function")
    (url,) = of_type(resources, "AWS::Lambda::Url")
    (logs,) = of_type(resources, "AWS::Logs::LogGroup")
    permissions = of_type(resources, "AWS::Lambda::Permission")
    assert {permission["Principal"] for permission in permissions} == {"*"}
    conditions = ("FunctionUrlAuthType", "InvokedViaFunctionUrl")
    return Settings(
        function["Handler"],
        function["Runtime"],
        function["Architectures"][0],
        function["MemorySize"],
        function["Timeout"],
        function["Environment"]["Variables"],
        url["AuthType"],
        url["InvokeMode"],
        sorted((p["Action"], *map(p.get, conditions)) for p in permissions),
        logs["RetentionInDays"],
    )


@pytest.fixture(scope="module")
def expected() -> Settings:
    """Read the SAM template of the FastAPI example, which test_sam_build.py runs."""
    return settings_of(transformed(ROOT / "examples" / "fastapi_app" / "template.yaml"))


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Copy the files of a tool, and put a zip beside them."""
    tool: str = request.param
    copy = tmp_path / tool
    shutil.copytree(INFRASTRUCTURE / tool, copy)
    with zipfile.ZipFile(copy / "function.zip", "w") as package:
        package.writestr("handler.py", "")
    return copy


def node(folder: Path, tool: str, *arguments: str) -> None:
    """Run a tool of npm, with its own Node, as a person without an account would."""
    command = [str(NODE / ".bin" / tool), *arguments]
    assert NODE.exists(), f"{tool} is not installed. Try: make test-system"
    silent = {"CDK_DISABLE_CLI_TELEMETRY": "1", "SLS_TELEMETRY_DISABLED": "1", "CI": "1"}
    path = f"{NODE / '.bin'}:{CDK_PYTHON}:{os.environ['PATH']}"
    environ = {**os.environ, **silent, "PATH": path, "NODE_PATH": str(NODE)}
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "AWS_PROFILE"):
        environ.pop(name, None)
    ended = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}\n{ended.stderr}"


def resources_of(template: Path) -> list[dict[str, Any]]:
    resources: dict[str, dict[str, Any]] = json.loads(template.read_text("utf-8"))["Resources"]
    return list(resources.values())


@pytest.mark.parametrize("folder", ["cdk"], indirect=True)
@pytest.mark.parametrize("language", ["python", "typescript"])
def test_cdk_makes_a_template_that_streams(
    folder: Path, language: str, expected: Settings, run: Callable[..., str]
) -> None:
    app = {"python": [], "typescript": ["--app", "tsx app.ts"]}[language]
    (folder / "node_modules").symlink_to(NODE)  # where Node looks for the imports of app.ts
    node(folder, "cdk", "synth", "--quiet", *app)
    template = folder / "cdk.out" / "shop.template.json"
    assert settings_of(resources_of(template)) == expected
    # CDK writes a dependency of each function on its role, which the template has already.
    run("cfn-lint", template, "--ignore-checks", "W3005")


@pytest.mark.parametrize("folder", ["serverless"], indirect=True)
def test_osls_makes_a_template_that_streams(
    folder: Path, expected: Settings, run: Callable[..., str]
) -> None:
    node(folder, "osls", "package")  # what its schema does not allow is an error: see the file
    template = folder / ".serverless" / "cloudformation-template-update-stack.json"
    assert settings_of(resources_of(template)) == expected
    run("cfn-lint", template)


def read_terraform(file: Path) -> dict[str, Any]:
    """Parse a file of Terraform, by the Python that has python-hcl2 in it."""
    script = (
        "import hcl2, json, sys\n"
        "options = hcl2.SerializationOptions(strip_string_quotes=True, with_comments=False,"
        " explicit_blocks=False)\n"
        "print(json.dumps(hcl2.load(open(sys.argv[1]), serialization_options=options)))"
    )
    command = [str(TOOLS / "python"), "-c", script, str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    parsed: dict[str, Any] = json.loads(ended.stdout)
    return parsed


def test_terraform_configures_what_the_templates_configure(expected: Settings) -> None:
    blocks = read_terraform(INFRASTRUCTURE / "terraform" / "main.tf")["resource"]
    resources = [
        (kind, body) for block in blocks for kind, named in block.items() for body in named.values()
    ]

    def of(kind: str) -> list[dict[str, Any]]:
        return [body for each, body in resources if each == kind]

    (function,) = of("aws_lambda_function")
    (url,) = of("aws_lambda_function_url")
    (logs,) = of("aws_cloudwatch_log_group")
    permissions = of("aws_lambda_permission")
    conditions = ("function_url_auth_type", "invoked_via_function_url")
    assert {permission["principal"] for permission in permissions} == {"*"}
    assert expected == Settings(
        function["handler"],
        function["runtime"],
        function["architectures"][0],
        function["memory_size"],
        function["timeout"],
        function["environment"][0]["variables"],
        url["authorization_type"],
        url["invoke_mode"],
        sorted((p["action"], *map(p.get, conditions)) for p in permissions),
        logs["retention_in_days"],
    )


@pytest.mark.parametrize("folder", ["terraform"], indirect=True)
def test_terraform_and_opentofu_accept_the_file(folder: Path) -> None:
    """As far as each is there: `fmt` needs nothing else, `validate` the AWS provider."""
    for tool in filter(shutil.which, ("terraform", "tofu")):
        assert terraform(folder, tool, "fmt", "-check", "-diff").returncode == 0
        started = terraform(folder, tool, "init", "-backend=false", "-no-color")
        said = " ".join((started.stdout + started.stderr).split()).lower()
        if started.returncode == 0:
            validated = terraform(folder, tool, "validate", "-no-color")
            assert validated.returncode == 0, validated.stdout + validated.stderr
        else:  # no way to the provider from here: the test above has parsed the file
            assert any(text in said for text in OFFLINE), said


def terraform(folder: Path, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = folder.parent / "terraform.rc"
    settings.write_text("")
    environ = {**os.environ, "TF_CLI_CONFIG_FILE": str(settings)}
    return subprocess.run(
        [tool, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_a_domain_leads_to_the_stage_of_a_rest_api_without_a_path(run: Callable[..., str]) -> None:
    template = INFRASTRUCTURE / "domain" / "template.yaml"
    run("cfn-lint", template)
    resources = transformed(template)
    (mapping,) = of_type(resources, "AWS::ApiGateway::BasePathMapping")
    assert "BasePath" not in mapping
    assert mapping["Stage"] == {"Ref": "Stage"}
