from __future__ import annotations

import pytest

from adapter.testing import lambda_context


def test_a_context_counts_down_from_the_seconds_it_is_given() -> None:
    assert 59_000 < lambda_context(seconds=60).get_remaining_time_in_millis() <= 60_000
    assert lambda_context(seconds=-1).get_remaining_time_in_millis() == 0


def test_a_context_has_the_request_id_it_is_given() -> None:
    assert lambda_context("42").aws_request_id == "42"


def test_a_name_that_is_not_there_is_missing_as_from_any_module() -> None:
    import adapter.testing

    with pytest.raises(AttributeError, match="has no attribute 'LambdaTransprot'"):
        _ = adapter.testing.LambdaTransprot
