from __future__ import annotations

import codecs
import os
import re
import resource
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from adapter.__main__ import main
from adapter.errors import ConfigurationError, PackageError
from adapter.package.project import find_project
from adapter.package.tree import copy_sources, keys_among, project_files

from .wheels import UV_LOCK_HEAD, locked_by_uv, pylock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Write = Callable[[Mapping[str, str]], Path]

NAMED = """[project]
name = "shop"
version = "1"
dependencies = ["starlette", "asgi-lambda-stream @ file:///x"]
"""
LOCK = f"""{UV_LOCK_HEAD}
[[package]]
name = "shop"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "starlette" }}]
{locked_by_uv("starlette", "1.0")}
"""
POETRY = '[tool.poetry]\nname = "shop"\n'


@pytest.mark.parametrize(
    ("files", "source"),
    [
        ({"requirements.txt": ""}, "requirements.txt"),
        ({"pyproject.toml": NAMED}, "pyproject.toml"),
        ({"pyproject.toml": NAMED, "requirements.txt": ""}, "requirements.txt"),
        (
            {"pyproject.toml": NAMED, "requirements.txt": "", "uv.lock": LOCK},
            "pyproject.toml, at the versions of uv.lock",
        ),
        (
            {"pyproject.toml": POETRY, "requirements.txt": "", "poetry.lock": ""},
            "requirements.txt",
        ),
        ({"pyproject.toml": NAMED, "pylock.toml": pylock()}, "pylock.toml"),
        ({"pyproject.toml": NAMED, "requirements.txt": "", "pdm.lock": ""}, "requirements.txt"),
    ],
)
def test_what_was_locked_counts_most(project: Write, files: Mapping[str, str], source: str) -> None:
    found = find_project(project(files)).dependencies
    assert found is not None
    assert found.source == source


def test_versions_come_from_the_lock_and_the_adapter_is_the_one_that_runs(project: Write) -> None:
    found = find_project(project({"pyproject.toml": NAMED, "uv.lock": LOCK})).dependencies
    assert found is not None
    assert found.lines == ("starlette", "asgi-lambda-stream")
    assert found.file is not None
    assert found.file.name == "uv.lock"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("asgi-lambda-stream[wsgi]", "asgi-lambda-stream[wsgi]"),
        ("ASGI_Lambda.Stream[wsgi] @ git+https://x.test/y@v1", "ASGI_Lambda.Stream[wsgi]"),
        (
            "asgi-lambda-stream[wsgi]@https://x.test/a.whl ; python_version < '3.13'",
            "asgi-lambda-stream[wsgi] ; python_version < '3.13'",
        ),
        ("starlette @ https://x.test/s.whl", "starlette @ https://x.test/s.whl"),
    ],
)
def test_wherever_the_adapter_comes_from_its_extras_and_marker_count(
    project: Write, line: str, expected: str
) -> None:
    text = f'[project]\nname = "shop"\ndependencies = ["{line}"]\n'
    found = find_project(project({"pyproject.toml": text})).dependencies
    assert found is not None
    assert [Requirement(line) for line in found.lines] == [Requirement(expected)]


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": POETRY},
        {"pyproject.toml": POETRY, "poetry.lock": ""},
        {"pyproject.toml": NAMED, "poetry.lock": ""},
        {"pyproject.toml": '[project]\nname = "shop"\ndynamic = ["dependencies"]\n'},
        {
            "pyproject.toml": '[project]\nname = "shop"\n'
            '[tool.poetry.dependencies]\nstarlette = "^1"\n'
        },
        {"Pipfile.lock": "{}"},
    ],
)
def test_dependencies_that_cannot_be_read_can_be_exported(
    project: Write, files: Mapping[str, str]
) -> None:
    with pytest.raises(PackageError, match=r"poetry export -o requirements\.txt"):
        find_project(project(files))


def test_the_lock_file_that_cannot_be_read_is_named(project: Write) -> None:
    folder = project({"pyproject.toml": POETRY, "poetry.lock": ""})
    with pytest.raises(PackageError, match=rf"cannot be read from {folder}/poetry\.lock: "):
        find_project(folder)


def test_a_package_from_a_source_of_uv_needs_the_lock_that_has_it(project: Write) -> None:
    sources = (
        '[tool.uv.sources]\nStarlette = { path = "mine" }\nasgi-lambda-stream = { path = "a" }\n'
    )
    files = {"pyproject.toml": NAMED + sources}
    with pytest.raises(PackageError, match=r"takes starlette from \[tool\.uv\.sources\].* uv lock"):
        find_project(project(files))
    assert find_project(project({**files, "uv.lock": LOCK})).dependencies is not None


@pytest.mark.parametrize("place", ['path = "mine"', 'git = "https://x.test/y"', 'source = "our"'])
def test_a_package_from_a_place_that_poetry_knows_has_to_be_exported(
    project: Write, place: str
) -> None:
    poetry = f"[tool.poetry.dependencies]\nStarlette = {{ {place} }}\n"
    with pytest.raises(PackageError, match=r"takes starlette from .* poetry export"):
        find_project(project({"pyproject.toml": NAMED + poetry}))
    versions = '[tool.poetry.dependencies]\npython = "^3.11"\nstarlette = { version = "^1" }\n'
    assert find_project(project({"pyproject.toml": NAMED + versions})).dependencies is not None


def test_a_file_can_be_named(project: Write) -> None:
    folder = project({"pyproject.toml": NAMED, "uv.lock": LOCK, "lambda.txt": ""})
    for name, source in {
        "lambda.txt": "lambda.txt",
        "pyproject.toml": "pyproject.toml",
        "uv.lock": "pyproject.toml, at the versions of uv.lock",
    }.items():
        found = find_project(folder, folder / name).dependencies
        assert found is not None
        assert found.source == source
    for name in ("missing.txt", "."):
        with pytest.raises(ConfigurationError, match=r"--requirements .* is not a file\. It takes"):
            find_project(folder, folder / name)


def test_a_byte_order_mark_of_an_editor_is_ignored(project: Write) -> None:
    folder = project({"main.py": "", "pyproject.toml": f"\N{ZERO WIDTH NO-BREAK SPACE}{NAMED}"})
    found = find_project(folder).dependencies
    assert found is not None
    assert found.lines == ("starlette", "asgi-lambda-stream")


def test_the_project_may_be_above_the_code_but_not_above_its_repository(project: Write) -> None:
    folder = project({"src/shop/main.py": "", "pyproject.toml": NAMED})
    assert find_project(folder / "src").folder == folder
    (folder / "pyproject.toml").rename(folder.parent / "pyproject.toml")
    found = find_project(folder / "src")
    assert found.folder == found.task_root == folder / "src"
    assert found.dependencies is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('biuld = "python -m x"', r"has 'biuld'; it can have build, deploy, exclude, include"),
        ("build = 1", r"has tool\.adapter\.build = 1, which has to be a list of strings"),
        ('build = ["a", 1]', "which has to be a list of strings"),
        ('exclude = [""]', "which has to be a list of strings that are not empty"),
        ('build = " "', "which has to be a list of strings that are not empty"),
        ("build = ", r"pyproject\.toml is not TOML"),
    ],
)
def test_a_setting_that_means_nothing_is_an_error(project: Write, settings: str, says: str) -> None:
    folder = project({"pyproject.toml": f"[tool.adapter]\n{settings}\n"})
    with pytest.raises(PackageError, match=says):
        find_project(folder)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tool = 3", "has tool = 3, which has to be a table"),
        ("[tool]\nadapter = 3", r"has tool\.adapter = 3, which has to be a table"),
        ('project = "shop"', "has project = 'shop', which has to be a table"),
        (
            '[project]\ndependencies = "fastapi"',
            r"has project\.dependencies = 'fastapi', which has to be a list of strings",
        ),
        ("[project]\ndependencies = [3]", "which has to be a list of strings"),
        ('[project]\ndynamic = "dependencies"', "which has to be a list of strings"),
    ],
)
def test_a_value_of_another_kind_is_an_error_that_says_where(
    project: Write, text: str, says: str
) -> None:
    with pytest.raises(PackageError, match=rf"pyproject\.toml .*{says}"):
        find_project(project({"pyproject.toml": text}))


def test_the_code_and_its_data_are_packaged_and_what_surrounds_them_is_not(project: Write) -> None:
    stays = {"main.py", "shop/__init__.py", "shop/tests/data.json", "orders.sqlite3", "static/x.c"}
    # not what the same names are at the top
    stays |= {"templates/page.yaml", "data/orders.zip", "data/main.tf"}
    goes = {
        *(".env", ".git/config", "shop/__pycache__/x.pyc", "venv/pyvenv.cfg", "venv/lib/x.py"),
        *("tests/test_main.py", "Dockerfile", "template.yaml", "README.md", "old.zip", "uv.lock"),
        *("notes/todo.txt", "adapter.whl", "clone/adapter/bootstrap", "clone/README.md"),
        *("terraform.tfstate", "infra/terraform.tfstate.backup", "infra/a.tfvars.json"),
        *("cdk.out/asset.1/main.py", "infra/cdk.out/tree.json"),
        *("serverless.yml", "serverless.ts", "zappa_settings.json", "main.tf", "cdk.json"),
    }
    settings = '[tool.adapter]\nexclude = ["notes"]\n'
    folder = project({**dict.fromkeys(stays | goes, ""), "pyproject.toml": settings})
    (folder / "uv.lock").unlink()
    (folder / "loop").symlink_to(folder)
    found = find_project(folder)
    assert {name for name, _ in project_files(found)} == stays
    with_kept = find_project(folder, keep=["old.zip", ".env", "tests"])
    kept = {name for name, _ in project_files(with_kept)}
    assert kept - stays == {"old.zip", ".env", "tests/test_main.py"}


@pytest.mark.parametrize("kind", ["a link to nothing", "a pipe"])
def test_what_is_no_file_is_named_or_can_be_left_out(project: Write, kind: str) -> None:
    folder = project({"main.py": ""})
    if kind == "a pipe":
        os.mkfifo(folder / "odd")
    else:
        (folder / "odd").symlink_to(folder / "nowhere")
    with pytest.raises(PackageError, match=rf'{folder / "odd"} is neither .* exclude = \["odd"\]'):
        dict(project_files(find_project(folder)))
    (folder / "pyproject.toml").write_text('[tool.adapter]\nexclude = ["odd"]')
    assert set(dict(project_files(find_project(folder)))) == {"main.py"}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone.txt"
    with pytest.raises(PackageError, match=rf"{gone} cannot be read: No such file"):
        copy_sources({"gone.txt": gone}, tmp_path / "task")


def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x" * 65)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))  # no file may be larger
    try:
        with pytest.raises(OSError, match="File too large"):  # which `adapter.cli` explains
            copy_sources({"a.txt": file}, tmp_path / "task")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_link_that_leads_out_of_the_project_is_refused_unless_it_is_included(
    project: Write, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").touch()
    folder = project({"main.py": ""})
    for name, target in {"token": "secrets/token", "data": "secrets"}.items():
        link = folder / name
        link.symlink_to(tmp_path / target)
        with pytest.raises(PackageError) as caught:
            dict(project_files(find_project(folder)))
        message = str(caught.value)
        assert f"{link} is a link to {tmp_path / target}, outside of the project" in message
        assert f'include = ["{name}"]' in message
        (folder / "pyproject.toml").write_text(f'[tool.adapter]\nexclude = ["{name}"]\n')
        assert set(dict(project_files(find_project(folder)))) == {"main.py"}
        (folder / "pyproject.toml").write_text(f'[tool.adapter]\ninclude = ["{name}"]\n')
        found = set(dict(project_files(find_project(folder))))
        assert found - {"main.py"} == {"token"} if name == "token" else {"data/token"}
        link.unlink()
        (folder / "pyproject.toml").unlink()


def test_a_link_within_the_project_is_packaged_as_the_file_it_leads_to(project: Write) -> None:
    folder = project({"src/main.py": "", "shared/prices.json": "{}", "pyproject.toml": ""})
    (folder / "src" / "prices.json").symlink_to("../shared/prices.json")
    assert set(dict(project_files(find_project(folder / "src")))) == {"main.py", "prices.json"}


def test_links_that_lead_to_each_other_end(project: Write) -> None:
    folder = project({"main.py": "", "a/a.txt": "", "b/b.txt": ""})
    (folder / "a" / "to_b").symlink_to("../b")
    (folder / "b" / "to_a").symlink_to("../a")
    (folder / "b" / "up").symlink_to("..")
    found = {name for name, _ in project_files(find_project(folder))}
    assert found == {"main.py", "a/a.txt", "a/to_b/b.txt", "b/b.txt", "b/to_a/a.txt"}


def test_a_link_to_itself_is_named(project: Write) -> None:
    folder = project({"main.py": ""})
    (folder / "self").symlink_to("self")
    with pytest.raises(PackageError, match="self is neither a file nor a link to one"):
        dict(project_files(find_project(folder)))


@pytest.mark.parametrize("name", ["[id].txt", 'a"b\\.txt', "caf\xe9 \N{SNOWMAN}.txt", "a\nb", "*"])
def test_the_pattern_that_an_error_names_matches_the_file(
    project: Write, tmp_path: Path, name: str
) -> None:
    folder = project({"main.py": "", "a.txt": ""})
    (folder / name).symlink_to(tmp_path / "outside")
    with pytest.raises(PackageError) as caught:
        dict(project_files(find_project(folder)))
    advice = re.search(r"exclude = \[.*?\](?= in)", str(caught.value))
    assert advice
    (folder / "pyproject.toml").write_text(f"[tool.adapter]\n{advice[0]}\n", encoding="utf-8")
    assert set(dict(project_files(find_project(folder)))) == {"main.py", "a.txt"}


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Run the block as a user whose permissions are checked."""
    is_root = os.geteuid() == 0
    codecs.lookup("utf-8-sig")  # this user cannot import it from a Python in root's home folder
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_folder_that_cannot_be_read_is_named_or_can_be_left_out() -> None:
    with TemporaryDirectory() as name:  # not below `tmp_path`, which other users cannot enter
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "requirements.txt").touch()
        (folder / "main.py").touch()
        (folder / "database").mkdir(0)
        with (
            ordinary_user(),
            pytest.raises(
                PackageError,
                match=rf'{folder / "database"} cannot be read: Permission .* \["database"\]',
            ),
        ):
            dict(project_files(find_project(folder)))
        (folder / "pyproject.toml").write_text('[tool.adapter]\nexclude = ["database"]')
        with ordinary_user():
            assert set(dict(project_files(find_project(folder)))) == {"main.py"}
        (folder / "database").chmod(0o755)


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "main.py"])
def test_a_file_that_the_command_reads_itself_is_named(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        for each in ("requirements.txt", "pyproject.toml", "main.py"):
            (folder / each).touch()
        command = ["package", f"{folder}/main.py:app", "-o", f"{folder}.zip"]
        assert main(command) == 1  # there is no app; and the modules of the command are imported
        capsys.readouterr()
        (folder / name).chmod(0)
        with ordinary_user():
            assert main(command) == 2
    assert capsys.readouterr().err == (
        f"adapter: Cannot open {folder / name}: Permission denied. Check its name, its permissions"
        " and those of its folders.\n"
    )


def test_what_is_included_is_packaged_though_it_would_be_left_out(project: Write) -> None:
    settings = '[tool.adapter]\ninclude = ["tests/fixtures", ".env.lambda"]\n'
    names = ("main.py", "tests/fixtures/x.json", "tests/test_x.py", ".env", ".env.lambda")
    folder = project({**dict.fromkeys(names, ""), "pyproject.toml": settings})
    found = set(dict(project_files(find_project(folder))))
    assert found == {"main.py", "tests/fixtures/x.json", ".env.lambda"}


def test_a_file_of_a_hidden_folder_or_a_cache_is_packaged_if_a_pattern_names_the_folder(
    project: Write,
) -> None:
    kept = {".well-known/security.txt", "static/.maps/deep/a.txt", "node_modules/chart/a.js"}
    patterns = [".well-known/security.txt", "static/.maps/*.txt", "node_modules/chart/*.js"]
    others = (".well-known/x.txt", ".well-known/deep/x.txt", "static/.maps/x.js", ".git/x.txt")
    folder = project({**dict.fromkeys(kept, ""), **dict.fromkeys(others, ""), "main.py": ""})
    (folder / "node_modules" / "chart" / "link").symlink_to(folder / "nowhere")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "main.pyc").touch()
    found = find_project(folder, keep=[*patterns, "*.pyc"])
    assert {name for name, _ in project_files(found)} == {"main.py", *kept}


def test_a_link_out_of_the_project_is_refused_if_a_file_in_it_is_included(
    project: Write, tmp_path: Path
) -> None:
    folder = project({"main.py": ""})
    (tmp_path / "shared").mkdir()
    (folder / "tests").symlink_to(tmp_path / "shared")
    assert set(dict(project_files(find_project(folder)))) == {"main.py"}
    with pytest.raises(PackageError, match=r'tests is a link to .* include = \["tests"\]'):
        dict(project_files(find_project(folder, keep=["tests/data.json"])))


KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"


@pytest.mark.parametrize(
    ("name", "text", "is_key"),
    [
        ("deploy/id_rsa", "", True),
        ("id_ed25519", "", True),
        ("credentials.json", "", True),
        ("credentials", "", True),
        ("store.p12", "", True),
        ("server.pem", KEY, True),
        ("service.json", f'{{"private_key": "{KEY}"}}', True),
        ("ca.pem", "-----BEGIN CERTIFICATE-----", False),
        ("id_rsa.pub", "ssh-rsa AAAA", False),
        ("credentials.py", "", False),
        ("keys.py", f"TEXT = {KEY!r}", False),
    ],
)
def test_key_material_is_told_from_other_files(
    project: Write, name: str, text: str, is_key: bool
) -> None:
    found = dict(project_files(find_project(project({name: text, "main.py": ""}))))
    assert list(keys_among(found)) == [name] * is_key


def test_a_name_that_is_not_utf_8_is_an_error(project: Write) -> None:
    folder = project({"main.py": ""})
    (folder / os.fsdecode(b"caf\xe9.txt")).touch()
    with pytest.raises(PackageError, match="cannot be packaged: its name is not UTF-8") as caught:
        dict(project_files(find_project(folder)))
    message = str(caught.value).encode(errors="backslashreplace").decode()
    assert message.startswith(f"{folder}/caf\\udce9.txt cannot be packaged")
    assert 'exclude = ["caf?.txt"]' in message
    (folder / "pyproject.toml").write_text('[tool.adapter]\nexclude = ["caf?.txt"]')
    assert set(dict(project_files(find_project(folder)))) == {"main.py"}


@pytest.mark.parametrize("line", ["--index-url=https://x.test", " -e ../till", "till\\n--pre"])
def test_an_option_among_the_requirements_is_refused(project: Write, line: str) -> None:
    text = f'[project]\nname = "x"\ndependencies = ["{line}"]'
    with pytest.raises(PackageError, match=r"pyproject\.toml has .*, which is no requirement"):
        find_project(project({"pyproject.toml": text}))
