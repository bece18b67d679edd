"""The plan: the steps from the observed state to the desired state. It does no I/O.

The order keeps the URL working: the unpublished version is changed first, then a version is
published, and the alias moves last. If an earlier step fails, the alias still names the old
version, and the next run continues with the state that it observes. If the invoke mode changes,
clients may get JSON or a prelude as the body between the move of the alias and the change of the
URL: AWS has no call that does both.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from ..errors import DeployError
from . import steps
from .desired import TAG, Configuration
from .observed import is_own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .desired import Code, Desired, Names
    from .observed import Function, Observed, Role, Version

#: The two permissions that a public function URL needs, by their statement ids.
# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
MAY_CALL_URL = "adapter-may-call-url"
MAY_INVOKE_THROUGH_URL = "adapter-may-invoke-through-url"
PERMISSIONS = (MAY_CALL_URL, MAY_INVOKE_THROUGH_URL)


def plan(desired: Desired, observed: Observed) -> tuple[steps.Step, ...]:
    """Return the steps of a deployment, in order; no steps if the states agree.

    Raises:
        DeployError: a resource of that name belongs to something else.
    """
    desired = _keep_role(observed.function, desired)
    _refuse_foreign_resources(desired, observed)
    function_steps = (*_function_steps(desired, observed.function),)
    return (
        *_role_and_log_group_steps(desired, observed),
        *_with_upload(desired, observed, function_steps),
        *_version_steps(desired, observed, is_changed=bool(function_steps)),
        *_url_steps(desired, observed),
    )


def previous_version(name: str, observed: Observed) -> int:
    """Return the number of the version that was published before the live version.

    Raises:
        DeployError: there is no such deployment, no URL, or no older version.
    """
    if not is_own(observed.function, name) or observed.live is None:
        raise DeployError(f"There is no deployment {name!r} here. Check --name and --region.")
    if observed.url is None:
        raise DeployError(f"{name} has no function URL. Deploy it again, which creates one.")
    live = observed.live.number
    older = [number for number in observed.versions if number < live]
    if not older:
        raise DeployError(f"Version {live} of {name} is live, and there is no older one.")
    return max(older)


def plan_rollback(name: str, observed: Observed, target: Version) -> tuple[steps.Step, ...]:
    """Return the steps back to an older version, and to the InvokeMode that it needs."""
    live = observed.live.number if observed.live else 0
    rollback: tuple[steps.Step, ...] = (steps.MoveAlias(name, live, target.number),)
    url, mode = observed.url, target.configuration.invoke_mode
    if url is not None and url.invoke_mode != mode:
        rollback = (*rollback, steps.UpdateUrl(name, url.auth, mode))
    return rollback


def plan_destruction(name: str, names: Names, observed: Observed) -> tuple[steps.Step, ...]:
    """Return the steps that delete a deployment: only resources that have its tag."""
    found = (
        (observed.function, steps.DeleteFunction(name)),
        (observed.role, steps.DeleteRole(names.role)),
        (observed.log_group, steps.DeleteLogGroup(names.log_group)),
        (observed.bucket, steps.DeleteBucket(names.bucket)),
    )
    return tuple(step for resource, step in found if is_own(resource, name))


def _refuse_foreign_resources(desired: Desired, observed: Observed) -> None:
    function = observed.function
    if function is not None and not function.configuration.runtime:
        # Refused before the tag is set, because `adapter destroy` deletes a function with the tag.
        raise DeployError(
            f"The function {desired.name} runs a container image, which a zip cannot replace. "
            "Choose another --name."
        )
    if not desired.adopt:
        _refuse(observed.function, desired.name, f"a function named {desired.name}")
        if desired.role is not None:
            _refuse(observed.role, desired.name, f"a role named {desired.role.name}")
    tags = observed.bucket.tags if observed.bucket is not None else {}
    if tags and not is_own(observed.bucket, desired.name):
        raise DeployError(
            "The bucket for big zips now belongs to something else. Name another with --bucket"
        )


def _refuse(resource: Function | Role | None, name: str, what: str) -> None:
    if resource is not None and not is_own(resource, name):
        raise DeployError(
            f"There is {what} already, without the tag {TAG}={name}, so it was not made by this "
            "command and is left as it is. Choose another --name, or take it over with --adopt "
            "(see what would change with --dry-run)."
        )


def _keep_role(function: Function | None, desired: Desired) -> Desired:
    """Keep the role of an existing function if it is not the role that would be created."""
    if desired.role is None or function is None:
        return desired
    role = function.configuration.role
    if role == desired.role.arn:
        return desired
    return replace(desired, role=None, configuration=replace(desired.configuration, role=role))


def _role_and_log_group_steps(desired: Desired, observed: Observed) -> Iterator[steps.Step]:
    if role := desired.role:
        if observed.role is None:
            yield steps.CreateRole(role.name)
        elif not is_own(observed.role, desired.name):
            yield steps.TagRole(role.name)
        if observed.role is None or observed.role.policy != role.policy:
            yield steps.WriteRolePolicy(role.name, role.policy)
    name, log_group = desired.configuration.log_group, observed.log_group
    if log_group is None:
        yield steps.CreateLogGroup(name)
    if log_group is None or (is_own(log_group, desired.name) and not log_group.has_retention):
        yield steps.ExpireLogs(name)


def _function_steps(desired: Desired, function: Function | None) -> Iterator[steps.Step]:
    name, configuration, code = desired.name, desired.configuration, desired.code
    if function is None:
        yield steps.CreateFunction(name, configuration, code, desired.upload)
        return
    if not is_own(function, name):
        yield steps.TagFunction(name)
    if changes := _code_changes(function.code, code):
        yield steps.UpdateCode(name, code, changes, desired.upload)
    if changes := _changes(function.configuration, configuration):
        yield steps.UpdateConfiguration(name, configuration, changes)


def _with_upload(
    desired: Desired, observed: Observed, function_steps: tuple[steps.Step, ...]
) -> Iterator[steps.Step]:
    """Return the steps of the function. A big zip is uploaded before them and removed after."""
    upload = desired.upload
    needs_zip = any(isinstance(s, steps.CreateFunction | steps.UpdateCode) for s in function_steps)
    if upload is None or not needs_zip:
        yield from function_steps
        return
    if upload.is_own_bucket:
        if observed.bucket is None:
            yield steps.CreateBucket(upload.bucket)
        if not is_own(observed.bucket, desired.name):
            yield steps.TagBucket(upload.bucket)
    yield steps.UploadZip(upload.bucket, upload.key, desired.zip_bytes)
    yield from function_steps
    yield steps.RemoveZip(upload.bucket, upload.key)


def _version_steps(
    desired: Desired, observed: Observed, *, is_changed: bool
) -> Iterator[steps.Step]:
    name, live = desired.name, observed.live
    publishes = is_changed or live is None or _differs(live, desired)
    pinned = live.pinned if live is not None else ""
    # The unpublished version and the published one have separate settings, and both are pinned.
    pins = desired.pinned != pinned or (publishes and bool(desired.pinned))
    if pins:
        yield steps.PinRuntime(name, desired.pinned, is_version=False)
    if publishes:
        yield steps.PublishVersion(name, desired.code.sha256)
    if pins:
        yield steps.PinRuntime(name, desired.pinned, is_version=True)
    if live is None:
        yield steps.CreateAlias(name)
    elif publishes:
        yield steps.MoveAlias(name, live.number)


def _url_steps(desired: Desired, observed: Observed) -> Iterator[steps.Step]:
    """Return the steps of the URL. Permissions are added before it, and removed after it."""
    name, auth, mode = desired.name, desired.auth, desired.configuration.invoke_mode
    if auth == "NONE":
        for statement in PERMISSIONS:
            if statement not in observed.permissions:
                yield steps.AllowUrl(name, statement)
    if observed.url is None:
        yield steps.CreateUrl(name, auth, mode)
    elif (observed.url.auth, observed.url.invoke_mode) != (auth, mode):
        yield steps.UpdateUrl(name, auth, mode)
    if auth != "NONE":
        for statement in PERMISSIONS:
            if statement in observed.permissions:
                yield steps.ForbidUrl(name, statement)


def _differs(version: Version, desired: Desired) -> bool:
    return (version.configuration, version.code) != (desired.configuration, desired.code)


def _code_changes(before: Code, after: Code) -> tuple[str, ...]:
    changes = []
    if before.sha256 != after.sha256:
        changes.append(f"SHA-256 {before.sha256[:8]}… → {after.sha256[:8]}…")
    if before.architecture != after.architecture:
        changes.append(f"{before.architecture} → {after.architecture}")
    return tuple(changes)


def _changes(before: Configuration, after: Configuration) -> tuple[str, ...]:
    """Describe how two configurations differ. The values of the environment may be secrets."""
    changes: list[str] = []
    for field in fields(Configuration):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        if field.name == "environment":
            changes.extend(_environment_changes(old, new))
        else:
            changes.append(f"{field.name} {_shown(old)} → {_shown(new)}")
    return tuple(changes)


def _environment_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"+{name}"
        elif name not in after:
            yield f"-{name}"
        elif before[name] != after[name]:
            yield f"~{name}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value) or "none"
