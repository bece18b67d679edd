"""What goes wrong while a package is made."""

from __future__ import annotations

from ..errors import AdapterError


class PackageError(AdapterError):
    """The project cannot be packaged; the message says why, where, and what to do next."""
