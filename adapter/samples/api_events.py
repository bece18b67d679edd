"""Builds the events of REST APIs, and of HTTP APIs in both payload formats.

The shapes follow the examples in AWS's documentation:
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, unquote

from .url_event import (
    body_keys,
    function_url_event,
    grouped,
    header_items,
    join_headers,
    text_or_base64,
)

if TYPE_CHECKING:
    from ..types import Event
    from .url_event import HeaderItems

API_DOMAIN = "a1b2c3d4e5.execute-api.us-east-2.amazonaws.com"
CUSTOM_DOMAIN = "api.example.com"


def http_api_event(
    path: str = "/",
    *,
    version: Literal["1.0", "2.0"] = "2.0",
    method: str = "GET",
    query: str = "",
    headers: HeaderItems = (),
    body: bytes = b"",
    stage: str = "$default",
    mapping: str = "",
    source_ip: str = "203.0.113.7",
) -> Event:
    """Return the event of a request to an HTTP API.

    Args:
        path: after the stage or the mapping, percent-encoded; the API decodes it.
        version: of the payload format.
        method: as the client sent it.
        query: percent-encoded, as the client sent it.
        headers: may repeat a name.
        body: base64 in the event, unless its content type is text.
        stage: before the path, unless it is ``$default`` or there is a mapping.
        mapping: the path of a custom domain that leads to the API. Payload 1.0 shows it, 2.0
            hides it.
        source_ip: of the client.
    """
    items = header_items(headers)
    shown = "" if stage == "$default" or mapping else f"/{stage}"
    decoded = unquote(path).partition("?")[0] or "/"  # AWS also cuts the path at an encoded "?"
    domain = CUSTOM_DOMAIN if mapping else API_DOMAIN
    if version == "1.0":
        whole = f"{mapping}{shown}{decoded}"
        event = _payload_v1(whole, "", method, query, items, domain, source_ip, stage)
        event |= {"version": "1.0", "resource": "$default", "pathParameters": None, "body": None}
        return {**event, **body_keys(body, join_headers(items).get("content-type", ""))}
    event = function_url_event(
        path, method=method, query=query, headers=items, body=body, domain=domain
    )
    event["rawPath"] = f"{shown}{decoded}"
    context, given = event["requestContext"], event["headers"]
    assert isinstance(context, dict)
    assert isinstance(given, dict)
    assert isinstance(context["http"], dict)
    given.pop("cookie", None)  # only in "cookies"
    given["x-forwarded-for"] = source_ip
    context["http"] |= {"path": event["rawPath"], "sourceIp": source_ip}
    context |= {"accountId": "111122223333", "stage": stage}
    return event


def rest_api_event(
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    headers: HeaderItems = (),
    body: bytes = b"",
    stage: str = "prod",
    mapping: str = "",
    source_ip: str = "192.0.2.44",
) -> Event:
    """Return the event of a request to a REST API with the resource ``/{proxy+}``.

    Args:
        path: after the stage or the mapping, percent-encoded.
        method: as the client sent it.
        query: percent-encoded, as the client sent it; the event has it decoded.
        headers: may repeat a name, and keep their case.
        body: text if it is UTF-8, else base64, as with ``binaryMediaTypes``.
        stage: of the API; before the client's path, unless there is a mapping.
        mapping: the path of a custom domain that leads to the API.
        source_ip: of the client.
    """
    prefix = mapping or f"/{stage}"
    event = _payload_v1(
        f"{mapping}{path or '/'}",
        f"{prefix}{path or '/'}",
        method,
        query,
        headers,
        CUSTOM_DOMAIN if mapping else API_DOMAIN,
        source_ip,
        stage,
    )
    proxied = path.strip("/")
    route: Event = {"resource": "/{proxy+}", "pathParameters": {"proxy": proxied}}
    if not proxied:
        route = {"resource": "/", "pathParameters": None}
    return {**route, **event, "body": None, **text_or_base64(body)}


def _payload_v1(
    path: str,
    whole_path: str,
    method: str,
    query: str,
    headers: HeaderItems,
    domain: str,
    source_ip: str,
    stage: str,
) -> Event:
    fields = grouped(header_items(headers))
    for name, value in (
        ("Host", domain),
        ("X-Forwarded-For", source_ip),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ):
        if name.lower() not in map(str.lower, fields):
            fields[name] = [value]
    parameters = grouped(parse_qsl(query, keep_blank_values=True))
    return {
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in fields.items()},
        "multiValueHeaders": {**fields},
        "queryStringParameters": {n: v[-1] for n, v in parameters.items()} or None,
        "multiValueQueryStringParameters": {**parameters} or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "a1b2c3d4e5",
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "extendedRequestId": "TGhpc0lzRXh0SWQ=",
            "httpMethod": method,
            "identity": {"sourceIp": source_ip, "userAgent": None, "userArn": None},
            "path": whole_path or path,
            "protocol": "HTTP/1.1",
            "requestId": "0d4c8f55-26f7-4d3a-9b0e-5f4b2d1c6a77",
            "requestTime": "16/Oct/2026:09:52:30 +0000",
            "requestTimeEpoch": 1_792_144_350_501,
            "stage": stage,
        },
        "isBase64Encoded": False,
    }
