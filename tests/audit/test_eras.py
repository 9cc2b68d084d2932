"""The same small network in the ops of each era of TensorFlow, and as converters write it, each with its verdict.

Today's TensorFlow makes most of these forms no more, so they are written node by node; the auditor imports nothing.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.audit import audit, samples
from tf1bn.testing import graphs


@dataclasses.dataclass(frozen=True)
class Era:
    """How one era spells a batch norm; `fused` is "" where it is spelled out."""

    name: str
    variable: str
    add: str
    moments: str
    fused: str = ""
    inverse: str = "Reciprocal"

    def __str__(self):
        return f"{self.name} {self.fused or self.moments}"


ERAS = (
    Era("0.12", "Variable", "Add", "sums", inverse="Inv"),
    Era("1.0", "VariableV2", "Add", "sums"),
    Era("1.2", "VariableV2", "Add", "shifted"),
    Era("1.4", "VariableV2", "Add", "stopped"),
    Era("1.15", "VariableV2", "AddV2", "stopped"),
    Era("2.x", "VarHandleOp", "AddV2", "stopped"),
    Era("1.4", "VariableV2", "Add", "stopped", "FusedBatchNorm"),
    Era("1.13", "VariableV2", "Add", "stopped", "FusedBatchNormV2"),
    Era("1.15", "VariableV2", "AddV2", "stopped", "FusedBatchNormV3"),
    Era("2.x", "VarHandleOp", "AddV2", "stopped", "FusedBatchNormV3"),
)


class Nodes:
    """A graph under construction, node by node; methods that make a tensor return its name."""

    def __init__(self, era, frozen=False):
        self.era, self.frozen = era, frozen
        self.meta = tf.MetaGraphDef()
        self.axes = [0, 1, 2] if era.fused else [0]

    def add(self, name, op, *inputs, **attrs):
        node = self.meta.graph_def.node.add(name=name, op=op, input=inputs)
        for key, value in attrs.items():
            _set(node.attr[key], value)
        return name

    def const(self, name, value):
        value = np.asarray(value, None if np.ndim(value) and np.asarray(value).dtype.kind == "i" else np.float32)
        return self.add(name, "Const", dtype=tf.as_dtype(value.dtype), value=value)

    def variable(self, name, value):
        """A variable, or what freezing makes of one; returns what reads it."""
        value, resource = np.asarray(value, np.float32), self.era.variable == "VarHandleOp"
        if self.frozen:
            self.const(name, value)
            return self.add(f"{name}/read", "Identity", name)
        self.add(name, self.era.variable, dtype=tf.float32, shape=value.shape, shared_name=name if resource else "")
        initial = self.const(f"{name}/Initializer", value)
        self.add(f"{name}/Assign", "AssignVariableOp" if resource else "Assign", name, initial)
        return self.add(f"{name}/read", "ReadVariableOp" if resource else "Identity", name)

    def write(self, name, kind, target, *inputs):
        """An op that writes a variable, as its kind of variable has it."""
        resource = self.era.variable == "VarHandleOp"
        op = {"AssignSub": "AssignSubVariableOp"}.get(kind, f"Resource{kind}") if resource else kind
        return self.add(name, op, target, *inputs)

    def both(self, name, op, one, two):
        return self.add(name, op, one, two)

    def mean_of(self, name, x):
        return self.add(name, "Mean", x, self.const(f"{name}/axes", self.axes), keep_dims=True)

    def squeezed(self, name, tensor):
        return self.add(name, "Squeeze", tensor, squeeze_dims=self.axes)

    def moments(self, x, s):
        """Mean and variance of the batch as `tf.nn.moments` of the era computes them."""
        shift = self.add(f"{s}/StopGradient", "StopGradient", self.mean_of(f"{s}/mean", x))
        square = self.both(f"{s}/SquaredDifference", "SquaredDifference", x, shift)
        if self.era.moments == "stopped":
            variance = self.mean_of(f"{s}/variance", square)
            return self.squeezed(f"{s}/Squeeze", f"{s}/mean"), self.squeezed(f"{s}/Squeeze_1", variance)
        apart = self.both(f"{s}/Sub", "Sub", x, shift)
        if self.era.moments == "shifted":
            first, second = self.mean_of(f"{s}/shifted_mean", apart), self.mean_of(f"{s}/Mean", square)
        else:
            count = self.add(f"{s}/normalize/divisor", self.era.inverse, self.const(f"{s}/count", 8.0))
            sums = [
                self.add(name, "Sum", of, self.const(f"{name}/axes", self.axes), keep_dims=True)
                for name, of in ((f"{s}/mean_ss", apart), (f"{s}/var_ss", square))
            ]
            first, second = (self.both(f"{name}/Mul", "Mul", name, count) for name in sums)
        variance = self.both(f"{s}/normalize/variance", "Sub", second, self.add(f"{s}/Square", "Square", first))
        mean = self.both(f"{s}/normalize/mean", self.era.add, first, shift)
        return self.squeezed(f"{s}/Squeeze", mean), self.squeezed(f"{s}/Squeeze_1", variance)

    def spelled(self, x, mean, variance, s="bn/batchnorm"):
        inverse = self.add(
            f"{s}/Rsqrt", "Rsqrt", self.both(f"{s}/add", self.era.add, variance, self.const(f"{s}/add/y", 1e-3))
        )
        factor = self.both(f"{s}/mul", "Mul", inverse, "bn/gamma/read")
        scaled = self.both(f"{s}/mul_1", "Mul", x, factor)
        shift = self.both(f"{s}/sub", "Sub", "bn/beta/read", self.both(f"{s}/mul_2", "Mul", mean, factor))
        return self.both(f"{s}/add_1", self.era.add, scaled, shift)

    def by_kernel(self, name, x, statistics):
        given = statistics or [self.const(f"{name}/Const{i}", np.zeros(0, np.float32)) for i in range(2)]
        return self.add(
            name, self.era.fused, x, "bn/gamma/read", "bn/beta/read", *given, is_training=not statistics, epsilon=1e-3
        )


def _set(attr, value):
    if isinstance(value, bool):
        attr.b = value
    elif isinstance(value, float):
        attr.f = value
    elif isinstance(value, str):
        attr.s = value.encode()
    elif isinstance(value, tf.DType):
        attr.type = value.as_datatype_enum
    elif isinstance(value, np.ndarray):
        attr.tensor.CopyFrom(tf.make_tensor_proto(value))
    elif isinstance(value, list):
        attr.list.i.extend(value)
    else:
        attr.shape.CopyFrom(tf.TensorShape(value).as_proto())


def network(era, training, frozen=False):
    """A layer and its batch norm; `training`: True, False, or the default of a switch in a conditional, as a list."""
    g = Nodes(era, frozen)
    x = g.add("x", "Placeholder", dtype=tf.float32, shape=(None, 4, 4, 3) if era.fused else (None, 3))
    y = g.both("dense/MatMul", "Mul" if era.fused else "MatMul", x, g.variable("dense/kernel", np.full((3, 3), 0.5)))
    kept = [g.variable(f"bn/{leaf}", [0.5, 0.25, 2.0]) for leaf in ("gamma", "beta", "moving_mean", "moving_variance")][
        2:
    ]
    build = _switched if isinstance(training, list) else _plain
    g.add("y", "Relu", build(g, y, kept, training))
    return g


def _plain(g, y, kept, training):
    if g.era.fused:
        return g.by_kernel("bn/FusedBatchNorm", y, [] if training else kept)
    return g.spelled(y, *(g.moments(y, "bn/moments") if training else kept))


def _switched(g, y, kept, training):
    """As `tf.cond` of control flow v1 lays it out."""
    default = g.add("is_training/input", "Const", dtype=tf.bool, value=np.asarray(training[0]))
    g.add("is_training", "PlaceholderWithDefault", default, dtype=tf.bool, shape=())
    pred = g.add("bn/cond/pred_id", "Identity", "is_training")
    branch = lambda tensor, which: g.both(f"bn/cond/Switch_{tensor.replace('/', '_')}_{which}", "Switch", tensor, pred)  # noqa: E731
    if g.era.fused:
        train = g.by_kernel("bn/cond/FusedBatchNorm", f"{branch(y, 't')}:1", [])
        infer = g.by_kernel("bn/cond/FusedBatchNorm_1", branch(y, "f"), [branch(item, "f") for item in kept])
        return g.both("bn/cond/Merge", "Merge", infer, train)
    pairs = zip(kept, g.moments(y, "bn/moments"), strict=True)
    chosen = [
        g.both(f"bn/cond/Merge_{i}", "Merge", branch(average, "f"), f"{branch(moment, 't')}:1")
        for i, (average, moment) in enumerate(pairs)
    ]
    return g.spelled(y, *chosen)


def trained(g, waits):
    """Adds averages, a gradient and an optimizer to a network in training mode; `waits`: it waits for UPDATE_OPS."""
    ends = ("FusedBatchNorm:1", "FusedBatchNorm:2") if g.era.fused else ("moments/Squeeze", "moments/Squeeze_1")
    for leaf, end in zip(("moving_mean", "moving_variance"), ends, strict=True):
        s = f"bn/AssignMovingAvg_{leaf}"
        apart = g.both(f"{s}/sub", "Sub", f"bn/{leaf}/read", f"bn/{end}")
        step = g.both(f"{s}/mul", "Mul", apart, g.const(f"{s}/rate", 0.01))
        g.meta.collection_def["update_ops"].node_list.value.append(g.write(s, "AssignSub", f"bn/{leaf}", step))
    g.add("loss", "Mean", g.add("Square", "Square", "y"), g.const("axes", [0, 1]))
    applied = []
    controls = [f"^{name}" for name in g.meta.collection_def["update_ops"].node_list.value] if waits else []
    for name in ("dense/kernel", "bn/gamma", "bn/beta"):
        gradient = g.both(f"gradients/{name}_grad/mul", "Mul", "loss", "y")
        rate = g.const(f"GradientDescent/{name}/rate", 0.1)
        inputs = (rate, gradient, *controls)
        applied.append(g.write(f"GradientDescent/update_{name}", "ApplyGradientDescent", name, *inputs))
    g.add("GradientDescent", "NoOp", *(f"^{name}" for name in applied))
    g.meta.collection_def["train_op"].node_list.value.append("GradientDescent")
    return g.meta


def verdict(source, **told):
    report = audit(source, **told)
    sites = [(site.scope, site.mode) for site in report.sites]
    return sites, {(item.code, item.severity) for item in report.findings if item.code != "BN053"}


@pytest.mark.parametrize("era", ERAS, ids=str)
def test_trained(era):
    assert verdict(trained(network(era, True), True)) == ([("bn", "batch")], set())
    assert verdict(trained(network(era, True), False)) == ([("bn", "batch")], {("BN001", "error")})


@pytest.mark.parametrize("era", ERAS, ids=str)
def test_served(era):
    for frozen in (False, True):
        assert verdict(network(era, False, frozen).meta.graph_def) == ([("bn", "moving")], set())
    assert verdict(network(era, True, True).meta.graph_def) == ([("bn", "batch")], {("BN035", "error")})


@pytest.mark.parametrize("era", ERAS, ids=str)
@pytest.mark.parametrize(("default", "severity"), [(False, "info"), (True, "error")])
def test_frozen_with_its_switch(era, default, severity):
    """The site has the name of the layer, not of the conditional that it is in; that cannot be folded, either."""
    graph = network(era, [default], True).meta.graph_def
    sites, found = verdict(graph)
    assert sites == [("bn", "conditional")] and ("BN035", severity) in found
    assert found <= {("BN035", severity), ("BN037", "warning")}


@pytest.mark.parametrize("add", ["Add", "AddV2"])
@pytest.mark.parametrize("identity", [True, False])
def test_global_normalization_of_2015(add, identity):
    """The op of the first Inception graphs: frozen, and behind `control_dependency`."""
    g = Nodes(Era("2015", "Variable", add, "sums"), frozen=True)
    x = g.add("x", "Placeholder", dtype=tf.float32, shape=(None, 4, 4, 3))
    parts = [g.variable(f"conv/batchnorm/{leaf}", [0.5, 1.0, 2.0]) for leaf in ("mean", "variance", "beta", "gamma")]
    parts = [part if identity else part.removesuffix("/read") for part in parts]
    name = g.add("conv/batchnorm", "BatchNormWithGlobalNormalization", x, *parts, variance_epsilon=1e-3)
    g.add("conv", "Relu", g.add("conv/control_dependency", "Identity", name))
    sites, found = verdict(g.meta.graph_def)
    assert [mode for _, mode in sites] == ["moving"] and found == set()


# ---- networks that converters wrote ---------------------------------------------------------------------------

NAMES = {
    "MMdnn": ("scale", "bias", "mean", "var"),
    "MXNet": ("gamma", "beta", "moving_mean", "moving_var"),
    "Gluon": ("gamma", "beta", "running_mean", "running_var"),
}


def converted(names, *, constants=False, trainable=False, layers=2):
    """`tf.nn.batch_normalization` on values that are named `layer_role` beside the layer, not in a scope of it."""
    make = lambda value, name: (  # noqa: E731
        tf.constant(value, name=name) if constants else tf.Variable(value, trainable=trainable, name=name)
    )
    y = tf.placeholder(tf.float32, [None, 4, 4, 3], "data")
    for number in range(layers):
        layer = f"stage1_unit{number}_bn1"
        scale, shift, mean, variance = (make(np.full(3, 0.5, np.float32), f"{layer}_{leaf}") for leaf in NAMES[names])
        y = tf.nn.relu(tf.nn.batch_normalization(y, mean, variance, shift, scale, 2e-5, name=layer))
    return y


@pytest.mark.parametrize("mode", [graphs.MODES[0], graphs.MODES[-1]], ids=str)
@pytest.mark.parametrize("names", NAMES)
def test_converted(names, mode):
    expected = [(f"stage1_unit{number}_bn1", "moving") for number in range(2)]
    for constants in (False, True):
        with graphs.graph_mode(mode) as graph:
            converted(names, constants=constants)
        assert verdict(graph) == (expected, set()), constants
        assert verdict(graph.as_graph_def()) == (expected, set()), constants
    with graphs.graph_mode(mode) as graph:
        p, y = samples.Program(graph), converted(names)
        p.train(p.loss(p.conv(y)))
    assert verdict(graph) == (expected, set())


@pytest.mark.parametrize("mode", [graphs.MODES[0], graphs.MODES[-1]], ids=str)
@pytest.mark.parametrize("names", NAMES)
def test_converted_and_trained_on(names, mode):
    """With `is_train = True` in the written file all four are trainable: an optimizer moves the averages."""
    with graphs.graph_mode(mode) as graph:
        p, y = samples.Program(graph), converted(names, trainable=True)
        p.train(p.loss(y))
    assert verdict(graph)[1] == {("BN023", "warning")}
