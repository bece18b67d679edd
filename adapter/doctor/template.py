"""Templates in the folder of an app, or above it: places that deploy the app without streaming."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from ..emulator.template_file import read_template, section
from ..errors import ConfigurationError
from ..target import folders_of_repository

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from ..types import JSON

PATTERNS = ("template*.yaml", "template*.yml", "template*.json")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_BYTES = 1024 * 1024

STREAM = "RESPONSE_STREAM"


class Place(NamedTuple):
    """A function URL or an API event in a template; ``problem`` is empty if the place streams."""

    function: str
    problem: str


def places_without_streaming(folder: Path, handler: str) -> list[str]:
    """Return the places in the templates of a folder that deploy the app without streaming.

    In a folder above it, within its repository, only functions that have the folder as their code
    count. A template that cannot be read has no places.
    """
    found = []
    for place in folders_of_repository(folder):
        for file in sorted(file for pattern in PATTERNS for file in place.glob(pattern)):
            template = read_if_possible(file)
            functions = None if place == folder else functions_in(template, place, folder)
            problems = problems_of_app(template, handler, functions)
            found += [f"{os.path.relpath(file, folder)}: {problem}" for problem in problems]
    return found


def functions_in(template: Mapping[str, JSON], place: Path, folder: Path) -> Collection[str]:
    """Return the functions of a template in ``place`` that have a folder as their code."""
    common = section(section(template, "Globals"), "Function")
    resources = section(template, "Resources")
    found = []
    for name in resources:
        properties = common | section(section(resources, name), "Properties")
        code = properties.get("CodeUri", properties.get("Code"))
        if isinstance(code, str) and os.path.realpath(place / code) == os.path.realpath(folder):
            found.append(name)
    return found


def read_if_possible(file: Path) -> dict[str, JSON]:
    """Return a template; empty if the file is not one, or is YAML without PyYAML installed."""
    try:
        return read_template(file) if file.stat().st_size <= MAX_BYTES else {}
    except (OSError, ConfigurationError):
        return {}


def problems_of_app(
    template: Mapping[str, JSON], handler: str, functions: Collection[str] | None = None
) -> list[str]:
    """Return the problems of the places of the app's function, which is one of ``functions``.

    The app's function has a handler of the same module. If no function with a place has that,
    each may be the app's: then a problem is one only if all of these functions have a problem.
    """
    module = module_of(handler)
    found = [p for p in places(template) if functions is None or p.function in functions]
    handlers = {
        name: section(resource, "Properties").get("Handler")
        for name, resource in section(template, "Resources").items()
        if isinstance(resource, dict)
    }
    own = [p for p in found if module_of(handlers.get(p.function)) == module] or found
    bad = [place for place in own if place.problem]
    is_sure = {place.function for place in bad} == {place.function for place in own}
    return [place.problem for place in bad] if is_sure else []


def module_of(handler: JSON) -> str:
    """Return the module of a handler string; empty if the handler is not a string."""
    if not isinstance(handler, str):
        return ""
    return handler.rpartition(":" if ":" in handler else ".")[0].replace("/", ".")


def places(template: Mapping[str, JSON]) -> Iterator[Place]:
    """Yield the function URLs, and the events of APIs."""
    function = section(section(template, "Globals"), "Function")
    resources = section(template, "Resources")
    for name, resource in resources.items():
        if not isinstance(resource, dict):
            continue
        properties = section(resource, "Properties")
        kind = resource.get("Type")
        if kind == "AWS::Lambda::Url":
            words = re.findall(r"\w+", json.dumps(properties.get("TargetFunctionArn")))
            target = next((word for word in words if word in resources), "")
            mode = properties.get("InvokeMode")
            yield Place(target, "" if may_stream(mode) else f"{name} has no InvokeMode: {STREAM}")
        if kind == "AWS::Serverless::Function":
            url = "FunctionUrlConfig"
            merged = section(function, url) | section(properties, url)
            if merged:
                is_good = may_stream(merged.get("InvokeMode"))
                yield Place(name, "" if is_good else f"{name}.{url} has no InvokeMode: {STREAM}")
            yield from api_events(name, section(properties, "Events"))


def api_events(function: str, events: Mapping[str, JSON]) -> Iterator[Place]:
    """Yield the API events of a SAM function."""
    for name, event in events.items():
        if not isinstance(event, dict):
            continue
        if event.get("Type") == "HttpApi":
            yield Place(function, f"{function}.{name} is an HTTP API, which cannot stream")
        if event.get("Type") == "Api":
            is_good = may_stream(section(event, "Properties").get("ResponseTransferMode"))
            problem = f"{function}.{name} has no ResponseTransferMode: {STREAM}"
            yield Place(function, "" if is_good else problem)


def may_stream(mode: JSON) -> bool:
    """Whether a mode streams, or is known at the deployment only, as ``!Ref`` is."""
    return mode == STREAM or isinstance(mode, dict)
