from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from adapter.emulator.front_ends.client_request import ClientRequest
from adapter.emulator.front_ends.signature import (
    SignatureError,
    check_signature,
    find_credentials,
)

from ..fidelity import Source, behaviour

ME = Credentials("AKIDEXAMPLE", "secret", None)
TEMPORARY = Credentials("ASIAEXAMPLE", "secret", "token")
REGION = "eu-west-1"


def signed(
    path: str = "/a%20b//c",
    query: str = "x=1&y=%2F&x=0",
    body: bytes = b"{}",
    credentials: Credentials = ME,
    service: str = "lambda",
    digest: str = "",
) -> ClientRequest:
    url = f"http://127.0.0.1:8000{path}?{query}"
    headers = {"Host": "127.0.0.1:8000", "Content-Type": "application/json"}
    if digest:
        headers["X-Amz-Content-SHA256"] = digest
    sent = AWSRequest("POST", url, headers, body)
    SigV4Auth(credentials, service, REGION).add_auth(sent)
    fields = [(name.lower().encode(), value.encode()) for name, value in sent.headers.items()]
    fields.append((b"user-agent", b"added after signing"))
    return ClientRequest("POST", path, query, fields, body, "http", 8000, "127.0.0.1")


@pytest.mark.parametrize("credentials", [ME, TEMPORARY])
@behaviour(
    "`AuthType: AWS_IAM` takes SigV4 signatures for `lambda`",
    Source.DOCS,
    "those of your credentials",
)
def test_a_request_that_botocore_signed_passes(credentials: Credentials) -> None:
    identity = check_signature(signed(credentials=credentials), credentials, REGION)
    assert identity["accessKey"] == credentials.access_key


def test_a_request_with_the_hash_of_its_body_passes() -> None:
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    check_signature(signed(digest=digest), ME, REGION)
    with pytest.raises(SignatureError, match="not the hash of the body"):
        check_signature(signed(digest="0" * 64), ME, REGION)
    unsigned = signed()
    headers = [*unsigned.headers, (b"x-amz-content-sha256", digest.encode())]
    with pytest.raises(SignatureError, match="x-amz-content-sha256 is not signed"):
        check_signature(unsigned._replace(headers=headers), ME, REGION)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"headers": []}, "no SigV4 signature"),
        ({"body": b"other"}, "does not match"),
        ({"path": "/other"}, "does not match"),
        ({"query": "x=2"}, "does not match"),
        ({"method": "PUT"}, "does not match"),
    ],
)
def test_a_request_that_was_changed_after_it_was_signed_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SignatureError, match=reason):
        check_signature(signed()._replace(**changes), ME, REGION)


@pytest.mark.parametrize(
    ("credentials", "service", "reason"),
    [
        (Credentials("AKIDEXAMPLE", "wrong"), "lambda", "does not match"),
        (Credentials("AKIDOTHER", "secret"), "lambda", "is not that of your credentials"),
        (Credentials("AKIDEXAMPLE", "secret", "t"), "lambda", "security token"),
        (ME, "execute-api", "signed for execute-api"),
    ],
)
def test_a_request_that_was_signed_otherwise_is_refused(
    credentials: Credentials, service: str, reason: str
) -> None:
    # Signed here, not when the tests are collected: a signature is valid for five minutes.
    with pytest.raises(SignatureError, match=reason):
        check_signature(signed(credentials=credentials, service=service), ME, REGION)


@behaviour("A signature is valid for 5 minutes", Source.DOCS)
def test_an_old_signature_is_refused() -> None:
    stamp = f"{datetime.now(UTC) - timedelta(minutes=6):%Y%m%dT%H%M%SZ}".encode()
    request_ = signed()
    headers = [(n, stamp if n == b"x-amz-date" else v) for n, v in request_.headers]
    with pytest.raises(SignatureError, match="not within 5 minutes"):
        check_signature(request_._replace(headers=headers), ME, REGION)
    headers = [field for field in request_.headers if field[0] != b"x-amz-date"]
    with pytest.raises(SignatureError, match=r"no X-Amz-Date"):
        check_signature(request_._replace(headers=headers), ME, REGION)


def test_the_credentials_are_those_that_botocore_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert find_credentials().access_key == "AKIDEXAMPLE"
