"""Metrics for CloudWatch, as one line of JSON per invocation in the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from .summary import Outcome

if TYPE_CHECKING:
    from .summary import Summary

NAMESPACE = "AsgiLambdaStream"

UNITS = {
    "TimeToFirstByte": "Milliseconds",
    "TimeToFirstBodyByte": "Milliseconds",
    "Duration": "Milliseconds",
    "Bytes": "Bytes",
    "Chunks": "Count",
    "Failures": "Count",
    "WarmUps": "Count",
}


def record(summary: Summary, function_name: str, timestamp: float) -> dict[str, object]:
    """Return the record: metrics with units, and the rest of the summary as properties.

    ``timestamp`` is in seconds since the epoch.
    """
    values: dict[str, object] = {
        "Duration": round(summary.duration * 1000, 3),
        "Bytes": summary.bytes,
        "Chunks": summary.chunks,
        "Failures": int(summary.outcome is not Outcome.COMPLETE),
    }
    if summary.outcome is Outcome.WARM_UP:
        values = {"WarmUps": 1}
    if summary.first_byte is not None:
        values["TimeToFirstByte"] = round(summary.first_byte * 1000, 3)
    if summary.first_body is not None:
        values["TimeToFirstBodyByte"] = round(summary.first_body * 1000, 3)
    metrics = [{"Name": name, "Unit": unit} for name, unit in UNITS.items() if name in values]
    return {
        "_aws": {
            "Timestamp": int(timestamp * 1000),
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics}
            ],
        },
        "FunctionName": function_name,
        "Outcome": summary.outcome.value,
        "Status": summary.status,
        "Streamed": summary.streamed,
        "RequestId": summary.request_id,
        "Method": summary.method,
        "Route": summary.route,
        "Source": summary.source,
        "ColdStart": summary.cold_start,
        **values,
    }


def emit(summary: Summary) -> None:
    """Print the record on stdout: CloudWatch extracts the metrics from Lambda's logs."""
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "function")
    sys.stdout.write(json.dumps(record(summary, name, time.time())) + "\n")
    sys.stdout.flush()
