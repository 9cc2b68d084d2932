"""Switches TensorFlow to graph mode when imported (v2 behaviour off), and is ``tensorflow.compat.v1`` plus the past.

Write ``tf1bn.compat.v1`` where an old program writes ``tensorflow``:

    import tf1bn.compat.v1 as tf
    import tf1bn.compat.v1.contrib.slim as slim
    from tf1bn.compat.v1.examples.tutorials.mnist import input_data
    from tf1bn.compat.v1.python.training import moving_averages

Every name is looked up on use: first what tf1bn emulates (``tf.layers``, ``tf.contrib``, ``tf.nn.rnn_cell``, names
of TensorFlow 0.x that were dropped, and functions whose argument order changed, which take both orders), then
today's ``tensorflow.compat.v1``. A name that nobody has raises an AttributeError that tells the nearest
replacement; :func:`register` serves a stand-in of your own.

Graph effects:
  Importing this module calls ``disable_v2_behavior()``: graph mode, reference variables, control flow v1, and shapes
  whose entries have ``.value``. It adds one import finder that answers only for paths below this module.
"""

from __future__ import annotations

import sys
from typing import Any

from tf1bn.compat import namespace as _namespace
from tf1bn.compat.namespace import register as register

__path__: list[str] = []


def _enter_graph_mode() -> None:
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    if not any(isinstance(finder, _namespace.Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _namespace.Finder())


_enter_graph_mode()


def __getattr__(name: str) -> Any:
    return _namespace.look_up("", name)


def __dir__() -> list[str]:
    return sorted({*_namespace.names(""), "register"})
