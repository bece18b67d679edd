"""Reads the state of a deployment from AWS; changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .account import ignore_missing
from .desired import LIVE, Code, Configuration
from .observed import Bucket, Function, LogGroup, Observed, Role, Url, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .account import Account
    from .desired import Names

POLICY = "adapter"  #: the name of the inline policy of the role


def observe(account: Account, name: str, names: Names, *, with_bucket: bool) -> Observed:
    """Read all resources of a deployment; the bucket only with ``with_bucket``."""
    function = read_function(account, name)
    role = read_role(account, names.role)
    log_group = read_log_group(account, names.log_group)
    bucket = read_bucket(account, names.bucket) if with_bucket else None
    if function is None:
        return Observed(role=role, log_group=log_group, bucket=bucket)
    return Observed(
        function,
        read_versions(account, name),
        read_live(account, name),
        read_url(account, name),
        read_permissions(account, name),
        role,
        log_group,
        bucket,
    )


def read_function(account: Account, name: str) -> Function | None:
    """Read the function: its unpublished version."""
    with ignore_missing():
        state = account.lambda_.get_function_configuration(FunctionName=name)
        # GetFunction leaves the tags out for a deployer who must not read them: no error.
        tags = account.lambda_.list_tags(Resource=state["FunctionArn"])["Tags"]
        return Function(tags, configuration_of(state), code_of(state))
    return None


def read_versions(account: Account, name: str) -> tuple[int, ...]:
    """Return the numbers of the published versions, ascending."""
    pages = account.lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    versions = (each["Version"] for page in pages for each in page["Versions"])
    return tuple(sorted(int(version) for version in versions if version.isdigit()))


def read_live(account: Account, name: str) -> Version | None:
    """Read the live version; its number is 0 if the alias names the unpublished version."""
    alias = None
    with ignore_missing():
        alias = account.lambda_.get_alias(FunctionName=name, Name=LIVE)
    return read_version(account, name, alias["FunctionVersion"]) if alias else None


def read_version(account: Account, name: str, version: str) -> Version:
    """Read one version of the function."""
    state = account.lambda_.get_function_configuration(FunctionName=name, Qualifier=version)
    runtime = account.lambda_.get_runtime_management_config(FunctionName=name, Qualifier=version)
    pinned = runtime.get("RuntimeVersionArn") if runtime["UpdateRuntimeOn"] == "Manual" else ""
    number = int(version) if version.isdigit() else 0
    return Version(number, configuration_of(state), code_of(state), pinned or "")


def configuration_of(state: Mapping[str, Any]) -> Configuration:
    """Read the configuration from a FunctionConfiguration of the API."""
    logging = state.get("LoggingConfig", {})
    runtime = state.get("RuntimeConfig", {}) if state.get("Runtime") == "custom" else {}
    return Configuration(
        runtime=state.get("Runtime", ""),
        handler=state.get("Handler", ""),
        role=state["Role"],
        memory=state["MemorySize"],
        timeout=state["Timeout"],
        environment=state.get("Environment", {}).get("Variables", {}),
        layers=tuple(layer["Arn"] for layer in state.get("Layers") or ()),
        tracing=state.get("TracingConfig", {}).get("Mode", "PassThrough"),
        log_format=logging.get("LogFormat", "Text"),
        log_group=logging.get("LogGroup", f"/aws/lambda/{state['FunctionName']}"),
        snapstart=state.get("SnapStart", {}).get("ApplyOn", "None"),
        runtime_arn=runtime.get("RuntimeArn", ""),
        runtime_alias=runtime.get("RuntimeAlias", ""),
    )


def code_of(state: Mapping[str, Any]) -> Code:
    """Read the code from a FunctionConfiguration of the API."""
    return Code(state["CodeSha256"], *state.get("Architectures", ["x86_64"]))


def read_url(account: Account, name: str) -> Url | None:
    """Read the function URL of the alias."""
    with ignore_missing():
        found = account.lambda_.get_function_url_config(FunctionName=name, Qualifier=LIVE)
        mode = found.get("InvokeMode", "BUFFERED")
        return Url(found["FunctionUrl"], found["AuthType"], mode)
    return None


def read_permissions(account: Account, name: str) -> frozenset[str]:
    """Return the statement ids of the policy of the alias."""
    with ignore_missing():
        found = account.lambda_.get_policy(FunctionName=name, Qualifier=LIVE)
        policy = json.loads(found["Policy"])
        return frozenset(statement.get("Sid", "") for statement in policy["Statement"])
    return frozenset()


def read_role(account: Account, role: str) -> Role | None:
    """Read a role and its inline policy; None if the name is empty or the role is missing."""
    if not role:
        return None
    with ignore_missing():
        tags = account.iam.list_role_tags(RoleName=role)["Tags"]
        policy = None
        with ignore_missing():
            found = account.iam.get_role_policy(RoleName=role, PolicyName=POLICY)
            policy = found["PolicyDocument"]
        return Role(_tags(tags), policy)
    return None


def read_log_group(account: Account, log_group: str) -> LogGroup | None:
    """Read the tags of a log group, and whether its lines expire."""
    pages = account.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=log_group)
    for page in pages:
        for found in page["logGroups"]:
            if found["logGroupName"] == log_group:
                arn = found["arn"].removesuffix(":*")
                tags = account.logs.list_tags_for_resource(resourceArn=arn)["tags"]
                return LogGroup(tags, "retentionInDays" in found)
    return None


def read_bucket(account: Account, bucket: str) -> Bucket | None:
    """Read the tags of a bucket; None if it is missing or belongs to another account."""
    with ignore_missing("403"):
        account.s3.head_bucket(Bucket=bucket)
        tags: Iterable[Mapping[str, str]] = ()
        with ignore_missing():
            tags = account.s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
        return Bucket(_tags(tags))
    return None


def _tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
