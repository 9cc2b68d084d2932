"""Installed packages that a program names, so that they see the facade as its own modules do."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from tf1bn import errors

FLAG = "--tf1bn_package"
FACADES = ("tensorflow", "tf_slim", "tensorflow_estimator", "tf1bn")


class Packages:
    """Packages and modules by the names that an import statement has, such as ``tflearn`` or ``google.models``."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._files: list[str] = []
        self._folders: list[str] = []

    def find(self) -> None:
        """Finds where they are installed, without importing any.

        Raises:
          ProgramError: a name that is not installed, or a module that cannot be served.
        """
        for name in self.names:
            _refuse_foreign(name)
            spec = locate(name)
            if spec is None:
                raise _absent(name)
            if isinstance(spec.loader, importlib.machinery.ExtensionFileLoader):
                raise _unfit(name, "it is one compiled module, which has no imports to answer")
            self._folders += [os.path.realpath(folder) for folder in spec.submodule_search_locations or ()]
            self._files += [os.path.realpath(spec.origin)] if spec.origin and spec.has_location else []

    def refuse_loaded(self) -> None:
        """Refuses packages that have been imported already, with the TensorFlow that is installed.

        Raises:
          ProgramError: there is one.
        """
        for name in self.names:
            if name in sys.modules:
                raise _unfit(name, "it is loaded before the program starts, by TensorFlow or by this process")

    def have(self, module: str) -> bool:
        """Whether a module is one of them, or inside one."""
        return any(module == name or module.startswith(name + ".") for name in self.names)

    def hold(self, path: str) -> bool:
        """Whether a file belongs to one of them."""
        path = os.path.realpath(path)
        return path in self._files or any(path.startswith(os.path.join(folder, "")) for folder in self._folders)

    def loaded(self) -> dict[str, int]:
        """Returns how many modules of each have been loaded so far."""
        return {
            name: sum(module == name or module.startswith(name + ".") for module in sys.modules) for name in self.names
        }


def read_names(value: str) -> list[str]:
    """Returns the names of packages that one flag gives: one, or those in a file.

    Raises:
      ArgumentError: the file cannot be read, or has no name.
    """
    if not value.startswith("@"):
        return [value]
    try:
        with open(value[1:], encoding="utf-8") as file:
            lines = [line.partition("#")[0].strip() for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise errors.ArgumentError(errors.explain(f"{FLAG}={value} cannot be read: {error}")) from None
    names = [line for line in lines if line]
    if not names:
        fix = "Write one name on a line; what follows # is a comment."
        raise errors.ArgumentError(errors.explain(f"{FLAG}={value} names no package", fix=fix))
    return names


def locate(name: str) -> importlib.machinery.ModuleSpec | None:
    """Returns the spec of a module without importing its parents, or None."""
    spec, places = None, None
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        spec = find_beside(None, ".".join(parts[:count]), places)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or ())
    return spec


def find_beside(
    own: Any, fullname: str, path: Sequence[str] | None, target: Any = None
) -> importlib.machinery.ModuleSpec | None:
    """Returns what the first finder of Python other than ``own`` says of a module: editable packages have their own."""
    for finder in sys.meta_path:
        spec = finder.find_spec(fullname, path, target) if finder is not own and hasattr(finder, "find_spec") else None
        if spec is not None:
            return spec
    return None


def _refuse_foreign(name: str) -> None:
    head = name.partition(".")[0]
    if head in FACADES:
        raise _unfit(name, "it is what the facade itself stands on or stands for")
    if head in sys.stdlib_module_names:
        raise _unfit(name, "it is Python's own")


def _unfit(name: str, why: str) -> errors.ProgramError:
    text = f"{FLAG}={name} cannot be served: {why}"
    fix = "Name packages that import TensorFlow 1 and that only the program imports."
    return errors.ProgramError(errors.explain(text, fix=fix), where="tf1bn.run")


def _absent(name: str) -> errors.ProgramError:
    import importlib.metadata  # takes a while, and most names are right

    distributions = importlib.metadata.packages_distributions()
    modules = [module for module, owners in distributions.items() if _plain(name) in map(_plain, owners)]
    if modules:
        fix = f"The distribution {name} has: {', '.join(sorted(modules))}."
    else:
        fix = errors.did_you_mean(name, distributions) + f"Is it installed for {sys.executable}?"
    expected = "the name that an import statement has"
    text = errors.explain(f"{FLAG} names a module that is not installed", got=name, expected=expected, fix=fix)
    return errors.ProgramError(text, where="tf1bn.run")


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
