"""Big zips: through a bucket, and with progress on the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from adapter.deploy import inputs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

    from .conftest import Run

MB = 1024 * 1024
TAG = "asgi-lambda-stream:deployment"


@pytest.fixture
def big(aws: RecordingAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a zip that is too big to be sent directly, by a lower limit."""
    monkeypatch.setattr(inputs, "MAX_ZIPPED_BYTES", 8 * MB)
    grow(tmp_path / "shop.zip", 9 * MB)


def grow(file: Path, size: int) -> None:
    """Put random bytes before a zip, which stays one."""
    file.write_bytes(os.urandom(size) + file.read_bytes())


def percents(text: str) -> list[int]:
    return [int(line.split()[0]) for line in text.splitlines() if " % of " in line]


def buckets() -> list[str]:
    return [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]]


@pytest.mark.usefixtures("big")
class TestAZipOverTheLimit:
    def test_goes_through_a_bucket_that_is_tagged_and_empty_afterwards(
        self, deploy: Run, aws: RecordingAws
    ) -> None:
        outcome = deploy()
        assert outcome.code == 0, outcome.err
        (made,) = aws.named("CreateFunction")
        assert made.body_bytes < MB
        (bucket,) = buckets()
        assert made.parameters["Code"]["S3Bucket"] == bucket
        s3 = boto3.client("s3")
        assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": TAG, "Value": "shop"}]
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_tells_how_far_it_is(self, deploy: Run) -> None:
        assert percents(deploy().err) == [*range(10, 101, 10)]

    def test_is_not_sent_again_if_it_is_there(self, deploy: Run, aws: RecordingAws) -> None:
        deploy()
        deploy()
        assert aws.changes() == []
        deploy("--memory", "512")
        assert aws.named("CreateMultipartUpload", "PutObject") == []

    def test_goes_through_a_bucket_that_is_named(self, deploy: Run, aws: RecordingAws) -> None:
        where: Any = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket="mine", CreateBucketConfiguration=where)
        assert deploy("--bucket", "mine").code == 0
        assert buckets() == ["mine"]
        assert aws.named("PutBucketTagging") == []

    @pytest.mark.parametrize(
        "operation", ["CreateBucket", "PutBucketTagging", "CreateMultipartUpload", "DeleteObject"]
    )
    def test_goes_on_after_a_failure(self, deploy: Run, aws: RecordingAws, operation: str) -> None:
        aws.refuse(operation, "AccessDenied")
        assert deploy().code == 1
        assert deploy().code == 0
        deploy()
        assert aws.changes() == []

    def test_leaves_no_bucket_when_all_is_destroyed(self, deploy: Run, run: Run) -> None:
        deploy()
        assert run("destroy", "shop", "--yes").code == 0
        assert buckets() == []


def test_a_zip_below_the_limit_tells_how_far_it_is_too(
    deploy: Run, aws: RecordingAws, tmp_path: Path
) -> None:
    grow(tmp_path / "shop.zip", 6 * MB)
    outcome = deploy()
    assert outcome.code == 0
    assert percents(outcome.err) == [*range(10, 101, 10)]
    (made,) = aws.named("CreateFunction")
    assert made.body_bytes > 8 * MB  # in base64


def test_an_upload_that_is_repeated_tells_it_from_the_beginning(
    deploy: Run, aws: RecordingAws, tmp_path: Path
) -> None:
    grow(tmp_path / "shop.zip", 6 * MB)
    aws.refuse("CreateFunction", "ServiceException", "try again", 500)
    outcome = deploy()
    assert outcome.code == 0, outcome.err
    assert percents(outcome.err) == [*range(10, 101, 10)] * 2
