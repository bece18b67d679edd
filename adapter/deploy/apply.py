"""Carries out the steps of a plan, each by one or two calls to AWS."""

from __future__ import annotations

import json
import time
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ..errors import DeployError
from . import steps
from .account import error_code, explain
from .desired import LIVE, RETENTION_DAYS, TAG, Configuration, Upload
from .observe import POLICY
from .plan import MAY_CALL_URL
from .upload import Progress, watch_uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .account import Account

#: Lambda does not see a new role, or a new permission of a role, at once.
ROLE_TIMEOUT_SECONDS = 60
ROLE_RETRY_SECONDS = 2
NOT_READY = ("cannot be assumed", "execution role does not have permissions")

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def apply(plan: Sequence[steps.Step], runner: StepRunner) -> None:
    """Carry out a plan, step by step, and say each step.

    Raises:
        DeployError: a step failed. The message names the step, and says what to do next.
    """
    for number, step in enumerate(plan):
        runner.say(" ".join(filter(None, [step.verb, step.kind, step.name, step.detail])))
        try:
            runner.perform(step)
        except (BotoCoreError, ClientError) as error:
            raise DeployError(_stopped(plan, number, explain(error))) from None
        except (KeyboardInterrupt, SystemExit):  # Ctrl-C, SIGTERM
            runner.say(_stopped(plan, number, "interrupted, so this step may be done or not."))
            raise


def _stopped(plan: Sequence[steps.Step], number: int, reason: str) -> str:
    """Return a message: where the plan stopped, which version is live, and what to do next."""
    step = plan[number]
    is_alias_unmoved = any(isinstance(each, steps.MoveAlias) for each in plan[number:])
    return (
        f"Stopped at step {number + 1} of {len(plan)}, "
        f"{step.verb} {step.kind} {step.name}: {reason}\n"
        f"{'The live version has not changed. ' if is_alias_unmoved else ''}"
        "The steps before this one stay. Run the same command again to continue."
    )


class StepRunner:
    """Performs steps of the deployment ``name``.

    ``say`` gets progress. ``version`` is the published version that the later steps use,
    ``zip_file`` has the code.
    """

    def __init__(
        self,
        account: Account,
        name: str,
        say: Callable[[str], None],
        zip_file: Path | None = None,
        version: str = "",
    ) -> None:
        self._account = account
        self._tags = {TAG: name}
        self.say = say
        self._zip_file = zip_file
        self.version = version
        watch_uploads(account.lambda_, say)

    @singledispatchmethod
    def perform(self, step: steps.Step) -> None:
        """Perform a step.

        Raises:
            BotoCoreError: it failed.
            ClientError: AWS refused it.
        """
        raise NotImplementedError(step)

    # The role.

    @perform.register
    def _(self, step: steps.CreateRole) -> None:
        self._account.iam.create_role(
            RoleName=step.name,
            AssumeRolePolicyDocument=json.dumps(TRUST),
            Description="Made by adapter deploy",
            Tags=self._tag_list(),
        )

    @perform.register
    def _(self, step: steps.WriteRolePolicy) -> None:
        self._account.iam.put_role_policy(
            RoleName=step.name, PolicyName=POLICY, PolicyDocument=json.dumps(step.policy)
        )

    @perform.register
    def _(self, step: steps.TagRole) -> None:
        self._account.iam.tag_role(RoleName=step.name, Tags=self._tag_list())

    @perform.register
    def _(self, step: steps.DeleteRole) -> None:
        iam = self._account.iam
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=step.name):
            for policy in page["PolicyNames"]:
                iam.delete_role_policy(RoleName=step.name, PolicyName=policy)
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=step.name):
            for policy in page["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=step.name, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=step.name)

    # The log group.

    @perform.register
    def _(self, step: steps.CreateLogGroup) -> None:
        self._account.logs.create_log_group(logGroupName=step.name, tags=self._tags)

    @perform.register
    def _(self, step: steps.ExpireLogs) -> None:
        self._account.logs.put_retention_policy(
            logGroupName=step.name, retentionInDays=RETENTION_DAYS
        )

    @perform.register
    def _(self, step: steps.DeleteLogGroup) -> None:
        self._account.logs.delete_log_group(logGroupName=step.name)

    # The bucket.

    @perform.register
    def _(self, step: steps.CreateBucket) -> None:
        region = self._account.place.region
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._account.s3.create_bucket(Bucket=step.name, **({} if region == "us-east-1" else where))

    @perform.register
    def _(self, step: steps.TagBucket) -> None:
        self._account.s3.put_bucket_tagging(Bucket=step.name, Tagging={"TagSet": self._tag_list()})

    @perform.register
    def _(self, step: steps.UploadZip) -> None:
        assert self._zip_file is not None
        progress = Progress(step.zip_bytes, self.say)
        with self._zip_file.open("rb") as content:
            self._account.s3.upload_fileobj(content, step.name, step.key, Callback=progress.add)

    @perform.register
    def _(self, step: steps.RemoveZip) -> None:
        self._account.s3.delete_object(Bucket=step.name, Key=step.key)

    @perform.register
    def _(self, step: steps.DeleteBucket) -> None:
        s3 = self._account.s3
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=step.name):
            for found in page.get("Contents", ()):
                s3.delete_object(Bucket=step.name, Key=found["Key"])
        s3.delete_bucket(Bucket=step.name)

    # The function.

    @perform.register
    def _(self, step: steps.CreateFunction) -> None:
        lambda_ = self._account.lambda_
        self._when_role_is_ready(
            lambda_.create_function,
            FunctionName=step.name,
            Code=self._code(step.upload),
            Architectures=[step.code.architecture],
            Tags=self._tags,
            **_arguments(step.configuration),
        )
        lambda_.get_waiter("function_active_v2").wait(FunctionName=step.name)

    @perform.register
    def _(self, step: steps.TagFunction) -> None:
        lambda_ = self._account.lambda_
        found = lambda_.get_function_configuration(FunctionName=step.name)
        lambda_.tag_resource(Resource=found["FunctionArn"], Tags=self._tags)

    @perform.register
    def _(self, step: steps.UpdateCode) -> None:
        self._wait_for_updates(step.name)
        self._account.lambda_.update_function_code(
            FunctionName=step.name,
            Architectures=[step.code.architecture],
            **self._code(step.upload),
        )
        self._wait_for_updates(step.name)

    @perform.register
    def _(self, step: steps.UpdateConfiguration) -> None:
        self._wait_for_updates(step.name)
        self._when_role_is_ready(
            self._account.lambda_.update_function_configuration,
            FunctionName=step.name,
            **_arguments(step.configuration),
        )
        self._wait_for_updates(step.name)

    @perform.register
    def _(self, step: steps.DeleteFunction) -> None:
        self._account.lambda_.delete_function(FunctionName=step.name)

    # The version that serves, and its URL.

    @perform.register
    def _(self, step: steps.PinRuntime) -> None:
        pinned = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": step.arn}
        self._account.lambda_.put_runtime_management_config(
            FunctionName=step.name,
            Qualifier=self.version if step.is_version else "$LATEST",
            **(pinned if step.arn else {"UpdateRuntimeOn": "Auto"}),
        )

    @perform.register
    def _(self, step: steps.PublishVersion) -> None:
        lambda_ = self._account.lambda_
        # With the hash, Lambda refuses to publish the code of another run at the same time.
        published = lambda_.publish_version(FunctionName=step.name, CodeSha256=step.sha256)
        self.version = published["Version"]
        lambda_.get_waiter("published_version_active").wait(
            FunctionName=step.name, Qualifier=self.version
        )

    @perform.register
    def _(self, step: steps.CreateAlias) -> None:
        self._account.lambda_.create_alias(
            FunctionName=step.name, Name=LIVE, FunctionVersion=self.version
        )

    @perform.register
    def _(self, step: steps.MoveAlias) -> None:
        version = str(step.version) if step.version else self.version
        self._account.lambda_.update_alias(
            FunctionName=step.name, Name=LIVE, FunctionVersion=version
        )

    @perform.register
    def _(self, step: steps.AllowUrl) -> None:
        call: dict[str, object] = {
            "Action": "lambda:InvokeFunctionUrl",
            "FunctionUrlAuthType": "NONE",
        }
        invoke = {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}
        self._account.lambda_.add_permission(
            FunctionName=step.name,
            Qualifier=LIVE,
            StatementId=step.statement,
            Principal="*",
            **(call if step.statement == MAY_CALL_URL else invoke),
        )

    @perform.register
    def _(self, step: steps.ForbidUrl) -> None:
        self._account.lambda_.remove_permission(
            FunctionName=step.name, Qualifier=LIVE, StatementId=step.statement
        )

    @perform.register
    def _(self, step: steps.UpdateUrl) -> None:
        self._account.lambda_.update_function_url_config(**_url(step))

    @perform.register
    def _(self, step: steps.CreateUrl) -> None:
        self._account.lambda_.create_function_url_config(**_url(step))

    def _tag_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self._tags.items()]

    def _code(self, upload: Upload | None) -> dict[str, Any]:
        if upload is not None:
            return {"S3Bucket": upload.bucket, "S3Key": upload.key}
        assert self._zip_file is not None
        return {"ZipFile": self._zip_file.read_bytes()}

    def _wait_for_updates(self, name: str) -> None:
        self._account.lambda_.get_waiter("function_updated_v2").wait(FunctionName=name)

    def _when_role_is_ready(self, call: Callable[..., object], **arguments: object) -> None:
        """Call Lambda, and repeat the call while Lambda does not accept the role yet."""
        give_up = time.monotonic() + ROLE_TIMEOUT_SECONDS
        is_told = False
        while True:
            try:
                call(**arguments)
                return
            except ClientError as error:
                is_invalid = error_code(error) == "InvalidParameterValueException"
                is_early = is_invalid and any(text in str(error) for text in NOT_READY)
                if not is_early or time.monotonic() > give_up:
                    raise
            if not is_told:
                self.say(
                    f"  Lambda does not accept the role yet: up to {ROLE_TIMEOUT_SECONDS} s ..."
                )
                is_told = True
            time.sleep(ROLE_RETRY_SECONDS)


def _arguments(configuration: Configuration) -> dict[str, Any]:
    """Return a configuration as Lambda's API takes it.

    RuntimeConfig cannot be empty, so it is set only for a customer-managed runtime.
    """
    arguments: dict[str, Any] = {
        "Runtime": configuration.runtime,
        "Handler": configuration.handler,
        "Role": configuration.role,
        "MemorySize": configuration.memory,
        "Timeout": configuration.timeout,
        "Environment": {"Variables": dict(configuration.environment)},
        "Layers": list(configuration.layers),
        "TracingConfig": {"Mode": configuration.tracing},
        "LoggingConfig": {
            "LogFormat": configuration.log_format,
            "LogGroup": configuration.log_group,
        },
        "SnapStart": {"ApplyOn": configuration.snapstart},
    }
    if configuration.runtime_arn:
        arguments["RuntimeConfig"] = {
            "RuntimeArn": configuration.runtime_arn,
            "RuntimeAlias": configuration.runtime_alias,
        }
    return arguments


def _url(step: steps.CreateUrl) -> dict[str, Any]:
    return {
        "FunctionName": step.name,
        "Qualifier": LIVE,
        "AuthType": step.auth,
        "InvokeMode": step.invoke_mode,
    }
