"""Other libraries' batch norms, where they are installed: tf.layers (of tf_keras), tf_slim, tensorpack.

The one module that reaches for these, and for inner modules of TensorFlow without which they do not load; only when a
peer is asked for. Nothing of tf1bn depends on it but the benchmark.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

# What must be importable. slim of the pip package stands on tf.layers, tensorpack calls it.
_NEEDS = {
    "textbook": (),
    "slim": ("tf_keras", "tf_slim"),
    "slim_collection": ("tf_keras", "tf_slim"),
    "tf_layers": ("tf_keras",),
    "tensorpack": ("tf_keras", "tensorpack"),
}


def missing(name: str) -> str:
    """Returns what keeps a peer from running here; empty if nothing does."""
    absent = [module for module in _NEEDS[name] if importlib.util.find_spec(module) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def averages(name: str) -> tuple[str, str]:
    """Returns the last parts of the names of a peer's averages."""
    return ("mean/EMA", "variance/EMA") if name == "tensorpack" else ("moving_mean", "moving_variance")


def normalizer(name: str, decay: float, epsilon: float) -> Callable[[Any, Any], Any]:
    """Returns a peer as a function of input and training switch, with gamma and beta."""
    if name in ("slim", "slim_collection"):
        collection = "update_ops" if name == "slim_collection" else None
        return functools.partial(_slim, decay=decay, epsilon=epsilon, collection=collection)
    return functools.partial({"tf_layers": _tf_layers, "tensorpack": _tensorpack}[name], decay=decay, epsilon=epsilon)


def around(name: str, is_training: Any) -> contextlib.AbstractContextManager[Any]:
    """Returns the context in which a peer's graph is built."""
    if name != "tensorpack":
        return contextlib.nullcontext()
    load_slim_names()
    return importlib.import_module("tensorpack.tfutils.tower").TowerContext("", is_training=is_training)


def _slim(x: Any, is_training: Any, *, decay: float, epsilon: float, collection: str | None) -> Any:
    return load_slim().batch_norm(
        x, decay=decay, epsilon=epsilon, scale=True, is_training=is_training, updates_collections=collection
    )


def _tf_layers(x: Any, is_training: Any, *, decay: float, epsilon: float) -> Any:
    import tensorflow.compat.v1 as tf

    return tf.layers.batch_normalization(x, momentum=decay, epsilon=epsilon, training=is_training)


def _tensorpack(x: Any, is_training: Any, *, decay: float, epsilon: float) -> Any:
    import tensorflow.compat.v1 as tf

    layer = importlib.import_module("tensorpack.models.batch_norm").BatchNorm
    scope = tf.get_default_graph().unique_name("bn").rpartition("/")[2]
    return layer(scope, x, momentum=decay, epsilon=epsilon, training=is_training)


def load_slim() -> Any:
    """Returns the module tf_slim."""
    load_slim_names()
    return importlib.import_module("tf_slim")


@functools.cache
def load_slim_names() -> None:
    """Puts back the names of TensorFlow and tf_keras where tf_slim looks for them, which they have left since."""
    import tensorflow.compat.v1 as tf

    ops: Any = importlib.import_module("tensorflow.python.framework.ops")
    ops.Tensor, ops.IndexedSlices = tf.Tensor, tf.IndexedSlices
    control: Any = importlib.import_module("tensorflow.python.ops.control_flow_ops")
    control.cond = tf.cond
    for name in ("", ".base", ".core", ".convolutional", ".normalization", ".pooling"):
        found = importlib.import_module(f"tf_keras.src.legacy_tf_layers{name}")
        sys.modules.setdefault(f"tf_keras.legacy_tf_layers{name}", found)
