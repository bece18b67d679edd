"""A DynamoDB table as CSV, page by page: memory holds one page, however large the table is.

A plain function, which may block, as boto3 does. The stream is a file for the csv module.
"""

import csv
import os
from typing import Any

import boto3

from adapter import HttpResponseStream, LambdaContext, streamify_response
from adapter.streams.pipe import BlockingStream

HEADERS = {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Disposition": 'attachment; filename="orders.csv"',
}
COLUMNS = ("id", "customer", "total")

dynamodb = boto3.client("dynamodb")  # once per environment, not once per invocation


@streamify_response
def handler(event: Any, stream: BlockingStream, context: LambdaContext) -> None:
    stream = HttpResponseStream.from_(stream, {"statusCode": 200, "headers": HEADERS})
    rows = csv.writer(stream)
    rows.writerow(COLUMNS)
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=os.environ["TABLE"], PaginationConfig={"PageSize": 100}
    )
    for page in pages:
        for item in page["Items"]:
            rows.writerow(next(iter(item[column].values())) for column in COLUMNS)
