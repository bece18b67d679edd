"""Templates beside an app: the places that deploy it without streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..emulator.template_file import read_template, section
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ..types import JSON

PATTERNS = ("template*.yaml", "template*.yml", "template*.json")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_BYTES = 1024 * 1024

STREAM = "RESPONSE_STREAM"


def unfit_places(folder: Path) -> list[str]:
    """Return the places in the templates of a folder whose invoke mode is not RESPONSE_STREAM.

    A template that cannot be read has none.
    """
    found = []
    for file in sorted(file for pattern in PATTERNS for file in folder.glob(pattern)):
        document = read_if_possible(file)
        found += [f"{file.name}: {place}" for place in unfit_resources(document)]
    return found


def read_if_possible(file: Path) -> dict[str, JSON]:
    """Return a template; empty if the file is not one, or is YAML without PyYAML installed."""
    try:
        return read_template(file) if file.stat().st_size <= MAX_BYTES else {}
    except (OSError, ConfigurationError):
        return {}


def unfit_resources(template: Mapping[str, JSON]) -> Iterator[str]:
    """Yield the places that do not stream: function URLs, and events of APIs."""
    function = section(section(template, "Globals"), "Function")
    for name, resource in section(template, "Resources").items():
        if not isinstance(resource, dict):
            continue
        properties = section(resource, "Properties")
        kind = resource.get("Type")
        if kind == "AWS::Lambda::Url" and not fits(properties.get("InvokeMode")):
            yield f"{name} has no InvokeMode: {STREAM}"
        if kind == "AWS::Serverless::Function":
            url = "FunctionUrlConfig"
            merged = section(function, url) | section(properties, url)
            if merged and not fits(merged.get("InvokeMode")):
                yield f"{name}.FunctionUrlConfig has no InvokeMode: {STREAM}"
            yield from unfit_events(name, section(properties, "Events"))


def unfit_events(function: str, events: Mapping[str, JSON]) -> Iterator[str]:
    """Yield the API events of a SAM function that do not stream."""
    for name, event in events.items():
        if not isinstance(event, dict):
            continue
        if event.get("Type") == "HttpApi":
            yield f"{function}.{name} is an HTTP API, which cannot stream"
        mode = section(event, "Properties").get("ResponseTransferMode")
        if event.get("Type") == "Api" and not fits(mode):
            yield f"{function}.{name} has no ResponseTransferMode: {STREAM}"


def fits(mode: JSON) -> bool:
    """Whether a mode streams, or is known at the deployment only, as ``!Ref`` is."""
    return mode == STREAM or isinstance(mode, dict)
