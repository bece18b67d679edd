"""Reads the function of a SAM or CloudFormation template: what `adapter dev` needs of it.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMES = ("template.yaml", "template.yml", "template.json")
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
DEFAULT_TIMEOUT_SECONDS = 3.0
DEFAULT_MEMORY_MB = 128

Properties = dict[str, Any]


@dataclass(frozen=True)
class TemplateFunction:
    """A function as its template describes it. ``url`` has its ``FunctionUrlConfig``."""

    name: str
    handler: str
    task_root: Path
    timeout_seconds: float
    memory_mb: int
    environ: Mapping[str, str]
    url: Mapping[str, Any] = field(default_factory=dict)


def find_template(folder: Path) -> Path | None:
    """Return the template in a folder, or ``None``."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read_function(template: Path, name: str | None = None) -> TemplateFunction:
    """Return the function of a template; ``name`` is its logical id if there are several.

    Values that only AWS knows are left out; a parameter has its default.

    Raises:
        ConfigurationError: the template cannot be read, or does not say which function it is.
    """
    document = load(template)
    resources = section(document, "Resources")
    functions = {
        key: section(resource, "Properties")
        for key, resource in resources.items()
        if isinstance(resource, dict) and resource.get("Type") in FUNCTIONS
    }
    chosen = choose(template, functions, name)
    properties = {**section(section(document, "Globals"), "Function"), **functions[chosen]}
    parameters = {
        key: each["Default"]
        for key, each in section(document, "Parameters").items()
        if isinstance(each, dict) and "Default" in each
    }
    handler, root = handler_of(template, chosen, properties)
    url = section(properties, "FunctionUrlConfig") or url_resource(resources, chosen)
    return TemplateFunction(
        name=chosen,
        handler=handler,
        task_root=root,
        timeout_seconds=number(properties.get("Timeout"), parameters, DEFAULT_TIMEOUT_SECONDS),
        memory_mb=int(number(properties.get("MemorySize"), parameters, DEFAULT_MEMORY_MB)),
        environ=variables(document, properties, parameters),
        url=url,
    )


def load(template: Path) -> Properties:
    """Parse a template; CloudFormation's tags become its long forms: ``{"Ref": "Name"}``."""
    try:
        text = template.read_text(encoding="utf-8")
        document = json.loads(text) if template.suffix == ".json" else load_yaml(text)
    except ImportError:
        raise ConfigurationError(
            f"Reading {template.name} needs PyYAML, which is not installed. "
            "Try: pip install pyyaml, or name the app: adapter dev main:app"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"Cannot read {template}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{template} is no template: it has no Resources.")
    return document


def load_yaml(text: str) -> object:
    """Parse YAML with the tags of CloudFormation.

    Raises:
        ValueError: it is not YAML.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A separate loader, because constructors belong to a class."""

    def construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
        if isinstance(node, yaml.ScalarNode):
            value: object = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", construct)
    try:
        document: object = yaml.load(text, Loader)  # a safe loader with more tags
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return document


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
        raise ConfigurationError(f"{has}, and none is named {name!r}.")
    raise ConfigurationError(f"{has}. Choose one: adapter dev --function {next(iter(functions))}")


def handler_of(template: Path, name: str, properties: Properties) -> tuple[str, Path]:
    """Return handler and task root; of an image the handler is its command."""
    code = properties.get("CodeUri", ".")
    root = (template.parent / code).resolve() if isinstance(code, str) else template.parent
    if not root.is_dir():  # built by `sam build`, or in a bucket
        root = template.parent.resolve()
    command = section(properties, "ImageConfig").get("Command")
    handler = command[-1] if isinstance(command, list) and command else properties.get("Handler")
    if not isinstance(handler, str):
        raise ConfigurationError(
            f"{name} in {template.name} has no Handler. Name the app: adapter dev main:app"
        )
    return handler, root


def url_resource(resources: Properties, name: str) -> Properties:
    """Return the properties of the function's ``AWS::Lambda::Url``, if it has one."""
    for resource in resources.values():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Lambda::Url":
            properties = section(resource, "Properties")
            if name in json.dumps(properties.get("TargetFunctionArn")):
                return properties
    return {}


def variables(
    document: Properties, properties: Properties, parameters: Properties
) -> dict[str, str]:
    """Return the environment variables whose values are known here."""
    common = section(section(section(document, "Globals"), "Function"), "Environment")
    own = section(properties, "Environment")
    given = {**section(common, "Variables"), **section(own, "Variables")}
    values = {key: resolve(value, parameters) for key, value in given.items()}
    return {
        key: str(value) for key, value in values.items() if isinstance(value, str | int | float)
    }


def resolve(value: object, parameters: Properties) -> object:
    """Return a value, or the default of the parameter that it refers to."""
    if isinstance(value, dict) and value.keys() == {"Ref"}:
        return parameters.get(value["Ref"])
    return value


def number(value: object, parameters: Properties, default: float) -> float:
    """Return a number of the template."""
    try:
        return float(str(resolve(value, parameters)))
    except ValueError:
        return default


def section(mapping: Properties, key: str) -> Properties:
    """Return a mapping in a mapping; empty if it is something else."""
    found = mapping.get(key)
    return found if isinstance(found, dict) else {}
