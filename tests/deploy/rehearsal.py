"""The acceptance run without an account: AWS is moto's server, each URL leads to `adapter dev`."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from zipfile import ZipFile

import boto3

from tests.acceptance.run import PREFIX, Example, Mode, Setup
from tests.support.adapter_dev import adapter_dev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

#: ARN and alias of a customer-managed runtime
RUNTIME = "arn:aws:lambda:eu-west-1:123456789012:runtime/adapter:live"


@contextmanager
def rehearsal(
    aws: RecordingAws, examples: Sequence[Example], modes: Callable[[Example], Iterable[Mode]]
) -> Iterator[Setup]:
    """Run examples here for the block, and have the URLs of AWS lead to them."""
    with ExitStack() as stack:
        urls = {}
        for each in examples:
            subprocess.run([sys.executable, *each.build], cwd=each.folder, check=True)
            local = stack.enter_context(adapter_dev(str(each.folder / each.app)))
            urls[each.name] = local.url
            aws.function_urls[f"{PREFIX}-{each.name.replace('_', '-')}"] = local.url
        yield Setup(tuple(examples), modes, package, lambda example, url: urls[example.name])


def package(example: Example, folder: Path) -> Path:
    """Make a zip that moto takes."""
    file = folder / f"{example.name}.zip"
    with ZipFile(file, "w") as archive:
        archive.writestr("handler.py", "")
    return file


def left() -> list[object]:
    """Return all that is still in the account."""
    return [
        *boto3.client("lambda").list_functions()["Functions"],
        *boto3.client("iam").list_roles()["Roles"],
        *boto3.client("logs").describe_log_groups()["logGroups"],
        *boto3.client("apigateway").get_rest_apis()["items"],
    ]
