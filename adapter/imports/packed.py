"""Imports the modules of a function's dependencies from one file, which is mapped into memory.

A framework has hundreds of modules. For each module, Python reads the modification times of a
folder and of files, and opens and reads the bytecode file. `adapter package` writes the bytecode of
all dependencies into one packed file beside the ``adapter`` folder, and `install` makes Python read
that file first. The bytecode files and source files stay: tracebacks and resources need them, and
they are imported if the packed file is damaged or is for another version of Python.

The finder is for one folder (`sys.path_hooks`), not for all modules (`sys.meta_path`). So the order
of ``sys.path``, namespace packages and other import hooks work as without the packed file.

The packed file is `HEAD`, the index, and for each module a `RECORD` with a bytecode file (PEP 552).
The index is a tuple, written by `marshal`: the folder that the code was compiled for, and a dict
from the path of each source file in the folder to the offset of its record.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from struct import Struct
from typing import TYPE_CHECKING, cast

from . import NAME as NAME
from . import collector

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from importlib.abc import Loader
    from mmap import mmap
    from types import CodeType, ModuleType

FORMAT = b"packed imports 1"

HEAD = Struct("<16s4sQI8s")
"""`FORMAT`, the magic number of the bytecode, the size of the file, size and hash of the index."""

RECORD = Struct("<I8s")
"""Size and hash of the bytecode file that follows. All hashes are `importlib.util.source_hash`."""

INDEX_VERSION = 2
"""The version of `marshal`. In later versions the bytes depend on the strings that are interned."""

BYTECODE_HEAD_BYTES = 16

LOADERS = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)
"""The loaders of Python's finder for a folder, in its order."""


_mappings: dict[str, mmap] = {}  #: the mapped files, by their folders


def install(folder: str | None = None) -> None:
    """Import modules of a folder from its packed file; the default is the folder of the adapter.

    Nothing changes if there is no packed file, or under ``python -O``, which needs different
    bytecode. A file that cannot be used is a warning in the log.
    """
    folder = folder or os.path.abspath(f"{__file__}/../../..")
    if sys.flags.optimize or folder in _mappings:
        return
    try:
        with open(f"{folder}/{NAME}", "rb") as file:
            from mmap import ACCESS_READ, mmap  # lazy: cold start

            mapping = mmap(file.fileno(), 0, access=ACCESS_READ)
        packed = PackedFile(folder, mapping)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        _warn(folder, error)
        return
    _mappings[folder] = mapping
    sys.path_hooks.insert(0, PackedFinder.hook(packed, *LOADERS))
    for path in [*sys.path_importer_cache]:
        if path == folder or path.startswith(f"{folder}/"):
            del sys.path_importer_cache[path]


def release() -> None:
    """Free the memory of the mapped files; the kernel reads a part again if it is used later."""
    for mapping in _mappings.values():
        from mmap import MADV_DONTNEED  # lazy: cold start

        mapping.madvise(MADV_DONTNEED)


def pack(bytecode: Mapping[str, bytes], compiled_for: str) -> bytes:
    """Return a packed file of ``bytecode``: the bytecode files, by the paths of their sources."""
    offsets: dict[str, int] = dict.fromkeys(bytecode, 0)
    records = bytearray()
    for path, content in bytecode.items():
        offsets[path] = len(records)
        records += RECORD.pack(len(content), source_hash(content)) + content
    index = marshal.dumps((compiled_for, offsets), INDEX_VERSION)
    magic = next(iter(bytecode.values()), MAGIC_NUMBER)[:4]
    size = HEAD.size + len(index) + len(records)
    return HEAD.pack(FORMAT, magic, size, len(index), source_hash(index)) + index + records


class PackedFile:
    """The packed file of a folder.

    Raises:
        ValueError: the file is damaged, or for another version of Python.
    """

    def __init__(self, folder: str, content: bytes | mmap) -> None:
        self.folder = folder
        self._content = memoryview(content)
        if content[:16] != FORMAT or len(content) < HEAD.size:
            raise ValueError("the file is not a file of packed imports, or its format is unknown")
        _, magic, size, index_bytes, digest = HEAD.unpack_from(content)
        if magic != MAGIC_NUMBER:
            raise ValueError("its bytecode is for another version of Python")
        self._records = HEAD.size + index_bytes
        index = content[HEAD.size : self._records]
        if size != len(content) or digest != source_hash(index):
            raise ValueError("the file is damaged")
        compiled_for, self._offsets = cast("tuple[str, dict[str, int]]", marshal.loads(index))
        self.is_in_place = compiled_for == folder
        self.handler_modules = _handler_modules(os.environ.get("_HANDLER", ""))

    @property
    def paths(self) -> Collection[str]:
        """The source files that have bytecode here, by their paths in the folder."""
        return self._offsets.keys()

    def bytecode(self, path: str) -> memoryview | None:
        """Return the bytecode file of a source file; None if it is missing or damaged."""
        offset = self._offsets.get(path)
        if offset is None:
            return None
        start = self._records + offset + RECORD.size
        size, digest = RECORD.unpack_from(self._content, start - RECORD.size)
        bytecode = self._content[start : start + size]
        if digest == source_hash(bytecode):
            return bytecode
        self._offsets = {}
        _warn(self.folder, "the file is damaged")
        return None


class PackedFinder(FileFinder):
    """Finds the modules of a folder: in the packed file first, then as Python does."""

    def __init__(
        self, packed: PackedFile, path: str, *loader_details: tuple[type[Loader], list[str]]
    ) -> None:
        super().__init__(path, *loader_details)
        self._packed = packed
        self._prefix = f"{path}/"[len(packed.folder) + 1 :]

    @classmethod
    def hook(
        cls, packed: PackedFile, *loader_details: tuple[type[Loader], list[str]]
    ) -> Callable[[str], PackedFinder]:
        """Return a function for `sys.path_hooks`: it returns the finder for a folder.

        The function raises an `ImportError` if the path is not a folder, or not in the folder of
        the packed file. beartype inserts its own function before Python's, which it recognizes by
        its name and its variable ``loader_details``. So this function has both.
        """

        def hook(path: str) -> PackedFinder:
            path = path.rstrip("/")
            inner = f"{path}/".removeprefix(f"{packed.folder}/")
            if inner == f"{path}/":
                raise ImportError(f"{path} is not in {packed.folder}", path=path)
            # Most folders are packages. The index lists them, so the disk is not read for them.
            is_package = not inner or f"{inner}__init__.py" in packed.paths
            if not is_package and not os.path.isdir(path):
                raise ImportError(f"{path} is not a folder", path=path)
            return cls(packed, path, *loader_details)

        hook.__qualname__ = FileFinder.path_hook().__qualname__
        return hook

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find a module by its name."""
        spec = self._packed_spec(fullname) or super().find_spec(fullname, target)
        if fullname in self._packed.handler_modules and spec is not None:
            collector.pause_during_import(spec)
        return spec

    def _packed_spec(self, fullname: str) -> ModuleSpec | None:
        inner = self._prefix + fullname.rpartition(".")[2]
        if f"{inner}/__init__.py" in self._packed.paths:
            spec = self._spec(fullname, f"{inner}/__init__.py")
            spec.submodule_search_locations = [f"{self._packed.folder}/{inner}"]
            return spec
        if f"{inner}.py" in self._packed.paths:
            return self._spec(fullname, f"{inner}.py")
        return None

    def _spec(self, fullname: str, path: str) -> ModuleSpec:
        loader = PackedLoader(fullname, path, self._packed)
        spec = ModuleSpec(fullname, loader, origin=loader.path)
        spec.has_location = True
        if sys.pycache_prefix is None:  # the same path as that of Python's function, for less
            folder, _, name = loader.path.rpartition("/")
            spec.cached = f"{folder}/__pycache__/{name[:-2]}{sys.implementation.cache_tag}.pyc"
        return spec


class PackedLoader(SourceFileLoader):
    """Loads the code of a module from the packed file, and everything else from its source file."""

    def __init__(self, fullname: str, path: str, packed: PackedFile) -> None:
        super().__init__(fullname, f"{packed.folder}/{path}")
        self._packed = packed
        self._path_inside = path

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of the module."""
        if self._packed.is_in_place:
            bytecode = self._packed.bytecode(self._path_inside)
            if bytecode is not None:
                return cast("CodeType", marshal.loads(bytecode[BYTECODE_HEAD_BYTES:]))
        # This calls `get_data`, and corrects the file name in the code.
        return super().get_code(fullname)

    def get_data(self, path: str) -> bytes:
        """Return the content of a file: of the module's bytecode file, as it is packed."""
        if path.endswith(".pyc") and path == cache_from_source(self.path):
            bytecode = self._packed.bytecode(self._path_inside)
            if bytecode is not None:
                return bytes(bytecode)
        return super().get_data(path)


def _handler_modules(handler: str) -> set[str]:
    """Return the names of the handler's module and of the packages that contain it.

    >>> sorted(_handler_modules("shop/api.handler"))
    ['shop', 'shop.api']
    """
    *names, _ = handler.replace("/", ".").split(".")
    return {".".join(names[: number + 1]) for number in range(len(names))}


def _warn(folder: str, reason: object) -> None:
    from ..invocation.loggers import get_logger  # lazy: cold start

    get_logger("adapter.imports").warning(
        "%s/%s is not used; modules are imported from their files: %s", folder, NAME, reason
    )
