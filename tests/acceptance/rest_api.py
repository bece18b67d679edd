"""A REST API of API Gateway that streams from the alias of a deployed function."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from adapter.deploy.desired import LIVE, TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGE = "live"
STATEMENT = "rest-api"
MAX_MILLISECONDS = 300_000


@contextmanager
def rest_api(function: str) -> Iterator[str]:
    """Make the API for the block, and return its URL."""
    functions: Any = boto3.client("lambda")
    apis: Any = boto3.client("apigateway")
    arn: str = functions.get_function_configuration(FunctionName=function)["FunctionArn"]
    _, partition, _, region, account, *_ = arn.split(":")
    api: str = apis.create_rest_api(
        name=function, endpointConfiguration={"types": ["REGIONAL"]}, tags={TAG: function}
    )["id"]
    try:
        (root,) = apis.get_resources(restApiId=api)["items"]
        rest = apis.create_resource(restApiId=api, parentId=root["id"], pathPart="{proxy+}")
        uri = (
            f"arn:{partition}:apigateway:{region}:lambda:path/2021-11-15/functions/"
            f"{arn}:{LIVE}/response-streaming-invocations"
        )
        for resource in (root["id"], rest["id"]):
            any_method = {"restApiId": api, "resourceId": resource, "httpMethod": "ANY"}
            apis.put_method(**any_method, authorizationType="NONE")
            apis.put_integration(
                **any_method,
                type="AWS_PROXY",
                integrationHttpMethod="POST",
                uri=uri,
                responseTransferMode="STREAM",
                timeoutInMillis=MAX_MILLISECONDS,
            )
        apis.create_deployment(restApiId=api, stageName=STAGE)
        functions.add_permission(
            FunctionName=function,
            Qualifier=LIVE,
            StatementId=STATEMENT,
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:{partition}:execute-api:{region}:{account}:{api}/*",
        )
        yield f"https://{api}.execute-api.{region}.amazonaws.com/{STAGE}"
    finally:
        apis.delete_rest_api(restApiId=api)
