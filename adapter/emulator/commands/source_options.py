"""Reads the event source from the command line and the SAM template."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ..front_ends.cors import Cors, parse_cors, read_cors
from ..front_ends.local_sources import HttpApiSource, LoadBalancerSource, RestSource, UrlSource
from ..front_ends.signature import check_signature, find_credentials
from ..function_config import region_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from ..front_ends.source import EventSource

#: the options that only some sources have
BELONGS_TO = {
    "stage": ("rest", "http"),
    "base_path": ("rest", "http"),
    "multi_value_headers": ("alb",),
    "auth": ("url",),
    "cors": ("url",),
}


def read_source(arguments: Namespace, url: Mapping[str, Any]) -> EventSource:
    """Return the event source; ``url`` has the settings of a function URL in the template.

    Raises:
        ConfigurationError: an option is invalid, or does not belong to the source.
    """
    name = arguments.source or "url"
    for option, sources in BELONGS_TO.items():
        if getattr(arguments, option) and name not in sources:
            raise ConfigurationError(
                f"--{option.replace('_', '-')} goes with --source {' or '.join(sources)}."
            )
    mode = arguments.invoke_mode
    region = region_of(os.environ) if arguments.as_aws else None
    path = (arguments.base_path or "").strip("/")
    stage, base_path = (arguments.stage or "").strip("/"), f"/{path}" if path else ""
    if name == "url":
        default = str(url.get("InvokeMode", "BUFFERED" if url else "RESPONSE_STREAM")).lower()
        return url_source(arguments, url, streams=(mode or default) == "response_stream")
    if name == "rest":
        streams = mode == "response_stream"
        return RestSource(streams=streams, stage=stage, base_path=base_path, aws_region=region)
    if mode == "response_stream":
        raise ConfigurationError(
            f"--source {name} does not stream: response_stream is for url and rest."
        )
    if name == "http":
        return HttpApiSource(stage=stage, base_path=base_path, aws_region=region)
    return LoadBalancerSource(multi=arguments.multi_value_headers)


def url_source(arguments: Namespace, url: Mapping[str, Any], *, streams: bool) -> UrlSource:
    """Return a function URL."""
    region = region_of(os.environ)
    check_caller = None
    if arguments.auth == "aws_iam":
        check_caller = partial(check_signature, credentials=find_credentials(), region=region)
    return UrlSource(
        streams=streams,
        aws_region=region if arguments.as_aws else None,
        cors=cors_of(arguments.cors, url.get("Cors")),
        check_caller=check_caller,
    )


def cors_of(option: str | None, template: object) -> Cors | None:
    """Return the settings of ``--cors``, or else those of the template."""
    if option is not None:
        return parse_cors(option)
    return read_cors(template) if isinstance(template, dict) else None
