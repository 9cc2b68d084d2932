"""Module objects that serve an old TensorFlow's names: rows of the table first, then today's public names."""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import private
from tf1bn.compat.absent import reason
from tf1bn.compat.names import PATHS, REPLACEMENTS
from tf1bn.compat.paths import Path

ROOT = "tf1bn.compat.v1"
EMULATED, REGISTERED, REAL = "emulated", "registered", "TensorFlow"

Observer = Callable[[str, str], None]
observers: list[Observer] = []
"""Called with the path of each name that is looked up and with where it came from."""

_VERSIONS = ("__version__", "__git_version__", "__compiler_version__")
_registered: dict[str, Any] = {}
_MISSING = object()


def spoken(path: str) -> str:
    """Returns a path as a program writes it: ``nn.moments`` -> ``tf.nn.moments``."""
    return f"tf.{path}" if path else "tf"


class Namespace(types.ModuleType):
    """One module of the facade, for example ``tf.nn``; its names are looked up on use."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{ROOT}.{path}", f"Names of {spoken(path)} in TensorFlow 1.")
        self._path = path
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return look_up(self._path, name)

    def __dir__(self) -> list[str]:
        return names(self._path)

    def __repr__(self) -> str:
        return f"<facade {spoken(self._path)}>"


def look_up(path: str, name: str) -> Any:
    """Returns what ``name`` means at a path of the facade.

    Raises:
      AbsentError: neither the facade nor TensorFlow has it; the text names the nearest replacement.
      AttributeError: a dunder name that a module need not have.
    """
    if name == "__all__":
        return names(path)
    if name.startswith("__") and name.endswith("__") and (path or name not in _VERSIONS):
        raise AttributeError(name)
    value, origin = _find(path, name)
    if value is _MISSING:
        raise absent(_join(path, name), errors.AbsentError)
    if not isinstance(value, types.ModuleType):
        notify(_join(path, name), origin)
    return value


def notify(path: str, origin: str) -> None:
    """Tells every observer that a program uses a name."""
    for observer in observers:
        observer(path, origin)


def names(path: str) -> list[str]:
    """Returns every name that a path of the facade serves, sorted."""
    row = PATHS.get(path, Path())
    found = {*row.own, *_children(path)}
    for module in row.modules:
        found.update(public_names(_compat(module)))
    for other in row.also:
        found.update(names(other))
    found.update(private.names(path))
    found.update(dir(_real(path)) if row.real and _real(path) is not None else ())
    return sorted(name for name in found if not name.startswith("_"))


def public_names(module: types.ModuleType) -> list[str]:
    """Returns what a module of tf1bn offers: its ``__all__``, else what it defines itself."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def register(name: str, value: Any, *, replace: bool = False) -> None:
    """Serves a program's own missing symbol at a path, for example ``register("contrib.mine.doubled", f)``.

    Args:
      name: dotted path after ``tf.``; modules on the way to it that do not exist are made.
      value: what the name means; a module object makes ``import tensorflow.<name>`` work.
      replace: allows to take over a name that exists.

    Raises:
      ArgumentTypeError: ``name`` is not a string.
      ArgumentError: ``name`` is not a dotted name, or exists and ``replace`` is False.
    """
    with errors.located("register"):
        if not isinstance(name, str):
            raise errors.ArgumentTypeError(
                errors.explain("`name` must be a string", got=name, expected="a dotted name")
            )
        if not all(part.isidentifier() for part in name.split(".")):
            raise errors.ArgumentError(
                errors.explain("`name` must be a dotted name", got=name, expected='for example "contrib.mine.doubled"')
            )
        parent, _, leaf = name.rpartition(".")
        if not replace and _find(parent, leaf)[0] is not _MISSING:
            raise errors.ArgumentError(
                errors.explain(f"tf.{name} exists", fix="Choose another name, or pass replace=True.")
            )
        _registered[name] = value
        loaded = sys.modules.get(f"{ROOT}.{parent}" if parent else ROOT)
        if loaded is not None:
            vars(loaded).pop(leaf, None)  # what an import statement left there would hide the new value
        sys.modules.pop(f"{ROOT}.{name}", None)


def unregister(name: str) -> None:
    """Takes back :func:`register`; a name that nobody registered is left alone."""
    _registered.pop(name, None)
    sys.modules.pop(f"{ROOT}.{name}", None)


def absent(path: str, kind: type[errors.Tf1bnError]) -> errors.Tf1bnError:
    """Returns the error for a path that nobody serves."""
    parent, _, leaf = path.rpartition(".")
    hint = next((REPLACEMENTS[begin] for begin in _beginnings(path) if begin in REPLACEMENTS), "")
    if path.startswith(("contrib.", "estimator.")):
        hint = reason(leaf) or hint
    known = names(parent) if is_module(parent) else []
    stand_in = f'A stand-in of your own: tf1bn.compat.v1.register("{path}", ...).'
    text = errors.explain(
        _lacking(path),
        fix=" ".join(part for part in (errors.did_you_mean(leaf, known).strip(), hint, stand_in) if part),
    )
    return kind(text, where=spoken(path))


def _lacking(path: str) -> str:
    """Says who has not got a name."""
    if path.startswith("contrib"):
        return "tf.contrib left TensorFlow with 2.0, and tf1bn does not emulate this"
    if path.partition(".")[0] == "estimator":
        return "tf.estimator left TensorFlow with 2.16, and tf1bn does not emulate this"
    version = tf.__version__
    if private.of_version_2(path) is not None:
        return f"tensorflow.compat.v1 of TensorFlow {version} has no such name, only its version 2 has"
    return f"TensorFlow {version} has no such name, and tf1bn does not emulate it"


def is_module(path: str) -> bool:
    """Whether a path of the facade is a module."""
    begin = path + "."
    if not path or path in PATHS or any(key.startswith(begin) for key in (*PATHS, *_registered)):
        return True
    return isinstance(_registered.get(path), types.ModuleType) or isinstance(_real(path), types.ModuleType)


def _find(path: str, name: str) -> tuple[Any, str]:
    """Returns the value and its origin, or ``_MISSING``."""
    full = _join(path, name)
    if full in _registered:
        return _registered[full], REGISTERED
    row = PATHS.get(path, Path())
    if name in row.own:
        return _target(row.own[name]), EMULATED
    if name in _children(path):
        return importlib.import_module(f"{ROOT}.{full}"), EMULATED
    for module in row.modules:
        if name in public_names(_compat(module)):
            return getattr(_compat(module), name), EMULATED
    for other in row.also:
        value, origin = _find(other, name)
        if value is not _MISSING:
            return value, origin
    behind = _registered.get(path, _real(path) if row.real else None)
    found = getattr(behind, name, _MISSING) if behind is not None else _MISSING
    if found is not _MISSING:
        return found, REAL
    if private.is_private(path):
        return _private(path, name)
    return _MISSING, ""


def _private(path: str, name: str) -> tuple[Any, str]:
    """Returns what TensorFlow's private module has; of the root, what one of its folders has, as TensorFlow 1 had."""
    if path == private.ROOT:
        folder = next((folder for folder in private.FOLDERS if f"{path}.{folder}.{name}" in PATHS), None)
        if folder is not None:
            return importlib.import_module(f"{ROOT}.{path}.{folder}.{name}"), EMULATED
    found = private.find(path, name)
    return (_MISSING, "") if found is None else (found, private.ORIGIN)


def _target(target: str) -> Any:
    if target.startswith("="):
        return _real(target[1:])
    if target.startswith("@"):
        return importlib.import_module(f"{ROOT}.{target[1:]}".rstrip("."))
    module, _, name = target.partition(":")
    return getattr(_compat(module), name)


def _compat(module: str) -> types.ModuleType:
    return importlib.import_module(f"tf1bn.compat.{module}")


def _real(path: str) -> Any:
    """Returns today's public object at a path, or None."""
    found: Any = tf
    for part in path.split(".") if path else ():
        try:
            found = getattr(found, part)
        except AttributeError:
            return None
    return found


def _children(path: str) -> frozenset[str]:
    """Names of the modules directly below a path that the facade makes."""
    return _below(path, tuple(_registered))


@functools.cache
def _below(path: str, registered: tuple[str, ...]) -> frozenset[str]:
    begin = path + "." if path else ""
    keys = (key for key in (*PATHS, *registered) if key.startswith(begin) and key != path)
    return frozenset(key[len(begin) :].split(".")[0] for key in keys) - {""}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _beginnings(path: str) -> Iterator[str]:
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count])


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes ``import tf1bn.compat.v1.<path>`` work for every module path of the facade."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Returns a spec for paths of the facade, None for everything else.

        Raises:
          AbsentModuleError: a path below the facade that nobody serves.
        """
        if not fullname.startswith(ROOT + "."):
            return None
        if not is_module(fullname[len(ROOT) + 1 :]):
            raise absent(fullname[len(ROOT) + 1 :], errors.AbsentModuleError)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """Returns the namespace of that path."""
        return Namespace(spec.name[len(ROOT) + 1 :])

    def exec_module(self, module: types.ModuleType) -> None:
        """Puts the facade itself at ``compat.v1``; elsewhere does nothing, because names are looked up on use."""
        again = f"{ROOT}.compat.v1"
        if module.__name__ == again or module.__name__.startswith(again + "."):
            sys.modules[module.__name__] = importlib.import_module(ROOT + module.__name__[len(again) :])
