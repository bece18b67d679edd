"""The signature of a request to a function URL with ``AuthType: AWS_IAM``, checked by botocore.

https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from ...errors import ConfigurationError
from ..function_config import ACCOUNT

if TYPE_CHECKING:
    from ...types import Event
    from .client_request import ClientRequest

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/"
    r"(?P<service>[^/]+)/aws4_request, ?SignedHeaders=(?P<headers>[^,]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
MAX_AGE = timedelta(minutes=5)
CREDENTIALS_NEEDED = (
    "--auth aws_iam checks signatures against your credentials, and found no credentials. Set "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; invented credentials will do."
)


class Credentials(Protocol):
    """Credentials of botocore."""

    access_key: str
    secret_key: str
    token: str | None


class SignatureError(Exception):
    """The request is not signed, or not by these credentials; the message is for the log."""


def find_credentials() -> Credentials:
    """Return the credentials that botocore finds for this user.

    Raises:
        ConfigurationError: there are no credentials, or botocore is not installed.
    """
    try:
        from botocore.session import Session
    except ImportError:
        raise ConfigurationError(
            "--auth aws_iam needs botocore, which is not installed. Try: pip install botocore"
        ) from None
    found = Session().get_credentials()
    if found is None:
        raise ConfigurationError(CREDENTIALS_NEEDED)
    frozen: Credentials = found.get_frozen_credentials()
    return frozen


def check_signature(request: ClientRequest, credentials: Credentials, region: str) -> Event:
    """Check the signature of a request; return the caller's identity for the event.

    Raises:
        SignatureError: Lambda would refuse the request.
    """
    found = AUTHORIZATION.fullmatch(request.header(b"authorization"))
    if found is None:
        raise SignatureError("the Authorization header has no SigV4 signature.")
    if found["key"] != credentials.access_key:
        raise SignatureError(f"the access key {found['key']!r} is not that of your credentials.")
    if (found["service"], found["region"]) != ("lambda", region):
        raise SignatureError(
            f"the request is signed for {found['service']} in {found['region']}, "
            f"not for lambda in {region}."
        )
    check_time(request.header(b"x-amz-date"), found["day"])
    token = request.header(b"x-amz-security-token")
    if token != (credentials.token or ""):
        raise SignatureError("the security token is not that of your credentials.")
    digest = request.header(b"x-amz-content-sha256")
    if digest not in ("", hashlib.sha256(request.body).hexdigest()):
        raise SignatureError("x-amz-content-sha256 is not the hash of the body.")
    signed = found["headers"].split(";")
    if digest and "x-amz-content-sha256" not in signed:
        raise SignatureError(
            "the header x-amz-content-sha256 is not signed, and SigV4 wants each x-amz-* header "
            "signed."
        )
    expected = signature_of(request, credentials, region, signed)
    if not hmac.compare_digest(expected, found["signature"]):
        raise SignatureError("the signature does not match the request.")
    return caller(credentials.access_key)


def check_time(stamp: str, day: str) -> None:
    """Check that a request has been signed within the last minutes."""
    try:
        signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("there is no X-Amz-Date header.") from None
    if not stamp.startswith(day) or abs(datetime.now(UTC) - signed) > MAX_AGE:
        raise SignatureError(f"the request was signed at {stamp}, which is not within 5 minutes.")


def signature_of(
    request: ClientRequest, credentials: Credentials, region: str, signed: list[str]
) -> str:
    """Return the signature that the request should have."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest, HeadersDict

    class Verifier(SigV4Auth):  # type: ignore[misc]
        """Signs the headers that the client has signed."""

        def headers_to_sign(self, request: AWSRequest) -> HeadersDict:
            return request.headers

    url = f"http://{request.header(b'host')}{request.target}"
    fields = {name: request.header(name.encode("latin-1")) for name in signed}
    rebuilt = AWSRequest(request.method, url, fields, request.body)
    rebuilt.context["timestamp"] = request.header(b"x-amz-date")
    verifier = Verifier(credentials, "lambda", region)
    canonical = verifier.canonical_request(rebuilt)
    signature: str = verifier.signature(verifier.string_to_sign(rebuilt, canonical), rebuilt)
    return signature


def caller(access_key: str) -> Event:
    """Return the identity of a user; only the access key is real."""
    return {
        "accessKey": access_key,
        "accountId": ACCOUNT,
        "callerId": "AIDALOCAL",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT}:user/local",
        "userId": "AIDALOCAL",
    }
