from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.events.body import encode_body, is_for_streaming

TYPES = ["text/html", "application/json", "image/png", "application/x-protobuf", ""]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "Text/HTML; charset=utf-8",
        "application/json",
        "application/json; charset=utf-8",
        "application/javascript",
        "application/xml",
        "application/vnd.api+json",
        "application/problem+json; charset=utf-8",
        "image/svg+xml",
        "application/vnd.oai.openapi",
        "application/x-ndjson",
        "application/yaml",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "multipart/mixed; boundary=x",
        "model/gltf",
        "",
    ],
)
def test_text_goes_as_it_is_because_base64_costs_a_third_of_the_limit(content_type: str) -> None:
    encoded = encode_body({"content-type": content_type}, "café".encode())
    assert encoded == {"body": "café", "isBase64Encoded": False}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({"content-type": "image/png"}, b"text", id="a type that is not text"),
        pytest.param({"content-type": "application/octet-stream"}, b"text", id="bytes"),
        pytest.param({}, b"a\0b", id="no type, and a NUL"),
        pytest.param({}, b"\x89PNG", id="no type, and not UTF-8"),
        pytest.param({"content-type": "application/x-protobuf"}, b"\x08\0", id="a NUL"),
        pytest.param(
            {"content-type": "text/plain", "content-encoding": "gzip"},
            b"text",
            id="compressed text, because a gateway would break it",
        ),
        pytest.param({"content-type": "text/plain"}, b"caf\xe9", id="text in another coding"),
    ],
)
def test_everything_else_is_base64(headers: dict[str, str], body: bytes) -> None:
    encoded = encode_body(headers, body)
    assert encoded["isBase64Encoded"] is True
    assert b64decode(str(encoded["body"])) == body


def test_nothing_is_text_because_there_is_nothing_to_encode() -> None:
    assert encode_body({"content-type": "image/png"}, b"") == {"body": "", "isBase64Encoded": False}


def test_text_that_says_it_is_not_compressed_is_text() -> None:
    headers = {"content-type": "text/plain", "content-encoding": "Identity"}
    assert encode_body(headers, b"hi")["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/event-stream", True),
        (" Text/Event-Stream; charset=utf-8", True),
        ("application/x-ndjson", True),
        ("application/jsonl", True),
        ("multipart/x-mixed-replace; boundary=frame", True),
        ("application/json", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_server_sent_events_json_lines_and_pictures_in_parts_are_for_streaming(
    content_type: str, expected: bool
) -> None:
    assert is_for_streaming(content_type) is expected


@given(st.sampled_from(TYPES), st.sampled_from(["identity", "gzip"]), st.binary())
def test_no_byte_is_lost_whatever_the_headers_say(
    content_type: str, coding: str, body: bytes
) -> None:
    encoded = encode_body({"content-type": content_type, "content-encoding": coding}, body)
    text = str(encoded["body"])
    assert (b64decode(text) if encoded["isBase64Encoded"] else text.encode()) == body
