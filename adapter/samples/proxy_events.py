"""Builds the events of load balancers, Lambda@Edge and VPC Lattice.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from .url_event import body_keys, grouped, header_items

if TYPE_CHECKING:
    from ..types import JSON, Event
    from .url_event import HeaderItems


def alb_event(
    path: str = "/",
    *,
    multi: bool = False,
    method: str = "GET",
    query: str = "",
    headers: HeaderItems = (),
    body: bytes = b"",
    host: str = "shop.example.com",
    source_ip: str = "198.51.100.9",
) -> Event:
    """Return the event of a request to a load balancer.

    Args:
        path: percent-encoded, also in the event.
        multi: whether the target group has multi-value headers enabled. Without them, the event
            has only the last value of each name.
        method: as the client sent it.
        query: percent-encoded, also in the event.
        headers: may repeat a name.
        body: base64 in the event, unless its content type is text.
        host: the ``Host`` of the request.
        source_ip: of the client; the load balancer adds it to ``x-forwarded-for``.
    """
    fields = _fields(headers, host)
    forwarded = [str(value) for value in fields.get("x-forwarded-for", [])]
    fields["x-forwarded-for"] = [", ".join([*forwarded, source_ip])]
    parts = (part.partition("=") for part in query.split("&") if part)
    parameters = grouped((name, value) for name, _, value in parts)
    event: Event = {
        "requestContext": {
            "elb": {
                "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:"
                "targetgroup/api-fn/6d0ecf831eec9f09"
            }
        },
        "httpMethod": method,
        "path": path or "/",
    }
    if multi:
        event |= {
            "multiValueHeaders": {**fields},
            "multiValueQueryStringParameters": {**parameters},
        }
    else:
        event |= {
            "headers": {name: values[-1] for name, values in fields.items()},
            "queryStringParameters": {name: values[-1] for name, values in parameters.items()},
        }
    return {**event, "body": "", **_body_keys(body, fields)}


def edge_event(
    path: str = "/",
    *,
    event_type: str = "origin-request",
    method: str = "GET",
    query: str = "",
    headers: HeaderItems = (),
    body: bytes = b"",
    host: str = "origin.example.com",
    client_ip: str = "203.0.113.178",
) -> Event:
    """Return the event of a request to CloudFront, with its body included.

    Args:
        path: percent-encoded, also in the event.
        event_type: the trigger, ``origin-request`` or ``viewer-request``.
        method: as the client sent it.
        query: percent-encoded, also in the event.
        headers: may repeat a name.
        body: base64 in the event.
        host: the ``Host`` of the request, or the origin.
        client_ip: of the viewer.
    """
    fields: dict[str, list[JSON]] = {}
    for name, value in header_items(headers):
        fields.setdefault(name.lower(), []).append({"key": name, "value": value})
    fields.setdefault("host", [{"key": "Host", "value": host}])
    request: Event = {
        "clientIp": client_ip,
        "method": method,
        "uri": path or "/",
        "querystring": query,
        "headers": {**fields},
    }
    if body:
        request["body"] = {
            "action": "read-only",
            "data": b64encode(body).decode("ascii"),
            "encoding": "base64",
            "inputTruncated": False,
        }
    config: Event = {
        "distributionDomainName": "d1a2b3c4d5e6f7.cloudfront.net",
        "distributionId": "E2EXAMPLEID99",
        "eventType": event_type,
        "requestId": "8Tq0mVEXAMPLEreq==",
    }
    return {"Records": [{"cf": {"config": config, "request": request}}]}


def lattice_event(
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    headers: HeaderItems = (),
    body: bytes = b"",
    host: str = "orders.example.internal",
    source_ip: str = "10.0.3.17",
) -> Event:
    """Return the event of a request to VPC Lattice, in event structure version 2.

    Args:
        path: percent-encoded, also in the event.
        method: as the client sent it.
        query: percent-encoded; the event has it decoded.
        headers: may repeat a name.
        body: base64 in the event, unless its content type is text.
        host: the ``Host`` of the request.
        source_ip: of the client.
    """
    fields = _fields(headers, host)
    fields.setdefault("x-forwarded-for", [source_ip])
    event: Event = {
        "version": "2.0",
        "path": path or "/",
        "method": method,
        "headers": {**fields},
    }
    if parameters := grouped(parse_qsl(query, keep_blank_values=True)):
        event["queryStringParameters"] = {**parameters}
    arn = "arn:aws:vpc-lattice:eu-west-1:111122223333"
    context: Event = {
        "serviceNetworkArn": f"{arn}:servicenetwork/sn-0bf3f2882e9cc805a",
        "serviceArn": f"{arn}:service/svc-0a40eebed65f8d69c",
        "targetGroupArn": f"{arn}:targetgroup/tg-6d0ecf831eec9f09",
        "identity": {
            "sourceVpcArn": "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0b8276c84697e7339",
        },
        "region": "eu-west-1",
        "timeEpoch": "1792143106412000",
    }
    return {**event, **_body_keys(body, fields), "requestContext": context}


def _fields(headers: HeaderItems, host: str) -> dict[str, list[JSON]]:
    fields = grouped((name.lower(), value) for name, value in header_items(headers))
    fields.setdefault("host", [host])
    fields.setdefault("x-forwarded-port", ["443"])
    fields.setdefault("x-forwarded-proto", ["https"])
    return fields


def _body_keys(body: bytes, fields: dict[str, list[JSON]]) -> Event:
    content_type = str(fields.get("content-type", [""])[-1])
    return body_keys(body, "" if "content-encoding" in fields else content_type)
