"""slim's losses and further layers beside tf_slim: values, names, collections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import slim

RNG = np.random.RandomState(0)
X, Y = RNG.uniform(0.1, 0.9, [2, 3, 4]).astype(np.float32), RNG.uniform(0.1, 0.9, [2, 3, 4]).astype(np.float32)
IMAGES = RNG.randn(4, 4, 6, 8).astype(np.float32)
WEIGHTS: dict[str, Any] = {
    "number": 2.0,
    "zero": 0.0,
    "examples": [1.0, 0.0],
    "column": [[1.0], [3.0]],
    "one": [2.0],
    "axes": [[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]],
    "entries": RNG.randint(0, 3, [2, 3, 4]).astype(np.float32),
}
LOSSES = ("absolute_difference", "mean_squared_error", "log_loss", "sigmoid_cross_entropy")
PAIRS = "mean_pairwise_squared_error"


def outcome(call: Callable[[], Any]) -> Any:
    """The value, name and collection of a loss."""
    with tf.Graph().as_default(), tf.Session() as session:
        loss = call()
        return session.run(loss), loss.op.name.rpartition("/")[0], len(tf.losses.get_losses())


@pytest.mark.parametrize("name", [*LOSSES, PAIRS])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_loss(tf_slim: Any, name: str, kind: str) -> None:
    if name == PAIRS and kind not in ("number", "zero", "examples"):
        pytest.skip("the original takes a number or one weight for each example")
    wanted, got = (
        outcome(lambda m=m: getattr(m.losses, name)(tf.constant(X), tf.constant(Y), tf.constant(WEIGHTS[kind])))
        for m in (tf_slim, slim)
    )
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-4, atol=1e-6)
    assert got[1:] == wanted[1:]


@pytest.mark.parametrize("weights", [1.0, [1.0, 3.0], [[1.0], [3.0]]])
@pytest.mark.parametrize("labels", [[0, 2], [[1], [2]]])
def test_sparse_loss(tf_slim: Any, labels: Any, weights: Any) -> None:
    wanted, got = (
        outcome(
            lambda m=m: m.losses.sparse_softmax_cross_entropy(
                tf.constant(X[:, 0]), tf.constant(labels), tf.constant(weights)
            )
        )
        for m in (tf_slim, slim)
    )
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-5)


LAYERS: dict[str, Callable[[Any, Any], Any]] = {
    "group_norm": lambda m, x: m.group_norm(x, 4),
    "group_norm, one pass": lambda m, x: m.group_norm(x, 2, scale=False, mean_close_to_zero=True),
    "max_pool3d": lambda m, x: m.max_pool3d(tf.expand_dims(x, -1), 2),
    "avg_pool3d": lambda m, x: m.avg_pool3d(tf.expand_dims(x, -1), [2, 1, 2], 2, "SAME"),
    "maxout": lambda m, x: m.maxout(x, 4),
    "spatial_softmax": lambda m, x: m.spatial_softmax(x, 0.7),
    "unit_norm": lambda m, x: m.unit_norm(x, 3),
    "elu": lambda m, x: m.elu(m.flatten(x), 3, weights_initializer=tf.ones_initializer()),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(tf_slim: Any, name: str) -> None:
    call = LAYERS[name]
    seen = []
    for module in (tf_slim, slim):
        with tf.Graph().as_default(), tf.Session() as session:
            y = call(module, tf.constant(IMAGES))
            session.run(tf.global_variables_initializer())
            named = [(v.op.name, v.shape.as_list()) for v in tf.global_variables()]
            seen.append((session.run(y), named, _names("model_variables"), _names("trainable_variables")))
    np.testing.assert_allclose(seen[1][0], seen[0][0], rtol=1e-3, atol=1e-4)
    assert seen[1][1:] == seen[0][1:]


def _names(collection: str) -> list[str]:
    return [v.op.name for v in tf.get_collection(collection)]
