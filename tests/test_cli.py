from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapter import __version__
from adapter.__main__ import main
from adapter.cli import INSTALL, build_parser, explained, terminated_cleanly

COMMANDS = ["dev", "invoke", "doctor", "package", "deploy", "destroy", "logs", "run", "completion"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: adapter" in capsys.readouterr().out


def test_the_help_of_dev_has_groups_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dev", "--help"])
    said = capsys.readouterr().out
    assert said.startswith("usage: adapter dev [OPTIONS] [TARGET]\n")
    groups = [line for line in said.splitlines() if line.endswith(":") and not line[0].isspace()]
    assert groups == [
        "positional arguments:",
        "options:",
        "function:",
        "runtime:",
        "event source:",
        "environments:",
        "server:",
        "reload:",
        "streams:",
        "examples:",
    ]
    assert "\n  adapter dev main:app --reload\n" in said


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"adapter {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["dev", "main:app", "--time", "5"],
        ["dev", "main:app", "--timeout", "0"],
        ["dev", "main:app", "--timeout", "5401"],
        ["dev", "main:app", "--max-environments", "0"],
        ["dev", "main:app", "--invoke-mode", "nonsense"],
        ["invoke", "main:app"],
        ["invoke", "main:app", "--path", "/", "--event", "x"],
    ],
)
def test_a_wrong_call_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: adapter" in capsys.readouterr().err


def test_without_a_command_the_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr().err
    assert [command for command in COMMANDS if f"\n    {command}" not in said] == []


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("--port", "99999", "a port from 0 to 65535"),
        ("--port", "-1", "a port from 0 to 65535"),
        ("--port", "http", "a port from 0 to 65535"),
        ("--memory", "127", "a whole number of MB from 128 to 32768"),
        ("--memory", "32769", "a whole number of MB from 128 to 32768"),
        ("--max-environments", "0", "a whole number of at least 1"),
        ("--concurrency", "1.5", "a whole number of at least 1"),
        ("--timeout", "5401", "a number of seconds above 0 and at most 5400"),
        ("--timeout", "nan", "a number of seconds above 0 and at most 5400"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(
    option: str, value: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dev", "main:app", option, value])
    assert ended.value.code == 2
    assert f"argument {option}: {value!r} is not {wanted}" in capsys.readouterr().err


def test_the_defaults_are_those_that_the_help_names() -> None:
    arguments = build_parser().parse_args(["dev", "main:app"])
    assert (arguments.host, arguments.port) == ("127.0.0.1", 8000)
    assert arguments.undocumented == []


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("dev", "--command"),
        ("dev", "--env-file"),
        ("dev", "--function"),
        ("dev", "--handler"),
        ("dev", "--host"),
        ("dev", "--layer"),
        ("invoke", "--env-file"),
        ("doctor", "--method"),
        ("doctor", "--path"),
    ],
)
def test_an_empty_value_as_of_a_variable_that_is_not_set_is_refused(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "main:app", option, ""])
    assert ended.value.code == 2
    assert f"error: argument {option}: the value is empty\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("dev", "--env-file"),
        ("invoke", "--env-file"),
        ("invoke", "--data"),
        ("doctor", "--data"),
        ("package", "--requirements"),
    ],
)
def test_a_second_value_is_refused_where_other_programs_take_several(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "main:app", option, "one", option, "two"])
    assert ended.value.code == 2
    assert f"error: argument {option}: may be given only once\n" in capsys.readouterr().err


def test_only_dev_reads_a_template(capsys: pytest.CaptureFixture[str]) -> None:
    for command, reads in (("dev", True), ("invoke", False)):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert ("template" in capsys.readouterr().out) is reads


def test_run_outside_of_lambda_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    assert main(["run"]) == 2
    assert main(["run", "main:app"]) == 2
    assert "adapter dev main:app" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["run"], ["run", "main:app"]])
@pytest.mark.process
def test_the_cold_start_imports_nothing_that_only_the_other_commands_need(
    arguments: list[str],
) -> None:
    script = (
        f"import sys; from adapter.__main__ import main; main({arguments});"
        "print({'argparse', 'anyio', 'h11', 'starlette'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], env={}, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "set()\n"


@pytest.mark.process
def test_the_options_of_all_commands_are_described_without_a_client_of_http() -> None:
    script = (
        "import sys; from adapter.cli import build_parser; build_parser();"
        "print({'anyio', 'importlib.metadata', 'urllib.request'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "module", "extra"),
    [
        (["dev", "main:app"], "uvicorn", "dev-server"),
        (["invoke", "main:app", "--path", "/"], "anyio", "dev-server"),
        (["package", "main:app"], "packaging", "package"),
        (["completion", "bash"], "shtab", "completion"),
    ],
)
@pytest.mark.process
def test_without_the_extra_it_says_what_to_install(
    arguments: list[str], module: str, extra: str
) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"from adapter.__main__ import main; print(main({arguments}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "2\n"
    assert f"adapter: This command needs {module}" in ended.stderr
    assert f"Try: {INSTALL.format(extra=extra)}\n" in ended.stderr


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("dev", "dev-server"),
        ("invoke", "dev-server"),
        ("package", "package"),
        ("completion", "completion"),
    ],
)
def test_the_help_has_examples_and_names_the_extra(
    command: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert f"examples:\n  adapter {command} " in shown
    assert f"needs: {INSTALL.format(extra=extra)}\n" in shown


def test_an_extra_is_installed_as_the_readme_says() -> None:
    readme = Path(__file__).parents[1] / "README.md"
    assert INSTALL.format(extra="dev-server,package,deploy") in readme.read_text("utf-8")


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["completion", "bash"], ["dev", "--help"], ["--version"]])
def test_a_reader_that_has_ended_ends_a_command_without_a_traceback(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "adapter", *arguments]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=buffered)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["completion", "bash"], ["dev", "--help"], ["--version"]])
def test_a_full_disk_is_one_sentence(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "adapter", *arguments]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=buffered)
    assert (ended.returncode, ended.stderr) == (
        1,
        b"adapter: No space left on device. Make room for the output and for temporary files.\n",
    )


def test_a_working_directory_that_has_been_deleted_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert main(["invoke", "main:app", "--path", "/"]) == 2
    assert capsys.readouterr().err == (
        "adapter: The working directory has been deleted. Change to another one.\n"
    )


def test_a_machine_without_a_folder_for_temporary_files_is_one_sentence() -> None:
    # as `tempfile` raises it if it can write nowhere, which no test can arrange for root
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    assert explained(error, ["package"]) == (
        "adapter: No usable temporary directory found in ['/tmp']. Name a folder: TMPDIR=FOLDER",
        2,
    )
    assert explained(FileNotFoundError(errno.ENOENT, "No such file", "x"), ["package"]) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["invoke", "{}/main.py:app", "--path", "/"],
        ["dev", "main:app", "--layer", "{}"],
        ["package", "main:app", "--requirements", "{}"],
    ],
)
def test_a_name_that_no_file_can_have_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    # From Python 3.14 on, `Path.is_file` says of such a name that there is no file.
    assert main([each.format("x" * 300) for each in arguments]) in (1, 2)
    said = capsys.readouterr().err
    assert said.startswith("adapter: ")
    assert "x" * 300 in said
    assert said.count("\n") == 1


@pytest.mark.process
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--version"], 0), (["nonsense"], 2), (["invoke", "main:app", "--path", "wrong"], 2)],
)
def test_a_full_disk_for_stderr_changes_no_exit_code(
    arguments: list[str], code: int, unbuffered: str
) -> None:
    command = [sys.executable, "-m", "adapter", *arguments]
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, stderr=full, env=environ).returncode == code


@pytest.mark.process
def test_a_shell_completes_commands_options_and_their_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    complete = "COMP_WORDS=(adapter package --arch a); COMP_CWORD=3; _shtab_adapter; "
    ended = subprocess.run(
        ["bash", "-c", f'{script}\n{complete}echo "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "arm64\n"


def test_an_unknown_option_shows_the_usage_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["dev", "main:app", "--prot", "8001"])
    usage, _, error = capsys.readouterr().err.rstrip("\n").rpartition("\n")
    assert (exit_.value.code, error) == (
        2,
        "adapter dev: error: unrecognized arguments: --prot 8001",
    )
    assert usage.startswith("usage: adapter dev ")


@pytest.mark.process
def test_a_terminal_without_unicode_shows_escapes() -> None:
    command = [sys.executable, "-m", "adapter", "dev", "--help"]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, capture_output=True, text=True, env=ascii_only)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert r"/NAME/\u2026" in ended.stdout


@pytest.mark.process
@pytest.mark.parametrize(
    ("command", "code"),
    [("--version >&-", 0), ("invoke main:app --path wrong 2>&-", 2)],
)
def test_a_closed_output_changes_no_exit_code(command: str, code: int) -> None:
    ended = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m adapter {command}"], capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (code, "")


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_a_signal_ends_removes_its_temporary_files(
    tmp_path: Path, number: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    script = (
        "import time; from tempfile import TemporaryDirectory; from adapter import cli\n"
        "with cli.terminated_cleanly(), TemporaryDirectory():\n"
        "    print('works', flush=True)\n"
        # Short sleeps: Python does not notice a signal that comes just before a sleep begins.
        "    while True: time.sleep(0.01)"
    )
    environ = {**os.environ, "TMPDIR": str(scratch)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"works\n"
        process.send_signal(number)
        assert process.wait() == 128 + number
    assert list(scratch.iterdir()) == []


def test_a_signal_that_is_ignored_stays_ignored_as_nohup_wants_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminated_cleanly():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
