"""`adapter doctor` as its users call it: for apps, `adapter dev` in many modes, and uvicorn."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapter.__main__ import main
from tests.support.adapter_dev import adapter_dev

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.process

APP = """
import asyncio, time
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

SSE = "text/event-stream"

async def parts(count=4, seconds=0.2):
    for number in range(count):
        yield f"data: {number}\\n\\n"
        await asyncio.sleep(seconds)

async def sse(request):
    return StreamingResponse(parts(), media_type=SSE)

async def collected(request):
    return StreamingResponse(iter([b"".join([p.encode() async for p in parts()])]), media_type=SSE)

async def compressed(request):
    return StreamingResponse(parts(), media_type="text/plain")

async def large_head(request):
    headers = {f"x-{number}": "y" * 1000 for number in range(16)}
    return StreamingResponse(parts(), media_type=SSE, headers=headers)

async def blocking():
    yield "data: 0\\n\\n"
    await asyncio.sleep(0)
    time.sleep(1.5)
    yield "data: 1\\n\\n"

async def blocks(request):
    return StreamingResponse(blocking(), media_type=SSE)

async def endless(request):
    return StreamingResponse(parts(10_000), media_type=SSE)

async def breaking():
    yield "data: 0\\n\\n"
    await asyncio.sleep(0.3)
    yield "data: 1\\n\\n"
    await asyncio.sleep(0.3)
    raise ValueError("no luck")

async def breaks(request):
    return StreamingResponse(breaking(), media_type=SSE)

async def echo(request):
    return StreamingResponse(parts(int(await request.body())), 200, {"x": request.headers["key"]})

app = Starlette(
    routes=[Route(f"/{f.__name__}", f) for f in
            [sse, collected, compressed, large_head, blocks, endless, breaks]]
    + [Route("/echo", echo, methods=["POST"]),
       Route("/moved", lambda r: RedirectResponse("/sse")),
       Route("/empty", lambda r: Response())],
    middleware=[Middleware(CORSMiddleware), Middleware(GZipMiddleware)],
)
"""
DJANGO = """
import time
from django.conf import settings
settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
from django.core.asgi import get_asgi_application
from django.http import StreamingHttpResponse
from django.urls import path

def parts():
    for number in range(4):
        yield f"data: {number}\\n\\n"
        time.sleep(0.2)

def sse(request):
    return StreamingHttpResponse(parts(), content_type="text/event-stream")

urlpatterns = [path("sse", sse)]
app = get_asgi_application()
"""
DJANGO_WSGI = """
import asyncio
from django.conf import settings
settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.urls import path
from adapter.wsgi import WsgiToAsgi

async def parts():
    for number in range(4):
        yield f"data: {number}\\n\\n"
        await asyncio.sleep(0.2)

def sse(request):
    return StreamingHttpResponse(parts(), content_type="text/event-stream")

urlpatterns = [path("sse", sse)]
app = WsgiToAsgi(get_wsgi_application())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the app, in which the command is called."""
    (tmp_path / "main.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def doctor(folder: Path, *arguments: str) -> tuple[int, list[str], dict[str, Any]]:
    """Call the doctor; return its exit code, the symptoms that it found, and its report."""
    file = folder / "report.json"
    code = main(["doctor", *arguments, "--report", str(file)])
    report = json.loads(file.read_text())
    assert report["streams"] is (code == 0)
    return code, [finding["symptom"] for finding in report["findings"]], report


class TestAnApp:
    def test_that_streams(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        code, found, report = doctor(folder, "main:app", "--path", "/sse")
        assert (code, found) == (0, [])
        assert [size for _, size in report["written"]] == [9] * 4
        assert report["middleware"] == []
        said = capfd.readouterr()
        assert said.out.endswith("\nThe response streams.\n")
        assert "REPORT RequestId" in said.err
        assert "imported once more" not in said.err

    def test_that_collects_its_stream(
        self, folder: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        code, found, _ = doctor(folder, "main:app", "--path", "/collected")
        assert (code, found) == (1, ["held-by-app"])
        said = capfd.readouterr()
        assert "; `GZipMiddleware` is in the stack." in said.out
        assert "main:app is imported once more" in said.err

    @pytest.mark.parametrize(
        ("path", "code", "symptom"),
        [
            ("/compressed", 0, "compressed"),
            ("/large_head", 0, "large-head"),
            ("/blocks", 0, "blocked-loop"),
            ("/breaks", 1, "failed"),
            ("/nowhere", 1, "status"),
            ("/moved", 1, "redirect"),
        ],
    )
    def test_that_has_a_symptom(self, folder: Path, path: str, code: int, symptom: str) -> None:
        done = doctor(folder, "main:app", "--path", path)
        assert (done[0], symptom in done[1]) == (code, True)

    def test_whose_stream_has_no_end(self, folder: Path) -> None:
        code, found, report = doctor(folder, "main:app", "--path", "/endless", "--seconds", "2")
        assert (code, found) == (0, [])
        assert report["response"]["stopped"] is True

    @pytest.mark.parametrize(
        ("value", "reported"), [("value", "value"), ("caf\xe9 \udce9", "caf\xc3\xa9 \xe9")]
    )
    def test_that_is_asked_with_a_body_and_headers(
        self, folder: Path, value: str, reported: str
    ) -> None:
        (folder / "body").write_text("3")
        request = ["--path", "/echo", "--data", "@body", "--header", f"Key: {value}"]
        code, _, report = doctor(folder, "main:app", *request)
        assert code == 0
        assert ["x", reported] in report["response"]["headers"]
        assert report["request"]["method"] == "POST"

    @pytest.mark.parametrize(
        ("source", "symptom"), [(DJANGO, "sync-iterator"), (DJANGO_WSGI, "async-iterator")]
    )
    def test_of_django_with_an_iterator_that_it_collects(
        self, folder: Path, source: str, symptom: str
    ) -> None:
        (folder / "main.py").write_text(source)
        code, found, _ = doctor(folder, "main:app", "--path", "/sse")
        assert code == 1
        assert symptom in found
        assert "held-by-app" not in found  # which would blame the middleware

    def test_beside_a_template_that_buffers(self, folder: Path) -> None:
        url = {"Type": "AWS::Lambda::Url", "Properties": {"InvokeMode": "BUFFERED"}}
        (folder / "template.json").write_text(json.dumps({"Resources": {"Url": url}}))
        assert doctor(folder, "main:app", "--path", "/sse")[:2] == (1, ["template"])

    def test_that_needs_as_much_memory_as_a_function_may_have(self, folder: Path) -> None:
        (folder / "bare.py").write_text(
            "import os\n"
            "async def app(scope, receive, send):\n"
            "    body = os.environ['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'].encode()\n"
            "    await send({'type': 'http.response.start', 'status': 200})\n"
            "    await send({'type': 'http.response.body', 'body': body})\n"
        )
        assert doctor(folder, "bare:app")[2]["response"]["body_start"] == "10240"

    def test_that_raises(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        (folder / "bare.py").write_text("async def app(scope, receive, send): raise KeyError('id')")
        assert doctor(folder, "bare:app")[:2] == (1, ["app-raised"])
        said = capfd.readouterr()
        assert "Fault: The status is 500, and the app raised KeyError: 'id'.\n" in said.out
        assert "Traceback (most recent call last):" in said.err

    def test_that_cannot_start(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        (folder / "main.py").write_text("app = 1 / 0")
        assert main(["doctor", "main:app"]) == 2
        assert f"main:app from {folder} cannot start." in capfd.readouterr().err


class TestAdapterDev:
    """What a client of a deployed function would see, in the right and in the wrong modes."""

    @pytest.mark.parametrize(
        ("options", "mode", "path", "expected"),
        [
            pytest.param([], "auto", "/sse", (0, []), id="streams"),
            pytest.param(["--concurrency", "2"], "auto", "/sse", (0, []), id="managed instance"),
            pytest.param(["--as-aws"], "auto", "/sse", (0, []), id="as AWS"),
            pytest.param([], "auto", "/collected", (1, ["held"]), id="the app collects"),
            pytest.param([], "buffered", "/sse", (1, ["json-in-body"]), id="only the URL streams"),
            pytest.param(
                ["--invoke-mode", "buffered"],
                "buffered",
                "/sse",
                (1, ["buffering-source"]),
                id="both buffer",
            ),
            pytest.param(
                ["--invoke-mode", "buffered"],
                "response_stream",
                "/sse",
                (1, ["server-error", "buffering-source"]),
                id="only the function streams",
            ),
            pytest.param(
                ["--undocumented", "abort"], "auto", "/breaks", (1, ["broken"]), id="aborts"
            ),
            pytest.param(
                ["--undocumented", "hang", "--timeout", "1"],
                "auto",
                "/empty",
                (1, ["hung"]),
                id="hangs",
            ),
        ],
    )
    def test_in_a_mode(
        self,
        folder: Path,
        options: list[str],
        mode: str,
        path: str,
        expected: tuple[int, list[str]],
    ) -> None:
        with adapter_dev("main:app", *options, ADAPTER_INVOKE_MODE=mode) as running:
            code, found, report = doctor(folder, f"{running.url}{path}")
        severe = [f["symptom"] for f in report["findings"] if f["severity"] == "fault"]
        assert (code, severe) == expected, found


UVICORN = """
import sys
import uvicorn
from main import app
certificate = {"ssl_certfile": sys.argv[2]} if sys.argv[2:] else {}
uvicorn.run(app, fd=int(sys.argv[1]), log_level="error", **certificate)
"""


@contextmanager
def uvicorn_server(*certificate: str) -> Iterator[int]:
    """Serve the app of the current folder with uvicorn; return the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptor = listening.fileno()
        command = [sys.executable, "-c", UVICORN, str(descriptor), *certificate]
        with subprocess.Popen(command, pass_fds=[descriptor]) as process:
            try:
                yield listening.getsockname()[1]
            finally:
                process.kill()


def make_certificate(file: Path) -> None:
    """Write a key and a certificate of 127.0.0.1 that it signs."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(pem))


class TestAUrl:
    def test_of_uvicorn_that_streams(self, folder: Path) -> None:
        with uvicorn_server() as port:
            code, found, report = doctor(folder, f"http://user:pw@127.0.0.1:{port}/sse")
        assert (code, found) == (0, [])
        assert report["response"]["http_chunks"] == 4
        assert "pw" not in json.dumps(report)

    def test_of_uvicorn_whose_app_collects(self, folder: Path) -> None:
        with uvicorn_server() as port:
            url = f"http://127.0.0.1:{port}/collected?caf\xe9 1"
            assert doctor(folder, url)[:2] == (1, ["held"])

    def test_over_tls(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = folder / "certificate.pem"
        make_certificate(file)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with uvicorn_server(str(file)) as port:
            code, found, report = doctor(folder, f"https://127.0.0.1:{port}/sse")
        assert (code, found) == (0, [])
        assert report["connection"]["tls"] == "TLSv1.3"

    def test_with_another_host(self, folder: Path) -> None:
        with uvicorn_server() as port:
            url = f"http://127.0.0.1:{port}/moved"
            _, found, report = doctor(folder, url, "--header", "Host: example.com")
        assert found[0] == "redirect"
        assert ["location", "/sse"] in report["response"]["headers"]
        assert report["request"]["headers"] == [["Host", "example.com"]]

    def test_without_a_server(self, capfd: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        assert main(["doctor", f"http://127.0.0.1:{port}/"]) == 2
        assert "cannot be reached" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://localhost/", "--path", "/x"], "--path is only for TARGET"),
        (["http://localhost/", "--factory"], "--factory is only for TARGET"),
        (
            ["localhost:8000/sse"],
            "'localhost:8000/sse' names no app, and a URL begins with http://",
        ),
        (["www.example.com/sse"], "names no app, and a URL begins with http:// or https://"),
        (["ftp://localhost/"], "names no app, and a URL begins with http:// or https://"),
        (["http://"], "names no app, and a URL begins with http:// or https:// and a host"),
        (["v1.2/main.py"], "'v1.2/main.py' names a file but no app in it"),
        (["main:app", "--path", "x"], "--path has to begin with /"),
        (["main:app", "--header", "x"], "is not a header"),
        (["main:app", "--header", "a b: x"], "cannot be sent"),
        (["main:app", "--method", "A B"], "cannot be sent"),
        (["main:app", "--data", "abc", "--header", "Content-Length: 1"], "cannot be sent"),
        (["main:app", "--data", "abc", "--header", "Content-Length: 9"], "cannot be sent"),
        (["http://localhost:x/"], "cannot be sent"),
        (["main:app", "--data", "@none"], "Cannot read 'none'"),
        (["no app"], "does not name an app"),
    ],
)
def test_wrong_usage_is_explained(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["doctor", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-1", "nan", "abc"])
def test_a_number_of_seconds_that_cannot_be_is_refused(
    capsys: pytest.CaptureFixture[str], value: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "main:app", f"--seconds={value}"])
    assert ended.value.code == 2
    message = f"argument --seconds: {value!r} is not a number of seconds above 0"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no/folder", "No such file or directory"),
        (".", "Is a directory"),
        ("main.py/x", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
    ],
)
def test_a_report_that_cannot_be_written_is_an_error_before_the_request(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    Path("loop").symlink_to("loop")
    assert main(["doctor", "http://127.0.0.1:0/", "--report", name]) == 2  # no server is needed
    assert capsys.readouterr().err == (
        f"adapter: Cannot write --report {name!r}: {reason}. Name another file.\n"
    )


def test_a_report_that_is_not_written_after_all_changes_nothing(folder: Path) -> None:
    Path("old").write_text("before")
    Path("link").symlink_to("new")
    for name in ("old", "new", "link"):
        assert main(["doctor", "http://127.0.0.1:0/", "--report", name]) == 2
    assert Path("old").read_text() == "before"
    assert Path("link").is_symlink()
    assert not Path("new").exists()


def test_a_report_can_be_written_to_what_is_no_file(folder: Path) -> None:
    os.mkfifo("pipe")
    with ThreadPoolExecutor(1) as threads:
        report = threads.submit(Path("pipe").read_text)
        main(["doctor", "main:app", "--report", "pipe"])
        assert json.loads(report.result())["target"] == "main:app"
