"""Lock files: the versions that a project's tool has settled on."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from .errors import PackageError
from .own_wheel import DISTRIBUTION, normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PYLOCK = "pylock.toml"
LOCKS = (PYLOCK, "uv.lock", "poetry.lock", "pdm.lock")

#: of packages that are folders: the project itself and its workspace
LOCAL_SOURCES = {"virtual", "editable", "directory", "path"}


def pins(lock: Path) -> list[str]:
    """Return the versions in a lock file as requirements, one ``name==version`` each.

    Their hashes are not carried over; what is on PyPI under a version never changes.

    Raises:
        PackageError: it is no lock file of a kind that is known here.
    """
    try:
        document = tomllib.loads(lock.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackageError(f"{lock} cannot be read: {error}") from None
    packages = document.get("packages" if lock.name == PYLOCK else "package", [])
    versions: dict[str, list[tuple[str, str]]] = {}
    for package in packages:
        name = normalised(package["name"])
        if "version" in package and name != DISTRIBUTION and not _is_local(package):
            versions.setdefault(name, []).append((package["version"], _marker(package)))
    return list(_lines(versions, always=lock.name == PYLOCK))


def _lines(versions: Mapping[str, list[tuple[str, str]]], always: bool) -> Iterator[str]:
    """A marker is needed where a name has several versions, or the lines stand for themselves."""
    for name, found in versions.items():
        for version, marker in found:
            needed = marker and (always or len(found) > 1)
            yield f"{name}=={version} ; {marker}" if needed else f"{name}=={version}"


def _is_local(package: Mapping[str, Any]) -> bool:
    source = package.get("source", {})
    return bool(LOCAL_SOURCES & {*source, *package})


def _marker(package: Mapping[str, Any]) -> str:
    """Return when a version applies: uv has a list, poetry and PEP 751 a text, or none."""
    choices = package.get("resolution-markers")
    if choices:
        return " or ".join(f"({choice})" for choice in choices)
    marker = package.get("marker") or package.get("markers")
    return marker if isinstance(marker, str) else ""
