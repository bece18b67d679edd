from __future__ import annotations

import json
import time
from typing import Any

import pytest
from awslambdaric.bootstrap import create_lambda_context

from adapter.errors import HandlerError, ProtocolError
from adapter.runtime_api.invocation import Invocation, function_fields
from adapter.runtime_api.wire import ApiReply

ENVIRON = {
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/10/16/[7]abc",
}
FUNCTION = function_fields(ENVIRON)


def invocation(body: bytes = b"{}", /, **headers: str) -> Invocation:
    given = {"lambda-runtime-aws-request-id": "id-1", "lambda-runtime-deadline-ms": "1000"}
    fields = {f"lambda-runtime-{name.replace('_', '-')}": text for name, text in headers.items()}
    return Invocation.parse(ApiReply(200, {**given, **fields}, body, True))


def test_what_is_the_same_for_every_invocation_is_read_from_the_environment() -> None:
    context = invocation(invoked_function_arn="arn:aws:x").context(FUNCTION)
    assert context.function_name == "shop"
    assert context.function_version == "7"
    assert context.memory_limit_in_mb == "512"
    assert context.log_group_name == "/aws/lambda/shop"
    assert context.log_stream_name == "2026/10/16/[7]abc"
    assert context.invoked_function_arn == "arn:aws:x"
    assert (context.aws_request_id, context.deadline_ms) == ("id-1", 1000)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "²", "१२"])
def test_a_deadline_that_is_none_is_as_far_away_as_lambda_allows(text: str) -> None:
    before = time.time() * 1000
    deadline = invocation(deadline_ms=text).deadline_ms
    assert before + 899_000 < deadline < before + 1_000_000


@pytest.mark.parametrize("text", ["", None])
def test_without_a_request_id_no_response_can_be_posted(text: str | None) -> None:
    headers = {} if text is None else {"lambda-runtime-aws-request-id": text}
    with pytest.raises(ProtocolError, match="without a request id"):
        Invocation.parse(ApiReply(200, headers, b"{}", True))


def test_the_nonce_of_the_delivery_is_echoed_if_there_is_one() -> None:
    assert invocation(invocation_id="n-1").echo == {"Lambda-Runtime-Invocation-Id": "n-1"}
    assert invocation(invocation_id="").echo == {}
    assert invocation().echo == {}


def test_the_client_context_has_what_was_sent_and_None_for_the_rest() -> None:
    sent = {"client": {"app_title": "Shop", "x": 1}, "custom": {"a": 1}, "env": {"locale": "de"}}
    context = invocation(client_context=json.dumps(sent)).context(FUNCTION).client_context
    assert context is not None
    assert context.client is not None
    assert (context.client.app_title, context.client.installation_id) == ("Shop", None)
    assert (context.custom, context.env) == ({"a": 1}, {"locale": "de"})
    empty = invocation(client_context="{}").context(FUNCTION).client_context
    assert empty is not None
    assert (empty.client, empty.custom, empty.env) == (None, None, None)


def test_a_client_context_is_in_utf_8_as_it_comes_over_the_wire() -> None:
    on_the_wire = '{"custom": {"shop": "café"}}'.encode().decode("latin-1")
    context = invocation(client_context=on_the_wire).context(FUNCTION).client_context
    assert context is not None
    assert context.custom == {"shop": "café"}


def test_of_the_trace_context_what_the_standard_names_is_there_as_text() -> None:
    given = {"traceparent": "00-1-2-01", "baggage": 7, "tracestate": "a=b", "other": "x"}
    context = invocation(client_context=json.dumps({"w3c": given})).context(FUNCTION)
    assert context.w3c() == {"traceparent": "00-1-2-01", "tracestate": "a=b"}
    for nothing in ("", "{}", '{"w3c": 1}'):
        assert invocation(client_context=nothing).context(FUNCTION).w3c() == {}


def test_the_identity_is_always_there_and_often_empty() -> None:
    identity = '{"cognitoIdentityId": "a", "cognitoIdentityPoolId": "b"}'
    given = invocation(cognito_identity=identity).context(FUNCTION).identity
    assert (given.cognito_identity_id, given.cognito_identity_pool_id) == ("a", "b")
    none = invocation(cognito_identity="").context(FUNCTION).identity
    assert (none.cognito_identity_id, none.cognito_identity_pool_id) == (None, None)


FULL = {
    "invoked_function_arn": "arn:aws:x",
    "aws_tenant_id": "blue",
    "cognito_identity": '{"cognitoIdentityId": "a", "cognitoIdentityPoolId": "b"}',
    "client_context": json.dumps(
        {
            "client": {"installation_id": "i", "app_title": "Shop", "other": 1},
            "custom": {"x": 1},
            "env": {"locale": "de"},
            "w3c": {"traceparent": "00-1-2-01", "other": "x"},
        }
    ),
}


def attributes(of: Any) -> Any:
    """Return the attributes of an object, and those of the objects among them."""
    if type(of).__module__ == "builtins":
        return of
    names = vars(of) if hasattr(of, "__dict__") else of.__slots__
    return {name: attributes(getattr(of, name)) for name in names}


@pytest.mark.parametrize("environ", [ENVIRON, {}], ids=["lambda", "no-variables"])
@pytest.mark.parametrize(
    "headers",
    [
        FULL,
        {"invoked_function_arn": "arn:aws:x"},
        {**FULL, "client_context": "{}", "cognito_identity": "{}"},
        {**FULL, "client_context": '{"client": {}, "w3c": 7}'},
    ],
    ids=["full", "bare", "empty", "odd"],
)
def test_a_context_has_the_attributes_of_aws_own_down_to_the_last(
    environ: dict[str, str], headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRON:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    theirs = create_lambda_context(
        headers.get("client_context"),
        headers.get("cognito_identity"),
        1000,
        "id-1",
        headers["invoked_function_arn"],
        headers.get("aws_tenant_id"),
    )
    ours = invocation(**headers).context(function_fields(environ))
    assert attributes(ours) == attributes(theirs)
    assert ours.w3c() == theirs.w3c()


@pytest.mark.parametrize("header", ["client_context", "cognito_identity"])
@pytest.mark.parametrize("text", ["{", "[]", "1", '"x"'])
def test_a_context_that_is_not_as_documented_is_an_error_that_can_be_told(
    header: str, text: str
) -> None:
    with pytest.raises(HandlerError, match="context is not as documented") as caught:
        invocation(**{header: text}).context(FUNCTION)
    assert caught.value.error_type == "Runtime.LambdaContextUnmarshalError"


@pytest.mark.parametrize(
    ("body", "event"), [(b'{"a": 1}', {"a": 1}), (b"null", None), (b' "x" ', "x"), (b"1", 1)]
)
def test_an_event_is_any_json(body: bytes, event: Any) -> None:
    assert invocation(body).event() == event


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'a': 1}", b"\xff\xfe\xff", b"{} {}", pytest.param(b"[" * 100_000, id="deep")],
)
def test_an_event_that_is_not_json_is_an_error_that_can_be_told(body: bytes) -> None:
    with pytest.raises(HandlerError, match="event is not JSON") as caught:
        invocation(body).event()
    assert caught.value.error_type == "Runtime.UnmarshalError"
