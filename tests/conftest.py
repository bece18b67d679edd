"""What all tests share: how hard hypothesis tries, and the one event loop there is."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# The same examples on every run: a red build is red for everyone. `nightly` looks further.
settings.register_profile("ci", max_examples=200, derandomize=True, deadline=None, database=None)
settings.register_profile("nightly", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
