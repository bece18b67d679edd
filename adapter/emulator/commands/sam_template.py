"""Reads the function that `adapter dev` serves from a SAM or CloudFormation template.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from ...errors import ConfigurationError
from ..template_file import read_template, section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...types import JSON

    Properties = dict[str, JSON]

NAMES = ("template.yaml", "template.yml", "template.json")
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
DEFAULT_TIMEOUT_SECONDS = 3.0
DEFAULT_MEMORY_MB = 128

# Both name a parameter or a secret of the account, which has the value.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
DYNAMIC_REFERENCE = "{{resolve:"
IN_ACCOUNT = "AWS::SSM::Parameter::Value<"
LISTS = ("CommaDelimitedList", "List<")


@dataclass(frozen=True)
class TemplateFunction:
    """A function as its template describes it. ``url_config`` has its ``FunctionUrlConfig``."""

    name: str
    handler: str
    task_root: Path
    timeout_seconds: float
    memory_mb: int
    environ: Mapping[str, str]
    url_config: Mapping[str, JSON] = field(default_factory=dict)


def find_template(folder: Path) -> Path | None:
    """Return the template in a folder, or ``None``."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def function_of_template(template: Path, name: str | None = None) -> TemplateFunction:
    """Return the function of a template; ``name`` is its logical id if there are several.

    Values that only AWS knows are left out; a parameter has its default.

    Raises:
        ConfigurationError: the template cannot be read, or it is unclear which function is meant.
    """
    document = read_template(template)
    resources = section(document, "Resources")
    functions = {
        key: section(resource, "Properties")
        for key, resource in resources.items()
        if isinstance(resource, dict) and resource.get("Type") in FUNCTIONS
    }
    chosen = choose(template, functions, name)
    parameters = defaults(section(document, "Parameters"))
    common = section(section(document, "Globals"), "Function")
    if "InlineCode" in functions[chosen] or "ZipFile" in section(functions[chosen], "Code"):
        raise ConfigurationError(
            f"The code of {chosen} is in {template.name} itself. Write it into a file, and name "
            "the file: adapter dev index.handler"
        )
    properties = known(merged(common, functions[chosen]), parameters)
    handler, root = handler_of(template, chosen, properties)
    url = known(url_resource(resources, chosen), parameters)
    return TemplateFunction(
        name=chosen,
        handler=handler,
        task_root=root,
        timeout_seconds=number(properties.get("Timeout"), DEFAULT_TIMEOUT_SECONDS),
        memory_mb=int(number(properties.get("MemorySize"), DEFAULT_MEMORY_MB)),
        environ=variables(properties),
        url_config=section(properties, "FunctionUrlConfig") or url,
    )


def choose(template: Path, functions: Mapping[str, Properties], name: str | None) -> str:
    """Return the logical id of the function to run."""
    if name is not None and name in functions:
        return name
    if name is None and len(functions) == 1:
        return next(iter(functions))
    if not functions:
        raise ConfigurationError(
            f"{template.name} has no function. Name the app: adapter dev main:app"
        )
    has = f"{template.name} has the functions {', '.join(functions)}"
    if name is not None:
        raise ConfigurationError(f"{has}, and no function is named {name!r}.")
    raise ConfigurationError(f"{has}. Choose one: adapter dev --function {next(iter(functions))}")


def handler_of(template: Path, name: str, properties: Properties) -> tuple[str, Path]:
    """Return handler and task root; the handler of an image is the last word of its command."""
    code = properties.get("CodeUri", properties.get("Code", "."))
    root = (template.parent / code).resolve() if isinstance(code, str) else template.parent
    if root.suffix == ".py":  # which AWS's tools zip alone
        root = root.parent
    if not root.is_dir():  # built by `sam build`, or in a bucket
        root = template.parent.resolve()
    command = section(properties, "ImageConfig").get("Command")
    handler = command[-1] if isinstance(command, list) and command else properties.get("Handler")
    if not isinstance(handler, str):
        raise ConfigurationError(
            f"{name} in {template.name} has no Handler, or one that only AWS knows. "
            "Name the app: adapter dev main:app"
        )
    return handler, root


def url_resource(resources: Properties, name: str) -> Properties:
    """Return the properties of the function's ``AWS::Lambda::Url``, if it has one."""
    for resource in resources.values():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Lambda::Url":
            properties = section(resource, "Properties")
            target = json.dumps(properties.get("TargetFunctionArn"))
            if re.search(rf"\b{re.escape(name)}\b", target):  # not a part of another name
                return properties
    return {}


def variables(properties: Properties) -> dict[str, str]:
    """Return the environment variables as strings; CloudFormation writes ``true`` and ``false``."""
    values = section(section(properties, "Environment"), "Variables")
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in values.items()
        if isinstance(value, str | int | float)
    }


def defaults(parameters: Properties) -> Properties:
    """Return the default of each parameter; without those whose value is in the account."""
    found: Properties = {}
    for key, each in parameters.items():
        default = each.get("Default") if isinstance(each, dict) else None
        kind = str(section(parameters, key).get("Type"))
        if kind.startswith(LISTS) and isinstance(default, str):
            found[key] = [text.strip() for text in default.split(",")]
        elif not kind.startswith(IN_ACCOUNT):
            found[key] = resolve(default, {})
    return found


def known(properties: Properties, parameters: Properties) -> Properties:
    """Return the properties that are known here: with defaults of parameters, without the rest."""
    values = {key: resolve(value, parameters) for key, value in properties.items()}
    return {key: value for key, value in values.items() if value is not None}


def resolve(value: JSON, parameters: Properties) -> JSON:
    """Return a value with the defaults of its parameters; ``None`` if only AWS knows the value."""
    if isinstance(value, list):
        values = (resolve(each, parameters) for each in value)
        return [each for each in values if each is not None]
    if is_map(value):
        return known(value, parameters)
    if isinstance(value, dict):
        return parameters.get(str(value.get("Ref", "")))
    return None if DYNAMIC_REFERENCE in str(value) else value


def is_map(value: JSON) -> TypeGuard[Properties]:
    """Whether a value is a map, and not a reference or a function of CloudFormation."""
    is_reference = isinstance(value, dict) and (
        value.keys() == {"Ref"} or any(str(key).startswith("Fn::") for key in value)
    )
    return isinstance(value, dict) and not is_reference


def merged(common: Properties, own: Properties) -> Properties:
    """Return properties of ``Globals`` with those of the function, which win; maps are merged."""
    properties = {**common, **own}
    for key, value in own.items():
        other = common.get(key)
        if is_map(value) and is_map(other):
            properties[key] = merged(other, value)
    return properties


def number(value: object, default: float) -> float:
    """Return a number of the template, or the default if the value is none that Lambda takes."""
    try:
        found = float(str(value))
    except ValueError:
        return default
    return found if 0 < found < math.inf else default
