"""A registered extension, for one reason: without any, Lambda ends an environment by SIGKILL.

With one, the runtime gets SIGTERM and 300 to 500 ms for the app's shutdown.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

from ..errors import RuntimeApiError
from ..loggers import get_logger
from ..wire import Response, request
from .connection import Connection, connect

logger = get_logger("adapter.runtime")

NAME = "asgi-lambda-stream"
VERSION = "/2020-01-01/extension"


async def register(address: str) -> Connection:
    """Register an internal extension without events; must come before the first ``next``.

    The connection that is returned waits for an event that never comes, as the platform wants
    it to; it must stay open.

    Raises:
        RuntimeApiError: the platform refused.
        OSError: nobody is there.
    """
    connection = await connect(address)
    headers = {"Host": address, "Lambda-Extension-Name": NAME, "Content-Type": "application/json"}
    answer = connection.expect()
    connection.write(request("POST", f"{VERSION}/register", headers, b'{"events":[]}'))
    response: Response = await answer
    if response.status != 200:
        connection.close()
        body = response.body.decode("utf-8", "replace")
        raise RuntimeApiError(f"POST {VERSION}/register", response.status, body)
    identifier = response.headers.get("lambda-extension-identifier", "")
    headers = {"Host": address, "Lambda-Extension-Identifier": identifier}
    connection.expect()
    connection.write(request("GET", f"{VERSION}/event/next", headers))
    return connection
