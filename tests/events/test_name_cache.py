from __future__ import annotations

import pytest

from adapter.events.name_cache import MAX_NAME_LENGTH, MAX_NAMES, NameCache


def test_a_value_is_computed_once() -> None:
    computed: list[str] = []

    def compute(name: str) -> int:
        computed.append(name)
        return len(name)

    lengths = NameCache(compute)
    assert [lengths[name] for name in ("accept", "host", "accept")] == [6, 4, 6]
    assert computed == ["accept", "host"]


def test_a_client_that_sends_new_names_for_ever_does_not_fill_the_memory() -> None:
    lengths: NameCache[bytes, int] = NameCache(len)
    for number in range(2 * MAX_NAMES):
        assert lengths[b"x-%d" % number] == len(b"x-%d" % number)
    assert len(lengths) == MAX_NAMES


def test_a_long_name_is_not_kept() -> None:
    lengths: NameCache[str, int] = NameCache(len)
    assert lengths["x" * (MAX_NAME_LENGTH + 1)] == MAX_NAME_LENGTH + 1
    assert not lengths


def test_a_name_that_is_refused_is_refused_again() -> None:
    def refuse(name: str) -> int:
        raise ValueError(name)

    refused = NameCache(refuse)
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            refused["bad"]
