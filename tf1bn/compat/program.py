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
import tokenize
import types
from collections.abc import Iterable, Sequence
from typing import Any

from tf1bn import errors
from tf1bn.compat import by_path, estimator_names, packages, private
from tf1bn.compat.gone import loading, views
from tf1bn.compat.python2 import builtins_of_2, modules_of_2, recognising, translating

FACADE = "tf1bn.compat.v1"
SERVED = {"tensorflow": "", "tf_slim": "contrib.slim", "tensorflow_estimator": estimator_names.PACKAGE}
"""Top-level package that a program imports -> path of the facade."""

UNTOUCHED = ("keras", "compat.v2", "python.keras", "lite")
"""Paths that are TensorFlow's own in a program too."""


class Program(importlib.abc.MetaPathFinder):
    """The folders and named packages of a program; as a context manager, serves their modules while it is open.

    Args:
      folders: whose modules belong to the program.
      named: installed packages whose modules are served, too.
      python2: whether the program's own modules are Python 2, to be translated; those of packages are where need be.
    """

    def __init__(
        self, folders: Iterable[str], named: packages.Packages | None = None, *, python2: bool = False
    ) -> None:
        folders = list(folders)
        self.packages = packages.Packages() if named is None else named
        self.python2 = python2
        self._modern = Program(folders, named) if python2 else self
        self._views = views.Views(modules_of_2.ROWS, modules_of_2.CHANGED) if python2 else views.Views()
        # With a separator at the end, so that `net` does not own the files of `network`.
        self._folders = [os.path.join(os.path.realpath(folder), "") for folder in folders]
        paths = sysconfig.get_paths()
        outside = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
        # tf1bn may lie in the program's folder, as in a checkout, and needs the real TensorFlow.
        outside.add(os.path.dirname(os.path.dirname(__file__)))
        self._outside = [os.path.join(os.path.realpath(folder), "") for folder in outside]
        self.builtins = types.ModuleType("builtins")
        vars(self.builtins).update(vars(builtins), __import__=self._import)
        if python2:
            vars(self.builtins).update(builtins_of_2.names())
        self._stand_ins = {**by_path.stand_ins(self), "imp": loading.Imp(self.loader)}

    def __enter__(self) -> Program:
        self.packages.refuse_loaded()
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)
        # The next program of this process may have modules of the same names.
        for name, module in list(sys.modules.items()):
            loader = getattr(module, "__loader__", None)
            compiled = isinstance(loader, importlib.machinery.ExtensionFileLoader)  # some load only once in a process
            if self.serves(loader) or (self.packages.have(name) and not compiled):
                del sys.modules[name]

    def owns(self, path: str) -> bool:
        """Whether a file is a module of the program: in its folders, and neither installed nor Python's own."""
        path = os.path.realpath(path)
        return not self._installed(path) and any(path.startswith(folder) for folder in self._folders)

    def takes(self, path: str) -> bool:
        """Whether a file that the program loads by its path is the program's: wherever it lies, unless installed."""
        return self.packages.hold(path) or not self._installed(os.path.realpath(path))

    def _installed(self, path: str) -> bool:
        if any(path.startswith(folder) for folder in self._outside):
            return True
        # A virtual environment inside the program's folder, other than the one that runs.
        return not {"site-packages", "dist-packages"}.isdisjoint(path.split(os.sep))

    def adopt(self, module: types.ModuleType) -> None:
        """Makes the imports of a module go through the facade."""
        vars(module)["__builtins__"] = self.builtins

    def loader(self, name: str, path: str) -> importlib.machinery.SourceFileLoader:
        """Returns what loads a source file, as a module of the program if it is one."""
        return self._loader(name, path) if self.takes(path) else importlib.machinery.SourceFileLoader(name, path)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Returns the spec of a module of the program or of its packages, and None for all others."""
        if self.packages.have(fullname):
            spec = packages.find_beside(self, fullname, path, target)
            return None if spec is None else self.serve(spec)
        if path is not None and not any(self.owns(os.path.join(folder, "x")) for folder in path):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        # The imports of compiled modules cannot be answered, and namespace packages have none.
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        if spec.origin is None or not self.owns(spec.origin):
            return None
        return self.serve(spec)

    def serve(self, spec: importlib.machinery.ModuleSpec) -> importlib.machinery.ModuleSpec:
        """Makes a module of Python see the facade, wherever its code is kept; one that is compiled has no imports."""
        loader = spec.loader
        if type(loader) is importlib.machinery.SourceFileLoader:
            spec.loader = self._loader(loader.name, loader.path)
        elif hasattr(loader, "get_code") and not isinstance(loader, (*_UNSERVED, _Loader)):
            spec.loader = _Adopting(loader, self)  # of a zip file, or of a file without its source
        return spec

    def _loader(self, name: str, path: str) -> _Loader:
        modern = self.python2 and self.packages.hold(path) and _compiles(path)
        return _Loader(name, path, self._modern if modern else self)

    def serves(self, loader: Any) -> bool:
        """Whether what a loader loads sees the facade."""
        return isinstance(loader, _Loader | _Adopting)

    def compile(self, path: str) -> types.CodeType:
        """Returns the code of a file of the program."""
        loader = self._loader("__main__", path)
        return loader.source_to_code(loader.get_data(path), path)

    def module(self, name: str, package: str | None = None) -> types.ModuleType:
        """Does ``importlib.import_module`` for a module of the program."""
        path = _facade_path(name)
        if path is not None:
            return self._facade(name, path, ())
        if name == "imp":
            return self._stand_ins[name]
        if self._views.knows(name):
            return self._views.imported(name, ("",), lambda: importlib.import_module(name))
        return self._seen(importlib.import_module(name, package))

    def _seen(self, module: types.ModuleType) -> types.ModuleType:
        """Returns what stands for a module of Python in the program."""
        return self._stand_ins.get(getattr(module, "__name__", ""), module)

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
            return self._plain(name, globals, locals, fromlist or (), level)
        leaf = self._facade(name, path, fromlist or ())
        if fromlist:
            return leaf
        # `import a.b` binds a.
        return sys.modules[_absolute(SERVED[name.split(".")[0]])]

    def _plain(self, name: str, globals: Any, locals: Any, fromlist: Sequence[str], level: int) -> types.ModuleType:
        """Imports what is not TensorFlow's."""
        if level == 0 and name == "imp":
            return self._stand_ins[name]

        def imported() -> types.ModuleType:
            return builtins.__import__(name, globals, locals, fromlist, level)

        if level == 0 and self._views.knows(name):
            return self._views.imported(name, fromlist, imported)
        return self._seen(imported())

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

    def get_code(self, fullname: str) -> types.CodeType | None:
        """Returns the module's code; of Python 2 anew each time, since others read the bytecode beside the file."""
        if not self._program.python2:
            return super().get_code(fullname)
        return self.source_to_code(self.get_data(self.path), self.path)

    def source_to_code(self, data: Any, path: Any, **options: Any) -> types.CodeType:  # type: ignore[override]
        """Compiles the module.

        Raises:
          ProgramError: Python 2, in a program that is not said to be.
        """
        if self._program.python2:
            return translating.code(importlib.util.decode_source(bytes(data)), os.fspath(path))
        try:
            return super().source_to_code(data, path, **options)
        except SyntaxError as error:
            text = data if isinstance(data, str) else importlib.util.decode_source(bytes(data))
            refusal = recognising.explain_syntax(error, os.fspath(path), text.splitlines())
            if refusal is None:
                raise
            raise refusal from None


_UNSERVED = (importlib.machinery.ExtensionFileLoader, type)
"""Loaders of compiled modules, and those that are classes: of what is built into Python."""


class _Adopting(importlib.abc.Loader):
    """Loads one module as another loader does, with the program's builtins."""

    def __init__(self, loader: Any, program: Program) -> None:
        self._loader = loader
        self._program = program

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """Returns None, for Python's own kind of module, where the loader has no other."""
        make = getattr(self._loader, "create_module", None)
        return None if make is None else make(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        """Runs the module."""
        self._program.adopt(module)
        self._loader.exec_module(module)


def _compiles(path: str) -> bool:
    """Whether a file is Python 3."""
    try:
        with tokenize.open(path) as file:
            compile(file.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, UnicodeDecodeError):
        return False
    return True


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
