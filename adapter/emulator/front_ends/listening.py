"""The sockets that the local servers listen on."""

from __future__ import annotations

import errno
import socket

from ...errors import ConfigurationError

ADVICE = {
    errno.EADDRINUSE: "Stop the program that uses it, or choose another port with {option}.",
    errno.EACCES: "Choose a port above 1023 with {option}.",
}
BAD_ADDRESS = "--host has to be an address of this machine: 127.0.0.1, or 0.0.0.0 for all."


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """Open the port; ``option`` is the one that sets it.

    Raises:
        ConfigurationError: the port is in use, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on a socket that names TCP. Without it the kernel holds back
    # small chunks until the client has acknowledged the previous chunk.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Connections of the last run, which are still closing, do not block the port.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, TypeError) as error:  # TypeError: of a name that no host can have
        listening.close()
        number, reason = getattr(error, "errno", None), getattr(error, "strerror", None)
        advice = ADVICE.get(number or 0, BAD_ADDRESS).format(option=option)
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {reason or error}. {advice}"
        ) from error
    listening.setblocking(False)
    return listening
