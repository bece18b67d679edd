"""The project beside its code: dependencies, workflows, and pages that link to each other."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import adapter
import adapter.testing

from . import llms_txt, printed_files, works_with

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ALL_PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def constraints() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def requirements() -> list[Requirement]:
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    return [Requirement(line) for line in chain.from_iterable(extras.values())]


class TestConstraints:
    def test_pin_one_version_each_and_name_no_index(self) -> None:
        assert all(re.fullmatch(r"==[^*,]+", str(pinned.specifier)) for pinned in constraints())
        assert not any(pinned.url for pinned in constraints())

    def test_pin_all_that_the_extras_ask_for_in_a_version_that_they_allow(self) -> None:
        pinned = {canonicalize_name(each.name): str(each.specifier)[2:] for each in constraints()}
        for asked in requirements():
            name = canonicalize_name(asked.name)
            if name != PROJECT["name"]:
                assert pinned[name] in asked.specifier, name


class TestExtras:
    @pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"].keys() - {"dev"}))
    def test_an_extra_is_imported_or_run_by_the_package(self, extra: str) -> None:
        code = "\n".join(path.read_text() for path in (ROOT / "adapter").rglob("*.py"))
        for line in PROJECT["optional-dependencies"][extra]:
            module = Requirement(line).name.replace("-", "_")
            used = rf"^\s*(import|from) {module}\b|which\(\"{module}\""
            assert re.search(used, code, re.MULTILINE), module


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
class TestWorkflow:
    def test_pins_every_action_by_its_commit_because_a_tag_can_be_moved(self, path: Path) -> None:
        used = re.findall(r"uses: (.*)", path.read_text())
        assert used
        for action in used:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v[\d.]+", action)

    def test_gives_every_job_a_time_limit_and_no_more_rights_than_it_needs(
        self, path: Path
    ) -> None:
        workflow: dict[str, Any] = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        for name, job in workflow["jobs"].items():
            assert 0 < job["timeout-minutes"] <= 30, name
            assert job.get("permissions", {}).keys() <= {"id-token"}, name

    def test_runs_only_targets_that_the_makefile_has(self, path: Path) -> None:
        targets = re.findall(r"run: make (.*)", path.read_text())
        makefile = (ROOT / "Makefile").read_text()
        for target in chain.from_iterable(line.split() for line in targets):
            if "=" not in target and target != ".venv/.ready":
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    in_repository = re.findall(
        rf"{re.escape(PROJECT['urls']['Source'])}/blob/main/([^)#\s]+)", text
    )
    assert [link for link in in_repository if not (ROOT / link).exists()] == []


INSTALLS = re.compile(r"^.*\bpip3? install\b.*", re.MULTILINE)


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_installs_the_adapter_from_a_path_while_its_name_is_not_registered(
    page: Path,
) -> None:
    """The requirements of the examples have the name, so an earlier line has to install the path.

    In one line with a path that has an extra, pip 23, which comes with Python 3.11, asks the index.
    """
    for block in page.read_text().split("\n\n"):
        lines = INSTALLS.findall(block)
        for number, line in enumerate(lines):
            assert not re.search(r"install (-\S+ )*'?asgi-lambda-stream(?!==)", line), line
            if "-r requirements.txt" in line:
                assert re.search(r"\.\./\.\.\[|wheels/", "\n".join(lines[:number])), line


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("examples/*/Dockerfile*"), *ROOT.glob("docker/*/Dockerfile")]),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_an_image_takes_the_adapter_from_its_wheel_and_no_newer_version_from_an_index(
    path: Path,
) -> None:
    (line,) = INSTALLS.findall(path.read_text())
    assert re.search(r"/\*\.whl( -r |$)", line)
    assert "--find-links" not in line


def test_a_page_of_the_site_links_to_files_outside_docs_by_their_address() -> None:
    # The site has the pages only; a relative link would work in the repository alone.
    for page in ROOT.glob("docs/*.md"):
        assert "](../" not in page.read_text(), page


@pytest.mark.parametrize("module", [adapter, adapter.testing])
def test_the_page_of_the_api_has_each_public_name(module: Any) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    names = {f"::: {module.__name__}.{name}" for name in module.__all__} - {
        "::: adapter.__version__"
    }
    assert names <= {*page.splitlines()}


def test_the_site_asks_no_other_host() -> None:
    # With repo_url the theme's script asks api.github.com on each page; fonts come from Google.
    site = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    assert "repo_url" not in site
    assert site["theme"]["font"] is False
    assert all((ROOT / "docs" / name).is_file() for name in site["extra_css"])


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    pages = [page for entry in site["nav"] for page in _pages(entry)]
    assert sorted(pages) == sorted(page.name for page in ROOT.glob("docs/*.md"))


def _pages(entry: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for target in entry.values():
        if isinstance(target, str):
            found.append(target)
        else:
            found += [page for each in target for page in _pages(each)]
    return found


def test_the_page_on_infrastructure_has_the_files_of_the_examples() -> None:
    page = printed_files.PAGE.read_text()
    assert page == printed_files.printed(page), "python -m tests.printed_files prints them"


def test_agents_find_each_page_of_the_navigation() -> None:
    written = llms_txt.FILE.read_text()
    assert written == llms_txt.text(), "python -m tests.llms_txt writes docs/llms.txt"
    for page in {page.name for page in ROOT.glob("docs/*.md")} - {"index.md"}:
        assert f"/docs/{page}): " in written


def test_every_form_and_hook_is_yaml() -> None:
    for path in [*ROOT.glob(".github/**/*.yml"), ROOT / ".pre-commit-config.yaml"]:
        assert yaml.safe_load(path.read_text()), path


class TestWorksWith:
    def test_the_readme_has_the_versions_that_the_tests_install(self) -> None:
        readme = (ROOT / "README.md").read_text()
        table = readme.partition("<!-- versions -->\n")[2].partition("<!-- /versions -->")[0]
        assert table == works_with.markdown(), "python -m tests.works_with prints the table"

    def test_each_row_is_tested(self) -> None:
        assert all((ROOT / row.tests).exists() for row in works_with.ROWS)


@pytest.mark.process
def test_the_wheel_has_the_page_of_the_inspector_and_a_description_for_pypi(tmp_path: Path) -> None:
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    with ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        names = {Path(name).name for name in wheel.namelist() if "/inspector/page/" in name}
        (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        description = wheel.read(metadata).decode()
    links = re.findall(r"\]\((?!#)([^)]*)\)", description)
    assert [link for link in links if not link.startswith("https://")] == []
    tag = f"{PROJECT['urls']['Source']}/raw/v{adapter.__version__}"
    assert f"({tag}/docs/images/fastapi-complete.png)" in description
    assert names == {"index.html", "inspector.css", "inspector.js", "waterfall.js"}
