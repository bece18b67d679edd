"""The check of ``Host``: a request that names another machine is not served."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..samples.url_event import URL_ID

if TYPE_CHECKING:
    from ..types import Headers

NOT_THIS_HOST = (
    "This server serves localhost only, and the Host header names another host. "
    "To serve other machines or a tunnel, start it with --host 0.0.0.0."
)
LOCAL_DOMAIN = f"{URL_ID}.lambda-url.local.on.aws"
LOCAL_API_DOMAIN = "a1b2c3d4e5.execute-api.local.amazonaws.com"


@lru_cache
def is_loopback(host: str) -> bool:
    """Whether ``host`` is a loopback address or ``localhost``."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # another name, which may resolve to any address
        return False


def host_is_local(headers: Headers) -> bool:
    """Whether the ``Host`` header names this machine, or is missing: a browser always sends it.

    A web page can point its domain at 127.0.0.1 (DNS rebinding). The ``Host`` of its requests is
    then that domain.
    """
    hosts = [value.decode("latin-1") for name, value in headers if name.lower() == b"host"]
    if len(hosts) > 1:
        return False
    if not hosts:
        return True
    name = re.sub(r":\d*$", "", hosts[0]).lower()
    return name in (LOCAL_DOMAIN, LOCAL_API_DOMAIN) or is_loopback(
        name.removeprefix("[").removesuffix("]")
    )
