from __future__ import annotations

from pathlib import Path

import pytest

import adapter
from adapter.package.tree import DEVELOPMENT, matches, trim

STAYS = {
    "shop/__init__.py",
    "shop/data.json",
    "shop/test/client.py",  # as django.test: no test suite, though it is named like one
    "shop/tests/__init__.py",
    "shop/tests/_fakes.py",  # as numpy._core.tests._natype, which numpy.testing imports
    "shop/_speed.abi3.so",
    "shop-1.0.dist-info/METADATA",
    "shop-1.0.dist-info/entry_points.txt",
    "shop-1.0.dist-info/licenses/LICENSE",
}
GOES = {
    "shop/__init__.pyi",
    "shop/py.typed",
    "shop/_speed.c",
    "shop/__pycache__/x.cpython-311.pyc",
    "shop/tests/conftest.py",
    "shop/tests/data.json",
    "shop/tests/deep/test_it.py",
    "shop-1.0.dist-info/RECORD",
    "shop-1.0.dist-info/direct_url.json",
    "shop-1.0.dist-info/uv_cache.json",
    "bin/shop",
    ".lock",  # uv leaves the file in the folder
}


def trimmed(folder: Path, *keep: str) -> set[str]:
    for name in STAYS | GOES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    trim(folder, keep)
    return {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}


def test_what_no_request_reads_goes(tmp_path: Path) -> None:
    assert trimmed(tmp_path) == STAYS


def test_what_is_asked_for_is_kept(tmp_path: Path) -> None:
    kept = trimmed(tmp_path, "shop/tests", "*.pyi")
    assert kept - STAYS == {name for name in GOES if "/tests/" in name} | {"shop/__init__.pyi"}


def test_a_stub_that_its_module_imports_by_stays(tmp_path: Path) -> None:
    for name in ("lazy/__init__", "lazy/eager"):
        (tmp_path / f"{name}.pyi").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.pyi").write_text("from .eager import x as x\n")
        (tmp_path / f"{name}.py").write_text("x = 1\n")
    (tmp_path / "lazy" / "__init__.py").write_text(  # as in scikit-image
        "import lazy_loader as _lazy\n\n_lazy.attach_stub(__name__, __file__)\n"
    )
    trim(tmp_path, [])
    assert {file.name for file in tmp_path.rglob("*.pyi")} == {"__init__.pyi"}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("a/b/c.py", True), ("a/b", True), ("a/b/", True), ("*.py", True), ("b", False), ("A", False)],
)
def test_a_pattern_is_for_a_file_or_a_folder_above_it(pattern: str, fits: bool) -> None:
    assert matches("a/b/c.py", [pattern]) is fits


@pytest.mark.parametrize("folder", DEVELOPMENT)
def test_the_parts_of_the_adapter_that_are_left_out_exist(folder: str) -> None:
    assert (Path(adapter.__file__).parents[1] / folder / "__init__.py").is_file()
