"""The steps of a plan: one class for each change, with a description for the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .desired import LIVE, RETENTION_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .desired import Auth, Code, Configuration, InvokeMode, PolicyDocument, Upload


@dataclass(frozen=True)
class Step:
    """A change to the resource ``name``; ``verb`` and ``kind`` say which."""

    verb: ClassVar[str]
    kind: ClassVar[str]
    name: str

    @property
    def detail(self) -> str:
        """The change in a few words, without secrets."""
        return ""


@dataclass(frozen=True)
class CreateRole(Step):
    """Create the role of the function."""

    verb, kind = "create", "role"


@dataclass(frozen=True)
class WriteRolePolicy(Step):
    """Write the inline policy of the role."""

    verb, kind = "write", "role policy"
    policy: PolicyDocument

    @property
    def detail(self) -> str:
        """The actions that the role allows."""
        return ", ".join(word for each in self.policy["Statement"] for word in each["Action"])


@dataclass(frozen=True)
class TagRole(Step):
    """Adopt a role."""

    verb, kind = "adopt", "role"


@dataclass(frozen=True)
class CreateLogGroup(Step):
    """Create the log group of the function."""

    verb, kind = "create", "log group"


@dataclass(frozen=True)
class ExpireLogs(Step):
    """Let the lines of the log group expire."""

    verb, kind = "write", "log retention"

    @property
    def detail(self) -> str:
        """How long lines are kept."""
        return f"{RETENTION_DAYS} days"


@dataclass(frozen=True)
class CreateBucket(Step):
    """Create a bucket for zips that are too big to be sent directly."""

    verb, kind = "create", "bucket"


@dataclass(frozen=True)
class TagBucket(Step):
    """Tag the bucket, which is not possible when it is created."""

    verb, kind = "tag", "bucket"


@dataclass(frozen=True)
class UploadZip(Step):
    """Put the zip into the bucket ``name``."""

    verb, kind = "upload", "zip"
    key: str
    zip_bytes: int

    @property
    def detail(self) -> str:
        """The size."""
        return f"{self.zip_bytes / 1024 / 1024:.1f} MB"


@dataclass(frozen=True)
class CreateFunction(Step):
    """Create the function; ``upload`` has its zip, or it is sent directly."""

    verb, kind = "create", "function"
    configuration: Configuration
    code: Code
    upload: Upload | None = None

    @property
    def detail(self) -> str:
        """The main settings."""
        is_own = not self.configuration.runtime_arn
        runtime = self.configuration.runtime if is_own else self.configuration.runtime_arn
        return (
            f"{runtime}, {self.code.architecture}, {self.configuration.memory} MB, "
            f"{self.configuration.timeout} s"
        )


@dataclass(frozen=True)
class TagFunction(Step):
    """Adopt a function."""

    verb, kind = "adopt", "function"


@dataclass(frozen=True)
class UpdateConfiguration(Step):
    """Change the configuration of the function; ``changes`` says how."""

    verb, kind = "update", "configuration"
    configuration: Configuration
    changes: tuple[str, ...]

    @property
    def detail(self) -> str:
        """The changes."""
        return ", ".join(self.changes)


@dataclass(frozen=True)
class UpdateCode(Step):
    """Change the code of the function, or its processor; ``changes`` says how."""

    verb, kind = "update", "code"
    code: Code
    changes: tuple[str, ...]
    upload: Upload | None = None

    @property
    def detail(self) -> str:
        """The changes."""
        return ", ".join(self.changes)


@dataclass(frozen=True)
class RemoveZip(Step):
    """Remove the zip from the bucket ``name``: Lambda has its own copy by then."""

    verb, kind = "remove", "zip"
    key: str


@dataclass(frozen=True)
class PinRuntime(Step):
    """Keep the function on a runtime version, or with an empty ``arn`` let AWS update the runtime.

    ``is_version``: the step is for the published version, otherwise for the unpublished version.
    """

    verb, kind = "pin", "runtime"
    arn: str
    is_version: bool

    @property
    def detail(self) -> str:
        """The runtime version."""
        return self.arn or "automatic updates"


@dataclass(frozen=True)
class PublishVersion(Step):
    """Publish a version of the code with this hash, and wait until it is active."""

    verb, kind = "publish", "version"
    sha256: str


@dataclass(frozen=True)
class CreateAlias(Step):
    """Create the alias for the version that the plan has published."""

    verb, kind = "create", "alias"

    @property
    def detail(self) -> str:
        """The alias."""
        return f"{LIVE}: the new version"


@dataclass(frozen=True)
class MoveAlias(Step):
    """Move the alias to a version; 0 means the version that the plan has published."""

    verb, kind = "move", "alias"
    before: int
    version: int = 0

    @property
    def detail(self) -> str:
        """The version before and the version after."""
        return f"{LIVE}: version {self.before} → {self.version or 'the new version'}"


@dataclass(frozen=True)
class AllowUrl(Step):
    """Allow everyone to call the function URL, by one of its two permissions."""

    verb, kind = "create", "permission"
    statement: str

    @property
    def detail(self) -> str:
        """The statement."""
        return f"{self.statement}: everyone"


@dataclass(frozen=True)
class ForbidUrl(Step):
    """Remove a permission."""

    verb, kind = "remove", "permission"
    statement: str

    @property
    def detail(self) -> str:
        """The statement."""
        return self.statement


@dataclass(frozen=True)
class CreateUrl(Step):
    """Create the function URL of the alias."""

    verb, kind = "create", "function URL"
    auth: Auth
    invoke_mode: InvokeMode

    @property
    def detail(self) -> str:
        """Who may call, and whether it streams."""
        return f"{self.invoke_mode}, {self.auth}"


@dataclass(frozen=True)
class UpdateUrl(CreateUrl):
    """Change the function URL of the alias."""

    verb = "update"


@dataclass(frozen=True)
class DeleteFunction(Step):
    """Delete the function, its versions, its alias, its URL and its permissions."""

    verb, kind = "delete", "function"

    @property
    def detail(self) -> str:
        """The resources that are deleted with the function."""
        return "with its versions and its URL"


@dataclass(frozen=True)
class DeleteRole(Step):
    """Delete the role and its policies."""

    verb, kind = "delete", "role"


@dataclass(frozen=True)
class DeleteLogGroup(Step):
    """Delete the log group and all lines in it."""

    verb, kind = "delete", "log group"

    @property
    def detail(self) -> str:
        """The content that is deleted with the log group."""
        return "with all its lines"


@dataclass(frozen=True)
class DeleteBucket(Step):
    """Delete the bucket and the zips in it."""

    verb, kind = "delete", "bucket"


def table(steps: Iterable[Step]) -> Iterator[str]:
    """Return the lines of a table of steps."""
    rows = [(each.verb, each.kind, each.name, each.detail) for each in steps]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
