from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.runtime_api.bandwidth import BURST, STEP_BYTES, STEP_SECONDS, Bucket


def drain(bucket: Bucket, now: float = 0.0) -> None:
    assert bucket.take(BURST, now) == 0


def test_the_first_six_mebibytes_pass_at_once() -> None:
    bucket = Bucket()
    assert all(bucket.take(32 * 1024, 100.0) == 0 for _ in range(BURST // (32 * 1024)))
    assert bucket.take(1, 100.0) > 0


def test_what_follows_waits_for_the_next_step() -> None:
    bucket = Bucket()
    drain(bucket)
    assert bucket.take(STEP_BYTES, 0.0) == STEP_SECONDS
    assert bucket.take(STEP_BYTES, STEP_SECONDS) == 0
    assert bucket.take(1, STEP_SECONDS) == STEP_SECONDS


def test_idle_time_does_not_fill_it_beyond_its_size() -> None:
    bucket = Bucket()
    drain(bucket)
    assert bucket.take(BURST, 1000.0) == 0
    assert bucket.take(1, 1000.0) > 0


def test_more_than_it_holds_needs_it_full() -> None:
    bucket = Bucket(burst=100, step_bytes=50)
    assert bucket.take(1000, 0.0) == 0
    assert bucket.take(1000, 0.0) == 2 * STEP_SECONDS


@given(st.lists(st.integers(1, 64 * 1024), max_size=200), st.floats(0, 1e9))
def test_waiting_as_told_is_always_enough(sizes: list[int], start: float) -> None:
    bucket = Bucket(burst=64 * 1024, step_bytes=16 * 1024)
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
