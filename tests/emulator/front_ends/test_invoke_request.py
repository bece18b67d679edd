from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from adapter.emulator.front_ends.invoke_request import (
    MAX_ASYNC_EVENT_BYTES,
    InvokeRequest,
    RefusedError,
    invoke_request,
)
from adapter.emulator.front_ends.source_event import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

INVOKE = "/2015-03-31/functions/shop/invocations"
STREAM = "/2021-11-15/functions/shop/response-streaming-invocations"
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 …"}


def asked(
    path: str = INVOKE, body: bytes = b"{}", *, method: str = "POST", **headers: str
) -> InvokeRequest:
    named = {f"X-Amz-{name.replace('_', '-')}": value for name, value in headers.items()}
    return invoke_request(method, path, SIGNED | named, body, "shop")


def refused(
    path: str = INVOKE,
    body: bytes = b"{}",
    *,
    method: str = "POST",
    headers: Mapping[str, str] = SIGNED,
) -> tuple[int, str]:
    with pytest.raises(RefusedError) as raised:
        invoke_request(method, path, headers, body, "shop")
    return raised.value.status, raised.value.error_type


def test_a_call_names_its_mode_and_its_event() -> None:
    assert asked() == InvokeRequest(False, "RequestResponse", b"{}", "")
    assert asked(STREAM, b"[1]") == InvokeRequest(True, "RequestResponse", b"[1]", "")


def test_a_call_may_want_the_log_and_name_a_tenant() -> None:
    assert asked(Log_Type="Tail").wants_log
    assert not asked(Log_Type="None").wants_log
    assert asked(Tenant_Id="blue").tenant_id == "blue"


@pytest.mark.parametrize(
    "header",
    [{"X-Amz-Log-Type": "All"}, {"X-Amz-Tenant-Id": "a,b"}, {"X-Amz-Tenant-Id": "x" * 257}],
)
def test_an_unknown_log_type_or_tenant_is_refused(header: dict[str, str]) -> None:
    assert refused(headers=SIGNED | header) == (400, "InvalidParameterValueException")


def test_no_payload_is_an_empty_object() -> None:
    assert asked(body=b"").event == b"{}"


@pytest.mark.parametrize(
    "name",
    [
        "shop:live",
        "shop:$LATEST",
        "123456789012:function:shop",
        "arn:aws:lambda:eu-west-1:123456789012:function:shop",
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:shop:7",
    ],
)
def test_a_function_is_found_by_name_and_by_arn(name: str) -> None:
    assert asked(INVOKE.replace("shop", name))


@pytest.mark.parametrize("name", ["stop", "shop:", "function:shop", "shop:live:x", "x:shop"])
def test_another_function_is_not_found(name: str) -> None:
    assert refused(INVOKE.replace("shop", name)) == (404, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", INVOKE), ("GET", "/2015-03-31/functions"), ("POST", "/"), ("POST", f"{STREAM}/x")],
)
def test_other_operations_are_unknown(method: str, path: str) -> None:
    assert refused(path, method=method)[0] == 404


def test_a_call_without_a_signature_is_refused() -> None:
    assert refused(headers={}) == (403, "MissingAuthenticationTokenException")


def test_a_stream_without_a_reader_is_discarded() -> None:
    assert asked(Invocation_Type="Event").invocation_type == "Event"
    headers = {**SIGNED, "X-Amz-Invocation-Type": "Event"}
    assert refused(STREAM, headers=headers) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_an_event_that_is_not_json_is_refused(body: bytes) -> None:
    assert refused(body=body) == (400, "InvalidRequestContentException")


@pytest.mark.parametrize(
    ("kind", "limit"), [("RequestResponse", MAX_EVENT_BYTES), ("Event", MAX_ASYNC_EVENT_BYTES)]
)
def test_an_event_may_be_as_large_as_lambda_takes_and_no_larger(kind: str, limit: int) -> None:
    largest = json.dumps("x" * (limit - 2)).encode()
    assert asked(body=largest, Invocation_Type=kind).event == largest
    headers = {**SIGNED, "X-Amz-Invocation-Type": kind}
    assert refused(body=largest + b" ", headers=headers) == (413, "RequestTooLargeException")


def test_a_client_context_is_decoded_and_fits_into_a_header() -> None:
    text = '\n{\r\n "custom": {"shop":\n "caf\u00e9\u2028"}}'
    passed_on = asked(Client_Context=b64encode(text.encode()).decode()).client_context
    assert "\n" not in passed_on
    assert json.loads(passed_on) == {"custom": {"shop": "caf\u00e9\u2028"}}


@pytest.mark.parametrize(
    "context",
    ["{}", "no base64", b64encode(b"{").decode(), b64encode(b"\xff").decode(), "e30=" * 1000],
)
def test_an_invalid_client_context_is_refused(context: str) -> None:
    headers = {**SIGNED, "X-Amz-Client-Context": context}
    assert refused(headers=headers) == (400, "InvalidRequestContentException")
