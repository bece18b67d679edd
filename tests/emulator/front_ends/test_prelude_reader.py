from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.front_ends.prelude_reader import MAX_PRELUDE_BYTES, PreludeReader
from adapter.emulator.front_ends.source_response import InvalidResponseError

PRELUDE = {"statusCode": 201, "headers": {"x": "é"}, "cookies": ["a=b"]}
DELIMITER = bytes(8)


@given(st.binary(max_size=40), st.lists(st.integers(0, 120), max_size=8))
def test_any_split_gives_the_same_prelude_and_body(body: bytes, cuts: list[int]) -> None:
    data = json.dumps(PRELUDE).encode() + DELIMITER + body
    ends = [*sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    reader, found, rest = PreludeReader(), None, b""
    for chunk in chunks:
        if found is None:
            if result := reader.feed(chunk):
                found, rest = result
        else:
            rest += chunk
    assert found == PRELUDE
    assert rest == body


@pytest.mark.parametrize(
    ("json_text", "says"),
    [
        (b"", "is not JSON"),
        (b"not json", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 10_000, "is not JSON"),
        (b"[]", "not a JSON object but list"),
        (b'"text"', "not a JSON object but str"),
    ],
)
def test_an_invalid_prelude_is_refused(json_text: bytes, says: str) -> None:
    with pytest.raises(InvalidResponseError, match=says):
        PreludeReader().feed(json_text + DELIMITER)


def test_a_stream_without_a_prelude_is_refused_at_the_limit() -> None:
    reader = PreludeReader()
    assert reader.feed(b"x" * MAX_PRELUDE_BYTES) is None
    with pytest.raises(InvalidResponseError, match="no 8 NUL bytes"):
        reader.feed(b"x")


def fed(size: int, chunk_bytes: int) -> object:
    """Return what a reader finds in a prelude of this size, with its delimiter."""
    text = json.dumps({"headers": {"x": ""}})
    prelude = text.replace('""', f'"{"y" * (size - len(text) - len(DELIMITER))}"')
    reader, found, data = PreludeReader(), None, prelude.encode() + DELIMITER
    for start in range(0, size, chunk_bytes):
        found = reader.feed(data[start : start + chunk_bytes])
    return found


@pytest.mark.parametrize("chunk_bytes", [1000, 100_000])
def test_a_prelude_that_is_too_large_is_refused_in_chunks_of_any_size(chunk_bytes: int) -> None:
    assert fed(MAX_PRELUDE_BYTES, chunk_bytes) is not None
    with pytest.raises(InvalidResponseError, match="too large"):
        fed(20_000, chunk_bytes)
