"""`adapter deploy` ends with `adapter doctor` on the URL; here the URL leads to `adapter dev`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.__main__ import main
from tests.support.adapter_dev import adapter_dev

from .test_acceptance import APP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--stream-path", "/sse"], 0, "The response streams."),
        (["--stream-path", "/"], 1, "The response does not stream."),
        ([], 0, "The response does not stream."),
        (["--auth", "iam"], 0, "takes only signed requests, so adapter doctor does not examine it"),
    ],
    ids=["streams", "does not", "was not asked", "signed"],
)
def test_it_says_whether_the_url_streams(
    aws: RecordingAws,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    said: str,
) -> None:
    (tmp_path / "main.py").write_text(APP)
    with adapter_dev("main:app") as local:
        aws.function_urls["shop"] = local.url
        assert main(["deploy", "shop.zip", "--name", "shop", "--auth", "none", *options]) == code
    assert said in "".join(capfd.readouterr())


def test_a_path_of_a_url_that_it_does_not_examine_is_refused(
    aws: RecordingAws, capfd: pytest.CaptureFixture[str]
) -> None:
    line = ["deploy", "shop.zip", "--name", "shop", "--auth", "iam", "--stream-path", "/sse"]
    assert main(line) == 2
    assert capfd.readouterr().err == (
        "adapter: --stream-path is for the doctor, which does not examine a URL with --auth iam: "
        "leave it out.\n"
    )
    assert aws.calls == []
