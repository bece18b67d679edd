"""The middleware that is found around and in an app."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from adapter.doctor.app_stack import read_middleware

if TYPE_CHECKING:
    from pathlib import Path

DJANGO = """
from django.conf import settings
settings.configure(SECRET_KEY="x", MIDDLEWARE=["django.middleware.gzip.GZipMiddleware"])
from django.core.asgi import get_asgi_application
from adapter import LambdaHandler
handler = LambdaHandler(get_asgi_application())
"""


def test_middleware_is_found_from_the_outside_to_the_inside() -> None:
    app = Starlette(middleware=[Middleware(CORSMiddleware), Middleware(GZipMiddleware)])
    assert read_middleware(app) == ["CORSMiddleware", "GZipMiddleware"]
    assert read_middleware(CORSMiddleware(GZipMiddleware(app)))[:2] == [
        "CORSMiddleware",
        "GZipMiddleware",
    ]


class Plain:
    """Middleware that a framework holds as a plain class."""


class Wrapper:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def test_plain_classes_and_apps_without_middleware_are_read_too() -> None:
    assert read_middleware(Wrapper(middleware=[Plain, Plain()])) == ["Plain", "Plain"]
    assert read_middleware(Wrapper(middleware="no list")) == []


def test_a_circle_of_apps_ends() -> None:
    def app() -> None: ...

    app.app = app  # type: ignore[attr-defined]
    assert len(read_middleware(app)) == 30


@pytest.mark.process
def test_a_django_handler_is_read_in_a_process(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(DJANGO)
    command = [sys.executable, "-m", "adapter.doctor.app_stack", "main.handler"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout) == ["GZipMiddleware"]
