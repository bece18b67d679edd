"""What depends on what, held as data: who imports whom, who may block, who has tests."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from adapter.package.tree import DEVELOPMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "adapter"
TESTS = ROOT / "tests"

# A module imports from its own layer and from those above it in this table. A name stands for
# a module or for all of a package; the longest that fits counts.
LAYERS = {
    "shapes": {"errors", "light_classes", "types"},
    "core": {
        "asgi.response",
        "asgi.scope",
        "diagnosis",
        "events",
        "invocation.claim",
        "invocation.context",
        "options",
        "runtime_api.wire",
        "samples",
        "streams.metadata",
    },
    "contract": {"invocation", "streams"},
    "app": {"asgi", "imports", "observe", "target", "wsgi"},
    "client of the Runtime API": {"runtime_api"},
    "called by synchronous code": {"sync"},
    "handlers": {"entry", "function", "handler", "loader", "snapstart", "streamify", "testing"},
    "native runtime": {"native"},
    "emulator": {"emulator"},
    "environments": {"emulator.environments"},
    "front ends": {"emulator.front_ends"},
    "inspector": {"emulator.inspector"},
    "commands": {"emulator.commands"},
    "people": {"__main__", "bootstrap", "cli", "deploy", "doctor", "package"},
    "facade": {"__init__"},
}
RANKS = {name: rank for rank, names in enumerate(LAYERS.values()) for name in names}

#: The folders that run on Lambda. A folder imports only from those before it.
FOLDERS = (
    "events",
    "options",
    "invocation",
    "streams",
    "asgi",
    "observe",
    "runtime_api",
    "sync",
    "imports",
    "native",
)

#: What a package must not know, so that it cannot excuse the faults of what it tests.
STRANGERS = {
    "emulator": {"asgi", "events", "handler", "native", "runtime_api", "streams", "sync"},
}

#: What the core must not import, because it does no I/O, waits for nothing and says nothing.
IMPURE = {"asyncio", "logging", "os", "select", "socket", "ssl", "subprocess", "threading", "time"}
MAY_IMPORT = {("invocation.context", "time"): "the time that is left is asked of the clock"}

A_DOCSTRING = "a docstring"
#: Modules without a test file of their own, and why.
UNTESTED = {
    "types": "nothing in it runs",
    "__init__": "test_exports",
    "__main__": "test_cli",
    "events.__init__": "events.test_identify",
    "options.__init__": "options.test_options",
    "options.__main__": "options.test_options",
    "options.table": "options.test_options",
    "invocation.registry": "held by runtimes.test_wrappers, test_snapshot and test_concurrent",
    "snapstart": "invocation.test_snapshot_hooks",
    "runtime_api.delivery": "runtime_api.test_runtime_stream",
    "runtime_api.served_invocation": "held by runtimes.test_wrappers and test_concurrent",
    "streams.compression": "test_handler",
    "streams.streaming_handler": "protocols, which mypy checks; read by test_loader",
    **dict.fromkeys(
        [
            "asgi.__init__",
            "imports.__init__",
            "diagnosis.__init__",
            "doctor.__init__",
            "invocation.__init__",
            "observe.__init__",
            "runtime_api.__init__",
            "streams.__init__",
            "emulator.__init__",
            "emulator.commands.__init__",
            "emulator.environments.__init__",
            "emulator.front_ends.__init__",
            "emulator.inspector.__init__",
            "emulator.runtime_api.__init__",
            "samples.__init__",
        ],
        A_DOCSTRING,
    ),
    "emulator.commands.argument_types": "test_cli",
    "doctor.arguments": "read by doctor.test_command",
    "doctor.local_target": "run by doctor.test_command",
    "emulator.commands.arguments": "test_cli",
    "emulator.commands.function_options": "read by test_dev and test_invoke",
    "emulator.commands.dev_settings": "a dataclass that test_dev fills",
    "emulator.commands.serving": "run by test_dev",
    "emulator.front_ends.front_end_settings": "a dataclass that test_http_front_end fills",
    "emulator.runtime_api.replies": "what test_on_demand_api reads",
    "emulator.runtime_api.server_connection": "h11 on a socket, which test_server talks to",
    "emulator.runtime_api.uploads": "read by test_on_demand_api and test_concurrent_api",
}
#: Packages whose test files are named for what they do, because one module alone does nothing.
BY_BEHAVIOUR = {
    "agents",
    "browser",
    "deploy",
    "faults",
    "frameworks",
    "package",
    "runtimes",
    "system",
    "testing",
    "vendors",
}
#: Packages that are tested together, as processes, in tests/runtimes.
IN_PROCESSES = {"native", "sync"}
#: Test files that belong to no one module.
UNBOUND = {
    "emulator.test_fidelity",
    "emulator.test_fuzz",
    "emulator.test_uvicorn_parity",
    "events.test_identify",
    "options.test_options",
    "test_architecture",
    "test_changelog",
    "test_documentation",
    "test_endings",
    "test_exports",
    "test_frameworks",
    "test_gate",
    "test_parity",
    "test_project",
    "test_security",
    "test_sources",
    "test_trace",
}

MAX_LINES = 400

PAGE = ROOT / "docs" / "architecture.md"
PRINTED = re.compile(r"(<!-- (folders|layers) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
CHUNK = re.compile(r"<!-- chunk -->\n```\n(.*?)```", re.DOTALL)


def printed(page: str) -> str:
    """Return the page with the tables as they are held here."""
    tables = {"folders": folder_table(), "layers": layer_table()}
    return PRINTED.sub(lambda found: f"{found[1]}{tables[found[2]]}{found[3]}", page)


def folder_table() -> str:
    """Return the folders as Markdown, with the first lines of their docstrings."""
    docstrings = [ast.get_docstring(tree_of(PACKAGE / name / "__init__.py")) for name in FOLDERS]
    rows = [
        f"| `{name}/` | {str(docstring).splitlines()[0]} |\n"
        for name, docstring in zip(FOLDERS, docstrings, strict=True)
    ]
    return "| Folder | Contents |\n|---|---|\n" + "".join(rows)


def layer_table() -> str:
    """Return the layers as Markdown."""
    there = {*MODULES, *PACKAGES, "bootstrap"}
    rows = [
        f"| {layer} | {', '.join(f'`{name}`' for name in sorted(names & there))} |\n"
        for layer, names in LAYERS.items()
    ]
    return "| Layer | Modules and packages |\n|---|---|\n" + "".join(rows)


class Import(NamedTuple):
    """An import in one of our modules, of one of ours or of anything else."""

    target: str
    ours: bool
    runs: bool  #: not only for a type checker


def name_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts)


MODULES = {name_of(path, PACKAGE): path for path in sorted(PACKAGE.rglob("*.py"))}
PACKAGES = {name.removesuffix(".__init__") for name in MODULES if name.endswith(".__init__")}
TEST_FILES = {
    name_of(path, TESTS): path
    for path in sorted(TESTS.rglob("*.py"))
    if TESTS / "examples" not in path.parents
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(name: str) -> tuple[Import, ...]:
    tree = tree_of(MODULES[name])
    unexecuted = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    return tuple(
        Import(target, ours, id(node) not in unexecuted)
        for node in ast.walk(tree)
        for target, ours in targets(node, name)
    )


def targets(node: ast.AST, importer: str) -> Iterator[tuple[str, bool]]:
    """What one statement imports; ours by their names within the package."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, False
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module or "", False
    elif isinstance(node, ast.ImportFrom):
        here = importer.split(".")[: -node.level]
        module = ".".join([*here, *filter(None, [node.module])])
        for alias in node.names:
            inner = f"{module}.{alias.name}".lstrip(".")
            yield file_of(inner) or file_of(module) or module, True


def file_of(name: str) -> str | None:
    """The module that is executed for ``name``: of a package its ``__init__``."""
    names = (name, f"{name}.__init__".lstrip("."))
    return next((candidate for candidate in names if candidate in MODULES), None)


def rank(name: str) -> int:
    while name not in RANKS:
        name = name.rpartition(".")[0]
        assert name, "stands in no layer"
    return RANKS[name]


def top(name: str) -> str:
    return name.partition(".")[0]


CORE = [name for name in MODULES if rank(name) == RANKS["events"]]

LEFT_OUT = {path.removeprefix("adapter/") for path in DEVELOPMENT}  #: of packages for Lambda


class TestLayers:
    def test_a_module_imports_only_from_its_own_layer_and_those_above(self) -> None:
        wrong = {
            (name, imported.target)
            for name in MODULES
            for imported in imports_of(name)
            if imported.ours and rank(imported.target) > rank(name)
        }
        assert wrong == set()

    def test_no_folder_imports_upwards(self) -> None:
        upwards = {
            (name, i.target)
            for name in MODULES
            if top(name) in FOLDERS
            for i in imports_of(name)
            if i.ours and top(i.target) in FOLDERS[FOLDERS.index(top(name)) + 1 :]
        }
        assert upwards == set()

    def test_the_top_of_the_package_is_what_a_user_names_or_a_way_in(self) -> None:
        assert len([name for name in MODULES if "." not in name]) <= 14

    def test_nobody_inside_imports_the_facade_because_it_would_load_everything(self) -> None:
        users = [n for n in MODULES for i in imports_of(n) if i.ours and i.target == "__init__"]
        assert users == []

    def test_a_module_calls_its_siblings_by_relative_names(self) -> None:
        imported = [(n, i) for n in MODULES for i in imports_of(n) if not i.ours]
        assert [(n, i.target) for n, i in imported if top(i.target) == "adapter"] == []

    def test_what_goes_to_lambda_imports_nothing_that_stays_on_a_developers_machine(self) -> None:
        packaged = [name for name in MODULES if top(name) not in LEFT_OUT | {"cli"}]
        imported = [(name, i.target) for name in packaged for i in imports_of(name) if i.ours]
        assert [(name, target) for name, target in imported if top(target) in LEFT_OUT] == []

    def test_there_are_no_circles_even_with_the_imports_for_a_type_checker(self) -> None:
        ours = {n: {i.target for i in imports_of(n) if i.ours} for n in MODULES}
        TopologicalSorter(ours).prepare()

    @pytest.mark.parametrize("package", STRANGERS)
    def test_a_package_does_not_know_what_it_is_there_to_test(self, package: str) -> None:
        known = {
            top(imported.target)
            for name in MODULES
            if top(name) == package
            for imported in imports_of(name)
            if imported.ours
        }
        assert known & STRANGERS[package] == set()


class TestThePage:
    def test_has_the_tables_that_are_held_here(self) -> None:
        page = PAGE.read_text()
        assert [found[2] for found in PRINTED.finditer(page)] == ["folders", "layers"]
        assert page == printed(page), "out of date: python -m tests.test_architecture"

    def test_names_functions_that_a_chunk_can_go_through(self) -> None:
        block = CHUNK.search(PAGE.read_text())
        assert block
        named = re.findall(r"^ *([\w.]+): ([\w.]+)", block[1], re.MULTILINE)
        for module, function in named:
            found: object = importlib.import_module(f"adapter.{module}")
            for part in function.split("."):
                found = getattr(found, part)
            assert callable(found)
        assert len(named) == 6


class TestPurity:
    def test_the_core_imports_nothing_that_waits_reads_or_speaks(self) -> None:
        imported = {
            (name, top(i.target))
            for name in CORE
            for i in imports_of(name)
            if not i.ours and i.runs
        }
        impure = {(name, module) for name, module in imported if module in IMPURE}
        assert {each for each in impure if each not in MAY_IMPORT} == set()

    def test_the_core_has_nothing_async_in_it(self) -> None:
        waiting = ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await
        nodes = [(name, node) for name in CORE for node in ast.walk(tree_of(MODULES[name]))]
        assert [(name, node.lineno) for name, node in nodes if isinstance(node, waiting)] == []


class TestNames:
    def test_a_class_name_means_one_thing_in_the_whole_package(self) -> None:
        nodes = [node for path in MODULES.values() for node in ast.walk(tree_of(path))]
        counts = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
        assert [name for name, count in counts.items() if count > 1] == []


class TestLogging:
    def test_a_module_has_a_logger_that_an_app_does_not_disable_by_accident(self) -> None:
        texts = {n: path.read_text(encoding="utf-8") for n, path in MODULES.items()}
        users = [name for name, text in texts.items() if 'logging.getLogger("adapter' in text]
        assert [name for name in users if name != "loggers"] == []


class TestSize:
    def test_a_module_is_short_enough_to_be_read_in_one_go(self) -> None:
        texts = {n: path.read_text(encoding="utf-8") for n, path in MODULES.items()}
        lines = {name: len(text.splitlines()) for name, text in texts.items()}
        assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def file_for(name: str) -> str:
    package, _, module = name.rpartition(".")
    return f"{package}.test_{module}".lstrip(".")


TESTED_ALONE = [
    name
    for name in MODULES
    if name not in UNTESTED and top(name) not in BY_BEHAVIOUR | IN_PROCESSES
]


class TestTests:
    def test_a_module_has_a_test_file_of_its_name(self) -> None:
        assert [name for name in TESTED_ALONE if file_for(name) not in TEST_FILES] == []

    @pytest.mark.parametrize("package", sorted(BY_BEHAVIOUR & PACKAGES))
    def test_a_package_has_tests_at_the_least(self, package: str) -> None:
        assert [n for n in TEST_FILES if n.startswith((f"{package}.test_", f"test_{package}"))]

    def test_a_test_file_has_a_module_of_its_name(self) -> None:
        files = {n for n in TEST_FILES if n.rpartition(".")[2].startswith("test_")}
        by_behaviour = {n for n in files if top(n).removeprefix("test_") in BY_BEHAVIOUR}
        assert files - by_behaviour - UNBOUND - set(map(file_for, TESTED_ALONE)) == set()

    def test_a_name_occurs_twice_only_where_two_modules_have_the_same_name(self) -> None:
        files = [n for n in TEST_FILES if n.rpartition(".")[2].startswith("test_")]
        names = Counter(n.rpartition(".")[2] for n in files)
        mirrors = {*map(file_for, MODULES)}
        twice = {n for n in files if names[n.rpartition(".")[2]] > 1}
        assert twice <= mirrors

    def test_no_exception_outlives_its_reason(self) -> None:
        assert UNTESTED.keys() - MODULES.keys() == set()

    def test_nothing_is_mocked_because_a_mock_agrees_with_whatever_we_believe(self) -> None:
        texts = {name: path.read_text(encoding="utf-8") for name, path in TEST_FILES.items()}
        named = {name for name, text in texts.items() if any(word in text for word in MOCKS)}
        mocking = {name for name in named if words_of(TEST_FILES[name]) & MOCKS}
        assert mocking == set()


MOCKS = {"mock", "unittest.mock", "Mock", "MagicMock", "AsyncMock", "patch"}


def words_of(path: Path) -> set[str | None]:
    """Return the names that a module uses, and those that it imports."""
    return {
        word
        for node in ast.walk(tree_of(path))
        for word in (
            getattr(node, "id", None),
            getattr(node, "attr", None),
            *(alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")),
        )
    }


FOREIGN = """
import sys
before = set(sys.modules)
{statement}
imported = {{name.partition(".")[0] for name in set(sys.modules) - before}}
# Python 3.15 does not list a module of its own.
print(*sorted(imported - sys.stdlib_module_names - {{"adapter", "_missing_stdlib_info"}}))
"""
REQUEST = """
from adapter import LambdaHandler
from adapter.samples.url_event import function_url_event

async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"hi"})

assert LambdaHandler(app)(function_url_event("/caf%C3%A9"), None)["body"]
"""


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("from adapter import LambdaHandler", id="the handler"),
        pytest.param("import adapter.native.runtime", id="the native runtime"),
        pytest.param(REQUEST, id="a whole request"),
    ],
)
@pytest.mark.process
def test_the_streaming_path_imports_nothing_of_third_parties_because_init_time_is_billed(
    statement: str,
) -> None:
    program = FOREIGN.format(statement=statement)
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.split() == []


if __name__ == "__main__":
    PAGE.write_text(printed(PAGE.read_text()))
