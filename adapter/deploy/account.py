"""The account on AWS: its clients, and sentences for the errors of boto3."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    WaiterError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from ..errors import DeployError
from .desired import AccountRegion

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_FOUND = {"ResourceNotFoundException", "NoSuchEntity", "NoSuchTagSet", "404"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
INVALID = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}

#: A zip of 50 MB takes minutes on a slow line, and AWS responds only after the whole upload.
CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, read_timeout=300
)


class Account:
    """An account in one region; each client is made when it is used."""

    def __init__(self, region: str = "", profile: str = "") -> None:
        """Find the credentials as AWS's tools do. Also read AWS_REGION, which boto3 ignores.

        Raises:
            DeployError: there is no such profile, or no region.
        """
        with explained():
            self._session: Any = boto3.Session(
                profile_name=profile or None, region_name=region or os.environ.get("AWS_REGION")
            )
            if self._session.region_name is None:
                raise NoRegionError

    def _client(self, service: str) -> Any:
        return self._session.client(service, config=CONFIG)

    @cached_property
    def lambda_(self) -> Any:
        """Lambda."""
        return self._client("lambda")

    @cached_property
    def iam(self) -> Any:
        """IAM."""
        return self._client("iam")

    @cached_property
    def logs(self) -> Any:
        """CloudWatch Logs."""
        return self._client("logs")

    @cached_property
    def s3(self) -> Any:
        """S3."""
        return self._client("s3")

    @cached_property
    def place(self) -> AccountRegion:
        """The account and its region, by a request to AWS: wrong credentials fail at once."""
        with explained():
            arn: str = self._client("sts").get_caller_identity()["Arn"]
        _, partition, _, _, account, _ = arn.split(":", 5)
        return AccountRegion(partition, account, self._session.region_name)


def error_code(error: Exception) -> str:
    """Return the code of an error of AWS; empty for any other error."""
    if not isinstance(error, ClientError):
        return ""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


@contextmanager
def ignore_missing(*codes: str) -> Iterator[None]:
    """Leave the block at AWS's error that a resource does not exist, or at one of ``codes``.

    The code after the block is for the missing resource, if the block returns.
    """
    try:
        yield
    except ClientError as error:
        if error_code(error) not in NOT_FOUND.union(codes):
            raise


@contextmanager
def explained() -> Iterator[None]:
    """Replace the errors of boto3 by errors with advice.

    Raises:
        DeployError: with one sentence that says what to do next.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise DeployError(explain(error)) from None


def explain(error: BotoCoreError | ClientError) -> str:
    """Turn an error of boto3 into a sentence that also says what to do next."""
    code = error_code(error)
    text = str(error).rstrip(".")
    if isinstance(error, NoRegionError):
        return "No region is set. Name one with --region, or AWS_REGION=eu-west-1."
    if isinstance(error, ProfileNotFound):
        return f"{text}. `aws configure list-profiles` lists those of this machine."
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "No credentials for AWS were found. Log in with `aws login`, or name a --profile."
    if isinstance(error, CredentialRetrievalError | SSOError | TokenRetrievalError):
        return f"The credentials cannot be read: {text}. Log in again."
    if code in EXPIRED:
        return "The credentials have expired. Log in again, and run the same command."
    if code in INVALID:
        return f"AWS does not know these credentials ({code}). Check --profile and AWS_PROFILE."
    if code in DENIED:
        return f"AWS denied it: {text}. docs/deploy.md has the policy that the deployer needs."
    if isinstance(error, BotoConnectionError | HTTPClientError):
        return f"{text}. Check the network, the proxy (HTTPS_PROXY) and --region."
    if isinstance(error, WaiterError):
        return _explain_waiter(error)
    return f"{text}."


def _explain_waiter(error: Any) -> str:
    last = error.last_response
    state = last.get("Configuration", last)
    for name in ("StateReason", "LastUpdateStatusReason"):
        if reason := state.get(name):
            return f"The function did not become active: {reason}"
    return f"The function did not become active: {error}"
