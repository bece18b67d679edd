"""Names of docs/python-response-streaming.md that do not exist: once they do, the page is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import error_of

if TYPE_CHECKING:
    from tests.support.runtimes import StartRunning

PAGE = Path(__file__).parents[2] / "docs" / "python-response-streaming.md"
TEXT = PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    "statement",
    [
        "import awslambdaric.streaming",
        "import awslambda",
        "from aws_lambda_powertools.utilities.streaming import streamify_response",
    ],
)
def test_an_invented_import_fails_as_the_page_says(statement: str) -> None:
    with pytest.raises(ImportError) as failed:
        exec(statement)
    said = str(failed.value).partition(" from ")[0]
    assert f"{type(failed.value).__name__}: {said}" in TEXT


@pytest.mark.parametrize(
    "handler",
    ["def handler(event, context):\n    yield 'one'", "async def handler(event, context): ..."],
    ids=["generator", "coroutine"],
)
@pytest.mark.parametrize("runtime", ["managed 3", "managed 4"], indirect=True)
def test_awss_runtime_cannot_return_what_is_not_json(run: StartRunning, handler: str) -> None:
    running = run(handler)
    running.client.deliver(function_url_event("/"))
    request = running.client.read()
    assert request.call == error_of("id-1")
    said = re.sub(r"^Unable to marshal response: ", "… ", request.json["errorMessage"])
    assert f"{request.json['errorType']}: {said}" in TEXT
