"""Apps of the frameworks that tests/test_frameworks.py does not have, under each runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from adapter.samples.api_events import rest_api_event
from adapter.samples.url_event import function_url_event

if TYPE_CHECKING:
    from .conftest import Serve


class Framework(NamedTuple):
    name: str
    error: str  #: what it makes of a ValueError in mid-stream
    reads_root_path: bool = True


FRAMEWORKS = [
    Framework("blacksheep", "ValueError"),
    Framework("connexion", "RuntimeError"),
    Framework("falcon", "ValueError", reads_root_path=False),
    Framework("litestar", "LitestarException"),
    Framework("quart", "ValueError"),
    Framework("sanic", "UnexpectedMessage", reads_root_path=False),  # logs the error and returns
]
each = pytest.mark.parametrize("framework", FRAMEWORKS, ids=[each.name for each in FRAMEWORKS])

HANDLER = """
from adapter import LambdaHandler
from tests.frameworks.{}_app import app

handler = LambdaHandler(app)
"""

#: The app gets the path without the stage, for frameworks that do not read ``root_path``.
WITHOUT_PREFIX = """
from adapter import LambdaHandler
from tests.frameworks.{}_app import app

async def without_prefix(scope, receive, send):
    if scope["type"] == "http" and (prefix := scope["root_path"]):
        path = scope["path"].removeprefix(prefix)
        raw_path = scope["raw_path"].removeprefix(prefix.encode()) or b"/"
        scope = {{**scope, "path": path, "raw_path": raw_path, "root_path": ""}}
    await app(scope, receive, send)

handler = LambdaHandler(without_prefix)
"""


@each
def test_a_request_arrives_whole_and_the_startup_is_one_for_all(
    serve: Serve, framework: Framework
) -> None:
    function = serve(HANDLER.format(framework.name))
    event = function_url_event(
        "/echo",
        method="POST",
        query="name=a%2Bb&name=c+d",
        headers=[("content-type", "application/octet-stream")],
        body=bytes(range(256)),
    )
    for _ in range(2):
        request = function.send(event).request
        head = request.prelude
        assert (head["statusCode"], request.content) == (200, bytes(range(256)))
        assert (head["headers"]["x-names"], head["headers"]["x-startups"]) == ("a+b,c d", "1")
        assert [cookie.partition(";")[0] for cookie in head["cookies"]] == ["a=1", "b=2"]
    assert function.get("/early").request.prelude["statusCode"] == 500
    assert function.get("/missing").request.prelude["statusCode"] == 404


@each
def test_a_stream_goes_part_by_part_and_ends_as_its_generator_does(
    serve: Serve, framework: Framework
) -> None:
    function = serve(HANDLER.format(framework.name))
    call = function.get("/stream/ends")
    assert (call.first, call.request.content, call.request.trailers) == (b"one ", b"one two", {})
    call = function.get("/stream/fails")
    assert (call.first, call.request.content) == (b"one ", b"one ")
    error = call.request.trailers["lambda-runtime-function-error-type"]
    assert error == f"Function.{framework.error}"
    call = function.get("/stream/endless", seconds=1.5)
    assert call.request.content.startswith(b"one and ")
    assert function.get("/stream/ends").request.content == b"one two"
    assert function.output.count("cleaned up") == 4


@each
def test_behind_a_stage_it_finds_its_routes_or_needs_the_path_without_the_stage(
    serve: Serve, framework: Framework
) -> None:
    event = rest_api_event("/echo", method="POST", query="name=x", body=b"abc", stage="prod")
    function = serve(
        (HANDLER if framework.reads_root_path else WITHOUT_PREFIX).format(framework.name)
    )
    response = function.send(event).response
    assert (response["statusCode"], response["body"]) == (200, "YWJj")
