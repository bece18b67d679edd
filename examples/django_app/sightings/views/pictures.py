"""`/pictures`: uploads that go from the browser to S3, past the function."""

import os
from functools import cache
from typing import Any
from uuid import uuid4

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

MEGABYTE = 1024 * 1024
LARGEST_BYTES = 50 * MEGABYTE
FORM_SECONDS = 600  # how long a form can be sent


@cache
def s3() -> Any:
    """Make the client at the first request: the other views do not pay for boto3's import."""
    import boto3  # Lambda's Python runtimes have it; an image of your own needs it installed

    return boto3.client("s3")


@require_GET
@login_required
def pictures(request: HttpRequest) -> HttpResponse:
    """Show a form that S3 accepts by its signature, and the uploads of this user.

    A request to Lambda is 6 MB at most, and is never streamed; so the file does not pass through
    the function.
    """
    bucket = os.environ.get("BUCKET")
    context: dict[str, object] = {"bucket": bucket, "megabytes": LARGEST_BYTES // MEGABYTE}
    if bucket:
        folder = f"pictures/{request.user.pk}/"
        context["post"] = _signed_form(request, bucket, folder)
        context["names"] = _names(bucket, folder)
    return render(request, "sightings/pictures.html", context)


def _signed_form(request: HttpRequest, bucket: str, folder: str) -> dict[str, Any]:
    # S3 sends the browser back to this page, wherever it is: with a REST API's stage in its path.
    back = request.build_absolute_uri(request.path)
    form: dict[str, Any] = s3().generate_presigned_post(
        bucket,
        f"{folder}{uuid4()}/${{filename}}",  # S3 puts in the name of the file
        Fields={"success_action_redirect": back},
        Conditions=[
            {"success_action_redirect": back},
            ["content-length-range", 1, LARGEST_BYTES],
        ],
        ExpiresIn=FORM_SECONDS,
    )
    return form


def _names(bucket: str, folder: str) -> list[str]:
    found = s3().list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", [])
    newest_first = sorted(found, key=lambda each: each["LastModified"], reverse=True)
    return [each["Key"].rpartition("/")[2] for each in newest_first[:10]]
