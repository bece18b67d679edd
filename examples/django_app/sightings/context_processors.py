import os

from django.conf import settings
from django.http import HttpRequest

#: The environment; the names of log streams differ at their ends.
NAME = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", f"process {os.getpid()}")[-12:]


def environment(request: HttpRequest) -> dict[str, object]:
    """Return the environment, and whether its database is read-only, for templates."""
    return {"environment": NAME, "database_is_read_only": settings.DATABASE_IS_READ_ONLY}
