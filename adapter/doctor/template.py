"""Templates beside an app: the places that deploy it without streaming."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..emulator.commands.sam_template import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ..types import JSON

PATTERNS = ("template*.yaml", "template*.yml", "template*.json")
MAX_BYTES = (
    1024 * 1024
)  # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html

STREAM = "RESPONSE_STREAM"


def unfit_places(folder: Path) -> list[str]:
    """Return the places in the templates of a folder whose invoke mode is not RESPONSE_STREAM.

    A template that cannot be read has none.
    """
    found = []
    for file in sorted(file for pattern in PATTERNS for file in folder.glob(pattern)):
        document = read_template(file)
        found += [f"{file.name}: {place}" for place in unfit_resources(document)]
    return found


def read_template(file: Path) -> Mapping[str, JSON]:
    """Return a template; empty if it is none, or if it is YAML and PyYAML is not installed."""
    try:
        if file.stat().st_size > MAX_BYTES:
            return {}
        text = file.read_text(encoding="utf-8")
        document: object = json.loads(text) if file.suffix == ".json" else load_yaml(text)
    except (OSError, ValueError, RecursionError, ImportError):
        return {}
    return document if isinstance(document, dict) else {}


def unfit_resources(template: Mapping[str, JSON]) -> Iterator[str]:
    """Yield the places that do not stream: function URLs, and events of APIs."""
    function = child(child(template, "Globals"), "Function")
    for name, resource in child(template, "Resources").items():
        if not isinstance(resource, dict):
            continue
        properties = child(resource, "Properties")
        kind = resource.get("Type")
        if kind == "AWS::Lambda::Url" and not fits(properties.get("InvokeMode")):
            yield f"{name} has no InvokeMode: {STREAM}"
        if kind == "AWS::Serverless::Function":
            merged = child(function, "FunctionUrlConfig") | child(properties, "FunctionUrlConfig")
            if merged and not fits(merged.get("InvokeMode")):
                yield f"{name}.FunctionUrlConfig has no InvokeMode: {STREAM}"
            yield from unfit_events(name, child(properties, "Events"))


def unfit_events(function: str, events: Mapping[str, JSON]) -> Iterator[str]:
    """Yield the API events of a SAM function that do not stream."""
    for name, event in events.items():
        if not isinstance(event, dict):
            continue
        if event.get("Type") == "HttpApi":
            yield f"{function}.{name} is an HTTP API, which cannot stream"
        mode = child(event, "Properties").get("ResponseTransferMode")
        if event.get("Type") == "Api" and not fits(mode):
            yield f"{function}.{name} has no ResponseTransferMode: {STREAM}"


def fits(mode: JSON) -> bool:
    """Whether a mode streams, or is known at the deployment only, as ``!Ref`` is."""
    return mode == STREAM or isinstance(mode, dict)


def child(parent: Mapping[str, JSON], key: str) -> dict[str, JSON]:
    """Return the mapping under a key; empty if there is none."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
