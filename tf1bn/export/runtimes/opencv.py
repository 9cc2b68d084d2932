"""OpenCV's `dnn` module, which reads frozen graphs with `readNetFromTensorflow`.

Seen with 5.0.0.93: an op that it lacks is read all the same, and the first run raises. Some are computed wrongly,
without a word.
"""

from __future__ import annotations

from typing import Any

from tf1bn.export.draft import parse
from tf1bn.export.runtimes import rewrites
from tf1bn.export.runtimes.runtime import Limit, Runtime, View, inputs

_READS = """
Abs Add AddN AddV2 AvgPool BatchToSpaceND BiasAdd Ceil ConcatV2 Const Conv2D Conv2DBackpropInput Cos
DepthwiseConv2dNative Elu Erf Exp Floor FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Identity LRN LeakyRelu
MatMul Max MaxPool Maximum Mean MirrorPad Mul Pad Placeholder RealDiv Reciprocal Relu Relu6 Reshape ResizeBilinear
ResizeNearestNeighbor Round Selu Sigmoid Sign Sin Slice Softmax Softplus Softsign SpaceToBatchND Sqrt Square
Squeeze StridedSlice Sub Sum Tan Tanh Transpose
"""
_SPATIAL = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MaxPool", "AvgPool", "BiasAdd", "FusedBatchNorm")
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


OPENCV = Runtime(
    name="opencv",
    reader="OpenCV 5.0.0.93, cv2.dnn.readNetFromTensorflow",
    forms=("frozen",),
    reads=frozenset(_READS.split()),
    rewrites={
        **rewrites.PASSING,
        "Neg": rewrites.negative,
        "PadV2": rewrites.padded,
        "Rsqrt": rewrites.reciprocal_root,
        "SquaredDifference": rewrites.squared_difference,
        "Sub": rewrites.difference,
    },
    limits={
        "Conv2D": (Limit(_dilated, "its `dilations` are overlooked", "Build it with tf.nn.with_space_to_batch."),),
        "Conv2DBackpropInput": (Limit(_open_sizes, "its output shape depends on the input", _BATCH),),
        "Maximum": (
            Limit(_no_leak, "it is known as a leaky ReLU only", "For a constant c write tf.nn.relu(x - c) + c."),
        ),
        "MirrorPad": (
            Limit(lambda node, _: node.attr["mode"].s != b"REFLECT", "it pads symmetrically as by reflection", ""),
        ),
        "RealDiv": (Limit(_constant_first, "a constant is divided", "Multiply by tf.reciprocal."),),
        "ResizeBilinear": (Limit(_open_size, "its size depends on the input", _BATCH),),
        "ResizeNearestNeighbor": (Limit(_open_size, "its size depends on the input", _BATCH),),
        "Softmax": (Limit(_not_rows, "it is taken over another axis", "Make rows of the values before it."),),
        "StridedSlice": (Limit(_drops_or_adds, "it drops or adds an axis", "Slice without, and reshape."),),
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
