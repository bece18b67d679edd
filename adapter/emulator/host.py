"""Whose requests are answered: those that name this machine."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..samples.url_event import URL_ID

if TYPE_CHECKING:
    from ..types import Headers

LOCAL_DOMAIN = f"{URL_ID}.lambda-url.local.on.aws"


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address, or the one name that has to mean it."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # some other name: nobody knows
        return False


def host_is_local(headers: Headers) -> bool:
    """Whether the ``Host`` names this machine.

    A page from elsewhere can point a name of its own at 127.0.0.1 (DNS rebinding); its
    requests then carry that name.
    """
    hosts = [value.decode("latin-1") for name, value in headers if name.lower() == b"host"]
    if len(hosts) > 1:
        return False
    if not hosts:
        return True
    name = re.sub(r":\d*$", "", hosts[0]).lower()
    return name == LOCAL_DOMAIN or is_loopback(name.removeprefix("[").removesuffix("]"))
