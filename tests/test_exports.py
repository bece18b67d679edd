from __future__ import annotations

import subprocess
import sys

import pytest

import adapter

PUBLIC = [
    "AdapterError",
    "ClientDisconnected",
    "HttpResponseStream",
    "LambdaContext",
    "LambdaHandler",
    "ResponseStream",
    "__version__",
    "after_restore",
    "before_snapshot",
    "streamify_response",
    "xray_trace_id",
]


def test_the_public_names_are_these_because_each_is_a_promise() -> None:
    assert adapter.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(adapter, name)
    assert name in dir(adapter)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_every_public_name_is_documented(name: str) -> None:
    assert getattr(adapter, name).__doc__


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'adapter' has no attribute 'Mangum'"):
        adapter.Mangum  # noqa: B018


@pytest.mark.process
def test_importing_the_package_alone_imports_nothing_of_it_because_a_cold_start_pays() -> None:
    program = "import sys, adapter; print(*[n for n in sys.modules if n.startswith('adapter')])"
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "adapter\n"
