"""Reads the file of a SAM or CloudFormation template, in JSON or YAML.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..types import JSON


def read_template(file: Path) -> dict[str, JSON]:
    """Parse a template; CloudFormation's tags become its long forms: ``{"Ref": "Name"}``.

    Raises:
        ConfigurationError: the file cannot be read, or is not a template.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        document: JSON = json.loads(text) if file.suffix == ".json" else load_yaml(text)
    except ImportError:
        raise ConfigurationError(
            f"Reading {file.name} needs PyYAML, which is not installed. "
            "Try: pip install pyyaml, or name the app: adapter dev main:app"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        reason = f"{error.strerror}." if isinstance(error, OSError) else error
        raise ConfigurationError(f"Cannot read {file}: {reason}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{file} is not a template: it has no Resources.")
    return document


def load_yaml(text: str) -> JSON:
    """Parse YAML with the tags of CloudFormation.

    Raises:
        ValueError: the text is not YAML.
        ImportError: PyYAML is not installed.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Reads names and dates as the text that they are for CloudFormation."""

        yaml_implicit_resolvers: ClassVar = {
            start: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, JSON]:
            """Return a mapping; its keys are not read as YAML 1.1 does, where ON is true."""
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                    key.tag = "tag:yaml.org,2002:str"
            found: dict[str, JSON] = super().construct_mapping(node, deep)
            return found

    def construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> JSON:
        value: JSON
        if isinstance(node, yaml.ScalarNode):
            value = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", construct)
    try:
        document: JSON = yaml.load(text, Loader)  # a safe loader with more tags
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return document


def section(mapping: Mapping[str, JSON], key: str) -> dict[str, JSON]:
    """Return the mapping under a key; empty if there is no mapping."""
    found = mapping.get(key)
    return found if isinstance(found, dict) else {}
