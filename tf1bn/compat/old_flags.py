"""``tf.app.flags`` as programs from before absl use it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from absl import flags as absl_flags

absl_flags.disclaim_key_flags()  # a flag belongs to the program that defines it, not to this module


class OldFlags:
    """The flag values, with ``_parse_flags()`` and ``__flags`` of TensorFlow before 1.5.

    Values are parsed from the command line when the first is read. ``__flags`` holds name -> value of the flags that
    the program defined.
    """

    def __getattr__(self, name: str) -> Any:
        if name == "_parse_flags":
            return self._parsed
        if name == "__flags":
            return self._parsed()
        return getattr(tf.flags.FLAGS, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(tf.flags.FLAGS, name, value)

    def __call__(self, argv: Any = None, known_only: bool = False) -> Any:
        """Parses a command line and returns what is not a flag."""
        return tf.flags.FLAGS(sys.argv if argv is None else argv, known_only)

    def __getitem__(self, name: str) -> Any:
        return tf.flags.FLAGS[name]

    def __iter__(self) -> Any:
        return iter(tf.flags.FLAGS)

    def __contains__(self, name: str) -> bool:
        return name in tf.flags.FLAGS

    def __dir__(self) -> list[str]:
        return list(tf.flags.FLAGS)

    def _parsed(self, args: list[str] | None = None) -> dict[str, Any]:
        if args is not None or not tf.flags.FLAGS.is_parsed():
            tf.flags.FLAGS([sys.argv[0], *args] if args is not None else sys.argv, known_only=True)
        owners = tf.flags.FLAGS.flags_by_module_dict()
        return {flag.name: flag.value for owner in owners if not _ours(owner) for flag in owners[owner]}


def _ours(owner: str) -> bool:
    """Whether a flag was defined by absl or TensorFlow and not by the program."""
    return owner.split(".")[0] in ("absl", "tensorflow")


def _definer(kind: str) -> Callable[..., Any]:
    """Returns ``DEFINE_<kind>``, which may also take over a flag of absl, for example ``log_dir``."""

    def define(*args: Any, **kwargs: Any) -> Any:
        name = kwargs.get("flag_name", kwargs.get("name", args[0] if args else None))
        owner = tf.flags.FLAGS.find_module_defining_flag(name)
        if owner is not None and _ours(owner):
            kwargs["allow_override"] = True
        return getattr(tf.flags, f"DEFINE_{kind}")(*args, **kwargs)

    define.__name__ = define.__qualname__ = f"DEFINE_{kind}"
    define.__doc__ = f"Defines a {kind} flag: name, default, help."
    return define


FLAGS = OldFlags()
DEFINE_string = _definer("string")
DEFINE_integer = _definer("integer")
DEFINE_float = _definer("float")
DEFINE_boolean = _definer("boolean")
DEFINE_bool = _definer("bool")
