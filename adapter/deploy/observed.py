"""The observed state of a deployment, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .desired import TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .desired import Auth, Code, Configuration, InvokeMode, PolicyDocument


@dataclass(frozen=True)
class Function:
    """A function: its unpublished version, ``$LATEST``."""

    tags: Mapping[str, str]
    configuration: Configuration
    code: Code


@dataclass(frozen=True)
class Version:
    """A published version; ``pinned`` is the runtime version that it keeps, or empty."""

    number: int
    configuration: Configuration
    code: Code
    pinned: str = ""


@dataclass(frozen=True)
class Url:
    """The function URL of an alias."""

    url: str
    auth: Auth
    invoke_mode: InvokeMode


@dataclass(frozen=True)
class Role:
    """A role; ``policy`` is what `steps.WriteRolePolicy` writes, or None if it is missing."""

    tags: Mapping[str, str]
    policy: PolicyDocument | None


@dataclass(frozen=True)
class LogGroup:
    """A log group; without ``has_retention`` its lines do not expire."""

    tags: Mapping[str, str]
    has_retention: bool


@dataclass(frozen=True)
class Bucket:
    """A bucket of this account."""

    tags: Mapping[str, str]


@dataclass(frozen=True)
class Observed:
    """The observed state of a deployment; None stands for a missing resource.

    ``versions`` are the numbers of all published versions, ascending; ``permissions`` the
    statement ids of the policy of the alias.
    """

    function: Function | None = None
    versions: tuple[int, ...] = ()
    live: Version | None = None
    url: Url | None = None
    permissions: frozenset[str] = frozenset()
    role: Role | None = None
    log_group: LogGroup | None = None
    bucket: Bucket | None = None


def is_own(tagged: Function | Role | LogGroup | Bucket | None, name: str) -> bool:
    """Whether a resource exists and was made for the deployment of this name."""
    return tagged is not None and tagged.tags.get(TAG) == name
