"""CDK: the app behind a function URL that streams, from the zip of `adapter package`."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct


class Shop(cdk.Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset("function.zip"),
            handler="handler.handler",  # as adapter package printed it
            runtime=lambda_.Runtime.PYTHON_3_13,  # as adapter package was told by --python
            architecture=lambda_.Architecture.ARM_64,  # as adapter package was told by --arch
            memory_size=1024,  # processor time comes with memory
            timeout=cdk.Duration.minutes(5),  # how long a stream may take; the default is 3 s
            environment={"ADAPTER_INVOKE_MODE": "response_stream"},  # as invoke_mode below
            log_group=logs.LogGroup(
                self,
                "Logs",
                retention=logs.RetentionDays.TWO_WEEKS,
                removal_policy=cdk.RemovalPolicy.DESTROY,
            ),
        )
        url = function.add_function_url(
            auth_type=lambda_.FunctionUrlAuthType.NONE,  # public, with both permissions
            invoke_mode=lambda_.InvokeMode.RESPONSE_STREAM,
        )
        cdk.CfnOutput(self, "Url", value=url.url)


app = cdk.App()
Shop(app, "shop")
app.synth()
