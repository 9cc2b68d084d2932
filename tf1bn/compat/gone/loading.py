"""The module ``imp``, gone with Python 3.12, for one program: what it loads belongs to the program."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

PY_SOURCE, PY_COMPILED, C_EXTENSION, PKG_DIRECTORY, C_BUILTIN, PY_FROZEN = 1, 2, 3, 5, 6, 7

Found = tuple[Any, str | None, tuple[str, str, int]]
_SUFFIXES = (
    *((suffix, "rb", C_EXTENSION) for suffix in importlib.machinery.EXTENSION_SUFFIXES),
    *((suffix, "r", PY_SOURCE) for suffix in importlib.machinery.SOURCE_SUFFIXES),
    *((suffix, "rb", PY_COMPILED) for suffix in importlib.machinery.BYTECODE_SUFFIXES),
)


class Imp(types.ModuleType):
    """``imp`` as a program sees it.

    Args:
      loader: (name, path) -> what loads a source file of that path.
    """

    PY_SOURCE, PY_COMPILED, C_EXTENSION = PY_SOURCE, PY_COMPILED, C_EXTENSION
    PKG_DIRECTORY, C_BUILTIN, PY_FROZEN = PKG_DIRECTORY, C_BUILTIN, PY_FROZEN

    reload = staticmethod(importlib.reload)
    new_module = staticmethod(types.ModuleType)
    cache_from_source = staticmethod(importlib.util.cache_from_source)
    source_from_cache = staticmethod(importlib.util.source_from_cache)

    def __init__(self, loader: Callable[[str, str], Any]) -> None:
        super().__init__("imp", "What the module `imp` did.")
        self._loader = loader

    def get_suffixes(self) -> list[tuple[str, str, int]]:
        """Returns (suffix, mode, kind) of the files that modules are made of."""
        return list(_SUFFIXES)

    def load_source(self, name: str, pathname: str, file: Any = None) -> types.ModuleType:
        """Loads a source file as a module of this name, anew where there is one."""
        return self._loaded(name, os.fspath(pathname), None)

    def load_compiled(self, name: str, pathname: str, file: Any = None) -> types.ModuleType:
        """Loads a file of bytecode as a module of this name."""
        return _run(name, importlib.machinery.SourcelessFileLoader(name, os.fspath(pathname)), None)

    def load_package(self, name: str, path: str) -> types.ModuleType:
        """Loads a folder as a package of this name."""
        return self._loaded(name, os.path.join(path, "__init__.py"), [os.fspath(path)])

    def find_module(self, name: str, path: Sequence[str] | None = None) -> Found:
        """Returns (open file or None, path, (suffix, mode, kind)) of a module that is not below a package.

        Raises:
          ImportError: there is none in these folders.
        """
        if path is None and name in sys.builtin_module_names:
            return None, None, ("", "", C_BUILTIN)
        for folder in sys.path if path is None else path:
            place = os.path.join(folder or os.curdir, name)
            if os.path.isfile(os.path.join(place, "__init__.py")):
                return None, place, ("", "", PKG_DIRECTORY)
            for suffix, mode, kind in _SUFFIXES:
                if os.path.isfile(place + suffix):
                    return _opened(place + suffix, mode), place + suffix, (suffix, mode, kind)
        raise ImportError(f"No module named {name!r}", name=name)

    def load_module(self, name: str, file: Any, filename: str, details: tuple[str, str, int]) -> types.ModuleType:
        """Loads what :meth:`find_module` found.

        Raises:
          ImportError: a kind of module that cannot be loaded so.
        """
        kind = details[2]
        if kind == PY_SOURCE:
            return self.load_source(name, filename)
        if kind == PY_COMPILED:
            return self.load_compiled(name, filename)
        if kind == PKG_DIRECTORY:
            return self.load_package(name, filename)
        if kind == C_BUILTIN:
            return importlib.import_module(name)
        if kind == C_EXTENSION:
            return _run(name, importlib.machinery.ExtensionFileLoader(name, filename), None)
        raise ImportError(f"Modules of kind {kind} are not loaded by imp.load_module.", name=name)

    def _loaded(self, name: str, path: str, folders: list[str] | None) -> types.ModuleType:
        return _run(name, self._loader(name, path), folders)


def _run(name: str, loader: Any, folders: list[str] | None) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, loader.path, loader=loader, submodule_search_locations=folders)
    if spec is None:
        raise ImportError(f"{loader.path} cannot be loaded", name=name)
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return sys.modules[name]


def _opened(path: str, mode: str) -> Any:
    return open(path, mode) if "b" in mode else open(path, encoding="utf-8")
