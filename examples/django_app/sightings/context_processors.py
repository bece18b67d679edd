import os

from django.conf import settings
from django.http import HttpRequest

#: Which environment this is; its end is what sets one log stream apart from the next.
NAME = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", f"process {os.getpid()}")[-12:]


def environment(request: HttpRequest) -> dict[str, object]:
    """What templates may want to say about where they are rendered."""
    return {"environment": NAME, "database_is_read_only": settings.DATABASE_IS_READ_ONLY}
