"""Wheels and sdists of a few bytes, so that a resolver has something to choose from."""

from __future__ import annotations

import io
import tarfile
from hashlib import sha256
from typing import TYPE_CHECKING
from zipfile import ZipFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    python: str = ">=3.8",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel with one module, which names its tag."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    needs += f"Requires-Python: {python}\n"
    contents = {
        f"{name}.py": f"TAG = {tag!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\n"
        "A long README.\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **(files or {}),
    }
    record = "".join(f"{file},,\n" for file in contents)
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-{tag}.whl"
    with ZipFile(path, "w") as wheel:
        for file, text in contents.items():
            wheel.writestr(file, text)
    return path


def make_sdist(folder: Path, name: str, version: str = "1.0") -> None:
    """Write an sdist."""
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as sdist:
        member = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        member.size = len(text)
        sdist.addfile(member, io.BytesIO(text))


UV_LOCK_HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'


def locked_by_uv(name: str, version: str, more: str = "", digest: str = "0" * 64) -> str:
    """Return the entry of a package in a uv.lock."""
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return f"""[[package]]
name = "{name}"
version = "{version}"
source = {{ registry = "https://x.test" }}
{more}
wheels = [{{ url = "https://x.test/{file}", hash = "sha256:{digest}" }}]
"""


def locked_by_pip(wheel: Path, more: str = "", digest: str = "") -> str:
    """Return the entry of a wheel in a lock file of PEP 751."""
    name, version, _ = wheel.name.split("-", 2)
    digest = digest or sha256(wheel.read_bytes()).hexdigest()
    entry = f'{{ url = "{wheel.as_uri()}", hashes = {{ sha256 = "{digest}" }} }}'
    name = name.replace("_", "-")
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\nwheels = [{entry}]\n{more}\n'


def pylock(*packages: str, groups: str = "[]") -> str:
    """Return a lock file of PEP 751."""
    head = f'lock-version = "1.0"\ncreated-by = "a test"\ndefault-groups = {groups}\n'
    return head + "".join(packages)
