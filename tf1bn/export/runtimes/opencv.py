"""OpenCV's `dnn` module, which reads frozen graphs with `readNetFromTensorflow`.

Seen with 5.0.0.93: an op that it lacks is read all the same, and the first run raises. Some are computed wrongly,
without a word.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tf1bn.export.draft import parse
from tf1bn.export.runtimes import rewrites
from tf1bn.export.runtimes.runtime import Limit, Runtime, View, inputs

_READS = """
Abs Acos Acosh Add AddN AddV2 Asin Asinh Atan Atanh AvgPool BatchToSpaceND BiasAdd Ceil ClipByValue ConcatV2 Const
Conv2D Conv2DBackpropInput Cos Cosh DepthwiseConv2dNative Elu Erf Exp Floor FusedBatchNorm FusedBatchNormV2
FusedBatchNormV3 Identity LRN LeakyRelu Log MatMul Max MaxPool Maximum Mean MirrorPad Mul Pad Placeholder RealDiv
Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor Round Selu Sigmoid Sign Sin Sinh Slice Softmax
Softplus Softsign SpaceToBatchND Sqrt Square Squeeze StridedSlice Sub Sum Tan Tanh Transpose
"""
_SPATIAL = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "BiasAdd", "FusedBatchNorm")
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")
_BATCH = "State the batch size in the placeholder, such as [1, 224, 224, 3], and export again."


def _open_sizes(node: Any, view: View) -> bool:
    return view.constant(parse(node.input[0])) is None


def _open_size(node: Any, view: View) -> bool:
    return view.constant(parse(node.input[1])) is None


def _dilated(node: Any, _: View) -> bool:
    return any(number != 1 for number in node.attr["dilations"].list.i)


def _no_leak(node: Any, view: View) -> bool:
    """Whether a maximum is another one than that of x and x times a factor between 0 and 1."""
    given = inputs(node)
    for ref, other in (given, given[::-1]):
        source = view.draft.nodes[ref[0]]
        if source.op == "Mul" and other in inputs(source):
            factors = [view.constant(item) for item in inputs(source) if item != other]
            if len(factors) == 1 and factors[0] is not None and factors[0].size == 1 and 0 < factors[0].item() < 1:
                return False
    return True


def _constant_first(node: Any, view: View) -> bool:
    return view.constant(inputs(node)[0]) is not None


def _not_rows(node: Any, view: View) -> bool:
    shape = view.shape(inputs(node)[0])
    return shape is None or len(shape) != 2


def _drops_or_adds(node: Any, _: View) -> bool:
    return any(node.attr[key].i for key in ("shrink_axis_mask", "new_axis_mask", "ellipsis_mask"))


def _not_all_axes(node: Any, view: View) -> bool:
    begin, shape = view.constant(inputs(node)[1]), view.shape(inputs(node)[0])
    return begin is None or shape is None or begin.size != len(shape)


def _backwards(node: Any, view: View) -> bool:
    steps = view.constant(inputs(node)[3])
    return steps is None or bool(np.any(steps < 0))


def _other_axes(node: Any, view: View) -> bool:
    """Whether anything but the height, the width, both, or the channels of an image are reduced."""
    axes, shape = view.constant(inputs(node)[1]), view.shape(inputs(node)[0])
    if axes is None or shape is None or len(shape) != 4:
        return True
    reduced = sorted(int(axis) % 4 for axis in axes.ravel())
    # The batch alone may be reduced, where it stays as an axis of one.
    return reduced not in ([1], [2], [1, 2], [3], *([[0]] if node.attr["keep_dims"].b else []))


def _large_constant(node: Any, view: View) -> bool:
    """Whether one side is a constant of more than one axis that is not of size one."""
    values = [view.constant(ref) for ref in inputs(node)]
    return any(value is not None and sum(size > 1 for size in value.shape) > 1 for value in values)


def _of_product(node: Any, view: View) -> bool:
    """Whether a product of matrices is added to what is no constant: it is read as a layer and its bias."""
    given = [view.draft.nodes[name] for name, _ in inputs(node)]
    return any(n.op == "MatMul" for n in given) and not any(n.op == "Const" for n in given)


def _turned(node: Any, _: View) -> bool:
    return bool(node.attr["transpose_a"].b or node.attr["transpose_b"].b)


def _not_into_convolution(node: Any, view: View) -> bool:
    readers = view.readers(node)
    return len(readers) != 1 or readers[0].op not in _CONVOLUTIONS


def _not_after_convolution(node: Any, view: View) -> bool:
    source = view.draft.nodes[inputs(node)[0][0]]
    return source.op not in _CONVOLUTIONS or view.draft.nodes[inputs(source)[0][0]].op != "SpaceToBatchND"


def _rows_to_images(node: Any, view: View) -> bool:
    before, after = view.shape(inputs(node)[0]), view.shape((node.name, 0))
    return before is None or after is None or (len(after) == 4 and len(before) != 4)


def _no_axes(node: Any, _: View) -> bool:
    return not node.attr["squeeze_dims"].list.i


def _other_order(node: Any, view: View) -> bool:
    order = view.constant(inputs(node)[1])
    return order is None or order.tolist() not in ([0, 3, 1, 2], [0, 2, 3, 1])


def _no_order(view: View) -> tuple[str, str]:
    """Which axis of an image holds the channels is guessed from the ops that say so."""
    nodes = view.draft.nodes.values()
    images = [n.name for n in nodes if n.op == "Placeholder" and len(view.shape((n.name, 0)) or ()) == 4]
    if not images or any(node.op.startswith(_SPATIAL) for node in nodes):
        return "", ""
    return (
        f"no op tells the order of the axes of {images[0]!r}, and another one is taken: a convolution, a pooling, a "
        "bias or a fused batch norm would",
        "Feed rows of numbers, or export with to='onnx'.",
    )


_DILATED = Limit(_dilated, "its `dilations` are overlooked", "Build it with tf.nn.with_space_to_batch.")
_OPEN_SIZE = Limit(_open_size, "its size depends on the input", _BATCH)
_CONSTANT = Limit(
    _large_constant, "a constant of several axes is one of its sides", "Multiply or add one value per channel."
)
_AXES = Limit(
    _other_axes,
    "it reduces other axes than the height, the width or the channels of images",
    "For rows multiply by a matrix of ones.",
)
_BIAS = Limit(_of_product, "it is read as the bias of a product of matrices", "Use tf.add_n.")
_BATCHES = "it is known around a convolution only, as tf.nn.with_space_to_batch writes it"
_SLICES = (
    Limit(_drops_or_adds, "it drops or adds an axis", "Slice without, and reshape."),
    Limit(_not_all_axes, "it does not say all axes, and another one is cut", "Write y[:, a:b, :, :] for y[:, a:b]."),
    Limit(_backwards, "it goes backwards", "Multiply by a permutation."),
)

OPENCV = Runtime(
    name="opencv",
    reader="OpenCV 5.0.0.93, cv2.dnn.readNetFromTensorflow",
    forms=("frozen",),
    reads=frozenset(_READS.split()),
    rewrites={
        **rewrites.PASSING,
        "Add": rewrites.total,
        "AddV2": rewrites.total,
        "BiasAdd": rewrites.bias,
        "Neg": rewrites.negative,
        "PadV2": rewrites.padded,
        "Rsqrt": rewrites.reciprocal_root,
        "SquaredDifference": rewrites.squared_difference,
        "Sub": rewrites.difference,
    },
    limits={
        "Add": (_BIAS, _CONSTANT),
        "AddV2": (_BIAS, _CONSTANT),
        "BatchToSpaceND": (Limit(_not_after_convolution, _BATCHES, ""),),
        "Conv2D": (_DILATED,),
        "Conv2DBackpropInput": (Limit(_open_sizes, "its output shape depends on the input", _BATCH),),
        "DepthwiseConv2dNative": (_DILATED,),
        "MatMul": (Limit(_turned, "it turns a matrix", "Turn the weights before they are saved."),),
        "Max": (_AXES,),
        "Maximum": (
            Limit(_no_leak, "it is known as a leaky ReLU only", "For a constant c write tf.nn.relu(x - c) + c."),
        ),
        "Mean": (_AXES,),
        "MirrorPad": (
            Limit(lambda node, _: node.attr["mode"].s != b"REFLECT", "it pads symmetrically as by reflection", ""),
        ),
        "Mul": (_CONSTANT,),
        "RealDiv": (Limit(_constant_first, "a constant is divided", "Multiply by tf.reciprocal."), _CONSTANT),
        "Reshape": (
            Limit(_rows_to_images, "it makes images of what is none, with the channels first", "Feed images."),
        ),
        "ResizeBilinear": (_OPEN_SIZE,),
        "ResizeNearestNeighbor": (_OPEN_SIZE,),
        "Softmax": (Limit(_not_rows, "it is taken over another axis", "Make rows of the values before it."),),
        "SpaceToBatchND": (Limit(_not_into_convolution, _BATCHES, ""),),
        "Squeeze": (Limit(_no_axes, "it does not name its axes", "Write tf.squeeze(y, [1, 2])."),),
        "StridedSlice": _SLICES,
        "Sub": (_CONSTANT,),
        "Sum": (_AXES,),
        "Transpose": (Limit(_other_order, "it turns axes otherwise than between NHWC and NCHW", ""),),
    },
    fixes={
        "If": "Bind what it is switched by: --switch=NAME=VALUE.",
        "Switch": "Bind what it is switched by: --switch=NAME=VALUE.",
        "Minimum": "For a constant c write c - tf.nn.relu(c - x).",
        "PadV2": "Pad with zeros, before what makes another number of them.",
    },
    whole=_no_order,
)
