from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.runtime_api.bandwidth import (
    BURST_BYTES,
    STEP_BYTES,
    STEP_SECONDS,
    TokenBucket,
)


def drain(bucket: TokenBucket, now: float = 0.0) -> None:
    assert bucket.take(BURST_BYTES, now) == 0


def test_the_first_six_mebibytes_pass_at_once() -> None:
    bucket = TokenBucket()
    assert all(bucket.take(32 * 1024, 100.0) == 0 for _ in range(BURST_BYTES // (32 * 1024)))
    assert bucket.take(1, 100.0) > 0


def test_more_bytes_wait_for_the_next_step() -> None:
    bucket = TokenBucket()
    drain(bucket)
    assert bucket.take(STEP_BYTES, 0.0) == STEP_SECONDS
    assert bucket.take(STEP_BYTES, STEP_SECONDS) == 0
    assert bucket.take(1, STEP_SECONDS) == STEP_SECONDS


def test_idle_time_does_not_fill_the_bucket_beyond_its_size() -> None:
    bucket = TokenBucket()
    drain(bucket)
    assert bucket.take(BURST_BYTES, 1000.0) == 0
    assert bucket.take(1, 1000.0) > 0


def test_a_size_above_the_burst_needs_a_full_bucket() -> None:
    bucket = TokenBucket(burst_bytes=100, step_bytes=50)
    assert bucket.take(1000, 0.0) == 0
    assert bucket.take(1000, 0.0) == 2 * STEP_SECONDS


@given(st.lists(st.integers(1, 64 * 1024), max_size=200), st.floats(0, 1e9))
def test_waiting_the_returned_time_is_always_enough(sizes: list[int], start: float) -> None:
    bucket = TokenBucket(burst_bytes=64 * 1024, step_bytes=16 * 1024)
    now, waits = start, 0
    for size in sizes:
        for _ in range(3):
            delay = bucket.take(size, now)
            if not delay:
                break
            now += delay
            waits += 1
        else:
            raise AssertionError("waited three times and still not served")
    assert sum(sizes) <= 64 * 1024 + 16 * 1024 * ((now - start) / STEP_SECONDS + 1)
