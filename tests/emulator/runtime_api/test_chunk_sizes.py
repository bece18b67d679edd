from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.runtime_api.chunk_sizes import MAX_LINE_BYTES, ChunkSizes

BODY = b"5\r\nhello\r\n0000A;x=y\r\n0123456789\r\n0\r\nLambda: x\r\n\r\n"


@given(st.lists(st.integers(0, len(BODY)), max_size=6).map(sorted))
def test_a_valid_body_passes_in_any_pieces(cuts: list[int]) -> None:
    sizes = ChunkSizes()
    for start, end in pairwise([0, *cuts, len(BODY)]):
        sizes.feed(BODY[start:end])
    sizes.feed(b"of the next request, in any form\n")
    assert not sizes.broken
    assert sizes.payload_bytes == 15


@pytest.mark.parametrize(
    "line",
    [
        b"5\n",
        b"0\n",
        b"\r\n",
        b"5\r5\r\n",
        b"11111111111111111\r\n",
        b"g\r\n",
        b"0x5\r\n",
        b" 5\r\n",
    ],
)
def test_the_chunks_before_a_size_that_go_refuses_are_counted(line: bytes) -> None:
    sizes = ChunkSizes()
    sizes.feed(b"2\r\nhi\r\n" + line + b"more")
    assert sizes.broken
    assert sizes.payload_bytes == 2


def test_a_size_without_an_end_is_refused() -> None:
    sizes = ChunkSizes()
    sizes.feed(b"1" * MAX_LINE_BYTES)
    assert not sizes.broken
    sizes.feed(b"1")
    assert sizes.broken
