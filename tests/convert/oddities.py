"""Networks of odd shapes, as people wrote them: each with the PyTorch that a person would write for its state.

``RIGHT`` are converted, and must compute the same; ``ASKED`` stop with a question that has the words given.
"""

from __future__ import annotations

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib, rnn_cell, tf_layers

RIGHT, ASKED = {}, {}


def right(build):
    RIGHT[build.__name__] = build
    return build


def asked(text):
    def keep(build):
        ASKED[build.__name__] = (build, text)
        return build

    return keep


def _x(*shape, name="x", dtype=tf.float32):
    return tf.placeholder(dtype, [None, *shape], name)


def _conv(x, filters=3, size=3, name="c", **options):
    return tf_layers.conv2d(x, filters, size, name=name, **options)


def _dense(x, units=3, name="d", **options):
    return tf_layers.dense(x, units, name=name, **options)


class Torch:
    """What PyTorch's functions give for a state, each layer by its name; maps come channels last, as in the source."""

    def __init__(self, state):
        import torch
        import torch.nn.functional as functional

        self.torch, self.f, self.state = torch, functional, state

    def maps(self, x):
        return self.torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))

    def rows(self, x):
        return self.torch.from_numpy(x)

    def conv(self, x, name="c", **options):
        return self.f.conv2d(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"), **options)

    def dense(self, x, name="d"):
        return self.f.linear(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"))

    def norm(self, x, name="b", epsilon=1e-3):
        words = ("running_mean", "running_var", "weight", "bias")
        return self.f.batch_norm(x, *(self.state[f"{name}.{word}"] for word in words), False, 0.0, epsilon)


@right
def convolution_with_a_bias_and_a_norm_without_scale():
    h = tf_layers.batch_normalization(_conv(_x(6, 6, 2), padding="same"), scale=False, training=False, name="b")
    return tf.reduce_mean(tf.nn.relu(h), [1, 2]), lambda t, x: t.f.relu(t.norm(t.conv(t.maps(x), padding=1))).mean(
        (2, 3)
    )


@right
def flattened_by_a_shape_that_is_computed():
    h = _conv(_x(4, 5, 3))
    flat = tf.reshape(tf.reshape(h, [tf.shape(h)[0], -1]), [-1, 18])
    return _dense(flat), lambda t, x: t.dense(t.conv(t.maps(x)).flatten(1))


@right
def moved_to_channels_first_and_flattened():
    flat = tf.reshape(tf.transpose(_conv(_x(4, 5, 3)), [0, 3, 1, 2]), [-1, 18])
    return _dense(flat), lambda t, x: t.dense(t.conv(t.maps(x)).flatten(1))


@right
def pooled_to_one_position_and_reshaped():
    h = tf.reshape(tf.nn.avg_pool2d(_conv(_x(6, 6, 2)), 4, 4, "VALID"), [-1, 3])
    return _dense(h), lambda t, x: t.dense(t.conv(t.maps(x)).mean((2, 3)))


@right
def a_head_that_is_a_convolution():
    h = tf.squeeze(_conv(_conv(_x(6, 6, 2)), 5, 4, "head"), [1, 2])
    return h, lambda t, x: t.conv(t.conv(t.maps(x)), "head").flatten(1)


@right
def groups_with_kernels_of_their_own():
    parts = tf.split(_x(6, 6, 4), 2, 3)
    h = tf.concat([_conv(part, name=name) for part, name in zip(parts, ("g1", "g2"), strict=True)], 3)

    def port(t, x):
        one, two = t.maps(x).chunk(2, 1)
        return t.torch.cat([t.conv(one, "g1"), t.conv(two, "g2")], 1).mean((2, 3))

    return tf.reduce_mean(h, [1, 2]), port


@right
def branches_joined_and_then_flattened():
    x = _x(4, 4, 2)
    h = tf.concat([_conv(x, 3, 3, "a", padding="same"), _conv(x, 2, 1, "b")], 3)
    return _dense(tf.reshape(h, [-1, 80])), lambda t, x: t.dense(
        t.torch.cat([t.conv(t.maps(x), "a", padding=1), t.conv(t.maps(x), "b")], 1).flatten(1)
    )


@right
def a_sequence_of_one_axis_flattened():
    h = tf_layers.conv1d(_x(6, 2), 3, 3, name="c")
    return _dense(tf.reshape(h, [-1, 12])), lambda t, x: t.dense(
        t.f.conv1d(t.maps(x), t.state["c.weight"], t.state["c.bias"]).flatten(1)
    )


@right
def volumes_flattened():
    h = tf_layers.conv3d(_x(4, 4, 4, 2), 3, 3, name="c")
    return _dense(tf.reshape(h, [-1, 24])), lambda t, x: t.dense(
        t.f.conv3d(t.maps(x), t.state["c.weight"], t.state["c.bias"]).flatten(1)
    )


@right
def a_layer_called_on_two_inputs():
    one, two = (tf.nn.relu(_dense(_x(5, name=name), 4, "e", reuse=tf.AUTO_REUSE)) for name in ("x", "z"))
    return _dense(tf.abs(one - two)), lambda t, x, z: t.dense(
        (t.f.relu(t.dense(t.rows(x), "e")) - t.f.relu(t.dense(t.rows(z), "e"))).abs()
    )


@right
def a_dense_layer_added_to_flattened_maps():
    flat = tf.reshape(_conv(_x(4, 4, 2)), [-1, 12])
    h = flat + _dense(_x(5, name="z"), 12, "k")
    return _dense(h), lambda t, x, z: t.dense(t.conv(t.maps(x)).flatten(1) + t.dense(t.rows(z), "k"))


@right
def a_vector_times_flattened_maps():
    flat = tf.reshape(_conv(_x(4, 4, 2)), [-1, 12])
    return _dense(flat * tf.get_variable("scale", [12])), lambda t, x: t.dense(
        t.conv(t.maps(x)).flatten(1) * t.state["scale"]
    )


@right
def maps_weighed_by_channel():
    h = _conv(_x(4, 4, 2), 4, padding="same")
    gate = tf.sigmoid(_dense(tf.reduce_mean(h, [1, 2]), 4, "gate"))
    flat = tf.reshape(h * tf.reshape(gate, [-1, 1, 1, 4]), [-1, 64])

    def port(t, x):
        h = t.conv(t.maps(x), padding=1)
        return t.dense((h * t.torch.sigmoid(t.dense(h.mean((2, 3)), "gate"))[:, :, None, None]).flatten(1))

    return _dense(flat), port


@right
def a_dense_layer_over_the_channels_of_maps():
    h = _conv(_dense(_x(4, 4, 2), 3, "p"))
    return _dense(tf.reshape(h, [-1, 12])), lambda t, x: t.dense(
        t.conv(t.dense(t.rows(x), "p").permute(0, 3, 1, 2)).flatten(1)
    )


@right
def heads_of_attention():
    q = tf.transpose(tf.reshape(_dense(_x(4, 6), 6, "q", use_bias=False), [-1, 4, 2, 3]), [0, 2, 1, 3])
    h = tf.matmul(tf.matmul(q, q, transpose_b=True), q)

    def port(t, x):
        q = t.dense(t.rows(x), "q").view(-1, 4, 2, 3).transpose(1, 2)
        return t.dense((q @ q.transpose(2, 3) @ q).transpose(1, 2).reshape(-1, 4, 6))

    return _dense(tf.reshape(tf.transpose(h, [0, 2, 1, 3]), [-1, 4, 6]), 5), port


@right
def a_vector_becomes_maps_of_channels_first():
    h = tf.transpose(tf.reshape(_dense(_x(5), 18), [-1, 2, 3, 3]), [0, 2, 3, 1])
    return tf.reduce_mean(_conv(h), [1, 2]), lambda t, x: t.conv(t.dense(t.rows(x)).view(-1, 2, 3, 3)).mean((2, 3))


@right
def an_enlarged_image_flattened():
    h = tf_layers.conv2d_transpose(_x(3, 3, 2), 3, 2, 2, name="u")
    return _dense(tf.reshape(h, [-1, 108])), lambda t, x: t.dense(
        t.f.conv_transpose2d(t.maps(x), t.state["u.weight"], t.state["u.bias"], stride=2).flatten(1)
    )


@right
def slim_layers_behind_flattened_maps():
    h = contrib.layers.flatten(contrib.layers.conv2d(_x(4, 4, 2), 3, 3, padding="VALID", scope="c"))
    h = contrib.layers.fully_connected(
        h, 4, normalizer_fn=contrib.layers.batch_norm, normalizer_params={"is_training": False}, scope="f"
    )
    return contrib.layers.fully_connected(h, 2, activation_fn=None, scope="d"), lambda t, x: t.dense(
        t.f.relu(t.norm(t.dense(t.f.relu(t.conv(t.maps(x))).flatten(1), "f"), "f.BatchNorm"))
    )


@right
def a_cell_over_flattened_maps():
    x = _x(4, 4, 2)
    cell = rnn_cell.BasicLSTMCell(4)
    y, _ = cell(tf.reshape(_conv(x), [-1, 12]), cell.zero_state(tf.shape(x)[0], tf.float32))

    def port(t, x):
        module = t.torch.nn.LSTM(12, 4, batch_first=True)
        module.load_state_dict({name.rpartition(".")[2]: value for name, value in t.state.items() if "lstm" in name})
        return module(t.conv(t.maps(x)).flatten(1)[:, None])[0][:, 0].detach()

    return y, port


@right
def a_gru_over_flattened_maps():
    x = _x(4, 4, 2)
    cell = rnn_cell.GRUCell(4)
    y, _ = cell(tf.reshape(_conv(x), [-1, 12]), cell.zero_state(tf.shape(x)[0], tf.float32) + 0.5)

    def port(t, x):
        h = t.torch.full((len(x), 4), 0.5)
        given = t.conv(t.maps(x)).flatten(1)
        r, u = t.torch.sigmoid(t.dense(t.torch.cat([given, h], 1), "gru_cell.gates")).chunk(2, 1)
        return u * h + (1 - u) * t.torch.tanh(t.dense(t.torch.cat([given, r * h], 1), "gru_cell.candidate"))

    return y, port


@right
def a_convolution_in_front_of_a_loop():
    h = tf_layers.conv1d(_x(4, 2), 3, 3, padding="same", name="c")
    y, _ = tf.nn.dynamic_rnn(rnn_cell.BasicLSTMCell(4), h, dtype=tf.float32)

    def port(t, x):
        module = t.torch.nn.LSTM(3, 4, batch_first=True)
        module.load_state_dict({name.rpartition(".")[2]: value for name, value in t.state.items() if "lstm" in name})
        h = t.f.conv1d(t.maps(x), t.state["c.weight"], t.state["c.bias"], padding=1)
        return module(h.transpose(1, 2))[0].detach()

    return y, port


@right
def a_slope_per_channel():
    h = _conv(_x(6, 6, 2))
    h = tf.nn.relu(h) - tf.get_variable("alpha", [3]) * tf.nn.relu(-h)
    return tf.reduce_mean(h, [1, 2]), lambda t, x: t.f.prelu(t.conv(t.maps(x)), t.state["alpha"]).mean((2, 3))


@asked("mixes such features with others")
def flattened_maps_beside_other_features():
    flat = tf.reshape(_conv(_x(4, 4, 2)), [-1, 12])
    return _dense(tf.concat([flat, _x(5, name="z")], 1))


@asked("mixes such features with others")
def two_flattened_maps_side_by_side():
    x = _x(4, 4, 2)
    return _dense(tf.concat([tf.reshape(_conv(x, n, name=f"c{n}"), [-1, 4 * n]) for n in (3, 5)], 1))


@asked("mixes such features with others")
def a_part_of_flattened_maps():
    return _dense(tf.reshape(_conv(_x(4, 4, 2)), [-1, 12])[:, :6])


@asked("mixes such features with others")
def rows_of_maps_as_features():
    h = tf.reshape(_conv(_x(4, 4, 2)), [-1, 2, 6])
    return _dense(tf.reshape(h, [-1, 6]))


@asked("mixes such features with others")
def rows_of_maps_in_a_loop():
    h = tf.reshape(_conv(_x(4, 4, 2)), [-1, 2, 6])
    return tf.nn.dynamic_rnn(rnn_cell.BasicLSTMCell(4), h, dtype=tf.float32)[0]


@asked("mixes such features with others")
def one_row_of_maps_in_a_cell():
    x = _x(4, 4, 2)
    cell = rnn_cell.BasicLSTMCell(4)
    h = tf.reshape(_conv(x), [-1, 2, 6])[:, 0]
    return cell(h, cell.zero_state(tf.shape(x)[0], tf.float32))[0]


@asked("whose axes are unknown")
def an_image_flattened_at_once():
    return _dense(tf.reshape(_x(4, 4, 3), [-1, 48]))


@asked("makes another kernel of its own")
def a_kernel_divided_by_its_norm():
    kernel, vector = tf.get_variable("w", [5, 4]), tf.get_variable("u", [1, 4])
    sigma = tf.reduce_sum(tf.matmul(vector, kernel, transpose_b=True))
    return tf.matmul(_x(5), kernel / sigma)


@asked("which is no layer known here")
def a_kernel_that_is_scaled():
    return tf.matmul(_x(5), tf.get_variable("w", [5, 4]) * 0.5)


@asked("which is no layer known here")
def a_kernel_that_is_standardised():
    kernel = tf.get_variable("w", [3, 3, 2, 4])
    mean, variance = tf.nn.moments(kernel, [0, 1, 2])
    return tf.nn.conv2d(_x(6, 6, 2), (kernel - mean) / tf.sqrt(variance + 1e-5), 1, "SAME")


@asked("which is no layer known here")
def groups_of_one_kernel():
    parts = zip(tf.split(_x(6, 6, 4), 2, 3), tf.split(tf.get_variable("w", [3, 3, 2, 6]), 2, 3), strict=True)
    return tf.concat([tf.nn.conv2d(x, kernel, 1, "SAME") for x, kernel in parts], 3)


@asked("which is no layer known here")
def a_place_added_to_maps():
    return _conv(_x(4, 4, 2), padding="same") + tf.get_variable("place", [4, 4, 3])
