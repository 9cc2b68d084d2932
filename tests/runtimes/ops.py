"""Networks of one op each, behind what a reader takes for an image or for rows, and what TensorFlow gives.

Readers hold an image channels first behind a convolution, so an op that names an axis is the harder one there. Results
are float32, since some readers know no other numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

_random = np.random.RandomState(5)
IMAGE = _random.normal(0.2, 1, (2, 6, 4, 3)).astype(np.float32)
ROWS = _random.normal(0.2, 1, (6, 4)).astype(np.float32)
_KERNELS = {4: _random.normal(size=(1, 1, 3, 3)).astype(np.float32), 2: _random.normal(size=(4, 4)).astype(np.float32)}
_FIVE = _random.normal(size=(5, 3, 3, 5)).astype(np.float32)
C = np.array([0.5, -1.5, 2.0], np.float32)

Op = Callable[[Any], Any]


class Network(NamedTuple):
    """One op behind a convolution or a product of matrices.

    Attributes:
      op: from a tensor to a tensor.
      x: what is fed.
    """

    op: Op
    x: Any

    def build(self) -> None:
        """Adds `x` and `y` to the default graph."""
        x = tf.placeholder(tf.float32, self.x.shape, "x")
        if self.x.ndim == 4:
            y = self.op(tf.nn.conv2d(x, _KERNELS[4], [1, 1, 1, 1], "SAME"))
        else:
            y = self.op(tf.matmul(x, _KERNELS[2]))
        tf.identity(_floats(y), "y")

    def wanted(self) -> Any:
        """What TensorFlow gives."""
        with tf.Graph().as_default(), tf.Session() as session:
            self.build()
            return session.run("y:0", {"x:0": self.x})


def frozen(network: Network, path: Path) -> str:
    """Writes the network as it is; there are no variables."""
    with tf.Graph().as_default() as graph:
        network.build()
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return str(path)


def _floats(y: Any) -> Any:
    return y if y.dtype == tf.float32 else tf.cast(y, tf.float32)


def _inside(op: Op) -> Op:
    """An op of numbers between 0 and 1."""
    return lambda y: op(tf.sigmoid(y))


def _positive(op: Op) -> Op:
    """An op of numbers above 1."""
    return lambda y: op(tf.square(y) + 1.0)


def _last(y: Any) -> Any:
    return C if y.shape.rank == 4 else np.array([0.5, -1.5, 2.0, 1.0], np.float32)


def _widths(y: Any, last: int, first: int = 0) -> list[list[int]]:
    """Paddings of the axes between the first and the last, and of these two."""
    return [[first, first], *[[1, 2], [0, 1]][: y.shape.rank - 2], [last, last]]


# Ops of one number each, and others to which the number of axes is all one.
ANYWHERE: dict[str, Op] = {
    "abs": tf.abs,
    "acos": _inside(tf.acos),
    "acosh": _positive(tf.acosh),
    "add, constant": lambda y: y + _last(y),
    "add, constant first": lambda y: _last(y) + y,
    "add, constant, alone": lambda y: tf.nn.relu(y) + _last(y),
    "add, constant, of all axes": lambda y: y + np.reshape(_last(y), [1] * (y.shape.rank - 1) + [-1]),
    "add, scaled": lambda y: y * np.abs(_last(y)) + _last(y),
    "add, itself": lambda y: y + tf.nn.relu(y),
    "add_n": lambda y: tf.add_n([y, tf.nn.relu(y), y]),
    "asin": _inside(tf.asin),
    "asinh": tf.asinh,
    "atan": tf.atan,
    "atan2": lambda y: tf.atan2(y, _last(y)),
    "atanh": _inside(lambda y: tf.atanh(y * 0.9)),
    "bias_add, alone": lambda y: tf.nn.bias_add(tf.nn.relu(y), _last(y)),
    "subtract, constant, alone": lambda y: tf.nn.relu(y) - _last(y),
    "bias_add": lambda y: tf.nn.bias_add(y, _last(y)),
    "broadcast_to": lambda y: tf.broadcast_to(tf.reduce_mean(y, -1, keepdims=True), y.shape),
    "cast": lambda y: tf.cast(tf.cast(y * 3, tf.int32), tf.float32),
    "ceil": tf.ceil,
    "check_numerics": lambda y: tf.nn.relu(tf.check_numerics(y, "not finite")),
    "clip_by_value": lambda y: tf.clip_by_value(y, -0.5, 0.5),
    "clip of the op": lambda y: tf.raw_ops.ClipByValue(t=y, clip_value_min=-0.5, clip_value_max=0.5),
    "concat, last": lambda y: tf.concat([y, tf.nn.relu(y)], -1),
    "concat, 0": lambda y: tf.concat([y, tf.nn.relu(y)], 0),
    "concat, 1": lambda y: tf.concat([y, tf.nn.relu(y)], 1),
    "cond": lambda y: tf.cond(tf.reduce_max(y) > 0, lambda: y * 2.0, lambda: y),
    "cos": tf.cos,
    "cosh": tf.cosh,
    "cumsum, last": lambda y: tf.cumsum(y, -1),
    "cumsum, 1": lambda y: tf.cumsum(y, 1),
    "cumprod, last": lambda y: tf.cumprod(y, -1),
    "digamma": _positive(tf.digamma),
    "div_no_nan": lambda y: tf.div_no_nan(y, _last(y)),
    "division by a constant": lambda y: y / _last(y),
    "division of a constant": lambda y: 1.0 / (tf.square(y) + 1.0),
    "division of two": lambda y: y / (tf.square(y) + 1.0),
    "elu": tf.nn.elu,
    "ensure_shape": lambda y: tf.nn.relu(tf.ensure_shape(y, y.shape)),
    "equal": lambda y: tf.equal(y, tf.nn.relu(y)),
    "erf": tf.erf,
    "erfc": tf.erfc,
    "exp": tf.exp,
    "expand_dims, last": lambda y: tf.expand_dims(y, -1),
    "expand_dims, 1": lambda y: tf.expand_dims(y, 1),
    "expm1": tf.math.expm1,
    "fake_quant": lambda y: tf.quantization.fake_quant_with_min_max_args(y, -2, 2),
    "fake_quant, variables": lambda y: tf.quantization.fake_quant_with_min_max_vars(y, -2.0, 2.0),
    "fake_quant, channels": lambda y: tf.quantization.fake_quant_with_min_max_vars_per_channel(
        y, -np.abs(_last(y)), 2 * np.abs(_last(y))
    ),
    "fill": lambda y: y * tf.fill(tf.shape(y), 2.0),
    "floor": tf.floor,
    "floordiv": lambda y: tf.floordiv(y, _last(y)),
    "floormod": lambda y: tf.floormod(y, np.abs(_last(y))),
    "gather, last": lambda y: tf.gather(y, [2, 0], axis=-1),
    "gather, 1": lambda y: tf.gather(y, [2, 0], axis=1),
    "gather_nd": lambda y: tf.gather_nd(y, [[0, 1], [1, 2]]),
    "greater": lambda y: tf.greater(y, _last(y)),
    "greater_equal": lambda y: tf.greater_equal(y, 0.5),
    "identity": tf.identity,
    "identity_n": lambda y: tf.identity_n([y, tf.nn.relu(y)])[1],
    "is_finite": lambda y: tf.is_finite(y),
    "is_inf": lambda y: tf.is_inf(tf.exp(100 * y)),
    "is_nan": lambda y: tf.is_nan(tf.sqrt(y)),
    "l2_loss": tf.nn.l2_loss,
    "l2_normalize, last": lambda y: tf.nn.l2_normalize(y, -1),
    "leaky_relu": lambda y: tf.nn.leaky_relu(y, 0.1),
    "less": lambda y: tf.less(y, 0.5),
    "less_equal": lambda y: tf.less_equal(y, _last(y)),
    "lgamma": _positive(tf.lgamma),
    "log": _positive(tf.log),
    "log1p": _positive(tf.math.log1p),
    "log_sigmoid": tf.log_sigmoid,
    "log_softmax": tf.nn.log_softmax,
    "logical_and": lambda y: tf.logical_and(y > 0, y < 1),
    "logical_not": lambda y: tf.logical_not(y > 0),
    "logical_or": lambda y: tf.logical_or(y > 1, y < 0),
    "maximum, number": lambda y: tf.maximum(y, 0.5),
    "maximum, constants": lambda y: tf.maximum(_last(y), y),
    "maximum, leaky": lambda y: tf.maximum(0.2 * y, y),
    "minimum, number": lambda y: tf.minimum(y, 0.5),
    "minimum, two": lambda y: tf.minimum(y, tf.square(y)),
    "mod": lambda y: tf.raw_ops.Mod(x=y, y=np.float32(0.7)),
    "multiply, constant": lambda y: y * _last(y),
    "multiply, number": lambda y: y * 1.5,
    "multiply, two": lambda y: y * tf.nn.relu(y),
    "negative": tf.negative,
    "not_equal": lambda y: tf.not_equal(y, tf.nn.relu(y)),
    "one_hot": lambda y: tf.one_hot(tf.argmax(y, -1), y.shape[-1]),
    "ones_like": lambda y: y + tf.ones_like(y),
    "pad, last": lambda y: tf.pad(y, _widths(y, 1)),
    "pad, 0": lambda y: tf.pad(y, _widths(y, 0, 1)),
    "pad, ones": lambda y: tf.pad(y, _widths(y, 0), constant_values=1),
    "pow": lambda y: tf.pow(tf.square(y) + 1.0, 1.5),
    "pow, two": lambda y: tf.pow(tf.square(y) + 1.0, _last(y)),
    "reciprocal": _positive(tf.reciprocal),
    "relu": tf.nn.relu,
    "relu6": lambda y: tf.nn.relu6(y * 4),
    "rint": tf.rint,
    "reverse, last": lambda y: tf.reverse(y, [-1]),
    "reverse, 1": lambda y: tf.reverse(y, [1]),
    "roll, last": lambda y: tf.roll(y, 1, -1),
    "round": tf.round,
    "rsqrt": _positive(tf.rsqrt),
    "select": lambda y: tf.where(y > 0, y, tf.square(y)),
    "select, second kind": lambda y: tf.where_v2(y > 0, y, 2.0),
    "selu": tf.nn.selu,
    "shape": lambda y: tf.reduce_sum(y) + tf.cast(tf.shape(y), tf.float32),
    "sigmoid": tf.sigmoid,
    "sign": tf.sign,
    "sin": tf.sin,
    "sinh": tf.sinh,
    "slice, last": lambda y: y[..., 1:3],
    "slice, 1": lambda y: y[:, 1:3],
    "slice of the op": lambda y: tf.slice(y, [0] * y.shape.rank, [-1] * (y.shape.rank - 1) + [2]),
    "slice, every other": lambda y: y[:, ::2],
    "slice, from behind": lambda y: y[:, ::-1],
    "slice, one": lambda y: y[:, 1],
    "slice, one of the last": lambda y: y[..., 1],
    "slice, new axis": lambda y: y[:, tf.newaxis],
    "softmax": tf.nn.softmax,
    "softmax, 1": lambda y: tf.nn.softmax(y, 1),
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
    "split, last": lambda y: tf.nn.relu(tf.split(y, [1, y.shape[-1] - 1], -1)[1]),
    "split, 1": lambda y: tf.nn.relu(tf.split(y, 2, 1)[1]),
    "sqrt": _positive(tf.sqrt),
    "square": tf.square,
    "squared_difference": lambda y: tf.squared_difference(y, tf.nn.relu(y * 2)),
    "squared_difference, constant first": lambda y: tf.squared_difference(_last(y), y),
    "stack, 1": lambda y: tf.stack([y, tf.nn.relu(y)], 1),
    "stack, last": lambda y: tf.stack([y, tf.nn.relu(y)], -1),
    "stop_gradient": lambda y: tf.nn.relu(tf.stop_gradient(y)),
    "subtract, constant": lambda y: y - _last(y),
    "subtract from a constant": lambda y: _last(y) - y,
    "subtract from a number": lambda y: 1.0 - y,
    "subtract, two": lambda y: y - tf.nn.relu(2 * y),
    "tan": _inside(tf.tan),
    "tanh": tf.tanh,
    "tile, last": lambda y: tf.tile(y, [1] * (y.shape.rank - 1) + [2]),
    "tile, 1": lambda y: tf.tile(y, [1, 2] + [1] * (y.shape.rank - 2)),
    "tile, 0": lambda y: tf.tile(y, [2] + [1] * (y.shape.rank - 1)),
    "top_k": lambda y: tf.nn.top_k(y, 2)[0],
    "truncate_div": lambda y: tf.truncatediv(tf.cast(y * 9, tf.int32), 4),
    "truncate_mod": lambda y: tf.raw_ops.TruncateMod(x=y, y=np.float32(0.7)),
    "unstack, 1": lambda y: tf.nn.relu(tf.unstack(y, axis=1)[1]),
    "while": lambda y: tf.while_loop(lambda i, _: i < 3, lambda i, z: (i + 1, z * 2.0), [0, y])[1],
    "xdivy": lambda y: tf.math.xdivy(y, _last(y)),
    "xlogy": lambda y: tf.math.xlogy(y, np.abs(_last(y))),
    "zeros_like": lambda y: tf.maximum(y, tf.zeros_like(y)),
    **{
        f"{name}, {axes}": lambda y, op=op, axes=axes: op(y, *axes)
        for name, op in {"argmax": tf.argmax, "argmin": tf.argmin}.items()
        for axes in ([-1], [1])
    },
    **{
        f"{name}, {axes}, {kept}": lambda y, op=op, axes=axes, kept=kept: op(y, axes, keepdims=kept)
        for name, op in {
            "sum": tf.reduce_sum,
            "mean": tf.reduce_mean,
            "max": tf.reduce_max,
            "min": tf.reduce_min,
            "prod": tf.reduce_prod,
        }.items()
        for axes in ([-1], [1], None)
        for kept in (False, True)
    },
    "any": lambda y: tf.reduce_any(y > 1, 1),
    "all": lambda y: tf.reduce_all(y > -1, -1),
    "logsumexp": lambda y: tf.reduce_logsumexp(y, -1),
}

# Ops of images.
OF_IMAGES: dict[str, Op] = {
    "avg_pool": lambda y: tf.nn.avg_pool2d(y, 2, 2, "VALID"),
    "avg_pool, SAME": lambda y: tf.nn.avg_pool2d(y, 3, 2, "SAME"),
    "batch_to_space": lambda y: tf.batch_to_space_nd(y, [2, 1], [[0, 1], [0, 0]]),
    "conv2d": lambda y: tf.nn.conv2d(y, _FIVE, [1, 1, 1, 1], "VALID"),
    "conv2d, SAME": lambda y: tf.nn.conv2d(y, _FIVE, [1, 2, 2, 1], "SAME"),
    "conv2d, paddings": lambda y: tf.nn.conv2d(y, _FIVE, [1, 2, 2, 1], [[0, 0], [1, 2], [2, 1], [0, 0]]),
    "conv2d, dilations": lambda y: tf.nn.conv2d(y, _FIVE[:2, :2], [1, 1, 1, 1], "SAME", dilations=[1, 2, 2, 1]),
    "conv2d, one dilation": lambda y: tf.nn.conv2d(y, _FIVE[:2, :2], [1, 1, 1, 1], "VALID", dilations=[1, 2, 1, 1]),
    "conv2d_transpose": lambda y: tf.nn.conv2d_transpose(
        y, np.swapaxes(_FIVE, 2, 3)[:3, :3], [2, 12, 8, 5], [1, 2, 2, 1]
    ),
    "conv2d_transpose, VALID": lambda y: tf.nn.conv2d_transpose(
        y, np.swapaxes(_FIVE, 2, 3)[:3, :3], [2, 13, 9, 5], [1, 2, 2, 1], "VALID"
    ),
    "conv2d_transpose, odd": lambda y: tf.nn.conv2d_transpose(
        y, np.swapaxes(_FIVE, 2, 3)[:3, :3], [2, 11, 7, 5], [1, 2, 2, 1]
    ),
    "crop_and_resize": lambda y: tf.image.crop_and_resize(y, [[0.1, 0.1, 0.8, 0.9]], [1], [3, 3]),
    "depth_to_space": lambda y: tf.depth_to_space(tf.concat([y, tf.nn.relu(y), y * 2.0, y * 3.0], -1), 2),
    "depthwise": lambda y: tf.nn.depthwise_conv2d(y, _FIVE[:3, :, :, :2], [1, 1, 1, 1], "SAME"),
    "depthwise, VALID": lambda y: tf.nn.depthwise_conv2d(y, _FIVE[:3, :, :, :1], [1, 2, 2, 1], "VALID"),
    "depthwise, dilations": lambda y: tf.nn.depthwise_conv2d(
        y, _FIVE[:2, :2, :, :1], [1, 1, 1, 1], "SAME", dilations=[2, 2]
    ),
    "depthwise, dilations of the op": lambda y: tf.nn.depthwise_conv2d_native(
        y, _FIVE[:2, :2, :, :1], [1, 1, 1, 1], "SAME", dilations=[1, 2, 2, 1]
    ),
    "einsum": lambda y: tf.einsum("bhwc,cd->bhwd", y, _KERNELS[4][0, 0]),
    "extract_image_patches": lambda y: tf.extract_image_patches(y, [1, 2, 2, 1], [1, 2, 2, 1], [1] * 4, "VALID"),
    "flatten": lambda y: tf.reshape(y, [2, -1]),
    "fused_batch_norm": lambda y: tf.nn.fused_batch_norm(
        y, np.abs(C), C, mean=C, variance=np.abs(C) + 1, is_training=False
    )[0],
    "lrn": lambda y: tf.nn.lrn(y, 1, 1.0, 0.5, 0.75),
    "matmul of rows": lambda y: tf.matmul(tf.reshape(y, [2, -1]), np.resize(_FIVE, (72, 5))),
    "matmul of images": lambda y: tf.matmul(y, _KERNELS[4][0, 0]),
    "matrix_band_part": lambda y: tf.matrix_band_part(y, 1, 0),
    "max_pool": lambda y: tf.nn.max_pool2d(y, 2, 2, "VALID"),
    "max_pool, SAME": lambda y: tf.nn.max_pool2d(y, 3, 2, "SAME"),
    "max_pool, argmax": lambda y: tf.nn.max_pool_with_argmax(y, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")[0],
    "pad, zeros": lambda y: tf.pad(y, _widths(y, 0)),
    "pad, REFLECT": lambda y: tf.pad(y, _widths(y, 0), "REFLECT"),
    "pad, SYMMETRIC": lambda y: tf.pad(y, _widths(y, 0), "SYMMETRIC"),
    "prelu": lambda y: tf.nn.relu(y) - np.abs(C) * tf.nn.relu(-y),
    "reshape to images": lambda y: tf.reshape(y, [2, 4, 6, 3]),
    "reshape to another depth": lambda y: tf.reshape(y, [2, 3, 4, 6]),
    "reshape to volumes": lambda y: tf.reshape(y, [2, 6, 2, 2, 3]),
    "reverse_sequence": lambda y: tf.reverse_sequence(y, [2, 4], 1),
    "shuffled channels": lambda y: tf.reshape(
        tf.transpose(tf.reshape(tf.concat([y, y * 2.0], -1), [2, 6, 4, 2, 3]), [0, 1, 2, 4, 3]), [2, 6, 4, 6]
    ),
    "slice, all axes said": lambda y: y[:, 1:3, :, :2],
    "slice, every other of all": lambda y: y[:, ::2, 1::2, :],
    "slice, the last backwards": lambda y: y[:, :, :, ::-1],
    "sum, width": lambda y: tf.reduce_sum(y, [2]),
    "space_to_batch": lambda y: tf.space_to_batch_nd(y, [2, 2], [[0, 0], [0, 0]]),
    "space_to_depth": lambda y: tf.space_to_depth(y, 2),
    "squeeze": lambda y: tf.squeeze(tf.nn.avg_pool2d(y, [6, 4], 1, "VALID"), [1, 2]),
    "squeeze, one": lambda y: tf.squeeze(tf.nn.avg_pool2d(y, [6, 1], 1, "VALID"), [1]),
    "squeeze, not said": lambda y: tf.squeeze(tf.nn.avg_pool2d(y, [6, 4], 1, "VALID")),
    "transpose": lambda y: tf.transpose(y, [0, 2, 1, 3]),
    "transpose to channels first": lambda y: tf.transpose(y, [0, 3, 1, 2]),
    "transpose, and a product": lambda y: tf.transpose(y * 2.0, [0, 3, 1, 2]) * 3.0,
    "instance norm": lambda y: (
        (y - tf.reduce_mean(y, [1, 2], keepdims=True)) * tf.rsqrt(tf.nn.moments(y, [1, 2], keepdims=True)[1] + 1e-3)
    ),
    "squeeze and excite": lambda y: y * tf.sigmoid(tf.reduce_mean(y, [1, 2], keepdims=True)),
    "swish": lambda y: y * tf.sigmoid(y),
    "hard sigmoid": lambda y: tf.nn.relu6(y + 3.0) / 6.0,
    **{
        f"{name}, {axes}, {kept}": lambda y, op=op, axes=axes, kept=kept: op(y, axes, keepdims=kept)
        for name, op in {"sum": tf.reduce_sum, "mean": tf.reduce_mean, "max": tf.reduce_max}.items()
        for axes in ([1, 2], [0], [1, 2, 3], [0, 1, 2])
        for kept in (False, True)
    },
    **{
        f"{name}, {kind}": lambda y, op=op, options=options: op(y, [9, 8], **options)
        for name, op in {
            "resize_bilinear": tf.image.resize_bilinear,
            "resize_nearest_neighbor": tf.image.resize_nearest_neighbor,
            "resize_bicubic": tf.image.resize_bicubic,
        }.items()
        for kind, options in {
            "as of old": {},
            "corners": {"align_corners": True},
            "half pixels": {"half_pixel_centers": True},
        }.items()
    },
    "resize twice": lambda y: tf.image.resize_nearest_neighbor(y, [12, 8]),
    "resize_area": lambda y: tf.image.resize_area(y, [3, 2]),
}

# Ops of rows.
OF_ROWS: dict[str, Op] = {
    "batch_matmul": lambda y: tf.matmul(tf.reshape(y, [2, 3, 4]), tf.reshape(y, [2, 3, 4]), transpose_b=True),
    "matmul": lambda y: tf.matmul(y, np.resize(_FIVE, (4, 5))),
    "matmul, turned": lambda y: tf.matmul(y, np.resize(_FIVE, (5, 4)), transpose_b=True),
    "matmul, turned first": lambda y: tf.matmul(y, np.resize(_FIVE, (6, 5)), transpose_a=True),
    "matrix_diag": tf.matrix_diag,
    "reshape to images": lambda y: tf.nn.max_pool2d(tf.reshape(y, [1, 4, 2, 3]), 2, 2, "VALID"),
    "scatter_nd": lambda y: tf.scatter_nd([[4], [3], [1], [0], [2], [5]], y, [7, 4]),
    "segment_sum": lambda y: tf.segment_sum(y, [0, 0, 1, 1, 1, 2]),
    "transpose": lambda y: tf.transpose(y),
    "layer norm": lambda y: (
        (y - tf.reduce_mean(y, -1, keepdims=True)) * tf.rsqrt(tf.nn.moments(y, -1, keepdims=True)[1] + 1e-3)
    ),
}

NETWORKS: dict[str, Network] = {
    **{f"image: {name}": Network(op, IMAGE) for name, op in {**ANYWHERE, **OF_IMAGES}.items()},
    **{f"rows: {name}": Network(op, ROWS) for name, op in {**ANYWHERE, **OF_ROWS}.items()},
}
