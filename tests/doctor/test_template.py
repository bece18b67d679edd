"""Templates whose invoke mode does not fit, in the forms that SAM and CloudFormation have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.doctor.template import MAX_BYTES, places_without_streaming

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
    return places_without_streaming(folder, "main:app")


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


APP = {"AuthType": "NONE", "InvokeMode": STREAM}
BUFFERS = {"AuthType": "NONE"}


def function(handler: str, url: dict[str, str], **events: str) -> dict[str, object]:
    named = {name: {"Type": kind} for name, kind in events.items()}
    properties = {"Handler": handler, "FunctionUrlConfig": url, "Events": named}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        ({"App": function("main.handler", APP), "Admin": function("admin.handler", BUFFERS)}, []),
        ({"App": function("handler.handler", APP), "Admin": function("b.handler", BUFFERS)}, []),
        (
            {"App": function("main:app", BUFFERS), "Admin": function("b.handler", APP)},
            ["App.FunctionUrlConfig has no InvokeMode: RESPONSE_STREAM"],
        ),
        (
            {"App": function("main.handler", APP, Any="HttpApi")},
            ["App.Any is an HTTP API, which cannot stream"],
        ),
        (
            {"One": function("a.handler", BUFFERS), "Two": function("b.handler", BUFFERS)},
            [
                "One.FunctionUrlConfig has no InvokeMode: RESPONSE_STREAM",
                "Two.FunctionUrlConfig has no InvokeMode: RESPONSE_STREAM",
            ],
        ),
    ],
)
def test_of_several_functions_that_of_the_app_counts(
    tmp_path: Path, functions: dict[str, object], expected: list[str]
) -> None:
    text = json.dumps({"Resources": functions})
    found = places(tmp_path, text, "template.json")
    assert found == [f"template.json: {place}" for place in expected]


@pytest.mark.parametrize("arn", [{"Fn::GetAtt": "Admin.Arn"}, {"Fn::Sub": "${Admin.Arn}:live"}])
def test_a_url_of_another_function_of_cloudformation_does_not_count(
    tmp_path: Path, arn: object
) -> None:
    kind = "AWS::Lambda::Function"
    url = {"TargetFunctionArn": arn, "InvokeMode": "BUFFERED"}
    app_url = {"TargetFunctionArn": {"Ref": "App"}, "InvokeMode": STREAM}
    resources = {
        "App": {"Type": kind, "Properties": {"Handler": "main.handler"}},
        "AppUrl": {"Type": "AWS::Lambda::Url", "Properties": app_url},
        "Admin": {"Type": kind, "Properties": {"Handler": "admin.handler"}},
        "AdminUrl": {"Type": "AWS::Lambda::Url", "Properties": url},
    }
    text = json.dumps({"Resources": resources})
    assert places(tmp_path, text, "template.json") == []


def test_a_template_above_counts_if_the_code_of_its_function_is_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "apps" / "shop"
    folder.mkdir(parents=True)
    text = SAM.format(properties="      CodeUri: %s\n" + URL % "BUFFERED")
    expected = [f"../../template.yaml: Function.FunctionUrlConfig has no InvokeMode: {STREAM}"]
    for uri, found in (("./apps/shop/", expected), ("apps", []), ("!Ref Code", [])):
        (tmp_path / "template.yaml").write_text(text % uri)
        assert places_without_streaming(folder, "main:app") == found
    (tmp_path / "template.yaml").write_text(text % "apps/shop")
    (folder / ".git").mkdir()
    assert places_without_streaming(folder, "main:app") == []


@pytest.mark.parametrize("text", ["", "- a list", "{", "a: [", "\0", "x: y\n" * MAX_BYTES])
def test_a_file_that_is_no_template_has_no_places(tmp_path: Path, text: str) -> None:
    assert places(tmp_path, text) == []


@pytest.mark.parametrize("example", ["fastapi_app", "django_app"])
def test_the_templates_of_the_examples_stream(example: str) -> None:
    assert places_without_streaming(EXAMPLES / example, "main:app") == []
