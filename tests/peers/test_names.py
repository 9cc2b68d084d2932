"""Names of outputs beside those of the originals, of layers that do not run on every CPU."""

from __future__ import annotations

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import tf_layers

CONVOLUTIONS = {
    "conv1d": 1,
    "conv2d": 2,
    "conv3d": 3,
    "separable_conv1d": 1,
    "separable_conv2d": 2,
    "conv2d_transpose": 2,
    "conv3d_transpose": 3,
}


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_channels_first_has_the_output_of_the_original(name: str, use_bias: bool, resource: bool) -> None:
    """Compares what was built alone: on a CPU the original may have no op to run."""
    found = []
    for layers in (tf.layers, tf_layers):
        with tf.Graph().as_default():
            tf.get_variable_scope().set_use_resource(resource)
            x = tf.placeholder(tf.float32, [None, *range(4, 5 + CONVOLUTIONS[name])])
            y = getattr(layers, name)(x, 3, 2, data_format="channels_first", use_bias=use_bias)
            found.append((y.name, y.shape.as_list()))
    assert found[1] == found[0]
