"""One small convolutional network for every spelling of batch norm, as another runtime would get it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import export
from tf1bn.compat import contrib, slim, tf_layers
from tf1bn.testing.graphs import Mode, graph_mode

MODES = {"reference": Mode(False, False), "resource": Mode(True, False)}
SWITCHES: dict[str, Callable[[], Any]] = {
    "constant": lambda: True,
    "placeholder": lambda: tf.placeholder(tf.bool, [], "switch"),
    "static": lambda: False,
}
X = np.random.RandomState(3).normal(1, 2, (1, 8, 8, 3)).astype(np.float32)
_WIDTHS = (8, 12)


def _native(x: Any, training: Any, **options: Any) -> Any:
    return tf1bn.batch_norm(x, training, **options)


SPELLINGS: dict[str, Callable[[Any, Any], Any]] = {
    "native": _native,
    **{
        name: functools.partial(_native, kernel=name)
        for name in ("plain", "wide", "fused", "fused_small", "fused_wide")
    },
    "precise": functools.partial(_native, precise=True),
    "tf_layers": lambda x, training: tf_layers.batch_normalization(x, training=training),
    "tf_layers unfused": lambda x, training: tf_layers.batch_normalization(x, training=training, fused=False),
    "contrib": lambda x, training: contrib.layers.batch_norm(x, is_training=training),
    "slim": lambda x, training: slim.batch_norm(x, is_training=training, scale=True),
}


class Case(NamedTuple):
    """How a network was built."""

    mode: str
    spelling: str
    switch: str


class Model(NamedTuple):
    """A frozen graph from x to y, and what y is for X."""

    path: str
    wanted: Any


def cases() -> list[Case]:
    """Every spelling, from a switch and without, in both graph modes."""
    return [Case(mode, spelling, switch) for mode in MODES for spelling in SPELLINGS for switch in SWITCHES]


def frozen(case: Case, folder: Path, within: Callable[[], Any] = contextlib.nullcontext) -> Model:
    """Builds the network in a context, gives its variables values, and exports it for inference."""
    with graph_mode(MODES[case.mode]) as graph, tf.Session() as session:
        training = SWITCHES[case.switch]()
        with within():
            _network(lambda x: SPELLINGS[case.spelling](x, training))
        values = _set(session)
        path = str(folder / "frozen.pb")
        export.export(graph, session, "y", path, to="frozen")
    return Model(path, _by_hand(values))


def without_batch_norm(folder: Path) -> str:
    """The same network with a bias in the place of each batch norm, frozen."""
    with graph_mode(MODES["resource"]) as graph, tf.Session() as session:
        _network(lambda x: tf.nn.bias_add(x, tf.get_variable(f"bias{x.shape[-1]}", [x.shape[-1]])))
        _set(session)
        frozen_graph = tf.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
    path = folder / "plain.pb"
    path.write_bytes(frozen_graph.SerializeToString())
    return str(path)


def load(path: str) -> tf.GraphDef:
    """Returns a frozen graph."""
    return tf.GraphDef.FromString(Path(path).read_bytes())


def _network(norm: Callable[[Any], Any]) -> None:
    y = tf.placeholder(tf.float32, [1, 8, 8, 3], "x")
    for number, width in enumerate(_WIDTHS):
        with tf.variable_scope(f"layer{number}"):
            kernel = tf.get_variable("kernel", [3, 3, y.shape[-1], width])
            y = tf.nn.relu(norm(tf.nn.conv2d(y, kernel, [1, 1, 1, 1], "SAME")))
    tf.reduce_mean(y, [1, 2], name="y")


def _set(session: Any) -> dict[str, Any]:
    """Gives every variable a value of its own; returns them by layer and last part of the name."""
    random, values = np.random.RandomState(7), {}
    for variable in sorted(tf.global_variables(), key=lambda variable: variable.op.name):
        shape = variable.shape.as_list()
        value = random.normal(size=shape) / 3 if len(shape) == 4 else random.uniform(0.5, 1.5, shape)
        values[variable.op.name.split("/")[0] + "/" + variable.op.name.split("/")[-1]] = value
        variable.load(value.astype(variable.dtype.base_dtype.as_numpy_dtype), session)
    return values


def _by_hand(values: dict[str, Any]) -> Any:
    """The network by its formula in float64."""
    y = X.astype(np.float64)
    for number in range(len(_WIDTHS)):
        kernel, beta, mean, variance = (
            values[f"layer{number}/{leaf}"] for leaf in ("kernel", "beta", "moving_mean", "moving_variance")
        )
        gamma = values.get(f"layer{number}/gamma", 1.0)
        y = (convolved(y, kernel) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
        y = np.maximum(y, 0)
    return y.mean((1, 2))


def convolved(x: Any, kernel: Any) -> Any:
    """A convolution of 3 by 3 with padding SAME, channels last."""
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    _, height, width, _ = x.shape
    return sum(padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3))
