from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.emulator.commands.sam_template import find_template, function_of_template
from adapter.errors import ConfigurationError

EXAMPLES = Path(__file__).parents[3] / "examples"
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Colour: {Type: String, Default: red}
  Secret: {Type: String}
Globals:
  Function:
    Timeout: 20
    Environment:
      Variables: {COMMON: "1", OWN: "no"}
Resources:
  Shop:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: main.handler
      MemorySize: 512
      Environment:
        Variables:
          OWN: "yes"
          COLOUR: !Ref Colour
          SECRET: !Ref Secret
          TABLE: !GetAtt Table.Arn
          NAME: !Sub "${AWS::StackName}-shop"
      FunctionUrlConfig:
        AuthType: NONE
        InvokeMode: RESPONSE_STREAM
  Table:
    Type: AWS::DynamoDB::Table
"""


def test_a_function_is_read_with_its_globals_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    found = find_template(tmp_path)
    assert found is not None
    function = function_of_template(found)
    assert (function.name, function.handler) == ("Shop", "main.handler")
    assert function.task_root == tmp_path / "src"
    assert (function.timeout_seconds, function.memory_mb) == (20, 512)
    # What only AWS knows is left out.
    assert function.environ == {"COMMON": "1", "OWN": "yes", "COLOUR": "red"}
    assert function.url_config["InvokeMode"] == "RESPONSE_STREAM"


def test_without_settings_the_defaults_are_those_of_aws(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    url = {
        "Type": "AWS::Lambda::Url",
        "Properties": {
            "InvokeMode": "BUFFERED",
            "TargetFunctionArn": {"Fn::GetAtt": ["F", "Arn"]},
        },
    }
    image = {"PackageType": "Image", "ImageConfig": {"Command": ["main:app"]}}
    function = {"Type": "AWS::Lambda::Function", "Properties": image}
    template.write_text(json.dumps({"Resources": {"F": function, "U": url}}))
    read = function_of_template(template)
    assert (read.handler, read.timeout_seconds, read.memory_mb) == ("main:app", 3, 128)
    assert read.url_config["InvokeMode"] == "BUFFERED"


REFERENCES = """
Parameters:
  Mode: {Type: String, Default: RESPONSE_STREAM}
  Module: {Type: String, Default: main.handler}
  Seconds: {Type: Number, Default: 300}
  Origins: {Type: CommaDelimitedList, Default: "https://a.test, https://b.test"}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /shop/key}
  Secret: {Type: String, Default: "{{resolve:secretsmanager:shop}}"}
Globals:
  Function:
    Environment: {Variables: {TABLE: none}}
Resources:
  ApiAdminUrl:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !GetAtt ApiAdmin.Arn, InvokeMode: BUFFERED}
  ApiUrl:
    Type: AWS::Lambda::Url
    Properties:
      TargetFunctionArn: !GetAtt Api.Arn
      InvokeMode: !Ref Mode
      Cors:
        AllowOrigins: !Ref Origins
        AllowMethods: [GET, !Ref Method]
        MaxAge: !Ref Seconds
  ApiAdmin: {Type: AWS::Lambda::Function, Properties: {Handler: admin.handler}}
  Api:
    Type: AWS::Lambda::Function
    Properties:
      Code: ./src
      Handler: !Ref Module
      Environment:
        Variables:
          DEBUG: true
          VERBOSE: false
          COUNT: 3
          TABLE: !GetAtt Table.Arn
          STORED: !Ref Stored
          SECRET: !Ref Secret
          DATABASE: "postgres://{{resolve:ssm:/shop/password}}@db"
"""


def test_references_are_followed_and_unknown_values_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    template = tmp_path / "template.yaml"
    template.write_text(REFERENCES)
    function = function_of_template(template, "Api")
    assert (function.handler, function.task_root) == ("main.handler", tmp_path / "src")
    assert function.url_config["InvokeMode"] == "RESPONSE_STREAM"
    assert function.url_config["Cors"] == {
        "AllowOrigins": ["https://a.test", "https://b.test"],
        "AllowMethods": ["GET"],
        "MaxAge": 300,
    }
    # A value of Globals that the function replaces by one that only AWS knows, a parameter whose
    # default is the name of the value, a dynamic reference.
    unknown = {"TABLE", "STORED", "SECRET", "DATABASE"}
    assert unknown.isdisjoint(function.environ)


def test_variables_have_the_text_that_cloudformation_gives_them(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(REFERENCES)
    environ = function_of_template(template, "Api").environ
    assert environ == {"DEBUG": "true", "VERBOSE": "false", "COUNT": "3"}


@pytest.mark.parametrize("value", [".inf", ".nan", "-1", "0", "many"])
def test_a_number_that_lambda_does_not_take_is_the_default(tmp_path: Path, value: str) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Resources: {A: {Type: AWS::Lambda::Function, "
        f"Properties: {{Handler: a.handler, Timeout: {value}, MemorySize: {value}}}}}}}\n"
    )
    function = function_of_template(template)
    assert (function.timeout_seconds, function.memory_mb) == (3, 128)


def test_code_may_be_one_file(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    template = tmp_path / "template.yaml"
    properties = "{Handler: main.handler, CodeUri: src/main.py}"
    template.write_text(
        f"Resources: {{A: {{Type: AWS::Serverless::Function, Properties: {properties}}}}}"
    )
    assert function_of_template(template).task_root == tmp_path / "src"


TWO = """
Resources:
  A: {Type: AWS::Serverless::Function, Properties: {Handler: a.handler}}
  B: {Type: AWS::Serverless::Function, Properties: {Handler: b.handler}}
"""


def test_of_several_functions_one_has_to_be_chosen(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TWO)
    assert function_of_template(template, "B").handler == "b.handler"
    with pytest.raises(ConfigurationError, match="--function A"):
        function_of_template(template)
    with pytest.raises(ConfigurationError, match="no function is named 'C'"):
        function_of_template(template, "C")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Resources: {}", "has no function"),
        ("- a list", "is not a template"),
        ("a: [", "Cannot read"),
        ("Resources: {A: {Type: AWS::Lambda::Function, Properties: {}}}", "has no Handler"),
        (
            "Resources: {A: {Type: AWS::Lambda::Function, Properties: {Handler: !Ref Unknown}}}",
            "or one that only AWS knows",
        ),
        (
            "Resources: {A: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: !Sub x}}}}",
            "The code of A is in template.yaml itself",
        ),
        (
            "Resources: {A: {Type: AWS::Serverless::Function, Properties: {InlineCode: x = 1}}}",
            "The code of A is in template.yaml itself",
        ),
    ],
)
def test_a_template_without_a_function_is_explained(tmp_path: Path, text: str, says: str) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        function_of_template(template)


@pytest.mark.parametrize("example", ["fastapi_app", "django_app"])
@pytest.mark.parametrize("name", ["template.yaml", "template-rest.yaml"])
def test_the_templates_of_the_examples_are_read(example: str, name: str) -> None:
    function = function_of_template(EXAMPLES / example / name)
    assert function.handler == "handler.handler"
    assert function.task_root == EXAMPLES / example
