"""Modules of Python that load others, as a program sees them: what they load for it sees the facade, too.

A program loads files not only by import statements: ``importlib.import_module``, a spec made of a path, ``runpy``.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import runpy
import sys
import types
from collections.abc import Callable
from typing import Any, Protocol


class Loads(Protocol):
    """What the functions of this module need of a program."""

    builtins: types.ModuleType

    def module(self, name: str, package: str | None = None) -> types.ModuleType:
        """Does ``importlib.import_module``."""

    def takes(self, path: str) -> bool:
        """Whether a file sees the facade when the program loads it by its path."""

    def serve(self, spec: importlib.machinery.ModuleSpec) -> importlib.machinery.ModuleSpec:
        """Makes a module see the facade."""

    def serves(self, loader: Any) -> bool:
        """Whether what a loader loads sees the facade."""

    def compile(self, path: str) -> types.CodeType:
        """Compiles a file of the program."""


class StandIn(types.ModuleType):
    """A module of Python with some functions in another form; it has all the others' names."""

    def __init__(self, real: types.ModuleType, **own: Any) -> None:
        super().__init__(real.__name__)
        vars(self).update({**vars(real), **own})
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)  # what was loaded into it since


def stand_ins(program: Loads) -> dict[str, types.ModuleType]:
    """Returns the modules that a program sees in the place of Python's, by name."""
    util = StandIn(
        importlib.util,
        spec_from_file_location=_served(program, importlib.util.spec_from_file_location),
        spec_from_loader=_served(program, importlib.util.spec_from_loader),
    )
    machinery = StandIn(importlib.machinery, SourceFileLoader=_file_loader(program))
    importing = StandIn(importlib, import_module=program.module, util=util, machinery=machinery)
    running = StandIn(runpy, run_path=_path_runner(program), run_module=_module_runner(program))
    return {module.__name__: module for module in (importing, util, machinery, running)}


def _served(program: Loads, make: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that makes specs, whose modules see the facade where they are the program's."""

    def make_spec(*args: Any, **kwargs: Any) -> Any:
        spec = make(*args, **kwargs)
        if spec is None or not spec.has_location or not program.takes(spec.origin):
            return spec
        return program.serve(spec)

    return make_spec


def _file_loader(program: Loads) -> type[importlib.machinery.SourceFileLoader]:
    class SourceFileLoader(importlib.machinery.SourceFileLoader):
        """Python's loader; files of the program see the facade."""

        def exec_module(self, module: types.ModuleType) -> None:
            spec = importlib.machinery.ModuleSpec(self.name, importlib.machinery.SourceFileLoader(self.name, self.path))
            loader = (program.serve(spec) if program.takes(self.path) else spec).loader
            assert loader is not None
            loader.exec_module(module)

    return SourceFileLoader


def _path_runner(program: Loads) -> Callable[..., dict[str, Any]]:
    def run_path(path_name: Any, init_globals: Any = None, run_name: str | None = None) -> dict[str, Any]:
        """Does ``runpy.run_path``."""
        path = os.fsdecode(path_name)
        if not os.path.isfile(path) or not path.endswith(".py") or not program.takes(path):
            served = _with_builtins(program, init_globals) if program.takes(path) else init_globals
            return runpy.run_path(path, served, run_name or "<run_path>")
        return _run(program, path, init_globals, run_name or "<run_path>")

    return run_path


def _run(program: Loads, path: str, init_globals: Any, name: str) -> dict[str, Any]:
    """Runs one file as a module for the occasion and returns a copy of its names."""
    module = types.ModuleType(name)
    vars(module).update(_with_builtins(program, init_globals))
    vars(module).update(__name__=name, __file__=path, __package__=name.rpartition(".")[0], __cached__=None)
    before, argv = sys.modules.get(name), sys.argv[0]
    sys.modules[name], sys.argv[0] = module, path
    try:
        exec(program.compile(path), vars(module))
        return dict(vars(module))
    finally:
        sys.argv[0] = argv
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before


def _module_runner(program: Loads) -> Callable[..., dict[str, Any]]:
    def run_module(
        mod_name: str, init_globals: Any = None, run_name: str | None = None, alter_sys: bool = False
    ) -> dict[str, Any]:
        """Does ``runpy.run_module``; the finders of the program say whether the module is its own."""
        spec = importlib.util.find_spec(mod_name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{mod_name}.__main__")
        if spec is not None and program.serves(spec.loader):
            init_globals = _with_builtins(program, init_globals)
        return runpy.run_module(mod_name, init_globals, run_name, alter_sys)

    return run_module


def _with_builtins(program: Loads, names: Any) -> dict[str, Any]:
    """Returns the names that a run begins with. Trick: ``exec`` leaves builtins alone that are there already."""
    return {**(names or {}), "__builtins__": program.builtins}
