"""What all sources do with a response; here for a function URL."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.emulator.front_ends.function_url import streamed_head
from adapter.emulator.front_ends.source_response import InvalidResponseError

from .test_function_url import ADDED


@pytest.mark.parametrize(
    "name",
    [
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ],
)
def test_hop_by_hop_headers_are_dropped(name: str) -> None:
    assert streamed_head({"headers": {name: "x"}}, "id", "Root=1").headers == ADDED


@pytest.mark.parametrize(
    "prelude",
    [
        {"statusCode": "200"},
        {"statusCode": True},
        {"statusCode": 101},
        {"statusCode": 600},
        {"headers": []},
        {"headers": {"X": 1}},
        {"headers": {"X": [1]}},
        {"headers": {"X": "a\r\nSet-Cookie: b"}},
        {"headers": {"X": "a\0"}},
        {"headers": {"X": "€"}},
        {"headers": {"X Y": "a"}},
        {"headers": {"": "a"}},
        {"cookies": "a=b"},
        {"cookies": [1]},
        {"cookies": ["a\nb"]},
    ],
)
def test_values_that_cannot_be_sent_are_refused(prelude: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError):
        streamed_head(prelude, "id", "Root=1")
