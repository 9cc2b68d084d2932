"""Small networks with each kind of batch norm, frozen and saved as any program of TensorFlow 1 would do it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.compat import contrib, slim, tf_layers
from tf1bn.export import without_updates
from tf1bn.testing.graphs import Mode, graph_mode

MODES = {"reference": Mode(False, False), "resource": Mode(True, False), "v2": Mode(True, True)}
X = np.random.RandomState(3).randn(5, 4, 5, 3).astype(np.float32)


def _native(strategy: str) -> Callable[[Any, Any], Any]:
    return lambda x, training: tf1bn.batch_norm(x, training, update_strategy=strategy)


LAYERS: dict[str, Callable[[Any, Any], Any]] = {
    "inline": _native("inline"),
    "ema": _native("ema"),
    "collection": _native("collection"),
    "frozen": _native("frozen"),
    "tf_layers": lambda x, training: tf_layers.batch_normalization(x, training=training),
    "contrib": lambda x, training: contrib.layers.batch_norm(x, is_training=training, fused=False),
    "slim": lambda x, training: slim.batch_norm(x, is_training=training, scale=True),
    "slim in place": lambda x, training: slim.batch_norm(x, is_training=training, updates_collections=None),
}
IN_PLACE = ("inline", "ema", "slim in place")
SWITCHES: dict[str, Callable[[], Any]] = {
    "placeholder": lambda: tf.placeholder(tf.bool, [], "switch"),
    "True": lambda: True,
    "False": lambda: False,
}
MORE_SWITCHES: dict[str, Callable[[], Any]] = {
    "default": lambda: tf.placeholder_with_default(False, [], "switch"),
    "variable": lambda: tf.Variable(False, trainable=False, name="switch"),
}


class Case(NamedTuple):
    """A network, and what was done with it."""

    mode: str
    layer: str
    switch: str
    cut: bool = False
    around: str = ""

    @property
    def fed(self) -> bool:
        """Whether the switch can be fed."""
        return self.switch in ("placeholder", "default")

    @property
    def key(self) -> str:
        """A name for files."""
        return "-".join([*map(str, self)]).replace(" ", "_")


def network(layer: str, switch: str, around: str = "") -> Any:
    """Builds x -> y in the default graph, and gives every variable a value of its own; returns the session."""
    x = tf.placeholder(tf.float32, [None, 4, 5, 3], "x")
    made = {**SWITCHES, **MORE_SWITCHES}[switch]()

    def norm() -> Any:
        return LAYERS[layer](x, made)

    y = tf.cond(tf.placeholder_with_default(True, []), norm, lambda: x) if around else norm()
    tf.identity(y, "y")
    session, values = tf.Session(), np.random.RandomState(7)
    floats = [variable for variable in tf.global_variables() if variable.dtype.base_dtype == tf.float32]
    # What an initializer assigns can be fed like any tensor.
    given = {variable.initializer.inputs[1]: values.uniform(0.5, 1.5, variable.shape.as_list()) for variable in floats}
    session.run(tf.global_variables_initializer(), given)
    return session


def feeds(switch: str, on: bool) -> dict[str, Any]:
    """What a run needs; the switch is fed where it can be."""
    return {"x:0": X} | ({"switch:0": on} if switch in ("placeholder", "default") else {})


def freeze(case: Case) -> tuple[tf.GraphDef, dict[str, Any]]:
    """Returns the graph with constants, by TensorFlow's own function, and the outputs at home: off first, then on."""
    with graph_mode(MODES[case.mode]) as graph, network(case.layer, case.switch, case.around) as session:
        graph_def = without_updates(graph, ["y"]) if case.cut else graph.as_graph_def()
        frozen = tf.graph_util.convert_variables_to_constants(session, graph_def, ["y"])
        settings = {"off": False, "on": True} if case.fed else {"off": False}
        return frozen, {name: session.run("y:0", feeds(case.switch, on)) for name, on in settings.items()}


def save(mode: str, layer: str, folder: pathlib.Path) -> dict[str, Any]:
    """Writes a SavedModel of a graph with a fed switch; returns its outputs at home."""
    with graph_mode(MODES[mode]) as graph, network(layer, "placeholder") as session:
        ends = {name: graph.get_tensor_by_name(f"{name}:0") for name in ("x", "switch", "y")}
        output = {"y": ends.pop("y")}
        tf.saved_model.simple_save(session, str(folder), inputs=ends, outputs=output)
        return {"off": session.run("y:0", feeds("placeholder", False))}


def hand_over(folder: pathlib.Path, entries: list[dict[str, Any]]) -> None:
    """Writes the list of what another process shall run."""
    np.save(folder / "x.npy", X)
    (folder / "entries.json").write_text(json.dumps(entries), encoding="utf-8")
