"""Small networks with each kind of batch norm, frozen and saved as any program of TensorFlow 1 would do it."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tests.portability import stranger
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


def moves(layer: str, switch: str) -> bool:
    """Whether the output waits for an update."""
    return layer in IN_PLACE and switch != "False"


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


def save(case: Case, folder: pathlib.Path) -> dict[str, Any]:
    """Writes a SavedModel; returns its outputs at home with the switch off where there is one."""
    with graph_mode(MODES[case.mode]) as graph, network(case.layer, case.switch) as session:
        names = ["x", "switch"] if case.fed else ["x"]
        inputs = {name: graph.get_tensor_by_name(f"{name}:0") for name in names}
        output = {"y": graph.get_tensor_by_name("y:0")}
        tf.saved_model.simple_save(session, str(folder), inputs=inputs, outputs=output)
        return {"off": session.run("y:0", feeds(case.switch, False))}


def tune(case: Case, folder: pathlib.Path) -> dict[str, Any]:
    """Writes a ``.meta`` and a checkpoint; returns what training on with a new head gives at home."""
    with graph_mode(MODES[case.mode]), network(case.layer, case.switch) as session:
        folder.mkdir()
        saver = tf.train.Saver()
        saver.save(session, str(folder / "model"))
        return stranger.tuned_in(saver, str(folder / "model"), case.fed, X)


class Outcomes(NamedTuple):
    """What networks gave at home, what they gave in the other process, and the errors there."""

    home: dict[str, dict[str, Any]]
    away: dict[str, dict[str, Any]]
    errors: dict[str, str]

    def require_same(self, key: str) -> None:
        """Asserts that a graph gave the same in both processes."""
        assert key not in self.errors, self.errors[key]
        assert set(self.home[key]) == set(self.away[key])
        for name, wanted in self.home[key].items():
            np.testing.assert_allclose(self.away[key][name], wanted, rtol=1e-5, atol=1e-5, err_msg=name)


class Luggage:
    """Graphs that are to be run in another process, and what they gave here.

    Attributes:
      folder: where they are.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._home: dict[str, dict[str, Any]] = {}
        self._entries: list[dict[str, Any]] = []

    def freeze(self, case: Case) -> None:
        """Packs a frozen graph."""
        graph_def, home = freeze(case)
        (self.folder / f"{case.key}.pb").write_bytes(graph_def.SerializeToString())
        self._pack(case, "frozen", f"{case.key}.pb", home, case.key)

    def save(self, case: Case) -> None:
        """Packs a SavedModel, to be run in all ways."""
        home = save(case, self.folder / f"{case.key}-saved")
        for way in ("served", "loaded", "frozen_v2"):
            self._pack(case, way, f"{case.key}-saved", home)

    def tune(self, case: Case) -> None:
        """Packs a ``.meta`` with its checkpoint, to be trained on."""
        self._pack(case, "tuned", f"{case.key}-tuned", tune(case, self.folder / f"{case.key}-tuned"))

    def _pack(self, case: Case, way: str, path: str, home: dict[str, Any], key: str = "") -> None:
        key = key or f"{case.key}-{way}"
        self._home[key] = home
        self._entries.append({"key": key, "path": path, "way": way, "fed": case.fed})

    def travel(self) -> Outcomes:
        """Runs everything in a process without tf1bn."""
        np.save(self.folder / "x.npy", X)
        (self.folder / "entries.json").write_text(json.dumps(self._entries), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, stranger.__file__, str(self.folder)]
        done = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        away = {path.stem: dict(np.load(path)) for path in self.folder.glob("*.npz")}
        return Outcomes(self._home, away, json.loads((self.folder / "errors.json").read_text(encoding="utf-8")))
