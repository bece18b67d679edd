"""Whose requests are answered: those that name this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..events.build import URL_ID

if TYPE_CHECKING:
    from ..types import Headers

LOCAL_DOMAIN = f"{URL_ID}.lambda-url.local.on.aws"
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", LOCAL_DOMAIN})


def host_is_local(headers: Headers) -> bool:
    """Whether the ``Host`` names this machine.

    A page from elsewhere can point a name of its own at 127.0.0.1 (DNS rebinding); its
    requests then carry that name.
    """
    hosts = [value.decode("latin-1") for name, value in headers if name.lower() == b"host"]
    if len(hosts) > 1:
        return False
    return not hosts or re.sub(r":\d*$", "", hosts[0]).lower() in LOCAL_HOSTS
