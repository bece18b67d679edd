"""Where the settings come from: the command line, pyproject.toml, the environment, defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.package.conftest import only_wheels_of
from tests.support.recording_aws import CREDENTIALS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.recording_aws import RecordingAws

    from .conftest import Outcome, Run

TABLE = """
[tool.adapter.deploy]
target = "shop.zip"
name = "shop"
auth = "none"
memory = 512
snapstart = true
layers = []
environment = { LOG_LEVEL = "info" }
"""


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)


def refused(outcome: Outcome, sentence: str) -> None:
    assert outcome.code == 2
    assert outcome.err.removeprefix("adapter: ") == f"{sentence}\n"


class TestPyproject:
    def test_holds_what_would_be_typed_again(
        self, run: Run, aws: RecordingAws, tmp_path: Path
    ) -> None:
        write(tmp_path, TABLE)
        assert run("deploy").code == 0
        (made,) = aws.named("CreateFunction")
        assert made.parameters["MemorySize"] == 512
        assert made.parameters["SnapStart"] == {"ApplyOn": "PublishedVersions"}
        assert made.parameters["Environment"]["Variables"]["LOG_LEVEL"] == "info"
        assert run("logs").code == 0
        assert run("destroy", "--yes").code == 0

    def test_is_beaten_by_the_command_line(
        self, run: Run, aws: RecordingAws, tmp_path: Path
    ) -> None:
        write(tmp_path, TABLE)
        run("deploy", "--memory", "256", "--no-snapstart", "--environment", "LOG_LEVEL=debug")
        (made,) = aws.named("CreateFunction")
        assert made.parameters["MemorySize"] == 256
        assert made.parameters["SnapStart"] == {"ApplyOn": "None"}
        assert made.parameters["Environment"]["Variables"]["LOG_LEVEL"] == "debug"

    def test_is_found_from_a_folder_below_it(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, TABLE)
        (tmp_path / "below").mkdir()
        monkeypatch.chdir(tmp_path / "below")
        assert run("deploy", "--dry-run").code == 0

    @pytest.mark.parametrize(
        ("line", "sentence"),
        [
            (
                "memory = 64",
                "'memory' of [tool.adapter.deploy] is 64, but has to be a whole number",
            ),
            ("memory = true", "'memory' of [tool.adapter.deploy] is True, but has to be a whole"),
            ('snapstart = "yes"', "'snapstart' of [tool.adapter.deploy] is 'yes', but has to be"),
            ('auth = "all"', "'auth' of [tool.adapter.deploy] is 'all', but has to be none or iam"),
            ('layers = "one"', "'layers' of [tool.adapter.deploy] is 'one', but has to be a list"),
            ('name = "a b"', "'name' of [tool.adapter.deploy] is 'a b', but has to be up to 64"),
            ("environment = { KEY = 1 }", "'environment' of [tool.adapter.deploy] has to be names"),
            (
                'environment = { "KE\xdd" = "1" }',
                "'environment' of [tool.adapter.deploy] has to be names of at least two letters",
            ),
            ("nonsense = 1", "[tool.adapter.deploy] in "),
        ],
    )
    def test_is_checked(self, run: Run, tmp_path: Path, line: str, sentence: str) -> None:
        write(tmp_path, f"[tool.adapter.deploy]\n{line}\n")
        outcome = run("deploy")
        assert outcome.code == 2
        assert outcome.err.startswith(f"adapter: {sentence}")

    def test_that_is_no_toml_is_named(self, run: Run, tmp_path: Path) -> None:
        write(tmp_path, "[tool")
        assert f"{tmp_path / 'pyproject.toml'} is not TOML" in run("deploy").err

    def test_that_has_no_table_there_says_so(self, run: Run, tmp_path: Path) -> None:
        write(tmp_path, "[tool.adapter]\ndeploy = 1\n")
        assert "has to be a table" in run("deploy").err


class TestWhatHasNoDefault:
    def test_is_the_name(self, run: Run) -> None:
        refused(
            run("deploy", "shop.zip"),
            "--name is missing: the function needs a name. Name it on the command line, or as "
            "'name' in [tool.adapter.deploy] of pyproject.toml.",
        )

    @pytest.mark.parametrize("command", ["destroy", "logs"])
    def test_is_the_name_which_other_commands_take_without_an_option(
        self, run: Run, command: str
    ) -> None:
        refused(
            run(command),
            "NAME is missing: the function needs a name. Name it on the command line, or as "
            "'name' in [tool.adapter.deploy] of pyproject.toml.",
        )
        refused(
            run(command, "my shop"),
            "NAME is 'my shop', but has to be up to 64 letters, digits, hyphens and underscores.",
        )

    def test_is_who_may_call_the_url(self, run: Run, aws: RecordingAws) -> None:
        refused(
            run("deploy", "shop.zip", "--name", "shop"),
            "--auth is missing: a public URL is a decision: --auth none lets everyone call it, "
            "--auth iam only requests that are signed. Name it on the command line, or as 'auth' "
            "in [tool.adapter.deploy] of pyproject.toml.",
        )
        assert aws.calls == []

    def test_is_the_app(self, run: Run) -> None:
        outcome = run("deploy", "--name", "shop", "--auth", "none")
        assert outcome.err.startswith("adapter: TARGET is missing: there is no app to deploy.")


class TestTheEnvironment:
    def test_takes_the_value_of_a_name_alone_from_here(
        self, deploy: Run, aws: RecordingAws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgres://secret")
        outcome = deploy("--environment", "DATABASE_URL")
        (made,) = aws.named("CreateFunction")
        assert made.parameters["Environment"]["Variables"]["DATABASE_URL"] == "postgres://secret"
        assert "secret" not in outcome.out + outcome.err

    def test_says_which_name_is_not_set_here(self, deploy: Run) -> None:
        outcome = deploy("--environment", "DATABASE_URL")
        assert outcome.code == 2
        assert "the name of a variable that is set here, not DATABASE_URL" in outcome.err

    def test_leaves_the_invoke_mode_to_the_option_that_sets_the_url_as_well(
        self, deploy: Run
    ) -> None:
        outcome = deploy("--environment", "ADAPTER_INVOKE_MODE=buffered")
        assert outcome.code == 2
        assert "ADAPTER_INVOKE_MODE, which invoke-mode sets for the URL as well" in outcome.err


class TestTheTarget:
    @pytest.mark.process
    def test_may_be_an_app_which_is_packaged(
        self, run: Run, aws: RecordingAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "wheels").mkdir()
        (tmp_path / "index").mkdir()
        only_wheels_of(tmp_path / "wheels", tmp_path / "index", monkeypatch)
        (tmp_path / "main.py").write_text("async def app(scope, receive, send): ...\n")
        outcome = run("deploy", "main:app", "--name", "shop", "--auth", "none")
        assert outcome.code == 0, outcome.err
        (made,) = aws.named("CreateFunction")
        assert made.parameters["Handler"] == "lambda_function.lambda_handler"
        first = made.body_bytes
        assert first > 100_000  # the adapter is in it
        found = "no pyproject.toml with [project], requirements.txt or lock file was found"
        assert f"Warning: {found}" in outcome.err
        run("deploy", "main:app", "--name", "shop", "--auth", "none")
        assert aws.changes() == []

    def test_that_is_not_there_is_wrong_usage(self, run: Run, aws: RecordingAws) -> None:
        assert run("deploy", "no.zip", "--name", "shop", "--auth", "none").code == 2
        line = ("deploy", "no.zip", "--name", "shop", "--auth", "none", "--handler", "main.handler")
        assert run(*line).code == 2
        assert run("deploy", "no.py:app", "--name", "shop", "--auth", "none").code == 2
        assert aws.changes() == []

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["main:app", "--handler", "main.handler"], "--handler is for a zip"),
            (["shop.zip", "--factory"], "--factory is for an app"),
        ],
    )
    def test_refuses_an_option_that_it_has_no_use_for(
        self, run: Run, aws: RecordingAws, arguments: list[str], sentence: str
    ) -> None:
        outcome = run("deploy", *arguments, "--name", "shop", "--auth", "none")
        assert outcome.code == 2
        assert outcome.err.startswith(f"adapter: {sentence}")
        assert aws.calls == []

    @pytest.mark.parametrize(
        ("arguments", "option"),
        [
            (["main:app"], "TARGET"),
            (["--factory"], "--factory"),
            (["--handler", "main.handler"], "--handler"),
            (["--adopt"], "--adopt"),
            (["--memory", "512"], "--memory"),
            (["--no-snapstart"], "--no-snapstart"),
            (["--runtime-version", "arn:aws:x"], "--runtime-version"),
            (["--environment", "A1=b"], "--environment"),
        ],
    )
    def test_and_its_settings_are_refused_beside_a_rollback(
        self, run: Run, aws: RecordingAws, arguments: list[str], option: str
    ) -> None:
        outcome = run("deploy", "--name", "shop", "--rollback", *arguments)
        assert outcome.code == 2
        assert outcome.err == (
            "adapter: --rollback makes the previous version live as it was deployed: leave"
            f" {option} out.\n"
        )
        assert aws.calls == []

    def test_and_a_path_are_refused_where_the_doctor_is_turned_off(
        self, run: Run, aws: RecordingAws
    ) -> None:
        line = ("shop.zip", "--name", "shop", "--auth", "none", "--stream-path", "/sse")
        outcome = run("deploy", *line)  # with --no-doctor
        assert outcome.code == 2
        assert outcome.err == (
            "adapter: --stream-path is for the doctor, which --no-doctor turns off: leave one of"
            " them out.\n"
        )
        assert aws.calls == []

    def test_that_is_a_broken_zip_is_wrong_usage(
        self, run: Run, aws: RecordingAws, tmp_path: Path
    ) -> None:
        content = (tmp_path / "shop.zip").read_bytes()
        for broken in (b"", content[:-1], content.replace(b"PK\1\2", b"PK\0\0")):
            (tmp_path / "broken.zip").write_bytes(broken)
            outcome = run("deploy", "broken.zip", "--name", "shop", "--auth", "none")
            assert outcome.code == 2
            assert f"{tmp_path / 'broken.zip'} is not a zip (" in outcome.err
        (tmp_path / "folder.zip").mkdir()
        outcome = run("deploy", "folder.zip", "--name", "shop", "--auth", "none")
        assert (outcome.code, outcome.err) == (
            2,
            f"adapter: {tmp_path / 'folder.zip'} cannot be read: Is a directory.\n",
        )
        assert aws.calls == []

    @pytest.mark.parametrize(
        ("target", "sentence"),
        [
            ("nosuch:app", "There is no module nosuch in the package"),
            ("main:nope", "The module main has no 'nope'"),
            ("main", "'main' does not name an app"),
            ("nofile.zip", "There is no file "),
        ],
    )
    def test_is_checked_before_the_credentials(
        self,
        run: Run,
        aws: RecordingAws,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        target: str,
        sentence: str,
    ) -> None:
        for name in CREDENTIALS.keys() - {"AWS_DEFAULT_REGION"}:
            monkeypatch.delenv(name)
        (tmp_path / "main.py").write_text("async def app(scope, receive, send): ...\n")
        line = ("--name", "shop", "--auth", "none", "--dry-run")
        outcome = run("deploy", target, *line)
        assert outcome.code == 2
        assert outcome.err.startswith(f"adapter: {sentence}")
        assert "No credentials" in run("deploy", "main:app", *line).err
        assert aws.calls == []

    @pytest.mark.process
    def test_may_be_in_a_dependency_which_is_said_once(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "wheels").mkdir()
        (tmp_path / "index").mkdir()
        only_wheels_of(tmp_path / "wheels", tmp_path / "index", monkeypatch)
        (tmp_path / "requirements.txt").write_text("# none\n")
        outcome = run("deploy", "nosuch:app", "--name", "shop", "--auth", "none", "--dry-run")
        assert outcome.code == 1
        assert outcome.err.count("a dependency has to contain it ...") == 1
        assert "There is no module nosuch in the package" in outcome.err

    def test_that_AWS_would_refuse_for_its_size_is_refused_before_anything_is_made(
        self, run: Run, aws: RecordingAws, tmp_path: Path
    ) -> None:
        with ZipFile(tmp_path / "big.zip", "w", ZIP_DEFLATED) as archive:
            archive.writestr("lambda_function.py", "")
            archive.writestr("data", bytes(250 * 1024 * 1024 + 1))
        outcome = run("deploy", "big.zip", "--name", "shop", "--auth", "none")
        assert outcome.code == 1
        assert "250.00 MB unzipped is over the 250 MB that a function may have" in outcome.err
        assert "`adapter package` shows the size of each dependency." in outcome.err
        assert aws.changes() == []

    def test_that_is_a_zip_with_a_handler_of_its_own_needs_its_name(
        self, run: Run, aws: RecordingAws, tmp_path: Path
    ) -> None:
        with ZipFile(tmp_path / "own.zip", "w") as archive:
            archive.writestr("main.py", "")
        line = ("deploy", "own.zip", "--name", "shop", "--auth", "none")
        outcome = run(*line)
        assert outcome.code == 1
        assert "has no lambda_function.py, so name its handler with --handler" in outcome.err
        assert run(*line, "--handler", "main.handler").code == 0
        (made,) = aws.named("CreateFunction")
        assert made.parameters["Handler"] == "main.handler"
