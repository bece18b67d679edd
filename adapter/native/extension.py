"""An internal extension, which makes Lambda send SIGTERM before it ends an environment.

Without an extension, Lambda sends SIGKILL at once. After SIGTERM there are 300 to 500 ms for the
app's shutdown.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

from ..errors import RuntimeApiError
from ..runtime_api.connection import Connection, connect
from ..runtime_api.wire import ApiReply, request

NAME = "asgi-lambda-stream"
VERSION = "/2020-01-01/extension"


async def register(address: str) -> Connection:
    """Register an internal extension without events; must come before the first ``next``.

    Lambda expects each extension to ask for its next event. That request has been sent on the
    returned connection, which must stay open; an event never comes.

    Raises:
        RuntimeApiError: Lambda refused.
        OSError: no server listens there.
    """
    connection = await connect(address)
    headers = {"Host": address, "Lambda-Extension-Name": NAME, "Content-Type": "application/json"}
    registered = connection.expect()
    connection.write(request("POST", f"{VERSION}/register", headers, b'{"events":[]}'))
    reply: ApiReply = await registered
    if reply.status != 200:
        connection.close()
        body = reply.body.decode("utf-8", "replace")
        raise RuntimeApiError(f"POST {VERSION}/register", reply.status, body)
    identifier = reply.headers.get("lambda-extension-identifier", "")
    headers = {"Host": address, "Lambda-Extension-Identifier": identifier}
    connection.expect()
    connection.write(request("GET", f"{VERSION}/event/next", headers))
    return connection
