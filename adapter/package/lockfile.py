"""Lock files: the versions that a project's tool has settled on."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from .errors import PackageError
from .own_wheel import DISTRIBUTION, normalised
from .pyproject import is_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PYLOCK = "pylock.toml"
LOCKS = (PYLOCK, "uv.lock", "poetry.lock", "pdm.lock")

#: how the tools name what comes from no index
ELSEWHERE = ("git", "vcs", "archive", "url", "file", "directory", "path", "editable", "virtual")


def pins(lock: Path) -> list[str]:
    """Return the versions in a lock file as requirements, one ``name==version`` each.

    Their hashes are not carried over; what is on PyPI under a version never changes.

    Raises:
        PackageError: it is no lock file of a kind that is known here, or has a package that is
            on no index.
    """
    versions: dict[str, list[tuple[str, str]]] = {}
    for package in _packages(lock):
        name = normalised(package["name"])
        kind, place = _elsewhere(package)
        if name == DISTRIBUTION or place == ".":  # the project itself
            continue
        if kind:
            raise PackageError(
                f"{name} comes from {kind} {place}, which cannot be taken from a lock file: "
                f"{lock}. Export a requirements.txt, have it name a version or a wheel of {name}, "
                "and name that file with --requirements"
            )
        if "version" not in package:
            raise PackageError(f"{lock} has no version of {name}. Make it anew with its tool.")
        versions.setdefault(name, []).append((package["version"], _marker(package)))
    return list(_lines(versions, always=is_pylock(lock)))


def is_pylock(lock: Path) -> bool:
    """Whether it is a lock file of PEP 751, which may have a name of its own."""
    return lock.name.startswith("pylock.")


def _packages(lock: Path) -> Iterable[Mapping[str, Any]]:
    try:
        document = tomllib.loads(lock.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackageError(f"{lock} cannot be read: {error}") from None
    key = "packages" if is_pylock(lock) else "package"
    packages = document.get(key, [])
    if not (isinstance(packages, list) and all(map(_is_package, packages))):
        raise PackageError(
            f"{lock} cannot be read: its {key!r} are not what a lock file has. "
            "Make it anew with its tool."
        )
    return packages


def _is_package(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("version", ""), str)
        and isinstance(value.get("source", {}), dict)
    )


def _elsewhere(package: Mapping[str, Any]) -> tuple[str, str]:
    """Return the kind and the place of what comes from no index; of what does, nothing.

    uv has ``source = { git = … }``, poetry ``source = { type = "git", url = … }``, pdm ``git = …``,
    and PEP 751 ``vcs = { url = … }``.
    """
    source = package.get("source", {})
    if "type" in source:
        source = {str(source["type"]): source.get("url")}
    told = {**package, **source}
    kind = next((kind for kind in ELSEWHERE if kind in told), "")
    place = told.get(kind, "")
    if isinstance(place, dict):
        place = place.get("url") or place.get("path")
    return kind, str(place)


def _lines(versions: Mapping[str, list[tuple[str, str]]], always: bool) -> Iterator[str]:
    """A marker is needed where a name has several versions, or the lines stand for themselves."""
    for name, found in versions.items():
        for version, marker in found:
            needed = marker and (always or len(found) > 1)
            yield f"{name}=={version} ; {marker}" if needed else f"{name}=={version}"


def _marker(package: Mapping[str, Any]) -> str:
    """Return when a version applies: uv has a list, poetry and PEP 751 a text, or none."""
    choices = package.get("resolution-markers")
    if choices and is_texts(choices):
        return " or ".join(f"({choice})" for choice in choices)
    marker = package.get("marker") or package.get("markers")
    return marker if isinstance(marker, str) else ""
