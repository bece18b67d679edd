"""The settings of a project, its zip, and the desired state that follows from them."""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from ..errors import ConfigurationError, DeployError, PackageError
from ..package.build import ATTRIBUTE, MODULE, DeploymentPackage, Sources, build, check_sources
from ..package.command import MAX_ZIPPED_BYTES, exceeded_limits
from ..package.project import PYPROJECT, find_project, project_folder, read_pyproject
from ..package.resolve import Platform
from ..package.tree import project_files
from ..target import find_target
from .desired import (
    AccountRegion,
    Code,
    Configuration,
    Desired,
    Names,
    OwnRole,
    Upload,
    names_of,
    role_policy,
)
from .settings import Settings, resolve

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from ..package.project import Project
    from ..target import Target


def read_settings(arguments: Namespace, here: Path) -> tuple[Settings, Path]:
    """Return the settings for a command that runs in ``here``, and the folder of a TARGET.

    A TARGET on the command line is relative to ``here``, a TARGET in pyproject.toml to its folder.

    Raises:
        ConfigurationError: a setting is invalid.
        PackageError: pyproject.toml cannot be read.
    """
    folder = project_folder(here)
    table = read_pyproject(folder).get("tool", {}).get("adapter", {}).get("deploy", {})
    is_named = getattr(arguments, "target", None) is not None
    settings = resolve(vars(arguments), table, str(folder / PYPROJECT))
    return settings, here if is_named else folder


def find_names(settings: Settings, place: AccountRegion) -> Names:
    """Return the names for a deployment; no name for the role if the settings have a role."""
    names = names_of(settings.name, place)
    return names._replace(role="") if settings.role else names


def packaging_of(
    settings: Settings, folder: Path, say: Callable[[str], None]
) -> AbstractContextManager[DeploymentPackage]:
    """Check TARGET as far as its own files show; return a context manager that makes its zip.

    The zip is TARGET itself, or a temporary file that exists inside the ``with`` only.

    Raises:
        ConfigurationError: TARGET is malformed or not there, or is not a zip.
        DeployError: the handler of the zip is not known, or AWS would refuse its size.
        PackageError: the project cannot be packaged.
    """
    if settings.target.endswith(".zip"):
        file = folder / settings.target
        _check_zip(file)
        return nullcontext(DeploymentPackage(file, settings.handler or _default_handler(file)))
    target = find_target(settings.target, folder, factory=settings.factory)
    project = find_project(target.task_root)
    if project.build:  # its steps, which run later, may make the module
        return _packaged(project, target, None, settings, say)
    files = dict(project_files(project))
    try:
        has_module = check_sources(project, target.handler, files, settings.python, say)
    except PackageError as error:
        raise ConfigurationError(str(error)) from None
    return _packaged(project, target, Sources(files, has_module), settings, say)


@contextmanager
def _packaged(
    project: Project,
    target: Target,
    sources: Sources | None,
    settings: Settings,
    say: Callable[[str], None],
) -> Iterator[DeploymentPackage]:
    with TemporaryDirectory(prefix="adapter-deploy-") as scratch:
        output = Path(scratch, "function.zip")
        platform = Platform(settings.arch, settings.python)
        package = build(project, target.handler, platform, output, say, sources=sources)
        _check_zip(output)
        yield package


def _check_zip(file: Path) -> None:
    try:
        with ZipFile(file) as archive:
            unzipped_bytes = sum(each.file_size for each in archive.infolist())
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no file {file}. Make a zip with: adapter package"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from None
    except BadZipFile as error:
        raise ConfigurationError(
            f"{file} is not a zip ({error}). Make one with: adapter package"
        ) from None
    if refusals := [*exceeded_limits(0, unzipped_bytes)]:  # the zip itself may be big: see `Upload`
        raise DeployError(f"{refusals[0]} `adapter package` shows the size of each dependency.")


def _default_handler(file: Path) -> str:
    with ZipFile(file) as archive:
        if f"{MODULE}.py" in archive.namelist():
            return f"{MODULE}.{ATTRIBUTE}"
    raise DeployError(f"{file} has no {MODULE}.py, so name its handler with --handler")


def desired(
    settings: Settings,
    package: DeploymentPackage,
    place: AccountRegion,
    names: Names,
    *,
    adopt: bool,
) -> Desired:
    """Return the deployment that the settings describe."""
    assert settings.auth is not None
    content = package.file.read_bytes()
    sha256 = hashlib.sha256(content)
    role_arn = _role_arn(settings.role or names.role, place)
    role = None
    if not settings.role:
        policy = role_policy(names.log_group, place, tracing=settings.tracing)
        role = OwnRole(names.role, role_arn, policy)
    upload = None
    if len(content) > MAX_ZIPPED_BYTES:
        bucket = settings.bucket or names.bucket
        key = f"{settings.name}/{sha256.hexdigest()}.zip"
        upload = Upload(bucket, key, is_own_bucket=not settings.bucket)
    return Desired(
        name=settings.name,
        auth=settings.auth,
        configuration=_configuration(settings, package.handler, role_arn, names.log_group),
        code=Code(base64.b64encode(sha256.digest()).decode(), settings.arch),
        zip_bytes=len(content),
        role=role,
        upload=upload,
        pinned=settings.runtime_version,
        adopt=adopt,
    )


def _configuration(
    settings: Settings, handler: str, role_arn: str, log_group: str
) -> Configuration:
    runtime_arn, _, runtime_alias = settings.custom_runtime.rpartition(":")
    return Configuration(
        runtime="custom" if runtime_arn else f"python{settings.python}",
        handler=handler,
        role=role_arn,
        memory=settings.memory,
        timeout=settings.timeout,
        environment=settings.variables(),
        layers=settings.layers,
        tracing="Active" if settings.tracing else "PassThrough",
        log_format=settings.log_format,
        log_group=log_group,
        snapstart="PublishedVersions" if settings.snapstart else "None",
        runtime_arn=runtime_arn,
        runtime_alias=runtime_alias,
    )


def _role_arn(role: str, place: AccountRegion) -> str:
    if role.startswith("arn:"):
        return role
    return f"arn:{place.partition}:iam::{place.account}:role/{role}"
