"""Every refusal says what is wrong, and leaves the graph, its collections and its numbering as they were."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.core.ledger import ledger
from tf1bn.strategies.collection import Collection
from tf1bn.strategies.ema import Ema


def _x(shape=(None, 3), dtype=tf.float32):
    return tf.placeholder(dtype, shape)


def _bn(x=None, is_training=True, **options):
    return tf1bn.batch_norm(_X[0] if x is None else x, is_training, **options)


_X = [None]  # the placeholder that stands in the graph of the test before the refused call

# error, text, call; `made` is what stands in the graph before the call
CALLS = {
    # inputs
    "integer inputs": (
        errors.ArgumentTypeError,
        "`inputs` is not floating point. Got 'int32'; expected float16, bfloat16",
        lambda: _bn(np.zeros((2, 3), np.int32)),
    ),
    "string inputs": (errors.ArgumentTypeError, "`inputs` is not a dense tensor. Got 'x'", lambda: _bn("x")),
    "no inputs": (errors.ArgumentTypeError, "`inputs` is not a dense tensor", lambda: tf1bn.batch_norm(None, True)),
    "ragged list": (errors.ArgumentTypeError, "`inputs` is not a dense tensor", lambda: _bn([[1.0], [1.0, 2.0]])),
    "object array": (errors.ArgumentTypeError, "`inputs` is not floating point", lambda: _bn(np.array([[object()]]))),
    "record array": (
        errors.ArgumentTypeError,
        "`inputs` is not floating point",
        lambda: _bn(np.zeros((2, 2), [("a", "f4")])),
    ),
    "rank 1": (
        errors.ShapeError,
        "rank that batch normalization does not take. Got 1; expected 2 to 5",
        lambda: _bn(np.zeros(3, np.float32)),
    ),
    "rank 6": (errors.ShapeError, "Got 6; expected 2 to 5", lambda: _bn(np.zeros((1,) * 6))),
    "empty channels": (
        errors.ShapeError,
        r"the channel dimension \(axis 1\) of `inputs` is zero",
        lambda: _bn(np.zeros((2, 0), np.float32)),
    ),
    "axis outside": (
        errors.ArgumentError,
        "`axis` is outside the input's rank. Got 2; expected -2 to 1",
        lambda: _bn(np.zeros((2, 3)), axis=2),
    ),
    "axis float": (
        errors.ArgumentTypeError,
        "`axis` must be an integer or a list of integers. Got 1.0",
        lambda: _bn(axis=1.0),
    ),
    "axis bool": (
        errors.ArgumentTypeError,
        "`axis` must be an integer or a list of integers. Got True",
        lambda: _bn(axis=True),
    ),
    # the switches
    "training string": (
        errors.ArgumentTypeError,
        "`is_training` cannot be used as a switch. Got 'True'; expected a Python",
        lambda: _bn(is_training="True"),
    ),
    "training None": (
        errors.ArgumentTypeError,
        "`is_training` cannot be used as a switch",
        lambda: _bn(is_training=None),
    ),
    "training float": (
        errors.ArgumentTypeError,
        "`is_training` cannot be used as a switch. Got 1.0",
        lambda: _bn(is_training=1.0),
    ),
    "training 2": (
        errors.ArgumentError,
        "`is_training` is a number other than 0 and 1. Got 2",
        lambda: _bn(is_training=2),
    ),
    "batch statistics string": (
        errors.ArgumentTypeError,
        "`use_batch_statistics` cannot be used as a switch",
        lambda: _bn(use_batch_statistics="no"),
    ),
    # numbers
    "decay 1.1": (
        errors.ArgumentError,
        r"`decay` must be in \[0, 1\). Got 1.1. If you are porting PyTorch code, use "
        r"decay = 1 - momentum. \[scope batch_norm, inputs \(\?, 3\)\]|Got 1.1. If .* inputs \(None, 3\)\]",
        lambda: _bn(decay=1.1),
    ),
    "decay 1": (errors.ArgumentError, r"`decay` must be in \[0, 1\)", lambda: _bn(decay=1)),
    "decay negative": (errors.ArgumentError, r"`decay` must be in \[0, 1\)", lambda: _bn(decay=-0.1)),
    "decay nan": (errors.ArgumentError, r"`decay` must be in \[0, 1\)", lambda: _bn(decay=float("nan"))),
    "decay string": (errors.ArgumentTypeError, "`decay` must be a number. Got '0.9'", lambda: _bn(decay="0.9")),
    "decay bool": (errors.ArgumentTypeError, "`decay` must be a number. Got True", lambda: _bn(decay=True)),
    "epsilon negative": (errors.ArgumentError, r"`epsilon` must be in \[0, inf\)", lambda: _bn(epsilon=-1e-3)),
    "epsilon None": (errors.ArgumentTypeError, "`epsilon` must be a number", lambda: _bn(epsilon=None)),
    "center": (errors.ArgumentTypeError, "`center` must be True or False. Got 1", lambda: _bn(center=1)),
    "scale": (errors.ArgumentTypeError, "`scale` must be True or False", lambda: _bn(scale=None)),
    "trainable": (errors.ArgumentTypeError, "`trainable` must be True or False", lambda: _bn(trainable="yes")),
    "bessel": (errors.ArgumentTypeError, "`bessel_correction` must be True or False", lambda: _bn(bessel_correction=2)),
    "guard": (
        errors.ArgumentError,
        "`numeric_guard` is unknown. Got 'skp'; expected None or 'skip' or 'raise'",
        lambda: _bn(numeric_guard="skp"),
    ),
    "initializer": (
        errors.ArgumentTypeError,
        "`beta_initializer` must be callable or None. Got 0.0",
        lambda: _bn(beta_initializer=0.0),
    ),
    "regularizer": (
        errors.ArgumentTypeError,
        "`gamma_regularizer` must be callable or None",
        lambda: _bn(gamma_regularizer=1e-4),
    ),
    # words
    "momentum": (
        errors.ArgumentTypeError,
        r"unknown argument `momentum`. tf1bn's word is decay \(tf.layers and Keras",
        lambda: _bn(momentum=0.9),
    ),
    "misspelt": (
        errors.ArgumentTypeError,
        "unknown argument `epsilom`. Did you mean 'epsilon'?",
        lambda: _bn(epsilom=1),
    ),
    # scope and strategy
    "scope": (
        errors.ArgumentTypeError,
        "`scope` has the wrong type. Got 3; expected None, a string or a VariableScope",
        lambda: _bn(scope=3),
    ),
    "reuse": (errors.ArgumentTypeError, "`reuse` has the wrong type. Got 'yes'", lambda: _bn(reuse="yes")),
    "reuse unnamed": (
        errors.ReuseError,
        "`reuse` without a `scope`: whose variables are meant is unclear",
        lambda: _bn(reuse=True),
    ),
    "auto reuse unnamed": (errors.ReuseError, "`reuse` without a `scope`", lambda: _bn(reuse=tf.AUTO_REUSE)),
    "exists": (
        errors.ReuseError,
        "variable 'made/gamma' already exists. To share it, pass reuse=True",
        lambda: _bn(scope="made"),
    ),
    "does not exist": (
        errors.ReuseError,
        "variable 'gamma' of scope 'missing' cannot be reused",
        lambda: _bn(scope="missing", reuse=True),
    ),
    "scale left out before": (
        errors.ReuseError,
        "variable 'gamma' of scope 'plain' cannot be reused",
        lambda: _bn(scope="plain", reuse=True),
    ),
    "other channels": (
        errors.ReuseError,
        r"variable 'made/gamma' cannot be shared. Got 'shape \(3,\) and dtype float32'; "
        r"expected shape \(4,\)",
        lambda: _bn(np.zeros((2, 4), np.float32), scope="made", reuse=True),
    ),
    "other channels, auto": (
        errors.ReuseError,
        "variable 'plain/beta' cannot be shared",
        lambda: _bn(np.zeros((2, 4), np.float32), scope="plain", reuse=tf.AUTO_REUSE),
    ),
    "other dtype": (
        errors.ReuseError,
        "and dtype float64. A call that shares",
        lambda: _bn(np.zeros((2, 3)), scope="made", reuse=tf.AUTO_REUSE),
    ),
    "strategy with another variable": (
        errors.ReuseError,
        "variable 'debias_weight' of scope 'made' cannot be reused",
        lambda: _bn(scope="made", reuse=True, is_training=False, update_strategy=Ema(zero_debias=True)),
    ),
    "unknown strategy": (
        errors.UnknownNameError,
        "unknown update strategy 'inlin'. Expected one of collection, ema, frozen, inline. Did you mean 'inline'?",
        lambda: _bn(update_strategy="inlin"),
    ),
    "strategy number": (errors.StrategyError, "this is not an update strategy", lambda: _bn(update_strategy=3)),
    "strategy class": (
        errors.StrategyError,
        r"Pass an instance: Collection\(\)",
        lambda: _bn(update_strategy=Collection),
    ),
    "two decays": (
        errors.ArgumentError,
        "`decay` is given, but the shared ExponentialMovingAverage has a decay of its own",
        lambda: _bn(decay=0.5, update_strategy=Ema(tf.train.ExponentialMovingAverage(0.9))),
    ),
    # the other layers
    "dense units": (errors.ArgumentError, "dense: `units` must be at least 1. Got 0", lambda: tf1bn.dense(_X[0], 0)),
    "dense units float": (errors.ArgumentTypeError, "`units` must be an integer", lambda: tf1bn.dense(_X[0], 1.5)),
    "dense rank": (errors.ShapeError, "`inputs` must have rank 2 or more", lambda: tf1bn.dense(np.zeros(3), 2)),
    "dense features": (
        errors.ShapeError,
        "the last dimension of `inputs` must be known and positive",
        lambda: tf1bn.dense(np.zeros((2, 0)), 2),
    ),
    "dense bias": (
        errors.ArgumentTypeError,
        "`use_bias` must be True or False",
        lambda: tf1bn.dense(_X[0], 2, use_bias=0),
    ),
    "dense activation": (
        errors.ArgumentTypeError,
        "`activation` must be callable or None",
        lambda: tf1bn.dense(_X[0], 2, activation="relu"),
    ),
    "dense exists": (
        errors.ReuseError,
        "variable 'linear/kernel' already exists",
        lambda: tf1bn.dense(_X[0], 2, scope="linear"),
    ),
    "dense other width": (
        errors.ReuseError,
        "variable 'linear/kernel' cannot be shared",
        lambda: tf1bn.dense(_X[0], 4, scope="linear", reuse=tf.AUTO_REUSE),
    ),
    "conv rank": (errors.ShapeError, "conv2d: `inputs` must have rank 4", lambda: tf1bn.conv2d(_X[0], 2, 3)),
    "conv channels": (
        errors.ShapeError,
        "must be known and positive for data_format 'channels_first'",
        lambda: tf1bn.conv2d(np.zeros((1, 0, 2, 2)), 2, 3, data_format="channels_first"),
    ),
    "conv filters": (errors.ArgumentError, "`filters` must be at least 1", lambda: tf1bn.conv2d(_X[0], -1, 3)),
    "conv window": (
        errors.ArgumentError,
        "`kernel_size` must be one integer or two",
        lambda: tf1bn.conv2d(_X[0], 2, (1, 2, 3)),
    ),
    "conv padding": (
        errors.ArgumentError,
        "`padding` is unknown. Got 'SAME'; expected 'same' or 'valid'",
        lambda: tf1bn.conv2d(_X[0], 2, 3, padding="SAME"),
    ),
    "conv format": (
        errors.ArgumentError,
        "`data_format` is unknown",
        lambda: tf1bn.conv2d(_X[0], 2, 3, data_format="NHWC"),
    ),
    "conv dilation": (
        errors.ArgumentError,
        "`dilation_rate` and `strides` are both above 1",
        lambda: tf1bn.conv2d(_X[0], 2, 3, strides=2, dilation_rate=2),
    ),
    # train ops
    "with_updates op": (
        errors.ArgumentTypeError,
        "with_updates: `op` has the wrong type. Got 'x'",
        lambda: tf1bn.with_updates("x"),
    ),
    "with_updates list": (
        errors.ArgumentTypeError,
        "`op` has the wrong type. Got 3",
        lambda: tf1bn.with_updates([_X[0], 3]),
    ),
    "with_updates scope": (
        errors.ArgumentTypeError,
        "`scope` has the wrong type",
        lambda: tf1bn.with_updates(_X[0], 3),
    ),
    "with_updates slip": (
        errors.ArgumentError,
        "no batch norm stands in scope 'mad'. Expected a scope that holds one of made, plain. Did you mean 'made'?",
        lambda: tf1bn.with_updates(_X[0], "mad"),
    ),
    "minimize optimizer": (
        errors.ArgumentTypeError,
        "minimize: `optimizer` has no method minimize",
        lambda: tf1bn.minimize("adam", _X[0]),
    ),
    "minimize slip": (
        errors.ArgumentError,
        "minimize: no batch norm stands in scope 'plian'",
        lambda: tf1bn.minimize(tf.train.AdamOptimizer(), tf.reduce_mean(_X[0]), scope="plian"),
    ),
}


def _snapshot(graph):
    """Everything of a graph that a program can see, and the layers that tf1bn has noted."""
    collections = {key: list(map(id, graph.get_collection(key))) for key in graph.get_all_collection_keys()}
    return graph.as_graph_def().SerializeToString(deterministic=True), collections, len(ledger().calls)


def _made():
    """A graph with a layer, a layer without gamma, and a dense layer."""
    _X[0] = _x()
    for scope in ("made", "plain"):
        tf1bn.batch_norm(_X[0], True, scope=scope, scale=scope == "made")
    tf1bn.dense(_X[0], 2, scope="linear")


def _refused(graph, error, text, call):
    before = _snapshot(graph)
    with pytest.raises(error, match=text):
        call()
    after = _snapshot(graph)
    assert after[1:] == before[1:]
    assert after[0] == before[0]


@pytest.mark.parametrize("case", [name for name in CALLS if name != "minimize slip"])
def test_a_refused_call_leaves_the_graph_as_it_was(graph, case):
    _made()
    _refused(graph, *CALLS[case])
    # The refused call has used up no number: what comes next is called as if nothing had been.
    tf1bn.batch_norm(_X[0], True)
    tf1bn.dense(_X[0], 2)
    assert {"batch_norm/gamma", "dense/kernel"} < {v.op.name for v in tf.global_variables()}


def test_a_refused_minimize_adds_no_optimizer(graph):
    _made()
    error, text, _ = CALLS["minimize slip"]
    loss, optimizer = tf.reduce_mean(_X[0]), tf.train.AdamOptimizer()
    _refused(graph, error, text, lambda: tf1bn.minimize(optimizer, loss, scope="plian"))


TENSORS = {
    "int32 inputs": (
        errors.ArgumentTypeError,
        "`inputs` is not floating point. Got 'int32'",
        lambda: _x(dtype=tf.int32),
        _bn,
    ),
    "sparse": (
        errors.ArgumentTypeError,
        "`inputs` is not a dense tensor",
        lambda: tf.sparse_placeholder(tf.float32),
        _bn,
    ),
    "unknown rank": (
        errors.ShapeError,
        "the rank of `inputs` is unknown. Expected a known rank from 2 to 5. Give .* "
        r"\[scope batch_norm, inputs of unknown rank\]",
        lambda: _x(None),
        _bn,
    ),
    "unknown channels": (
        errors.ShapeError,
        r"the channel dimension \(axis 1\) of `inputs` is unknown. Expected a positive",
        lambda: _x([2, None]),
        _bn,
    ),
    "conv channels": (
        errors.ShapeError,
        "must be known and positive for data_format 'channels_last'",
        lambda: _x([1, 2, 2, None]),
        lambda x: tf1bn.conv2d(x, 2, 3),
    ),
    "dense rank": (errors.ShapeError, "must have rank 2 or more", lambda: _x(None), lambda x: tf1bn.dense(x, 2)),
    "int tensor switch": (
        errors.ArgumentTypeError,
        "`is_training` is a tensor of dtype int32. .* tf.cast",
        lambda: _x([], tf.int32),
        lambda p: _bn(is_training=p),
    ),
    "float tensor switch": (
        errors.ArgumentTypeError,
        "`is_training` is a tensor of dtype float32",
        lambda: _x([]),
        lambda p: _bn(is_training=p),
    ),
    "constant 2": (
        errors.ArgumentTypeError,
        "`is_training` is a tensor of dtype int32",
        lambda: tf.constant(2),
        lambda p: _bn(is_training=p),
    ),
    "vector switch": (
        errors.ShapeError,
        r"`is_training` has shape \(2,\).*expected a scalar",
        lambda: _x([2], tf.bool),
        lambda p: _bn(is_training=p),
    ),
    "vector decay": (
        errors.ArgumentTypeError,
        "`decay` must be a scalar floating-point tensor or a number",
        lambda: _x([2]),
        lambda d: _bn(decay=d),
    ),
    "int decay": (
        errors.ArgumentTypeError,
        "`decay` must be a scalar floating-point",
        lambda: _x([], tf.int32),
        lambda d: _bn(decay=d),
    ),
    "tensor decay and shared ema": (
        errors.ArgumentError,
        "`decay` is given, but the shared",
        lambda: _x([]),
        lambda d: _bn(decay=d, update_strategy=Ema(tf.train.ExponentialMovingAverage(0.9))),
    ),
}


@pytest.mark.parametrize("case", TENSORS)
def test_a_refused_tensor_leaves_the_graph_as_it_was(graph, case):
    _made()
    error, text, make, call = TENSORS[case]
    value = make()
    _refused(graph, error, text, lambda: call(value))


@pytest.mark.parametrize("which", ["inputs", "is_training", "decay"])
def test_a_tensor_of_another_graph_is_named(graph, which):
    _made()
    with tf.Graph().as_default():
        stranger = tf.placeholder(
            tf.bool if which == "is_training" else tf.float32, [None, 3] if which == "inputs" else [], name="stranger"
        )
    call = {
        "inputs": lambda: _bn(stranger),
        "is_training": lambda: _bn(is_training=stranger),
        "decay": lambda: _bn(decay=stranger),
    }[which]
    _refused(graph, errors.ArgumentError, f"`{which}` is a tensor of another graph. Got 'stranger:0'", call)


def test_an_eager_tensor_is_refused_as_input():
    with tf.init_scope():
        eager = tf.constant([[1.0, 2.0]])
    if not hasattr(eager, "numpy"):
        pytest.skip("eager mode is off in this process")
    with tf.Graph().as_default() as graph:
        _refused(
            graph, errors.ArgumentError, "`inputs` is a tensor of eager mode", lambda: tf1bn.batch_norm(eager, True)
        )
