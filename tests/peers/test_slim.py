"""tf1bn.compat.slim beside tf_slim: names, shapes, dtypes, order, collections, outputs, gradients."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.peers import beside
from tests.peers.beside import Feeds
from tf1bn.compat import slim

RNG = np.random.RandomState(0)
SHAPES = {2: (12, 4), 3: (6, 5, 4), 4: (6, 4, 5, 4), 5: (4, 3, 4, 2, 4)}


def array(*shape: int, dtype: str = "float32") -> Any:
    return (RNG.randn(*shape) * 1.5 + 0.5).astype(dtype)


def square(w: Any) -> Any:
    return tf.reduce_sum(tf.square(w))


BN: dict[str, dict[str, Any]] = {
    "default": {},
    "rank 3": {"rank": 3},
    "rank 4": {"rank": 4},
    "rank 5": {"rank": 5},
    "scaled": {"scale": True},
    "scaled at rank 4": {"rank": 4, "scale": True},
    "neither": {"center": False},
    "not fused": {"fused": False},
    "not fused at rank 4": {"rank": 4, "fused": False, "scale": True},
    "in place": {"updates_collections": None, "scale": True},
    "in place at rank 3": {"rank": 3, "updates_collections": None, "scale": True},
    "in place at rank 4": {"rank": 4, "updates_collections": None, "decay": 0.6},
    "in place, not fused": {"fused": False, "updates_collections": None},
    "another collection": {"updates_collections": "my_updates"},
    "another collection at rank 3": {"rank": 3, "updates_collections": "my_updates"},
    "another collection at rank 4": {"rank": 4, "updates_collections": "my_updates"},
    "two collections": {"updates_collections": ["my_updates", "your_updates"]},
    "channels first": {"rank": 4, "data_format": "NCHW", "scale": True},
    "channels first, not fused": {"rank": 4, "data_format": "NCHW", "fused": False, "updates_collections": None},
    "debiased": {"zero_debias_moving_mean": True, "decay": 0.9},
    "debiased at rank 4": {"rank": 4, "zero_debias_moving_mean": True, "decay": 0.9},
    "debiased at rank 3": {"rank": 3, "zero_debias_moving_mean": True, "decay": 0.9, "scale": True},
    "debiased in place": {"zero_debias_moving_mean": True, "decay": 0.9, "updates_collections": None},
    "not trainable": {"trainable": False},
    "not trainable at rank 4": {"rank": 4, "trainable": False},
    "not trainable at rank 3, in place": {"rank": 3, "trainable": False, "updates_collections": None},
    "renorm": {"renorm": True, "renorm_decay": 0.8, "renorm_clipping": {"rmax": 2.0, "dmax": 1.0, "rmin": 0.5}},
    "adjustment": {"adjustment": lambda shape: (tf.ones([shape[0], 1]) * 1.5, tf.ones([shape[0], 1]) * 0.25)},
    "collections": {"variables_collections": ["mine"], "outputs_collections": "ends", "scale": True},
    "collections at rank 4": {"rank": 4, "variables_collections": {"beta": ["mine"], "moving_mean": ["theirs"]}},
    "activation": {"activation_fn": tf.nn.relu},
    "initializers": {
        "param_initializers": {"beta": tf.ones_initializer(), "moving_variance": tf.constant_initializer(3.0)}
    },
    "regularizers": {"param_regularizers": {"beta": square, "gamma": square}, "scale": True},
    "regularizers at rank 4": {"rank": 4, "param_regularizers": {"beta": square}},
    "regularizers, plain way": {"rank": 3, "param_regularizers": {"beta": square}, "updates_collections": None},
    "named": {"scope": "norm"},
    "half precision": {"dtype": "float16"},
}


@pytest.mark.parametrize("training", ["True", "False", "fed True", "fed False"])
@pytest.mark.parametrize("case", BN)
def test_batch_norm(case: str, training: str, resource: bool, tf_slim: Any) -> None:
    arguments = dict(BN[case])
    rank, dtype = arguments.pop("rank", 2), arguments.pop("dtype", "float32")
    fed = {"fed True": True, "fed False": False}.get(training)

    def build(dialect: Any, inputs: Any) -> Any:
        given = inputs["training"] if fed is not None else training == "True"
        return dialect.batch_norm(inputs["x"], is_training=given, **arguments)

    x = array(*SHAPES[rank], dtype=dtype)
    beside.both(
        tf_slim,
        slim,
        build,
        Feeds({"x": x}, fed),
        resource,
        **({"rtol": 2e-2, "atol": 5e-2} if dtype == "float16" else {}),
    )


def weighted(rank: int) -> Any:
    def build(dialect: Any, inputs: Any) -> Any:
        return dialect.batch_norm(inputs["x"], batch_weights=inputs["w"], scale=True)

    return build


@pytest.mark.parametrize("rank", [2, 4])
def test_batch_norm_with_weights(rank: int, resource: bool, tf_slim: Any) -> None:
    x = array(*SHAPES[rank])
    w = np.abs(array(len(x))) + 0.1
    beside.both(tf_slim, slim, weighted(rank), Feeds({"x": x, "w": w}), resource, rtol=1e-3, atol=1e-4)


LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "fully_connected": (lambda s, x: s.fully_connected(x, 3), (6, 4)),
    "fully_connected of rank 3": (lambda s, x: s.fully_connected(x, 3, activation_fn=None), (3, 5, 4)),
    "fully_connected, collections": (
        lambda s, x: s.fully_connected(x, 3, variables_collections=["mine"], outputs_collections="ends", scope="fc"),
        (6, 4),
    ),
    "fully_connected, regularized": (
        lambda s, x: s.fully_connected(
            x, 3, weights_regularizer=s.l2_regularizer(0.1), biases_regularizer=s.l1_regularizer(0.1)
        ),
        (6, 4),
    ),
    "fully_connected, normalized": (
        lambda s, x: s.fully_connected(x, 3, normalizer_fn=s.batch_norm, normalizer_params={"scale": True}),
        (6, 4),
    ),
    "fully_connected, no biases": (lambda s, x: s.fully_connected(x, 3, biases_initializer=None), (6, 4)),
    "fully_connected, fixed": (lambda s, x: s.fully_connected(x, 3, trainable=False), (6, 4)),
    "linear": (lambda s, x: s.linear(x, 3), (6, 4)),
    "conv2d": (lambda s, x: s.conv2d(x, 3, 3), (3, 6, 7, 4)),
    "conv2d, strided and valid": (lambda s, x: s.conv2d(x, 3, [3, 2], [2, 1], "VALID", scope="c"), (3, 6, 7, 4)),
    "conv2d, dilated": (lambda s, x: s.conv2d(x, 3, 3, rate=2), (3, 6, 7, 4)),
    "conv2d, normalized": (
        lambda s, x: s.conv2d(x, 3, 3, normalizer_fn=s.batch_norm, weights_regularizer=s.l1_l2_regularizer(0.1, 0.2)),
        (3, 6, 7, 4),
    ),
    "conv2d of rank 3": (lambda s, x: s.convolution(x, 3, 3), (3, 7, 4)),
    "conv2d of rank 5": (lambda s, x: s.convolution(x, 3, 2, 2), (2, 4, 5, 3, 4)),
    "conv2d_transpose": (lambda s, x: s.conv2d_transpose(x, 3, 3, 2), (3, 4, 5, 4)),
    "conv2d_transpose, normalized": (
        lambda s, x: s.conv2d_transpose(x, 3, 3, 2, "VALID", normalizer_fn=s.batch_norm),
        (3, 4, 5, 4),
    ),
    "separable_conv2d": (lambda s, x: s.separable_conv2d(x, 3, 3, 2), (3, 6, 7, 4)),
    "separable_conv2d, normalized": (
        lambda s, x: s.separable_conv2d(
            x, 3, 3, 1, normalizer_fn=s.batch_norm, weights_regularizer=s.l2_regularizer(0.1)
        ),
        (3, 6, 7, 4),
    ),
    "depthwise": (lambda s, x: s.separable_conv2d(x, None, 3, 2, stride=2), (3, 6, 7, 4)),
    "depthwise, normalized": (
        lambda s, x: s.separable_conv2d(x, None, [3, 3], normalizer_fn=s.batch_norm),
        (3, 6, 7, 4),
    ),
    "bias_add": (lambda s, x: s.bias_add(x, activation_fn=tf.nn.relu), (3, 4, 5, 4)),
    "bias_add of rank 2, regularized": (lambda s, x: s.bias_add(x, regularizer=s.l2_regularizer(0.1)), (6, 4)),
    "layer_norm": (lambda s, x: s.layer_norm(x), (6, 5)),
    "layer_norm of rank 4": (lambda s, x: s.layer_norm(x, activation_fn=tf.nn.relu, scope="ln"), (3, 4, 5, 4)),
    "layer_norm from the end": (lambda s, x: s.layer_norm(x, begin_norm_axis=-1, scale=False), (3, 4, 5)),
    "instance_norm": (lambda s, x: s.instance_norm(x), (3, 4, 5, 4)),
    "instance_norm, channels first": (lambda s, x: s.instance_norm(x, data_format="NCHW"), (3, 4, 5, 4)),
    "max_pool2d": (lambda s, x: s.max_pool2d(x, [2, 2]), (3, 6, 7, 4)),
    "max_pool2d, same": (
        lambda s, x: s.max_pool2d(x, 3, 1, "SAME", outputs_collections="ends", scope="p"),
        (3, 6, 7, 4),
    ),
    "avg_pool2d": (lambda s, x: s.avg_pool2d(x, [3, 2], stride=1), (3, 6, 7, 4)),
    "dropout, inference": (lambda s, x: s.dropout(x, 0.6, is_training=False), (6, 4)),
    "flatten": (lambda s, x: s.flatten(x, outputs_collections="ends"), (3, 4, 5)),
    "softmax": (lambda s, x: s.softmax(x), (3, 4, 5)),
    "repeat": (lambda s, x: s.repeat(x, 3, s.fully_connected, 4), (6, 4)),
    "repeat, named": (lambda s, x: s.repeat(x, 2, s.conv2d, 4, [3, 3], scope="conv1"), (3, 6, 7, 4)),
    "stack": (lambda s, x: s.stack(x, s.fully_connected, [5, 4, 3], scope="fc"), (6, 4)),
    "stack of lists": (lambda s, x: s.stack(x, s.conv2d, [(4, [3, 3]), (3, [1, 1])]), (3, 6, 7, 4)),
}


@pytest.mark.parametrize("case", LAYERS)
def test_layer(case: str, resource: bool, tf_slim: Any) -> None:
    function, shape = LAYERS[case]
    beside.both(
        tf_slim, slim, lambda s, i: function(s, i["x"]), Feeds({"x": array(*shape)}), resource, rtol=1e-3, atol=1e-4
    )


def network(s: Any, inputs: Any) -> Any:
    parameters = {"is_training": inputs["training"], "decay": 0.9, "scale": True}
    regularizer = s.l2_regularizer(0.01)
    with s.arg_scope([s.conv2d, s.fully_connected], normalizer_fn=s.batch_norm, weights_regularizer=regularizer) as sc:
        with s.arg_scope([s.batch_norm], **parameters):
            y = s.conv2d(inputs["x"], 4, [3, 3], outputs_collections="ends")
            y = s.max_pool2d(y, [2, 2], scope="pool")
            y = s.repeat(y, 2, s.conv2d, 4, [3, 3], scope="block")
            y = s.fully_connected(s.flatten(y), 5, scope="fc")
    with s.arg_scope(sc):
        y = s.fully_connected(y, 4, normalizer_params=parameters)
    return s.fully_connected(y, 3, activation_fn=None, scope="logits")


def scope_reused(s: Any, inputs: Any) -> Any:
    for reuse in (None, True):
        with tf.variable_scope("net", reuse=reuse):
            y = s.fully_connected(inputs["x"], 4, normalizer_fn=s.batch_norm)
            y = s.batch_norm(y, is_training=reuse is None, updates_collections=None)
    return s.fully_connected(y, 4, scope="net/fully_connected", reuse=True, normalizer_fn=s.batch_norm)


def variables(s: Any, inputs: Any) -> Any:
    w = s.variable("w", shape=[4, 3], initializer=tf.ones_initializer(), collections=["a", "a", "variables"])
    m = s.model_variable("m", shape=[3], initializer=tf.zeros_initializer(), regularizer=s.l2_regularizer(0.5))
    with tf.variable_scope("s"):
        s.model_variable("m", shape=[2], initializer=tf.zeros_initializer(), trainable=False)
    named = {
        "all": s.get_variables(),
        "model": s.get_model_variables(),
        "trainable": s.get_trainable_variables("s"),
        "by name": s.get_variables_by_name("m"),
        "by suffix": s.get_variables_by_suffix("m"),
        "unique": [s.get_unique_variable("s/m")],
        "restored": s.get_variables_to_restore(exclude=["s"]),
        "filtered": s.filter_variables(s.get_variables(), exclude_patterns=["w"]),
    }
    tf.get_default_graph().add_to_collection("told", str({k: [v.op.name for v in vs] for k, vs in named.items()}))
    assert tf.get_collection("told")[0] == variables.expected
    return tf.matmul(inputs["x"], w) + m


variables.expected = str(
    {
        "all": ["w", "m", "s/m"],
        "model": ["m", "s/m"],
        "trainable": [],
        "by name": ["m", "s/m"],
        "by suffix": ["m", "s/m"],
        "unique": ["s/m"],
        "restored": ["w", "m"],
        "filtered": ["m", "s/m"],
    }
)


def penalties(s: Any, inputs: Any) -> Any:
    y = s.fully_connected(inputs["x"], 3, variables_collections=[tf.GraphKeys.WEIGHTS])
    s.apply_regularization(s.l1_l2_regularizer(0.1, 0.3), s.get_variables_by_name("weights"))
    return y


@pytest.mark.parametrize("program", [scope_reused, variables, penalties], ids=lambda program: program.__name__)
def test_program(program: Any, resource: bool, tf_slim: Any) -> None:
    beside.both(tf_slim, slim, program, Feeds({"x": array(12, 4)}), resource)


@pytest.mark.parametrize("training", [True, False])
def test_network(training: bool, resource: bool, tf_slim: Any) -> None:
    beside.both(tf_slim, slim, network, Feeds({"x": array(8, 8, 8, 3)}, training), resource, rtol=2e-3, atol=2e-3)


def test_checkpoints_are_exchanged_both_ways(tmp_path: pathlib.Path, tf_slim: Any) -> None:
    feeds = Feeds({"x": array(8, 8, 8, 3)}, True)
    beside.restored(tf_slim, slim, network, feeds, tmp_path)
    beside.restored(slim, tf_slim, network, feeds, tmp_path)


LOSSES: dict[str, Any] = {
    "absolute_difference": lambda s, x, w: s.losses.absolute_difference(x, x * 2 + 1, w),
    "mean_squared_error": lambda s, x, w: s.losses.mean_squared_error(x, x * 2 + 1, w),
    "log_loss": lambda s, x, w: s.losses.log_loss(tf.sigmoid(x), tf.sigmoid(-x), w),
    "sigmoid_cross_entropy": lambda s, x, w: s.losses.sigmoid_cross_entropy(x, tf.sigmoid(-x), w, 0.1),
    "softmax_cross_entropy": lambda s, x, w: s.losses.softmax_cross_entropy(x, tf.nn.softmax(-x), w, 0.1),
    "sparse_softmax_cross_entropy": lambda s, x, w: s.losses.sparse_softmax_cross_entropy(x, tf.argmax(-x, 1), w),
    "cosine_distance": lambda s, x, w: s.losses.cosine_distance(x, x + 1, axis=1, weights=w),
    "compute_weighted_loss": lambda s, x, w: s.losses.compute_weighted_loss(x, w),
}


@pytest.mark.parametrize("weights", ["none", "scalar", "per example"])
@pytest.mark.parametrize("case", LOSSES)
def test_loss(case: str, weights: str, tf_slim: Any) -> None:
    x = array(6, 4)
    w = {"none": 1.0, "scalar": 0.5, "per example": np.array([0, 1, 0.5, 2, 0, 1], np.float32)}[weights]
    found = []
    for dialect in (tf_slim, slim):
        with tf.Graph().as_default(), tf.Session() as session:
            loss = LOSSES[case](dialect, tf.constant(x), w)
            assert len(tf.get_collection(tf.GraphKeys.LOSSES)) == 1
            found.append(session.run([loss, dialect.losses.get_total_loss()]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


@pytest.mark.parametrize("make", ["create_train_op", "training", "optimize_loss"])
def test_training_moves_weights_and_averages_alike(make: str, tf_slim: Any) -> None:
    x, target = array(12, 4), array(12, 3)
    found: list[dict[str, Any]] = []
    for s in (tf_slim, slim):
        with tf.Graph().as_default(), tf.Session() as session:
            y = s.fully_connected(tf.constant(x), 5, normalizer_fn=s.batch_norm, normalizer_params={"decay": 0.5})
            y = s.fully_connected(y, 3, activation_fn=None)
            s.losses.mean_squared_error(y, tf.constant(target))
            loss, step = s.losses.get_total_loss(), s.get_or_create_global_step()
            optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
            if make == "create_train_op":
                factors = {"fully_connected/weights": 2.0}
                train = s.learning.create_train_op(
                    loss, optimizer, clip_gradient_norm=0.5, gradient_multipliers=factors
                )
            elif make == "training":
                train = s.training.create_train_op(loss, optimizer)
            else:
                train = s.optimize_loss(loss, step, 0.1, "Adam", clip_gradients=0.5, summaries=["loss", "gradients"])
            session.run(tf.global_variables_initializer())
            for v in tf.global_variables():
                if "weights" in v.op.name and v in tf.trainable_variables():
                    v.load(np.linspace(-1, 1, v.shape.num_elements()).reshape(v.shape.as_list()), session)
            losses = [session.run(train) for _ in range(3)]
            found.append({v.op.name: session.run(v) for v in tf.global_variables()} | {"losses": losses})
    assert list(found[0]) == list(found[1])
    for name in found[0]:
        np.testing.assert_allclose(found[1][name], found[0][name], rtol=1e-3, atol=1e-5, err_msg=name)
