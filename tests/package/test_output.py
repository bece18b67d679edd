from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapter.errors import PackageError
from adapter.package.command import find_output

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run, Write

APP = {"main.py": "app = print\n", "requirements.txt": ""}


def test_a_fault_is_noticed_before_the_work(project: Write, package: Run) -> None:
    done = package(f"{project(APP)}/main.py:app", output="nowhere/function.zip")
    assert done.code == 1
    assert f"there is no folder {done.output.parent}" in done.err
    assert "Getting wheels" not in done.err


def test_a_folder_that_cannot_be_written_to_is_an_error_even_for_root() -> None:
    with pytest.raises(PackageError, match=r"/proc/x\.zip cannot be written: .*--output"):
        find_output("/proc/x.zip")


def test_a_zip_is_replaced(project: Write, package: Run) -> None:
    target = f"{project(APP)}/main.py:app"
    assert package(target).code == package(target).code == 0


def test_an_empty_file_has_nothing_to_lose(tmp_path: Path) -> None:
    output = tmp_path / "made-by-mktemp"
    output.touch()
    assert find_output(str(output)) == output


def test_a_file_of_another_kind_is_not_overwritten(project: Write, package: Run) -> None:
    folder = project(APP)
    done = package(f"{folder}/main.py:app", output="project/main.py")
    assert done.code == 1
    assert f"{folder / 'main.py'} exists and is not a zip" in done.err
    assert (folder / "main.py").read_text() == APP["main.py"]


def test_an_empty_folder_gets_the_files_with_their_modes(
    project: Write, package: Run, tmp_path: Path
) -> None:
    (tmp_path / "task").mkdir()
    target = f"{project(APP)}/main.py:app"
    assert package(target, output="task").code == 0
    assert (tmp_path / "task" / "main.py").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "task" / "adapter" / "bootstrap").stat().st_mode & 0o777 == 0o755
    again = package(target, output="task")
    assert again.code == 1
    assert "is a folder with something in it" in again.err


def test_a_name_with_a_slash_at_its_end_is_a_folder_and_made(project: Write, package: Run) -> None:
    done = package(f"{project(APP)}/main.py:app", output="task/")
    assert done.code == 0
    assert (done.output / "adapter" / "bootstrap").is_file()


def test_a_folder_that_was_made_for_nothing_goes_again(
    project: Write, package: Run, tmp_path: Path
) -> None:
    target = f"{project(APP)}/main.py:ap"
    assert package(target, output="new/").code == 1
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    assert package(target, output="old/").code == 1
    assert (tmp_path / "old").is_dir()


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "link.zip").symlink_to("function.zip")
    assert find_output(f"{tmp_path}/link.zip") == tmp_path.resolve() / "function.zip"


def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "loop.zip").symlink_to("loop.zip")
    assert find_output(f"{tmp_path}/loop.zip") == tmp_path.resolve() / "loop.zip"


def test_a_file_does_not_become_a_folder(tmp_path: Path) -> None:
    (tmp_path / "task").touch()
    with pytest.raises(PackageError, match="task exists and is not a folder"):
        find_output(f"{tmp_path}/task/")
