"""Lumigo: https://pypi.org/project/lumigo-tracer/, which sends to its server by HTTPS only."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from tests.support.collector import collect

from .conftest import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.collector import Collector

    from .conftest import Instrument, Instrumented


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    with collect(tls=context) as running:
        yield running


@pytest.fixture
def environ(collector: Collector, tmp_path: Path) -> dict[str, str]:
    return {
        "LUMIGO_TRACER_TOKEN": "t_0123456789abcdef01234",
        "LUMIGO_TRACER_HOST": collector.address,
        "SSL_CERT_FILE": str(tmp_path / "authority.pem"),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_REGION": "eu-west-1",
    }


@pytest.fixture
def shop(instrument: Instrument, environ: dict[str, str]) -> Instrumented:
    return instrument(lines_of("Lumigo"), environ)


def spans(collector: Collector) -> list[dict[str, Any]]:
    return [span for body in collector.bodies("/api/spans") for span in json.loads(body)]


def ended(collector: Collector) -> list[dict[str, Any]]:
    """Return the function's spans that have ended."""
    return [
        span
        for span in spans(collector)
        if span["type"] == "function" and not span["id"].endswith("_started")
    ]


def test_a_stream_is_a_span_of_the_invocation_sent_before_the_freeze(
    shop: Instrumented, collector: Collector
) -> None:
    for number in (1, 2):
        call = shop.get("/stream/ok", f"id-{number}")
        assert (call.first, call.request.content) == (b"one ", b"one two")
        assert [span["id"] for span in ended(collector)][-1] == f"id-{number}"
        assert len(ended(collector)) == number
        assert json.loads(ended(collector)[-1]["return_value"]) == {"statusCode": 200}


def test_a_failure_in_mid_stream_is_counted(shop: Instrumented, collector: Collector) -> None:
    shop.fail("id-1")
    [span] = ended(collector)
    assert span["error"]["type"] == "ValueError"


#: A handler module that knows nothing of the vendor.
PLAIN = """
from adapter import LambdaHandler
from main import app

handler = LambdaHandler(app)
"""


def test_its_own_handler_module_needs_no_change_of_code(
    instrument: Instrument, collector: Collector, environ: dict[str, str]
) -> None:
    original = {"LUMIGO_ORIGINAL_HANDLER": "main.handler"}
    shop = instrument(PLAIN, environ | original, "lumigo_tracer.auto_instrument_handler._handler")
    call = shop.get("/stream/ok", "id-1")
    assert (call.first, call.request.content) == (b"one ", b"one two")
    shop.fail("id-2")
    assert [span.get("error") is None for span in ended(collector)] == [True, False]
