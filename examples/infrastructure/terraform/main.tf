# Terraform or OpenTofu: the app behind a function URL that streams, from the zip of `adapter package`.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.29" # the first with invoked_via_function_url
    }
  }
}

variable "name" {
  type    = string
  default = "shop"
}

resource "aws_lambda_function" "app" {
  function_name    = var.name
  filename         = "${path.module}/function.zip"
  source_code_hash = filebase64sha256("${path.module}/function.zip")
  handler          = "handler.handler" # as adapter package printed it
  runtime          = "python3.13"      # as adapter package was told by --python
  architectures    = ["arm64"]         # as adapter package was told by --arch
  role             = aws_iam_role.app.arn
  memory_size      = 1024 # processor time comes with memory
  timeout          = 300  # how long a stream may take, in seconds; the default is 3

  environment {
    variables = {
      ADAPTER_INVOKE_MODE = "response_stream" # as invoke_mode below
    }
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.app.name
  }
}

resource "aws_lambda_function_url" "app" {
  function_name      = aws_lambda_function.app.function_name
  authorization_type = "NONE" # public
  invoke_mode        = "RESPONSE_STREAM"
}

# A public URL needs two permissions. The provider adds the first one to the function by itself, but does not
# manage it; named here, both are removed with the URL.
resource "aws_lambda_permission" "may_call_url" {
  statement_id           = "MayCallUrl"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.app.function_name
  function_url_auth_type = "NONE"
  principal              = "*"
}

resource "aws_lambda_permission" "may_invoke_through_url" {
  statement_id             = "MayInvokeThroughUrl"
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.app.function_name
  invoked_via_function_url = true
  principal                = "*"
}

resource "aws_iam_role" "app" {
  name = "${var.name}-role"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.app.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.app.arn}:*"
    }]
  })
}

resource "aws_cloudwatch_log_group" "app" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 14
}

output "url" {
  value = aws_lambda_function_url.app.function_url
}
