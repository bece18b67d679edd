"""Reads the event source from the command line and the SAM template."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ..front_ends.cors import Cors, parse_cors, read_cors
from ..front_ends.function_url import FunctionUrlSource
from ..front_ends.http_api import HttpApiSource
from ..front_ends.load_balancer import LoadBalancerSource
from ..front_ends.rest_api import RestApiSource
from ..front_ends.signature import check_signature, find_credentials
from ..function_config import region_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from ..front_ends.event_source import EventSource

STREAMING = ("url", "rest")  #: the sources that can stream

#: the options that only some sources have
BELONGS_TO = {
    "stage": ("rest", "http"),
    "base_path": ("rest", "http"),
    "as_aws": ("url", "rest", "http"),
    "multi_value_headers": ("alb",),
    "auth": ("url",),
    "cors": ("url",),
}


def read_source(arguments: Namespace, url_config: Mapping[str, Any]) -> EventSource:
    """Return the event source; ``url_config`` has the settings of a function URL in the template.

    Raises:
        ConfigurationError: an option is invalid, or does not belong to the source.
    """
    name = arguments.source or "url"
    for option, sources in BELONGS_TO.items():
        if getattr(arguments, option) and name not in sources:
            raise ConfigurationError(
                f"--{option.replace('_', '-')} is for --source {' or '.join(sources)} only."
            )
    if arguments.invoke_mode == "response_stream" and name not in STREAMING:
        raise ConfigurationError(
            f"--source {name} does not stream: response_stream is for {' and '.join(STREAMING)}."
        )
    return READERS[name](arguments, url_config)


def function_url(arguments: Namespace, url_config: Mapping[str, Any]) -> EventSource:
    """Return a function URL; options win over the template, and the template over defaults.

    The template's ``AuthType`` is not read: a check needs botocore and credentials.
    """
    default = "BUFFERED" if url_config else "RESPONSE_STREAM"  # AWS's default, or ours
    mode = arguments.invoke_mode or str(url_config.get("InvokeMode", default)).lower()
    check_caller = None
    if arguments.auth == "aws_iam":
        region = region_of(os.environ)
        check_caller = partial(check_signature, credentials=find_credentials(), region=region)
    return FunctionUrlSource(
        streams=mode == "response_stream",
        aws_region=shown_region(arguments),
        cors=cors_of(arguments.cors, url_config.get("Cors")),
        check_caller=check_caller,
    )


def rest_api(arguments: Namespace, _url_config: Mapping[str, Any]) -> EventSource:
    """Return a REST API."""
    return RestApiSource(
        streams=arguments.invoke_mode == "response_stream",
        stage=stage(arguments),
        base_path=base_path(arguments),
        aws_region=shown_region(arguments),
    )


def http_api(arguments: Namespace, _url_config: Mapping[str, Any]) -> EventSource:
    """Return an HTTP API."""
    return HttpApiSource(
        stage=stage(arguments), base_path=base_path(arguments), aws_region=shown_region(arguments)
    )


def load_balancer(arguments: Namespace, _url_config: Mapping[str, Any]) -> EventSource:
    """Return a load balancer."""
    return LoadBalancerSource(multi=arguments.multi_value_headers)


#: the function that makes the source, for each choice of ``--source``
READERS: dict[str, Callable[[Namespace, Mapping[str, Any]], EventSource]] = {
    "url": function_url,
    "rest": rest_api,
    "http": http_api,
    "alb": load_balancer,
}


def stage(arguments: Namespace) -> str:
    """Return ``--stage`` without slashes."""
    return (arguments.stage or "").strip("/")


def base_path(arguments: Namespace) -> str:
    """Return ``--base-path`` with one slash in front, or an empty string."""
    path = (arguments.base_path or "").strip("/")
    return f"/{path}" if path else ""


def shown_region(arguments: Namespace) -> str | None:
    """Return the region whose domains the events name, with ``--as-aws``."""
    return region_of(os.environ) if arguments.as_aws else None


def cors_of(option: str | None, template: object) -> Cors | None:
    """Return the settings of ``--cors``, or else those of the template."""
    if option is not None:
        return parse_cors(option)
    return read_cors(template) if isinstance(template, dict) else None
