from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.package.errors import PackageError
from adapter.package.lockfile import pins

if TYPE_CHECKING:
    from pathlib import Path

UV = """
version = 1
[[package]]
name = "shop"
source = { editable = "." }
version = "0.1.0"
[[package]]
name = "asgi-lambda-stream"
version = "9.9"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "Big_Numbers"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.12'"]
[[package]]
name = "big-numbers"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version == '3.12.*'", "python_full_version >= '3.13'"]
[[package]]
name = "starlette"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["sys_platform == 'linux'"]
"""
POETRY = """
[[package]]
name = "starlette"
version = "1.0"
groups = ["main"]
markers = "python_version < '3.12'"
[[package]]
name = "starlette"
version = "1.1"
markers = { main = "python_version >= '3.12'", dev = "extra == 'x'" }
[metadata]
lock-version = "2.1"
"""
PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "shop"
directory = { path = "." }
[[packages]]
name = "colorama"
version = "0.4"
marker = "sys_platform == 'win32'"
[[packages]]
name = "starlette"
version = "1.0"
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "uv.lock",
            UV,
            [
                "big-numbers==1.0 ; (python_full_version < '3.12')",
                "big-numbers==2.0 ; "
                "(python_full_version == '3.12.*') or (python_full_version >= '3.13')",
                "starlette==1.0",
            ],
        ),
        (
            "poetry.lock",
            POETRY,
            ["starlette==1.0 ; python_version < '3.12'", "starlette==1.1"],
        ),
        ("pylock.toml", PYLOCK, ["colorama==0.4 ; sys_platform == 'win32'", "starlette==1.0"]),
    ],
)
def test_a_lock_says_which_version_of_everything(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert pins(tmp_path / name) == expected


def test_a_broken_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("<<<<<<< HEAD")
    with pytest.raises(PackageError, match=r"uv\.lock cannot be read"):
        pins(tmp_path / "uv.lock")
