"""Small graphs as old programs wrote them: the vocabulary of the rules' `bad()` and `good()`.

Only raw ops are used, no layer library, so that the samples build on every TensorFlow, with reference or
resource variables and with either control flow, whatever is switched on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf1bn.graph.kinds import UPDATE_OPS


class _Late:
    """Trick: TensorFlow, imported at the first use, so that the page of a rule can be read without it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("tensorflow.compat.v1"), name)


tf = _Late()


@dataclasses.dataclass
class Sample:
    """A graph and what the auditor would be told about it."""

    graph: Any
    checkpoint: Any = None
    fetches: tuple[str, ...] = ()
    train_op: tuple[str, ...] = ()

    def model(self) -> Any:
        """Returns the GraphModel of the sample."""
        from tf1bn.graph.model import GraphModel

        return GraphModel(self.graph, train_op=self.train_op, checkpoint=self.checkpoint, fetches=self.fetches)


@dataclasses.dataclass
class Norm:
    """What one batch norm of a sample consists of."""

    output: Any
    updates: list[Any]
    mean: Any = None
    variance: Any = None
    gamma: Any = None
    beta: Any = None
    batch_mean: Any = None
    batch_variance: Any = None


@contextlib.contextmanager
def program() -> Iterator[Program]:
    """Opens a fresh graph to write a small program in."""
    with tf.Graph().as_default() as graph:
        yield Program(graph)


class Program:
    """A small program under construction in the default graph."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph

    def images(
        self, name: str = "images", size: int = 8, channels: int = 3, layout: str = "NHWC", batch: Any = None
    ) -> Any:
        shape = [batch, size, size, channels] if layout == "NHWC" else [batch, channels, size, size]
        return tf.placeholder(tf.float32, shape, name)

    def rows(self, name: str = "rows", width: int = 4, batch: Any = None) -> Any:
        return tf.placeholder(tf.float32, [batch, width], name)

    def conv(self, x: Any, filters: int = 4, name: str = "conv", layout: str = "NHWC", bias: bool = False) -> Any:
        with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
            channels = x.shape[3 if layout == "NHWC" else 1]
            kernel = tf.get_variable("kernel", [3, 3, channels, filters])
            y = tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "SAME", data_format=layout)
            if bias:
                y = tf.nn.bias_add(y, tf.get_variable("bias", [filters], initializer=tf.zeros_initializer()))
            return y

    def dense(self, x: Any, units: int = 4, name: str = "dense") -> Any:
        with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
            return tf.matmul(x, tf.get_variable("kernel", [x.shape[-1], units]))

    def variables(
        self,
        scope: str,
        channels: int,
        *,
        learn: bool = True,
        dtype: Any = None,
        shape: Any = None,
        statistics_trainable: bool = False,
    ) -> Norm:
        """Makes gamma, beta and the two averages; shared when the scope is used again."""
        shape = shape or [channels]
        with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
            make = lambda name, value, kind, trainable: tf.get_variable(  # noqa: E731
                name, shape, kind or tf.float32, tf.constant_initializer(value), trainable=trainable
            )
            return Norm(
                None,
                [],
                make("moving_mean", 0.0, dtype, statistics_trainable),
                make("moving_variance", 1.0, dtype, statistics_trainable),
                make("gamma", 1.0, None, learn),
                make("beta", 0.0, None, learn),
            )

    def norm(
        self,
        x: Any,
        scope: str = "bn",
        *,
        training: Any = True,
        decay: float = 0.99,
        collection: str | None = UPDATE_OPS,
        fused: bool | None = None,
        layout: str = "NHWC",
        learn: bool = True,
        on_output: bool = False,
        **variables: Any,
    ) -> Norm:
        """One batch norm; `training` is a bool or a bool tensor, `fused` follows the rank of x."""
        axis = 3 if layout == "NHWC" and len(x.shape) == 4 else 1
        bn = self.variables(scope, int(x.shape[axis]), learn=learn, **variables)
        outer = tf.get_variable_scope().name
        with tf.name_scope(f"{outer}/{scope}/" if outer else f"{scope}/"):
            if training is False:
                bn.output = self.apply(x, bn, bn.mean, bn.variance, layout, fused)
                return bn
            self._train(x, bn, training, layout, len(x.shape) == 4 if fused is None else fused)
            keep = (
                decay if training is True else tf.cond(training, lambda: tf.constant(decay), lambda: tf.constant(1.0))
            )
            bn.updates = [
                self.move(bn.mean, bn.batch_mean, keep),
                self.move(bn.variance, bn.batch_variance, keep, "_1"),
            ]
            for update in bn.updates if collection else ():
                tf.add_to_collection(collection, update)
            if on_output:
                with tf.control_dependencies(bn.updates):
                    bn.output = tf.identity(bn.output)
        return bn

    def _train(self, x: Any, bn: Norm, training: Any, layout: str, fused: bool) -> None:
        if fused and training is True:
            bn.output, bn.batch_mean, bn.batch_variance = tf.nn.fused_batch_norm(
                x, bn.gamma, bn.beta, epsilon=1e-3, data_format=layout
            )
            return
        axes = [0] if len(x.shape) == 2 else [0, 1, 2] if layout == "NHWC" else [0, 2, 3]
        bn.batch_mean, bn.batch_variance = tf.nn.moments(x, axes)
        mean, variance = bn.batch_mean, bn.batch_variance
        if training is not True:
            mean, variance = tf.cond(
                training,
                lambda: (tf.identity(bn.batch_mean), tf.identity(bn.batch_variance)),
                lambda: (tf.identity(bn.mean), tf.identity(bn.variance)),
            )
        bn.output = self.apply(x, bn, mean, variance, layout, False)

    def apply(
        self, x: Any, bn: Norm, mean: Any, variance: Any, layout: str = "NHWC", fused: bool | None = False
    ) -> Any:
        """Normalises with given statistics."""
        if fused is not False and len(x.shape) == 4:
            return tf.nn.fused_batch_norm(
                x, bn.gamma, bn.beta, mean, variance, epsilon=1e-3, data_format=layout, is_training=False
            )[0]
        parts = [mean, variance, bn.beta, bn.gamma]
        if layout == "NCHW":
            parts = [tf.reshape(part, [1, -1, 1, 1]) for part in parts]
        return tf.nn.batch_normalization(x, *parts, 1e-3)

    def move(self, variable: Any, moment: Any, decay: Any = 0.99, suffix: str = "") -> Any:
        """One step of a moving average."""
        with tf.name_scope(f"AssignMovingAvg{suffix}"):
            moment = tf.cast(tf.reshape(moment, tf.shape(variable)), variable.dtype.base_dtype)
            rate = tf.cast(1.0 - decay, variable.dtype.base_dtype)
            return tf.assign_sub(variable, (variable - moment) * rate)

    def loss(self, y: Any, name: str = "loss") -> Any:
        return tf.reduce_mean(tf.square(y - 1.0), name=name)

    def train(self, loss: Any, updates: Sequence[Any] | None = None, var_list: Any = None, name: str = "train") -> Any:
        """Minimises; the updates, by default all of UPDATE_OPS, are control inputs of the train op."""
        waiting = tf.get_collection(UPDATE_OPS) if updates is None else list(updates)
        with tf.control_dependencies(waiting):
            return tf.train.GradientDescentOptimizer(0.1).minimize(loss, var_list=var_list, name=name)

    def save(self, variables: Any = None, name: str = "save") -> Any:
        return tf.train.Saver(variables, name=name)

    def values(self, **changed: Any) -> dict[str, np.ndarray]:
        """Returns values of a trained model for all variables; `changed` replaces leaves by name."""
        healthy = {"moving_mean": 0.3, "moving_variance": 2.0, "gamma": 1.1, "beta": 0.2, "global_step": 1_000_000}
        found = {}
        for variable in tf.global_variables():
            leaf = variable.op.name.rsplit("/", 1)[-1]
            shape = variable.shape.as_list()
            value = changed.get(leaf, healthy.get(leaf, 0.5))
            found[variable.op.name] = np.full(shape, value, np.int64 if leaf == "global_step" else np.float32)
        return found

    def sample(self, **told: Any) -> Sample:
        return Sample(self.graph, **told)


def trained(norms: int = 2, **arguments: Any) -> Sample:
    """A healthy training program with some batch norms; `arguments` go to `Program.norm`."""
    with program() as p:
        y = p.images()
        for number in range(norms):
            y = tf.nn.relu(p.norm(p.conv(y, name=f"conv{number}"), f"bn{number}", **arguments).output)
        p.train(p.loss(y))
        p.save()
        return p.sample()


def served(norms: int = 2, **arguments: Any) -> Sample:
    """A healthy inference program."""
    with program() as p:
        y = p.images()
        for number in range(norms):
            y = tf.nn.relu(p.norm(p.conv(y, name=f"conv{number}"), f"bn{number}", training=False, **arguments).output)
        p.save()
        return p.sample()


def frozen(build: Any) -> Sample:
    """A frozen graph: `build(program)` returns the output; every variable becomes a constant of its value."""
    with program() as p:
        output = build(p)
        values = p.values()
        graph_def = tf.get_default_graph().as_graph_def(add_shapes=True)
        names = {variable.op.name: values[variable.op.name] for variable in tf.global_variables()}
    return Sample(freeze(graph_def, names, output.op.name))


def freeze(graph_def: Any, values: dict[str, np.ndarray], output: str) -> Any:
    """Returns a GraphDef with constants in place of variables, cut down to what the output needs."""
    nodes = {node.name: node for node in graph_def.node}
    keep, todo = set(), [output]
    while todo:
        name = todo.pop()
        if name not in keep:
            keep.add(name)
            if name not in values:
                todo.extend(item.lstrip("^").split(":")[0] for item in nodes[name].input)
    result = tf.GraphDef(library=graph_def.library)
    for node in graph_def.node:
        if node.name not in keep:
            continue
        copy = result.node.add()
        if node.name in values:
            copy.name, copy.op = node.name, "Const"
            copy.attr["dtype"].type = tf.float32.as_datatype_enum
            copy.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values[node.name]))
        else:
            copy.CopyFrom(node)
            if node.op == "ReadVariableOp":
                copy.op = "Identity"
                copy.attr["T"].CopyFrom(node.attr["dtype"])
                del copy.attr["dtype"]
    return result
