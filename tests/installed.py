"""What was built, used as by a new user: ``python -m tests.installed dist``.

Each distribution is installed into an empty environment, where the three lines run. ``make
release`` runs it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HANDLER = """
from adapter import LambdaHandler
from main import app

handler = LambdaHandler(app)
"""
MAIN = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"streamed"})
"""
RUN = """
from adapter.testing import function_url_event
from handler import handler

response = handler(function_url_event("/"), None)
assert (response["statusCode"], response["body"]) == (200, "streamed"), response
"""


def main(folder: Path) -> None:
    """Try the wheel, then the wheel that the sdist makes."""
    for pattern in ("*.whl", "*.tar.gz"):
        (distribution,) = folder.glob(pattern)
        with tempfile.TemporaryDirectory() as empty:
            try_out(distribution, Path(empty))
        sys.stdout.write(f"{distribution.name}: installed, and the three lines have run.\n")


def try_out(distribution: Path, empty: Path) -> None:
    """Install a distribution with nothing beside it, and run a handler and the command."""
    venv.create(empty / "venv", with_pip=True)
    python = empty / "venv" / "bin" / "python"
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([python, *pip, str(distribution.resolve())], cwd=empty, check=True)
    for name, text in {"main.py": MAIN, "handler.py": HANDLER, "run.py": RUN}.items():
        (empty / name).write_text(text, "utf-8")
    subprocess.run([python, "-W", "error", "run.py"], cwd=empty, check=True)
    subprocess.run([python.with_name("adapter"), "--version"], cwd=empty, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
