"""A gzipped object of S3, unpacked while it is sent: neither form is in memory as a whole.

Behind a function URL, `?key=logs/today.txt.gz` names the object.
"""

import gzip
import os
from typing import Any

import boto3

from adapter import HttpResponseStream, LambdaContext, ResponseStream, streamify_response

s3 = boto3.client("s3")


@streamify_response
async def handler(event: Any, stream: ResponseStream, context: LambdaContext) -> None:
    key = (event.get("queryStringParameters") or {}).get("key", "")
    try:
        packed = s3.get_object(Bucket=os.environ["BUCKET"], Key=key)["Body"]
    except s3.exceptions.NoSuchKey:
        stream = HttpResponseStream.from_(stream, {"statusCode": 404})
        stream.set_content_type("text/plain; charset=utf-8")
        await stream.write(f"There is no {key}.\n")
        return
    stream = HttpResponseStream.from_(stream, {"statusCode": 200})
    stream.set_content_type("text/plain; charset=utf-8")
    with gzip.GzipFile(fileobj=packed) as unpacked:
        await stream.pipe(unpacked)
