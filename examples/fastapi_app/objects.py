"""`/objects/{key}`: an object of S3, or a range of it, which is never in memory as a whole."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import StreamingResponse

logger = logging.getLogger(__name__)
router = APIRouter(tags=["files"])

BLOCK_BYTES = 64 * 1024
#: S3 sends one range; a request for several gets the whole object, which HTTP allows.
ONE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")


@cache
def s3() -> Any:
    """Make the client at the first request: the other routes do not pay for boto3's import."""
    import boto3  # Lambda's Python runtimes have it; an image of your own needs it installed

    return boto3.client("s3")


@router.get("/objects/{key:path}", response_class=StreamingResponse)
async def get_object(
    key: str,
    range: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Send an object of the bucket that the variable `BUCKET` names.

    `Range` is passed on to S3, so that a broken download continues (`curl -C -`), and a player can
    seek in a video.
    """
    if "BUCKET" not in os.environ:
        raise HTTPException(503, "Set the variable BUCKET to the name of a bucket of S3.")
    found = await asyncio.to_thread(_open, key, range, if_range)
    return StreamingResponse(
        _blocks(key, found["Body"]),
        206 if "ContentRange" in found else 200,
        _headers(found),
        found["ContentType"],
    )


def _open(key: str, wanted: str | None, if_range: str | None) -> dict[str, Any]:
    """Request the object from S3, and return its head and its unread body.

    Raises:
        HTTPException: the object or the range does not exist.
    """
    named = {"Bucket": os.environ["BUCKET"], "Key": key}
    # With If-Range a changed object is sent as a whole. S3 does not know the header.
    condition = {"IfMatch": if_range} if wanted and if_range else {}
    ranged = {"Range": wanted, **condition} if wanted and ONE_RANGE.fullmatch(wanted) else {}
    try:
        found: dict[str, Any] = s3().get_object(**named, **ranged)
    except s3().exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "PreconditionFailed":
            return _open(key, None, None)
        if code == "InvalidRange":
            size = s3().head_object(**named)["ContentLength"]
            raise HTTPException(416, headers={"Content-Range": f"bytes */{size}"}) from error
        if code == "NoSuchKey":
            raise HTTPException(404, f"There is no {key}.") from error
        raise
    return found


def _headers(found: dict[str, Any]) -> dict[str, str]:
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": found["ETag"],
        # A streamed response has no Content-Length on Lambda; a progress bar reads this one.
        "X-Total-Length": str(found["ContentLength"]),
    }
    return headers | ({"Content-Range": found["ContentRange"]} if "ContentRange" in found else {})


async def _blocks(key: str, body: Any) -> AsyncIterator[bytes]:
    sent = 0
    try:
        # boto3 blocks, so each read is in a thread.
        while block := await asyncio.to_thread(body.read, BLOCK_BYTES):
            yield block
            sent += len(block)
    finally:
        body.close()
        logger.info("/objects/%s ended after %d bytes", key, sent)
