from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.events import FUNCTION_URL, HTTP_API
from adapter.events.alb import ALB, ALB_MULTI
from adapter.events.edge import EDGE
from adapter.events.lattice import LATTICE
from adapter.events.payload_v1 import HTTP_API_V1, REST_API
from adapter.events.prelude import encode, prelude
from adapter.types import Head

if TYPE_CHECKING:
    from adapter.events.source import Source

every_source = pytest.mark.parametrize(
    "source",
    [FUNCTION_URL, HTTP_API, REST_API, HTTP_API_V1, ALB, ALB_MULTI, EDGE, LATTICE],
    ids=lambda source: source.name,
)


@every_source
def test_a_response_keeps_every_cookie(source: Source) -> None:
    response = str(
        source.format(Head(200, [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]), b"")
    )
    assert "'a=1'" in response
    assert "'b=2'" in response


@every_source
def test_a_latin_1_header_survives_because_http_allows_it(source: Source) -> None:
    assert "Café" in str(source.format(Head(200, [(b"x-name", b"Caf\xe9")]), b""))


@every_source
def test_what_is_too_large_for_one_source_has_a_way_out(source: Source) -> None:
    assert "stream" in source.to_stream
    assert source.max_response_bytes <= 6_291_556


def test_a_head_has_no_limit_at_a_function_url() -> None:
    head = prelude(200, [(b"x", b"y" * 20_000)])
    assert FUNCTION_URL.encode(head) == encode(head)
