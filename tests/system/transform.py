"""Run by the Python that has SAM in it: print what CloudFormation gets of a SAM template."""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")


class Policies:
    """The managed policies by their names, which the templates have no need of."""

    def load(self) -> dict[str, str]:
        """Return none."""
        return {}


def main(template: str) -> None:
    """Do what AWS does with ``Transform: AWS::Serverless``; code and parameters do not matter."""
    document: Any = import_module("samcli.yamlhelper").yaml_parse(Path(template).read_text("utf-8"))
    for resource in document["Resources"].values():
        if "CodeUri" in resource["Properties"]:
            resource["Properties"]["CodeUri"] = "s3://bucket/function.zip"
    transform: Any = import_module("samtranslator.translator.transform").transform
    sys.stdout.write(json.dumps(transform(document, {}, Policies())))


if __name__ == "__main__":
    main(sys.argv[1])
