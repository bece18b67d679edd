"""What REST APIs and HTTP APIs have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adapter.emulator.front_ends.api_gateway import path_below
from adapter.emulator.front_ends.client_request import ClientRequest
from adapter.emulator.front_ends.http_api import http_event
from adapter.emulator.front_ends.rest_api import rest_event

if TYPE_CHECKING:
    from adapter.emulator.front_ends.source_event import SourceEvent

HEADERS = [(b"host", b"127.0.0.1:8000"), (b"x-two", b"1"), (b"x-two", b"2"), (b"cookie", b"a=b")]


def request(path: str = "/a%20b", query: str = "q=1&q=2") -> ClientRequest:
    return ClientRequest("POST", path, query, HEADERS, b"hi", "http", 8000, "127.0.0.1")


def document(event: SourceEvent | None) -> Any:
    assert event is not None
    return json.loads(event.document)


def test_the_path_below_a_stage() -> None:
    assert path_below("/dev/x", "/dev") == "/x"
    assert path_below("/dev", "/dev") == "/"
    assert path_below("/x", "") == "/x"
    assert path_below("/device", "/dev") is None


def test_outside_of_the_stage_there_is_no_event() -> None:
    for make in (rest_event, http_event):
        assert make(request("/x"), stage="dev", base_path="", aws_region=None) is None
