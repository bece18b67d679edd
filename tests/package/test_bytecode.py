from __future__ import annotations

from importlib.util import MAGIC_NUMBER, cache_from_source
from typing import TYPE_CHECKING

from adapter.package import bytecode

if TYPE_CHECKING:
    from pathlib import Path

MODULES = {
    "one.py": "NAMES = frozenset({'a', 'b', 'c'})\ndef f(self, name='x'): return name in NAMES\n",
    "package/__init__.py": "from one import f\nself = name = 'x'\n",
    "package/old.py": "print 'of Python 2'\n",
}


def compiled(folder: Path) -> dict[str, bytes]:
    for name, text in MODULES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    bytecode.compile_folder(folder)
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*.pyc")}


def test_bytecode_is_the_same_in_another_folder_and_process(tmp_path: Path) -> None:
    assert compiled(tmp_path / "one") == compiled(tmp_path / "another")


def test_bytecode_is_found_and_believed_without_looking_at_the_source(tmp_path: Path) -> None:
    found = compiled(tmp_path)
    cache = cache_from_source("one.py")
    assert set(found) == {cache, f"package/{cache_from_source('__init__.py')}"}
    assert found[cache][:4] == MAGIC_NUMBER
    assert found[cache][4:8] == b"\x01\0\0\0"  # by hash, unchecked (PEP 552)
    assert b"/var/task/one.py" in found[cache]
    assert str(tmp_path).encode() not in found[cache]
