from __future__ import annotations

import pytest

from adapter.emulator.front_ends.client_request import ClientRequest
from adapter.emulator.front_ends.cors import Cors, parse_cors, read_cors
from adapter.errors import ConfigurationError

from ..fidelity import Source, behaviour

SHOP = b"https://shop.example"
ALL = Cors(("*",), ("GET", "POST"), ("content-type",), ("x-total",), max_age_seconds=60)
ONE = Cors((SHOP.decode(),), ("*",), allow_credentials=True)


def request(method: str = "GET", origin: bytes = SHOP, asked: bytes = b"") -> ClientRequest:
    headers = [(b"origin", origin)] if origin else []
    if asked:
        headers.append((b"access-control-request-method", asked))
    return ClientRequest(method, "/", "", headers, b"", "http", 80, "127.0.0.1")


@behaviour("A URL with `Cors` responds to preflight requests itself", Source.DOCS)
def test_a_preflight_request_gets_the_settings() -> None:
    response = ALL.preflight(request("OPTIONS", asked=b"POST"))
    assert response is not None
    assert response.status == 200
    assert response.headers == {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "x-total",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "60",
    }


def test_a_method_that_is_not_allowed_is_not_in_the_response() -> None:
    response = ALL.preflight(request("OPTIONS", asked=b"DELETE"))
    assert response is not None
    assert "access-control-allow-methods" not in response.headers


@pytest.mark.parametrize(
    "other", [request("GET", asked=b"GET"), request("OPTIONS"), request("OPTIONS", b"", b"GET")]
)
def test_any_other_request_is_not_a_preflight(other: ClientRequest) -> None:
    assert ALL.preflight(other) is None


@behaviour("An origin is named if credentials are allowed", Source.DOCS)
def test_an_origin_is_named_if_credentials_are_allowed() -> None:
    assert ONE.response_headers(request()) == [
        (b"access-control-allow-origin", SHOP),
        (b"vary", b"Origin"),
        (b"access-control-allow-credentials", b"true"),
    ]
    assert ONE.response_headers(request(origin=b"https://evil.example")) == []
    assert ONE.response_headers(request(origin=b"")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"AllowOrigin": ["*"]}', "has 'AllowOrigin'; it can have AllowOrigins"),
        ('{"AllowOrigins": "*"}', "AllowOrigins is not a list of strings"),
        ('{"MaxAge": "x"}', "MaxAge is not a number of seconds"),
        ('{"MaxAge": null}', "MaxAge is not a number of seconds"),
        ('{"MaxAge": -1}', "MaxAge is not a number of seconds"),
        (f'{{"MaxAge": "{"9" * 5000}"}}', "MaxAge is not a number of seconds"),
        ('{"AllowCredentials": [1]}', "AllowCredentials is not true or false"),
        ("{", "--cors is not JSON: "),
        ("[" * 100_000, "--cors is not JSON: "),
    ],
)
def test_unknown_settings_are_named(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse_cors(text)


def test_settings_are_read_as_the_aws_cli_takes_them() -> None:
    text = '{"AllowOrigins": ["*"], "AllowMethods": ["GET"], "AllowCredentials": true, "MaxAge": 5}'
    assert parse_cors(text) == Cors(("*",), ("GET",), (), (), True, 5)


def test_values_may_be_strings_as_in_a_template() -> None:
    assert read_cors({"AllowCredentials": "false", "MaxAge": "300"}) == Cors(max_age_seconds=300)
