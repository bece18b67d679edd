// CDK: the app behind a function URL that streams, from the zip of `adapter package`.
import * as cdk from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";

class Shop extends cdk.Stack {
  constructor(scope: Construct, name: string) {
    super(scope, name);
    const shop = new lambda.Function(this, "Function", {
      code: lambda.Code.fromAsset("function.zip"),
      handler: "handler.handler", // as adapter package printed it
      runtime: lambda.Runtime.PYTHON_3_13, // as adapter package was told by --python
      architecture: lambda.Architecture.ARM_64, // as adapter package was told by --arch
      memorySize: 1024, // processor time comes with memory
      timeout: cdk.Duration.minutes(5), // how long a stream may take; the default is 3 s
      environment: { ADAPTER_INVOKE_MODE: "response_stream" }, // as invokeMode below
      logGroup: new logs.LogGroup(this, "Logs", {
        retention: logs.RetentionDays.TWO_WEEKS,
        removalPolicy: cdk.RemovalPolicy.DESTROY,
      }),
    });
    const url = shop.addFunctionUrl({
      authType: lambda.FunctionUrlAuthType.NONE, // public, with both permissions
      invokeMode: lambda.InvokeMode.RESPONSE_STREAM,
    });
    new cdk.CfnOutput(this, "Url", { value: url.url });
  }
}

const app = new cdk.App();
new Shop(app, "shop");
app.synth();
