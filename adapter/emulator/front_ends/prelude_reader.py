"""Reads the prelude of a streamed response, in any number of chunks.

The code follows AWS's documentation and is separate from `adapter.events.prelude`, so that they do
not share a bug.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from __future__ import annotations

import json
from typing import Any

from .source_response import InvalidResponseError

PRELUDE_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = bytes(8)

# API Gateway documents 16 KB, and no limit is published for function URLs. A larger prelude may
# fail on AWS, so it fails here. This is the larger meaning of 16 KB: the diagnosis has a finding
# above the smaller meaning, 16,000 bytes.
MAX_PRELUDE_BYTES = 16 * 1024


class PreludeReader:
    """Takes the chunks of a stream until the prelude is complete. It does no I/O."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> tuple[dict[str, Any], bytes] | None:
        """Take a chunk; return prelude and first bytes of the body when the prelude is complete.

        Raises:
            InvalidResponseError: the stream does not begin with a prelude.
        """
        self._data += data
        end = self._data.find(DELIMITER, 0, MAX_PRELUDE_BYTES)
        if end >= 0:
            return parse_prelude(self._data[:end]), self._data[end + len(DELIMITER) :]
        if len(self._data) > MAX_PRELUDE_BYTES:
            raise InvalidResponseError(
                "The stream has no prelude, or a prelude that is too large: no 8 NUL bytes in its "
                f"first {MAX_PRELUDE_BYTES:,} bytes."
            )
        return None


def parse_prelude(document: bytes) -> dict[str, Any]:
    """Return the JSON object in front of the delimiter.

    Raises:
        InvalidResponseError: it is not a JSON object.
    """
    try:
        prelude = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise InvalidResponseError(f"The prelude is not JSON: {error}") from error
    if not isinstance(prelude, dict):
        raise InvalidResponseError(
            f"The prelude is not a JSON object but {type(prelude).__name__}."
        )
    return prelude
