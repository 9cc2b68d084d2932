"""The modules of one program, and how their imports of TensorFlow are answered by the facade.

Trick: Python looks up ``__import__`` in the builtins of the *importing* module. So each module of the program gets
builtins of its own, and no import of any other module is touched.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import types
from collections.abc import Iterable, Sequence
from typing import Any

from tf1bn import errors
from tf1bn.compat import estimator_names, private, python2

FACADE = "tf1bn.compat.v1"
SERVED = {"tensorflow": "", "tf_slim": "contrib.slim", "tensorflow_estimator": estimator_names.PACKAGE}
"""Top-level package that a program imports -> path of the facade."""

UNTOUCHED = ("keras", "compat.v2", "python.keras", "lite")
"""Paths that are TensorFlow's own in a program too."""


class Program(importlib.abc.MetaPathFinder):
    """The folders of a program; as a context manager, serves their modules while it is open."""

    def __init__(self, folders: Iterable[str]) -> None:
        # With a separator at the end, so that `net` does not own the files of `network`.
        self._folders = [os.path.join(os.path.realpath(folder), "") for folder in folders]
        paths = sysconfig.get_paths()
        outside = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
        # tf1bn may lie in the program's folder, as in a checkout, and needs the real TensorFlow.
        outside.add(os.path.dirname(os.path.dirname(__file__)))
        self._outside = [os.path.join(os.path.realpath(folder), "") for folder in outside]
        self.builtins = types.ModuleType("builtins")
        vars(self.builtins).update(vars(builtins), __import__=self._import)
        self._importlib = _Importlib(self)

    def __enter__(self) -> Program:
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)
        for name, module in list(sys.modules.items()):
            # The next program of this process may have modules of the same names.
            if isinstance(getattr(module, "__loader__", None), _Loader):
                del sys.modules[name]

    def owns(self, path: str) -> bool:
        """Whether a file is a module of the program: in its folders, and neither installed nor Python's own."""
        path = os.path.realpath(path)
        if any(path.startswith(folder) for folder in self._outside):
            return False
        # A virtual environment inside the program's folder, other than the one that runs.
        if {"site-packages", "dist-packages"} & set(path.split(os.sep)):
            return False
        return any(path.startswith(folder) for folder in self._folders)

    def adopt(self, module: types.ModuleType) -> None:
        """Makes the imports of a module go through the facade."""
        vars(module)["__builtins__"] = self.builtins

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Returns the spec of a module of the program, and None for all others."""
        if path is not None and not any(self.owns(os.path.join(folder, "x")) for folder in path):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        # The imports of compiled modules cannot be answered, and namespace packages have none.
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        if spec.origin is None or not self.owns(spec.origin):
            return None
        spec.loader = _Loader(fullname, spec.origin, self)
        return spec

    def module(self, name: str, package: str | None = None) -> types.ModuleType:
        """Does ``importlib.import_module`` for a module of the program."""
        path = _facade_path(name)
        if path is None:
            return importlib.import_module(name, package)
        return self._facade(name, path, ())

    def _import(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> types.ModuleType:
        # What a program adds to builtins must reach its own modules, and these look names up in ours.
        if level == 0 and name == "builtins":
            return self.builtins
        path = _facade_path(name) if level == 0 else None
        if path is None:
            found = builtins.__import__(name, globals, locals, fromlist or (), level)
            # `importlib.import_module` is no import statement and would pass the facade by.
            return self._importlib if found is importlib else found
        leaf = self._facade(name, path, fromlist or ())
        if fromlist:
            return leaf
        # `import a.b` binds a.
        return sys.modules[_absolute(SERVED[name.split(".")[0]])]

    def _facade(self, name: str, path: str, fromlist: Sequence[str]) -> types.ModuleType:
        from tf1bn.compat import namespace

        if not namespace.is_module(path):
            return self._private(name, path, fromlist)
        leaf = importlib.import_module(_absolute(path))
        for wanted in fromlist:
            # Python's own message would say nothing of what became of the name.
            if wanted != "*" and not hasattr(leaf, wanted):
                raise namespace.absent(f"{path}.{wanted}" if path else wanted, errors.AbsentModuleError)
        return leaf

    def _private(self, name: str, path: str, fromlist: Sequence[str]) -> types.ModuleType:
        """Returns a module of TensorFlow that the facade does not know, as it is."""
        from tf1bn.compat import namespace

        try:
            leaf = importlib.import_module(name)
        except ModuleNotFoundError:
            raise namespace.absent(path, errors.AbsentModuleError) from None
        for wanted in fromlist:
            if wanted != "*" and not hasattr(leaf, wanted) and private.find(path, wanted) is None:
                raise namespace.absent(f"{path}.{wanted}", errors.AbsentModuleError)
        namespace.notify(path, private.ORIGIN)
        return leaf


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one module of a program."""

    def __init__(self, fullname: str, path: str, program: Program) -> None:
        super().__init__(fullname, path)
        self._program = program

    def exec_module(self, module: types.ModuleType) -> None:
        """Runs the module with the program's builtins."""
        self._program.adopt(module)
        super().exec_module(module)

    def source_to_code(self, data: Any, path: Any, **options: Any) -> types.CodeType:  # type: ignore[override]
        """Compiles the module.

        Raises:
          ProgramError: Python 2.
        """
        try:
            return super().source_to_code(data, path, **options)
        except SyntaxError as error:
            text = data if isinstance(data, str) else importlib.util.decode_source(bytes(data))
            refusal = python2.explain_syntax(error, os.fspath(path), text.splitlines())
            if refusal is None:
                raise
            raise refusal from None


class _Importlib(types.ModuleType):
    """``importlib`` as a program sees it: ``import_module`` knows the facade."""

    def __init__(self, program: Program) -> None:
        super().__init__("importlib")
        self.import_module = program.module
        self.__path__ = importlib.__path__

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)


def _facade_path(name: str) -> str | None:
    """Returns the facade's path of a module that a program imports, or None."""
    head, _, rest = name.partition(".")
    if head not in SERVED:
        return None
    path = ".".join(part for part in (SERVED[head], rest) if part)
    # A program that was half moved says `tensorflow.compat.v1`: to the facade both are the same.
    if path == "compat.v1" or path.startswith("compat.v1."):
        path = path[len("compat.v1.") :]
    return None if any(path == own or path.startswith(own + ".") for own in UNTOUCHED) else path


def _absolute(path: str) -> str:
    return f"{FACADE}.{path}" if path else FACADE
