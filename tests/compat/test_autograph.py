"""Refusals inside of functions that AutoGraph converts: class, place and the dialect's words stay."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.compat import slim, tf_layers


def _ours(x):
    return tf1bn.batch_norm(x, True, decay=3.0)


def _dense(x):
    return tf1bn.dense(x, "many")


def _tf_layers(x):
    return tf_layers.batch_normalization(x, momentum=3.0, training=True)


def _slim(x):
    return slim.batch_norm(x, decay=3.0)


REFUSED = {
    _ours: (errors.ArgumentError, "batch_norm: `decay` must be in"),
    _dense: (errors.Tf1bnError, "dense: "),
    _tf_layers: (errors.ArgumentError, "batch_normalization: `momentum` must be in"),
    _slim: (errors.ArgumentError, "batch_norm: `decay` must be in"),
}
CONVERTED = {
    "map_fn": lambda function: tf.map_fn(function, tf.zeros([3, 4, 5])),
    "Dataset.map": lambda function: tf.data.Dataset.from_tensor_slices(np.zeros([3, 4, 5], "f")).map(function),
    "tf.function": lambda function: tf.function(function)(tf.zeros([4, 5])),
}


@pytest.mark.parametrize("how", CONVERTED)
@pytest.mark.parametrize("function", REFUSED, ids=lambda function: function.__name__)
def test_a_refusal_keeps_its_class_and_its_place(graph, function, how):
    kind, text = REFUSED[function]
    with pytest.raises(kind) as caught:
        CONVERTED[how](function)
    assert text in str(caught.value)
    assert isinstance(caught.value, (ValueError, TypeError))
