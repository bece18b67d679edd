from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.package.errors import PackageError
from adapter.package.module import check_module, find_module, is_among

if TYPE_CHECKING:
    from pathlib import Path


def check(target: str, folder: Path, *names: str) -> list[str]:
    said: list[str] = []
    check_module(find_module(target), {name: folder / name for name in names}, said.append)
    return said


@pytest.mark.parametrize(
    ("target", "module"),
    [
        ("main:app", ("main", "app")),
        ("shop.main:make.app", ("shop.main", "make")),
        ("shop/main.handler", ("shop.main", "handler")),
    ],
)
def test_a_target_is_a_module_and_a_name_in_it(target: str, module: tuple[str, str]) -> None:
    assert find_module(target) == module


@pytest.mark.parametrize(
    ("name", "expected"), [("shop.py", True), ("shop/x.py", True), ("a/shop.py", False)]
)
def test_a_module_belongs_to_where_its_outermost_package_is(name: str, expected: bool) -> None:
    assert is_among(find_module("shop.main:app"), [name]) is expected


def test_a_module_may_be_a_file_or_a_package_or_compiled(tmp_path: Path) -> None:
    for name in ("main.py", "shop/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("app = print")
    assert check("main:app", tmp_path, "main.py") == []
    assert check("shop:app", tmp_path, "shop/__init__.py") == []
    assert check("shop.main:app", tmp_path, "shop/main.cpython-313-x86_64-linux-gnu.so") == []


def test_the_nearest_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("application = print")
    with pytest.raises(PackageError, match=r"has no 'aplication', .* Did you mean 'application'"):
        check("main:aplication", tmp_path, "main.py")
    with pytest.raises(PackageError, match=r"has no 'x', .* something that is in main\.py"):
        check("main:x", tmp_path, "main.py")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("from shop import *", "shows only when it is imported"),
        ("app = (", "cannot be read by this Python"),
        ("# coding: nothing\napp = 1", "cannot be read by this Python"),
    ],
)
def test_what_cannot_be_seen_is_a_warning(tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "main.py").write_text(source)
    (said,) = check("main:app", tmp_path, "main.py")
    assert says in said
    assert said.startswith("Warning: ")
