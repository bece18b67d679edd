"""Run by the Python that has moto in it: its server, which learns ``AWS::Lambda::Url`` here.

moto has the function URLs of the Lambda API but not of CloudFormation, where it passes over
resources that it does not know. This hands the properties to the former.
"""

import sys
from importlib import import_module
from typing import Any

awslambda: Any = import_module("moto.awslambda.models")
models: Any = import_module("moto.core.common_models")
server: Any = import_module("moto.server")


class FunctionUrl(models.CloudFormationModel):  # type: ignore[misc]
    """``AWS::Lambda::Url``."""

    __module__ = "moto.awslambda.models"  # moto files its models by the names of their modules

    def __init__(self, config: Any) -> None:
        self.config = config
        self.physical_resource_id = config.function.function_arn

    @staticmethod
    def cloudformation_name_type() -> str:
        """It has no name."""
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        """Return the type it is."""
        return "AWS::Lambda::Url"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return what ``Fn::GetAtt`` knows."""
        return attr in ("FunctionUrl", "FunctionArn")

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return an attribute."""
        value: str = self.config.to_dict()[attribute_name]
        return value

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> "FunctionUrl":
        """Configure the URL as the API call would."""
        properties = cloudformation_json["Properties"]
        function = properties["TargetFunctionArn"]
        backend = awslambda.lambda_backends[account_id][region_name]
        return cls(backend.create_function_url_config(function, properties))


if __name__ == "__main__":
    server.main(["-p", sys.argv[1]])
