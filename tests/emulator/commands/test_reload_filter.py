from __future__ import annotations

from pathlib import Path

import pytest
from watchfiles import Change

from adapter.emulator.commands.reload_filter import ReloadFilter

ROOT = Path("/home/ann/.projects/shop")


def restarts(path: str, **patterns: tuple[str, ...]) -> bool:
    return ReloadFilter(ROOT, **patterns)(Change.modified, str(ROOT / path))


@pytest.mark.parametrize(
    "path",
    ["main.py", "shop/models.py", "templates/cart.html", "mail/hello.jinja2", "a.j2", "a.jinja"],
)
def test_python_files_and_templates_restart(path: str) -> None:
    assert restarts(path)


@pytest.mark.parametrize(
    "path",
    [
        "dev.log",
        "orders.sqlite3",
        "orders.sqlite3-journal",
        ".env",
        "README.md",
        "function.zip",
        "main.pyc",
        "main.py~",
        ".main.py.swp",
        ".main.py",
        ".venv/lib/python3.13/site-packages/django/views.py",
        "venv/lib/python3.13/site-packages/django/views.py",
        "node_modules/gyp/input.py",
        "__pycache__/main.py",
        "",
    ],
)
def test_output_dotfiles_and_installed_packages_do_not(path: str) -> None:
    assert not restarts(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.sql", "queries/cart.sql"),
        (".env", ".env"),
        ("queries", "queries/cart.txt"),
        ("queries/", "queries/deep/cart.txt"),
        ("./queries/*.txt", "queries/cart.txt"),
        (str(ROOT / "queries"), "queries/cart.txt"),
    ],
)
def test_an_included_file_restarts(pattern: str, path: str) -> None:
    assert not restarts(path)
    assert restarts(path, include=(pattern,))
    assert restarts("main.py", include=(pattern,))


@pytest.mark.parametrize("pattern", ["*.html", "static", "static/*.html", "page.html"])
def test_an_exclusion_wins_over_an_inclusion(pattern: str) -> None:
    assert restarts("static/page.html")
    assert not restarts("static/page.html", exclude=(pattern,))
    assert not restarts("static/page.html", exclude=(pattern,), include=("*.html",))
    assert restarts("main.py", exclude=(pattern,))
