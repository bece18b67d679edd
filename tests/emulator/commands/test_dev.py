"""``adapter dev`` as a process of its own, with our own runtime."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import anyio
import boto3
import httpx
import pytest

from adapter.emulator.commands.dev import reload, warm
from adapter.emulator.commands.reload_filter import ReloadFilter
from adapter.emulator.console import Console
from adapter.testing import function_url_event, read_stream
from tests.support.adapter_dev import IMPORTED
from tests.support.forked_python import python_with_pipe, run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.forked_python import Process

    from ..conftest import LocalFactory

APP = """
import os
async def app(scope, receive, send):
    if scope["type"] != "http": return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode(), "more_body": True})
    while scope["path"] == "/hang": pass
    await send({"type": "http.response.body", "body": b" VERSION"})
"""


class Dev(NamedTuple):
    process: Process
    output: IO[bytes]
    url: str = ""

    def read_until(self, pattern: str) -> str:
        for line in self.output:
            if found := re.search(pattern, line.decode()):
                return found.group()
        raise AssertionError(f"the server ended without saying {pattern}")

    def speaks(self, seconds: float) -> bool:
        return bool(select.select([self.output], [], [], seconds)[0])


@contextmanager
def serving(folder: Path, *arguments: str, target: str = "main.py:app") -> Iterator[Dev]:
    named = [target] if target else []
    command = [sys.executable, "-m", "adapter", "dev", *named, "--port", "0", *arguments]
    with python_with_pipe(command, folder, os.environ, IMPORTED) as (process, output):
        dev = Dev(process, output)
        try:
            yield dev._replace(url=dev.read_until(r"http://[\w.:\[\]]+"))
        finally:
            process.kill()


@contextmanager
def process_handle(pid: int) -> Iterator[int]:
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def wait_ended(handle: int) -> bool:
    return bool(select.select([handle], [], [], 20)[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP.replace("VERSION", "one"))
    return tmp_path


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_and_leaves_nothing_behind(folder: Path, signal_number: int) -> None:
    with serving(folder) as dev:
        pid, version = httpx.get(dev.url).text.split()
        assert version == "one"
        with process_handle(int(pid)) as handle:
            dev.process.send_signal(signal_number)
            assert dev.process.wait(20) == 0
            assert wait_ended(handle)
        with socket.create_server(("127.0.0.1", int(dev.url.rpartition(":")[2]))):
            pass  # the port is free at once


def test_under_nohup_it_outlives_its_terminal(folder: Path) -> None:
    command = ["nohup", sys.executable, "-m", "adapter", "dev", "main.py:app", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            dev = Dev(process, process.stdout)
            url = dev.read_until(r"http://[\d.:]+")
            process.send_signal(signal.SIGHUP)
            for _ in range(3):  # a server that stops takes no new connections
                assert httpx.get(url).text.endswith(" one")
        finally:
            process.terminate()
        assert b"\nStopping" in process.stdout.read()
    assert process.returncode == 0


def test_the_inspector_shows_a_request_unless_it_is_turned_off(folder: Path) -> None:
    with serving(folder) as dev:
        assert dev.read_until("Inspector: .*").endswith("/__lambda__/")
        httpx.get(f"{dev.url}/shown")
        rows = httpx.get(f"{dev.url}/__lambda__/invocations").json()
        assert [row["target"] for row in rows] == ["/shown"]
    with serving(folder, "--no-inspector") as dev:
        assert httpx.get(f"{dev.url}/__lambda__/").text.endswith(" one")


@pytest.mark.parametrize("death", [signal.SIGINT, signal.SIGKILL])
def test_a_runtime_that_hangs_ends_with_it(folder: Path, death: int) -> None:
    with serving(folder) as dev, httpx.stream("GET", f"{dev.url}/hang") as reply:
        chunks = reply.iter_text()
        pid = int(next(chunks))
        with process_handle(pid) as handle:
            dev.process.send_signal(death)
            dev.process.wait(20)
            assert wait_ended(handle)
        with pytest.raises(httpx.RemoteProtocolError):
            next(chunks)


def test_responses_that_it_cuts_off_are_counted_and_are_no_failures(folder: Path) -> None:
    with (
        serving(folder) as dev,
        httpx.stream("GET", f"{dev.url}/hang") as one,
        httpx.stream("GET", f"{dev.url}/hang") as two,
    ):
        for reply in (one, two):
            next(reply.iter_raw())
        dev.process.send_signal(signal.SIGINT)
        dev.read_until("^Stopping; 2 responses are cut off.$")
        assert "REPORT" not in dev.output.read().decode()


def ended(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A server that ends by itself."""
    command = [sys.executable, "-m", "adapter", "dev", "--port", "0", *arguments]
    return run_python(command, folder, os.environ, IMPORTED)


def test_a_module_that_cannot_be_imported_ends_it_before_it_says_that_it_serves(
    folder: Path,
) -> None:
    (folder / "main.py").write_text("import shop")
    (folder / "shop.py").write_text("def sell():\n    import does_not_exist\n\nsell()")
    done = ended(folder, "main:app")
    assert (done.returncode, done.stderr) == (1, "")
    assert "Serving" not in done.stdout
    assert "Unable to import module 'main': No module named 'does_not_exist'" in done.stdout
    frames = re.findall(r'File "(.+)", line', done.stdout)
    assert frames == [str(folder / name) for name in ("main.py", "shop.py", "shop.py")]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("main:ap", "Did you mean 'app'?"),
        ("main.app", "Name the app with a colon: main:app"),
        ("main:create_app", "main:create_app --factory"),
        ("main:wsgi_app", "from adapter.wsgi import WsgiToAsgi; app = WsgiToAsgi(wsgi_app)"),
    ],
)
def test_a_target_that_is_no_app_ends_it_with_a_sentence(
    folder: Path, target: str, says: str
) -> None:
    with (folder / "main.py").open("a") as main:
        main.write("def create_app(): return app\ndef wsgi_app(environ, start_response): ...\n")
    done = ended(folder, target)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert says in said
    assert "Serving" not in said
    assert "Traceback" not in said


def test_the_app_that_a_factory_makes_is_served(folder: Path) -> None:
    with (folder / "main.py").open("a") as main:
        main.write("def create_app(): return app\n")
    with serving(folder, "--factory", target="main.py:create_app") as dev:
        assert httpx.get(dev.url).text.split()[1] == "one"


def test_with_reload_an_error_at_the_start_is_shown_and_can_be_repaired(folder: Path) -> None:
    (folder / "main.py").write_text("import does_not_exist")
    with serving(folder, "--reload") as dev:
        assert httpx.get(dev.url).status_code == 502
        (folder / "main.py").write_text(APP.replace("VERSION", "repaired"))
        assert httpx.get(dev.url).text.split()[1] == "repaired"


def test_with_reload_the_error_at_the_start_is_shown_before_it_serves(folder: Path) -> None:
    (folder / "main.py").write_text("import does_not_exist")
    command = [sys.executable, "-m", "adapter", "dev", "main:app", "--port", "0", "--reload"]
    with subprocess.Popen(command, cwd=folder, bufsize=0, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        dev = Dev(process, process.stdout)
        assert "does_not_exist" in dev.read_until(r"Init failed: .*")
        dev.read_until("The function cannot start; requests fail")
        dev.read_until("Serving main:app")
        process.kill()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("concurrency", "next_step"),
    [
        (
            None,
            ", as on AWS. The next request initialises the function again, "
            "within the function's timeout of 20 s.",
        ),
        (2, ". The next request starts another environment."),
    ],
    ids=["on-demand", "concurrent"],
)
async def test_an_init_that_takes_too_long_is_not_called_one_that_failed(
    local: LocalFactory, concurrency: int | None, next_step: str
) -> None:
    hangs = "import signal; signal.pause()"
    async with local(
        hangs, init_timeout_seconds=0.3, timeout_seconds=20, concurrency=concurrency
    ) as running:
        await warm(running.pool, Console(running.log))
        assert running.log.lines[-1] == f"Init took longer than 0.3 s and was stopped{next_step}"
        assert "cannot start" not in running.log.getvalue()


def test_reload_serves_what_was_changed(folder: Path) -> None:
    with serving(folder, "--reload") as dev:
        assert httpx.get(dev.url).text.split()[1] == "one"
        dev.read_until("^REPORT")
        # Nobody says when the watcher is there: write until it has seen something.
        (folder / "main.py").write_text(APP.replace("VERSION", "two"))
        while not dev.speaks(0.5):
            (folder / "main.py").write_text(APP.replace("VERSION", "two"))
        dev.read_until(r"Changed: main\.py\. Restarting the function")
        assert httpx.get(dev.url).text.split()[1] == "two"


def test_reload_sees_a_change_during_the_start(folder: Path) -> None:
    file = folder / "main.py"
    new = file.read_text().replace("one", "two")
    old = f"import os\nprint('import', flush=True)\nwhile not os.path.exists('go'): pass\n{new}"
    file.write_text(old.replace("two", "one"))
    command = [sys.executable, "-m", "adapter", "dev", "main.py:app", "--port", "0", "--reload"]
    with python_with_pipe(command, folder, os.environ, IMPORTED) as (process, output):
        dev = Dev(process, output)
        try:
            dev.read_until("^import")
            file.write_text(new)
            (folder / "go").touch()
            told = set[str]()
            while len(told) < 2:  # in either order
                told.add(dev.read_until(r"(?<= at )http://[\d.:]+|Changed: main\.py"))
            changed, url = sorted(told)
            assert changed == "Changed: main.py"
            while not httpx.get(url).text.endswith(" two"):
                pass  # the old environment, until its end
        finally:
            process.kill()


def test_reload_does_not_feed_on_what_the_server_and_the_app_write(folder: Path) -> None:
    with serving(folder, "--reload", "--reload-include", "*.sql") as dev:
        (folder / "query.sql").write_text("SELECT 1")
        while not dev.speaks(0.5):  # until the watcher is there
            (folder / "query.sql").write_text("SELECT 1")
        dev.read_until(r"Changed: query\.sql\.")
        for name in ("dev.log", "orders.sqlite3", ".env", "README.md", "function.zip"):
            (folder / name).write_text("new")
        (folder / "last.sql").write_text("SELECT 2")
        changed = dev.read_until(r"Changed: .*last\.sql.*\.")
        assert changed.removeprefix("Changed: ").split(".")[0] in ("last", "query")
        assert not re.search(r"dev\.log|sqlite3|\.env|README|zip", changed)


def test_a_syntax_error_is_a_page_until_the_next_save(folder: Path) -> None:
    with serving(folder, "--reload") as dev:
        (folder / "main.py").write_text("def app(:\n")
        while (page := httpx.get(dev.url)).status_code == 200:
            (folder / "main.py").write_text("def app(:\n")
        assert (page.status_code, page.headers["content-type"]) == (
            502,
            "text/plain; charset=utf-8",
        )
        assert page.text.startswith("The function cannot start.\n\nRuntime.UserCodeSyntaxError: ")
        assert "(main.py, line 1)" in page.text
        (folder / "main.py").write_text(APP.replace("VERSION", "fixed"))
        while (page := httpx.get(dev.url)).status_code != 200:
            pass
        assert page.text.split()[1] == "fixed"


def test_without_reload_a_client_gets_the_error_of_aws(folder: Path) -> None:
    with serving(folder) as dev:
        pid = int(httpx.get(dev.url).text.split()[0])
        dev.read_until("^REPORT")
        (folder / "main.py").write_text("def app(:\n")
        os.kill(pid, signal.SIGKILL)
        while (page := httpx.get(dev.url)).status_code == 200:
            pass
        assert (page.status_code, page.text) == (502, "Internal Server Error")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--reload-include", "*.sql"], "--reload-include needs --reload"),
        (["--reload", "--reload-exclude", ""], "take a file, a folder or a pattern"),
    ],
)
def test_reload_patterns_that_cannot_be_used_are_refused(
    folder: Path, options: list[str], says: str
) -> None:
    done = ended(folder, "main:app", *options)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.anyio
async def test_reload_ends_at_its_event_without_being_cancelled(
    local: LocalFactory,
) -> None:
    stopping = anyio.Event()
    async with local("") as running:
        stopping.set()
        everything = ReloadFilter(running.pool.function.task_root)
        await reload(running.pool, everything, Console(running.log), stopping)


def test_a_port_in_use_is_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = ended(folder, "main:app", "--port", port)
    assert done.returncode == 2
    assert done.stderr.startswith(f"adapter: Cannot listen on 127.0.0.1:{port}: Address already")
    assert done.stderr.count("\n") == 1


def test_the_function_starts_before_the_servers_are_imported() -> None:
    script = (
        "import sys; import adapter.emulator.commands.dev;"
        "print({'starlette', 'uvicorn', 'watchfiles'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "set()\n"


def test_a_target_that_is_not_there_is_one_line(folder: Path) -> None:
    done = ended(folder, "nowhere.py:app")
    assert done.returncode == 2
    assert done.stderr.startswith("adapter: There is no file")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["dev"], ["invoke", "--path", "/"]])
def test_a_project_with_a_package_named_adapter_is_refused(
    folder: Path, command: list[str]
) -> None:
    (folder / "adapter").mkdir()
    (folder / "adapter" / "__init__.py").touch()
    (folder / "adapter" / "__main__.py").write_text("print('the runtime?')")
    adapter = Path(sys.executable).with_name("adapter")
    done = subprocess.run(
        [adapter, *command, "main:app"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("adapter: The project has a package named adapter")
    assert done.stderr.count("\n") == 1


TOGETHER = """
import asyncio, os
arrived = []
async def app(scope, receive, send):
    if scope["type"] != "http": return
    arrived.append(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid(), "more_body": True})
    while len(arrived) < 3 and scope["method"] == "GET": await asyncio.sleep(0.005)
    await send({"type": "http.response.body"})
"""


def test_a_managed_instance_serves_many_at_once_in_one_process(folder: Path) -> None:
    (folder / "main.py").write_text(TOGETHER)
    with serving(folder, "--concurrency", "3") as dev:
        while httpx.head(f"{dev.url}/warm-up").status_code != 200:
            pass  # it is still starting
        with httpx.stream("GET", dev.url) as first, httpx.stream("GET", dev.url) as second:
            assert first.read() == second.read()


def test_an_sdk_can_invoke_the_function_that_the_url_serves(folder: Path) -> None:
    with serving(folder, "--invoke-port", "0") as dev:
        line = dev.read_until("^boto3.*")
        api, name = re.findall(r"_url='(.+)'\).*FunctionName='(.+)'", line)[0]
        pid = httpx.get(dev.url).text.split()[0]
        aws = boto3.client(
            "lambda",
            endpoint_url=api,
            region_name="eu-west-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        event = json.dumps(function_url_event("/"))
        streamed = aws.invoke_with_response_stream(FunctionName=name, Payload=event)
        prelude, body = read_stream(streamed["EventStream"])
        aws.close()
    assert prelude is not None
    assert prelude["statusCode"] == 200
    assert body.split() == [pid.encode(), b"one"]


def test_snapstart_runs_the_app_after_its_restore(folder: Path) -> None:
    with serving(folder, "--snapstart") as dev:
        assert httpx.get(dev.url).text.split()[1] == "one"
        dev.read_until(r"^RESTORE_REPORT")


def test_a_blocked_event_loop_is_logged(folder: Path) -> None:
    with serving(folder) as dev, httpx.stream("GET", f"{dev.url}/hang"):
        dev.read_until("The event loop has been blocked for over a second")


TELLING = """
import os
async def app(scope, receive, send):
    if scope["type"] != "http": return
    told = [os.environ.get(name, "") for name in scope["path"].strip("/").split(",")]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": " ".join(told).encode()})
from adapter import LambdaHandler
handler = LambdaHandler(app)
"""


@pytest.fixture
def telling(tmp_path: Path) -> Path:
    """An app whose response has the environment variables that its path names."""
    (tmp_path / "main.py").write_text(TELLING)
    return tmp_path


def test_a_file_of_environment_variables_is_read_and_those_of_the_shell_win(
    telling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (telling / ".env").write_text("COLOUR=red\nSIZE='very large'\nHOME=/nowhere\n")
    monkeypatch.setenv("HOME", "/home/me")
    with serving(telling, "--env-file", ".env") as dev:
        assert httpx.get(f"{dev.url}/COLOUR,SIZE,HOME").text == "red very large /home/me"


SHELL = r"""
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
python=$1
while true; do "$python" - "$api" <<'END'
import os, sys, urllib.request
event = urllib.request.urlopen(sys.argv[1] + "/next")
path = f"{sys.argv[1]}/{event.headers['Lambda-Runtime-Aws-Request-Id']}/response"
body = f"{os.environ['_HANDLER']} {os.environ.get('WRAPPED')} {open('/opt/layer').read()}"
headers = {"Content-Type": "text/plain"}
urllib.request.urlopen(urllib.request.Request(path, body.encode(), headers))
END
done
"""


def test_any_client_of_the_runtime_api_is_served_without_a_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, layer = tmp_path / "task", tmp_path / "layer"
    root.mkdir()
    layer.mkdir()
    (root / "loop.sh").write_text(SHELL)
    (layer / "layer").write_text("from a layer")
    (root / "wrapper").write_text('#!/bin/sh\nexport WRAPPED=wrapped\nexec "$@"\n')
    (root / "wrapper").chmod(0o755)
    monkeypatch.setenv("AWS_LAMBDA_EXEC_WRAPPER", "/var/task/wrapper")
    command = f"sh loop.sh {sys.executable}"
    options = ["--command", command, "--handler", "my.handler", "--layer", str(layer)]
    with serving(root, *options, target="") as dev:
        assert httpx.get(dev.url).text == "my.handler wrapped from a layer"


def test_a_command_that_cannot_be_started_is_named(folder: Path) -> None:
    done = ended(folder, "--command", "nosuch -x")
    assert done.returncode == 1
    assert f"nosuch -x from {folder} cannot start." in done.stdout


def test_a_command_is_named_when_it_serves(telling: Path) -> None:
    command = f"{sys.executable} -m awslambdaric main.handler"
    line = [sys.executable, "-m", "adapter", "dev", "--port", "0", "--command", command]
    with python_with_pipe(line, telling, os.environ, IMPORTED) as (process, output):
        Dev(process, output).read_until(f"Serving {re.escape(command)} from ")
        process.kill()


def test_the_client_of_aws_is_served(telling: Path) -> None:
    command = f"{sys.executable} -m awslambdaric main.handler"
    with serving(telling, "--command", command, target="main.handler") as dev:
        assert httpx.get(f"{dev.url}/_HANDLER").text == "main.handler"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "Name the app: adapter dev main:app"),
        (["main:app", "--function", "Shop"], "TARGET and --function do not go together"),
        (["--factory", "--command", "x"], "--factory needs TARGET"),
        (["--command", "'"], "cannot be read"),
        (["--command", " "], "--command is empty"),
    ],
)
def test_options_that_do_not_fit_are_explained(folder: Path, options: list[str], says: str) -> None:
    done = ended(folder, *options)
    assert done.returncode == 2
    assert says in done.stderr


YAML = """
Resources:
  Shop:
    Type: AWS::Serverless::Function
    Properties:
      Handler: main.handler
      MemorySize: 512
      Timeout: 7
      Environment: {Variables: {COLOUR: red, ADAPTER_INVOKE_MODE: buffered}}
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: BUFFERED}
"""


def test_the_function_of_a_template_is_served(telling: Path) -> None:
    (telling / "template.yaml").write_text(YAML)
    names = "AWS_LAMBDA_FUNCTION_NAME,AWS_LAMBDA_FUNCTION_MEMORY_SIZE,COLOUR"
    with serving(telling, target="") as dev:
        reply = httpx.get(f"{dev.url}/{names}")
        assert reply.text == "Shop 512 red"
        assert "content-length" in reply.headers  # not streamed
    with serving(telling, "--memory", "300", "--function", "Shop", target="") as dev:
        assert httpx.get(f"{dev.url}/{names}").text == "Shop 300 red"


def test_a_handler_of_a_template_that_is_none_is_explained(folder: Path) -> None:
    (folder / "template.yaml").write_text(YAML.replace("main.handler", "main"))
    done = ended(folder)
    assert done.returncode == 2
    assert "Shop in the template: 'main' does not name an app." in done.stderr


def test_a_rest_api_with_a_stage_is_served(telling: Path) -> None:
    with serving(telling, "--source", "rest", "--stage", "dev") as dev:
        assert httpx.get(f"{dev.url}/dev/_HANDLER").text == ""  # the app sees the whole path
        assert httpx.get(f"{dev.url}/_HANDLER").status_code == 403


def test_without_isolation_a_debugger_has_the_terminal(telling: Path) -> None:
    (telling / "main.py").write_text(TELLING.replace("    told", "    breakpoint()\n    told"))
    command = [sys.executable, "-m", "adapter", "dev", "main:app", "--port", "0", "--no-isolation"]
    with subprocess.Popen(
        command, cwd=telling, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        dev = Dev(process, process.stdout)
        url = dev.read_until(r"http://[\w.:]+")
        process.stdin.write(b"p 6 * 7\ncontinue\n")
        assert httpx.get(f"{url}/_HANDLER").text == "main:app"
        dev.read_until("42")
        process.kill()
