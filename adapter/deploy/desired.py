"""The desired state of a deployment, as data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The tag that marks what this command has made; its value is the name of the deployment.
TAG = "asgi-lambda-stream:deployment"
#: The alias that the function URL belongs to.
LIVE = "live"
RETENTION_DAYS = 14

INVOKE_MODE = "ADAPTER_INVOKE_MODE"
Auth = Literal["NONE", "AWS_IAM"]  #: AuthType of a function URL
InvokeMode = Literal["RESPONSE_STREAM", "BUFFERED"]


#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_ROLE_NAME = 64


class AccountRegion(NamedTuple):
    """An account and a region of AWS; ``partition`` is ``aws``, or ``aws-cn`` and the like."""

    partition: str
    account: str
    region: str


class Names(NamedTuple):
    """The names of the resources of a deployment, without its function."""

    role: str
    log_group: str
    bucket: str


def names_of(name: str, place: AccountRegion) -> Names:
    """Return the names for a deployment; roles and buckets are not bound to a region."""
    digest = hashlib.sha256("/".join((*place, name)).encode()).hexdigest()[:16]
    role = f"{name}-{place.region}-role"
    if len(role) > MAX_ROLE_NAME:
        role = f"{name[: MAX_ROLE_NAME - 17]}-{digest}"
    return Names(role, f"/aws/lambda/{name}", f"asgi-lambda-stream-{digest}")


class PolicyStatement(TypedDict):
    """A statement of a policy that is attached to a role."""

    Effect: str
    Action: list[str]
    Resource: str


class PolicyDocument(TypedDict):
    """A policy that is attached to a role."""

    Version: str
    Statement: Sequence[PolicyStatement]


@dataclass(frozen=True)
class Configuration:
    """The configuration of a function or of one of its versions, in the values of Lambda's API.

    ``memory`` is in MB, ``timeout`` in seconds. ``runtime_arn`` is the customer-managed runtime
    of a function whose ``runtime`` is ``custom``.
    """

    runtime: str
    handler: str
    role: str
    memory: int
    timeout: int
    environment: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    tracing: str = "PassThrough"
    log_format: str = "Text"
    log_group: str = ""
    snapstart: str = "None"
    runtime_arn: str = ""
    runtime_alias: str = ""

    @property
    def invoke_mode(self) -> InvokeMode:
        """The InvokeMode that a function URL needs for this configuration."""
        return "BUFFERED" if self.environment.get(INVOKE_MODE) == "buffered" else "RESPONSE_STREAM"


@dataclass(frozen=True)
class Code:
    """A zip by its SHA-256, in base64 as in Lambda's CodeSha256, and its processor."""

    sha256: str
    architecture: str


@dataclass(frozen=True)
class Upload:
    """The place in S3 for a zip that is too big to be sent to Lambda directly."""

    bucket: str
    key: str
    is_own_bucket: bool


@dataclass(frozen=True)
class OwnRole:
    """The role that is made for the function."""

    name: str
    arn: str
    policy: PolicyDocument


@dataclass(frozen=True)
class Desired:
    """The desired state of a deployment.

    ``role`` is None if the function has an existing role. ``upload`` is None if the zip is sent
    directly. ``pinned`` is the ARN of a runtime version, or empty for automatic updates.
    """

    name: str
    auth: Auth
    configuration: Configuration
    code: Code
    zip_bytes: int
    role: OwnRole | None = None
    upload: Upload | None = None
    pinned: str = ""
    adopt: bool = False


def role_policy(log_group: str, place: AccountRegion, *, tracing: bool) -> PolicyDocument:
    """Return the permissions that the function needs: its log lines, and its traces."""
    arn = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{log_group}"
    logs: PolicyStatement = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{arn}:*",
    }
    traces: PolicyStatement = {
        "Effect": "Allow",
        "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [logs, *([traces] if tracing else [])]}
