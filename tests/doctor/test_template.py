"""Templates whose invoke mode does not fit, in the forms that SAM and CloudFormation have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.doctor.template import MAX_BYTES, unfit_places

EXAMPLES = Path(__file__).parents[2] / "examples"
STREAM = "RESPONSE_STREAM"

SAM = """
Resources:
  Role: !GetAtt [Other, Arn]
  Tags: !Sub {{a: b}}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: !Ref Handler
{properties}
"""
URL = "      FunctionUrlConfig: {AuthType: NONE, InvokeMode: %s}"
EVENT = "      Events: {Any: {Type: %s, Properties: {ResponseTransferMode: %s}}}"


def places(folder: Path, text: str, name: str = "template.yaml") -> list[str]:
    (folder / name).write_text(text)
    return unfit_places(folder)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (URL % "RESPONSE_STREAM", []),
        (URL % "!Ref Mode", []),
        (URL % "BUFFERED", ["Function.FunctionUrlConfig has no InvokeMode: RESPONSE_STREAM"]),
        (EVENT % ("Api", "RESPONSE_STREAM"), []),
        (
            EVENT % ("Api", "BUFFERED"),
            ["Function.Any has no ResponseTransferMode: " + STREAM],
        ),
        (EVENT % ("HttpApi", "x"), ["Function.Any is an HTTP API, which cannot stream"]),
        (EVENT % ("Schedule", "x"), []),
        ("      Events: {Odd: 1}", []),
        ("      Timeout: 3", []),
    ],
)
def test_a_sam_function_is_read(tmp_path: Path, properties: str, expected: list[str]) -> None:
    text = SAM.format(properties=properties)
    assert places(tmp_path, text) == [f"template.yaml: {place}" for place in expected]


def test_globals_count(tmp_path: Path) -> None:
    stream = "Globals: {Function: {FunctionUrlConfig: {InvokeMode: RESPONSE_STREAM}}}"
    text = stream + SAM.format(properties="      FunctionUrlConfig: {AuthType: NONE}")
    assert places(tmp_path, text) == []


def test_a_url_of_cloudformation_is_read_from_json(tmp_path: Path) -> None:
    url = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}
    text = json.dumps({"Resources": {"Url": url, "Odd": 1}})
    expected = ["template.json: Url has no InvokeMode: RESPONSE_STREAM"]
    assert places(tmp_path, text, "template.json") == expected


@pytest.mark.parametrize("text", ["", "- a list", "{", "a: [", "\0", "x: y\n" * MAX_BYTES])
def test_a_file_that_is_no_template_has_no_places(tmp_path: Path, text: str) -> None:
    assert places(tmp_path, text) == []


@pytest.mark.parametrize("example", ["fastapi_app", "django_app"])
def test_the_templates_of_the_examples_stream(example: str) -> None:
    assert unfit_places(EXAMPLES / example) == []
