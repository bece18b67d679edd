"""Modules of a packed file beside the same modules of files; the paths are changed for one test."""

from __future__ import annotations

import importlib
import inspect
import linecache
import marshal
import pickle
import pkgutil
import py_compile
import runpy
import subprocess
import sys
import traceback
from importlib import metadata, resources
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from importlib.util import MAGIC_NUMBER, LazyLoader, find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from adapter.imports import packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

    Write = Callable[..., Path]

ROOT = Path(__file__).parents[2]
SHOP = {
    "shop/__init__.py": "from .till import Till\n",
    "shop/till.py": "class Till:\n    def open(self):\n        raise KeyError('empty')\n",
    "shop/data/prices.txt": "1.50",
    "shop/sub/__init__.py": "",
    "shop/sub/__main__.py": "RESULT = __package__\n",
    "single.py": "VALUE = 1\n",
    "spread/left/__init__.py": "SIDE = 'left'\n",
    "shop-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n",
}
NAMES = ("shop", "shop.till", "shop.sub", "single", "spread.left")


@pytest.fixture(autouse=True)
def imports() -> Iterator[None]:
    path, hooks, modules = [*sys.path], [*sys.path_hooks], {*sys.modules}
    mappings = {**packed._mappings}
    yield
    sys.path[:], sys.path_hooks[:] = path, hooks
    for name in sys.modules.keys() - modules:
        del sys.modules[name]
    for mapping in packed._mappings.keys() - mappings.keys():
        del packed._mappings[mapping]
        for cached in [each for each in sys.path_importer_cache if each.startswith(mapping)]:
            del sys.path_importer_cache[cached]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a folder of modules, put it first in ``sys.path``, and pack what is named."""

    def write_folder(
        files: Mapping[str, str] = SHOP,
        *,
        name: str = "task",
        location: str = "",
        pack: bool = True,
    ) -> Path:
        folder = tmp_path / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        if pack:
            (folder / packed.NAME).write_bytes(packed_file(folder, location or str(folder)))
            for path in files:
                (folder / path).with_suffix(".pyc").unlink(missing_ok=True)
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        return folder

    return write_folder


def packed_file(folder: Path, location: str) -> bytes:
    content = {}
    for file in sorted(folder.rglob("*.py")):
        path = file.relative_to(folder).as_posix()
        compiled = file.with_suffix(".pyc")
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        shown = f"{location}/{path}"
        py_compile.compile(str(file), str(compiled), shown, True, invalidation_mode=mode)
        content[path] = compiled.read_bytes()
        compiled.unlink()
    return packed.pack(content, location)


def is_packed(module: ModuleType) -> bool:
    return isinstance(module.__loader__, packed.PackedLoader)


def test_the_code_of_a_module_comes_from_the_packed_file(write: Write) -> None:
    folder = write()
    (folder / "single.py").write_text("VALUE = 2\n")
    packed.install(str(folder))
    assert importlib.import_module("single").VALUE == 1


def test_a_module_that_is_not_packed_comes_from_its_file(write: Write) -> None:
    folder = write()
    (folder / "own.py").write_text("VALUE = 3\n")
    packed.install(str(folder))
    own = importlib.import_module("own")
    assert own.VALUE == 3
    assert not is_packed(own)


def test_modules_that_were_imported_before_are_not_looked_for_again(write: Write) -> None:
    folder = write()
    before = importlib.import_module("shop")
    packed.install(str(folder))
    assert importlib.import_module("shop") is before
    assert is_packed(importlib.import_module("shop.sub"))


def test_a_zip_in_the_folder_is_left_to_the_importer_of_zips(write: Write) -> None:
    folder = write()
    with ZipFile(folder / "vendored.zip", "w") as archive:
        archive.writestr("vendored.py", "VALUE = 4\n")
    packed.install(str(folder))
    sys.path.insert(0, str(folder / "vendored.zip"))
    assert importlib.import_module("vendored").VALUE == 4
    assert is_packed(importlib.import_module("shop"))


def attributes(module: ModuleType) -> dict[str, object]:
    spec = module.__spec__
    assert spec is not None
    loader = spec.loader
    assert isinstance(loader, SourceFileLoader)
    code = loader.get_code(module.__name__)
    assert code is not None
    return {
        "file": module.__file__,
        "package": module.__package__,
        "path": getattr(module, "__path__", None) and [*module.__path__],
        "origin": spec.origin,
        "cached": spec.cached,
        "has_location": spec.has_location,
        "parent": spec.parent,
        "loader is": module.__loader__ is loader,
        "loader": (loader.name, loader.path),
        "is_package": loader.is_package(module.__name__),
        "source": loader.get_source(module.__name__),
        "filename": loader.get_filename(module.__name__),
        "code": (code.co_filename, code.co_names),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("location", ["", "/var/task"])
def test_a_module_has_the_same_attributes_as_one_from_a_file(
    write: Write, name: str, location: str
) -> None:
    folder = write(location=location)
    from_file = attributes(importlib.import_module(name))
    for imported in [each for each in sys.modules if each.partition(".")[0] in ("shop", "single")]:
        del sys.modules[imported]
    sys.modules.pop("spread.left", None)
    packed.install(str(folder))
    module = importlib.import_module(name)
    assert is_packed(module)
    assert attributes(module) == from_file


def test_a_folder_that_comes_earlier_in_the_path_counts_as_before(write: Write) -> None:
    folder = write()
    layer = write({"single.py": "VALUE = 'of the layer'\n"}, name="layer", pack=False)
    packed.install(str(folder))
    assert importlib.import_module("single").VALUE == "of the layer"
    del sys.modules["single"]
    sys.path.remove(str(layer))
    sys.path.append(str(layer))
    assert importlib.import_module("single").VALUE == 1


def test_a_namespace_package_has_its_parts_in_both_folders(write: Write) -> None:
    folder = write()
    write({"spread/right.py": "SIDE = 'right'\n"}, name="layer", pack=False)
    packed.install(str(folder))
    assert importlib.import_module("spread.left").SIDE == "left"
    assert importlib.import_module("spread.right").SIDE == "right"


EXTENDED = "import os, pkgutil\n__path__ = pkgutil.extend_path(__path__, __name__)\n"


def test_a_package_that_extends_its_path_has_its_modules_in_all_folders(write: Write) -> None:
    added = "__path__.append(os.path.join(os.path.dirname(__file__), 'parts'))\n"
    right = {"split/__init__.py": EXTENDED, "split/right.py": "SIDE = 'right'\n"}
    write(right, name="layer", pack=False)
    folder = write(
        {
            "split/__init__.py": EXTENDED + added,
            "split/left.py": "SIDE = 'left'\n",
            "split/parts/inner.py": "SIDE = 'inner'\n",
        }
    )
    packed.install(str(folder))
    for side in ("left", "inner", "right"):
        module = importlib.import_module(f"split.{side}")
        assert side == module.SIDE
        assert is_packed(module) is (side != "right")


def test_a_module_can_be_loaded_at_its_first_use(write: Write) -> None:
    packed.install(str(write()))
    spec = find_spec("single")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert type(module) is not ModuleType
    assert module.VALUE == 1
    assert type(module) is ModuleType


class Hooked(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        return compile(self.get_data(self.path) + b"\nIS_HOOKED = True\n", self.path, "exec")


def test_a_tool_finds_the_hook_of_python_and_puts_its_own_before_it(write: Write) -> None:
    """As beartype does, which reads the loaders from that hook, too."""
    packed.install(str(write()))
    names = [getattr(hook, "__qualname__", None) for hook in sys.path_hooks]
    index = names.index(FileFinder.path_hook().__qualname__)
    loaders = inspect.getclosurevars(sys.path_hooks[index]).nonlocals["loader_details"]
    others = [pair for pair in loaders if pair[1] != SOURCE_SUFFIXES]
    own = FileFinder.path_hook((Hooked, SOURCE_SUFFIXES), *others)
    sys.path_hooks.insert(index, own)
    sys.path_importer_cache.clear()
    for name in NAMES:
        assert importlib.import_module(name).IS_HOOKED


class TestWhatReadsFiles:
    def test_resources(self, write: Write) -> None:
        packed.install(str(write()))
        shop = importlib.import_module("shop")
        assert resources.files(shop).joinpath("data", "prices.txt").read_text() == "1.50"
        assert pkgutil.get_data("shop", "data/prices.txt") == b"1.50"

    def test_metadata(self, write: Write) -> None:
        packed.install(str(write()))
        assert metadata.version("shop") == "1.0"

    def test_lists_of_modules(self, write: Write) -> None:
        packed.install(str(write()))
        shop = importlib.import_module("shop")
        found = [each.name for each in pkgutil.walk_packages(shop.__path__, "shop.")]
        assert found == ["shop.sub", "shop.sub.__main__", "shop.till"]

    def test_sources_and_tracebacks(self, write: Write) -> None:
        packed.install(str(write()))
        shop = importlib.import_module("shop")
        assert inspect.getsource(shop.Till).startswith("class Till")
        linecache.clearcache()
        with pytest.raises(KeyError) as raised:
            shop.Till().open()
        text = "".join(traceback.format_exception(raised.value))
        assert 'shop/till.py", line 3, in open\n    raise KeyError(' in text

    def test_pickles(self, write: Write) -> None:
        packed.install(str(write()))
        shop = importlib.import_module("shop")
        assert type(pickle.loads(pickle.dumps(shop.Till()))) is shop.Till

    def test_programs(self, write: Write) -> None:
        packed.install(str(write()))
        assert runpy.run_module("shop.sub")["RESULT"] == "shop.sub"

    def test_reloads(self, write: Write) -> None:
        packed.install(str(write()))
        single = importlib.import_module("single")
        vars(single)["VALUE"] = 9
        assert importlib.reload(single).VALUE == 1


@pytest.mark.parametrize("handler", ["", "broken.handler"])
def test_an_error_in_a_module_has_no_line_of_the_adapter(
    write: Write, monkeypatch: pytest.MonkeyPatch, handler: str
) -> None:
    monkeypatch.setenv("_HANDLER", handler)
    packed.install(str(write({"broken.py": "1 / 0\n"})))
    with pytest.raises(ZeroDivisionError) as raised:
        importlib.import_module("broken")
    assert "adapter/imports" not in "".join(traceback.format_tb(raised.value.__traceback__))


@pytest.mark.process
@pytest.mark.parametrize(
    ("handler", "is_paused"), [("shop/api.handler", True), ("main.handler", False)]
)
def test_the_collector_is_paused_while_the_module_of_the_handler_is_imported(
    write: Write, handler: str, is_paused: bool
) -> None:
    """AWS's runtime imports that module itself."""
    threshold = "import gc\nTHRESHOLD = gc.get_threshold()\n"
    folder = write({"shop/__init__.py": threshold, "shop/api.py": threshold})
    script = (
        f"import gc, importlib, sys; sys.path[:0] = {[str(folder), str(ROOT)]}; "
        "from adapter.imports import packed; before = gc.get_threshold(); "
        f"packed.install({str(folder)!r}); import shop.api; "
        "assert gc.get_threshold() == before; "
        "print([each.THRESHOLD != before for each in (shop, shop.api)], gc.get_freeze_count() > 0)"
    )
    environ = {"_HANDLER": handler, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    command = [sys.executable, "-B", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert ended.stdout == f"{[is_paused, is_paused]} {is_paused}\n"


def test_what_it_has_given_back_can_be_read_again(write: Write) -> None:
    packed.install(str(write()))
    importlib.import_module("single")
    packed.release()
    assert is_packed(importlib.import_module("shop.till"))


class TestAFileThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("start", "content", "says"),
        [
            pytest.param(0, b"", "cannot mmap an empty file", id="empty"),
            pytest.param(0, b"PK", "the file is not a file of packed imports", id="other"),
            pytest.param(0, None, "the file is not a file of packed imports", id="short"),
            pytest.param(16, bytes(4), "its bytecode is for another version of Python", id="magic"),
            pytest.param(60, b"\xff", "the file is damaged", id="index"),
            pytest.param(-1, b"", "the file is damaged", id="truncated"),
        ],
    )
    def test_is_one_warning_and_modules_come_from_files(
        self,
        write: Write,
        caplog: pytest.LogCaptureFixture,
        start: int,
        content: bytes | None,
        says: str,
    ) -> None:
        folder = write()
        whole = (folder / packed.NAME).read_bytes()
        if content is None:
            damaged = whole[:20]
        elif content and start:
            damaged = whole[:start] + content + whole[start + len(content) :]
        else:
            damaged = whole[:start] + content
        (folder / packed.NAME).write_bytes(damaged)
        packed.install(str(folder))
        for name in NAMES:
            assert not is_packed(importlib.import_module(name))
        (line,) = caplog.messages
        assert f"{folder}/{packed.NAME} is not used" in line
        assert says in line

    @pytest.mark.parametrize("offset", [5, 40, -1])
    def test_and_so_is_one_with_a_damaged_module(
        self, write: Write, caplog: pytest.LogCaptureFixture, offset: int
    ) -> None:
        folder = write({f"m{number}.py": f"VALUE = {number}" for number in range(4)})
        content = bytearray((folder / packed.NAME).read_bytes())
        at = content.index(MAGIC_NUMBER, 40)  # of the first module
        content[at + offset] ^= 1
        (folder / packed.NAME).write_bytes(content)
        packed.install(str(folder))
        for number in range(4):
            assert number == importlib.import_module(f"m{number}").VALUE
        (line,) = caplog.messages
        assert "the file is damaged" in line


def test_nothing_happens_where_there_is_none(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = [*sys.path_hooks]
    packed.install(str(write(pack=False)))
    packed.install()
    assert sys.path_hooks == hooks
    assert not caplog.messages


def test_a_folder_has_one_finder_only(write: Write) -> None:
    folder = write()
    packed.install(str(folder))
    hooks = [*sys.path_hooks]
    packed.install(str(folder))
    assert sys.path_hooks == hooks


def test_the_same_modules_make_the_same_bytes() -> None:
    content = {"a.py": MAGIC_NUMBER + bytes(12) + marshal.dumps(1), "b/c.py": MAGIC_NUMBER}
    sys.intern("b/c.py")
    again = {
        "".join(["b", "/c.py"]) if path == "b/c.py" else path: content[path] for path in content
    }
    assert packed.pack(content, "/var/task") == packed.pack(again, "/var/task")


@pytest.mark.process
def test_optimized_bytecode_is_made_of_the_files(write: Write) -> None:
    folder = write({"checked.py": "try:\n    assert False\nexcept AssertionError:\n    print(1)\n"})
    script = (
        f"import sys; sys.path[:0] = {[str(folder), str(ROOT)]}; "
        "from adapter.imports import packed;"
        f"packed.install({str(folder)!r}); import checked; print(checked.__loader__)"
    )
    for option, says in {"-O": "SourceFileLoader", "-B": "PackedLoader"}.items():
        command = [sys.executable, option, "-c", script]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        assert says in ended.stdout
        assert ended.stdout.startswith("1\n") is (option == "-B")
