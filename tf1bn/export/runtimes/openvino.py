"""OpenVINO, which reads frozen graphs and SavedModels.

Seen with 2026.4.1: an op that it lacks is refused as the file is read. Behind a convolution, whose images it holds
channels first, two ops are computed along another axis without a word; a normalisation over channels near each other,
`LRN`, is computed over too few of them.
"""

from __future__ import annotations

from typing import Any

from tf1bn.export.runtimes import rewrites
from tf1bn.export.runtimes.runtime import Limit, Runtime, View, inputs

_READS = """
Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul
BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd BroadcastTo Cast Ceil CheckNumerics ClipByValue Concat ConcatV2
Const Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 Cos Cosh CropAndResize Cumsum DepthToSpace
DepthwiseConv2dNative Div DivNoNan Einsum Elu EnsureShape Enter Equal Erf Erfc Exit Exp ExpandDims Expm1
ExtractImagePatches FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Fill Floor
FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual
Identity IdentityN If Inv InvertPermutation IsFinite IsInf IsNan L2Loss LRN LeakyRelu Less LessEqual Log Log1p
LogSoftmax LogicalAnd LogicalNot LogicalOr LoopCond MatMul MatrixBandPart Max MaxPool MaxPool3D MaxPoolV2
MaxPoolWithArgmax Maximum Mean Merge Min Minimum MirrorPad Mod Mul Neg NextIteration NonMaxSuppressionV2
NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall
Placeholder Pow Prod Range Rank RealDiv Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor
ReverseSequence ReverseV2 Rint Roll Round Rsqrt ScatterNd SegmentSum Select SelectV2 Selu Shape Sigmoid Sign Sin Sinh
Size Slice Snapshot Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference
Squeeze StatefulPartitionedCall StatelessIf StatelessWhile StopGradient StridedSlice Sub Sum Switch Tan Tanh Tile
TopKV2 Transpose TruncateDiv TruncateMod Unpack Where While Xdivy Xlogy ZerosLike
"""


def _of_images(node: Any, view: View) -> bool:
    shape = view.shape(inputs(node)[0])
    return shape is None or len(shape) > 2


_WRONG_AXIS = "of more than two axes, it is taken along another axis behind a convolution"

OPENVINO = Runtime(
    name="openvino",
    reader="OpenVINO 2026.4.1",
    forms=("frozen", "saved_model"),
    reads=frozenset(_READS.split()),
    rewrites=rewrites.PASSING,
    limits={
        "LRN": (Limit(lambda *_: True, "its radius is taken for the whole width", "Build it of tf.nn.avg_pool."),),
        "LogSoftmax": (Limit(_of_images, _WRONG_AXIS, "Make rows of the values before it, with tf.reshape."),),
        "Tile": (Limit(_of_images, _WRONG_AXIS, "Use tf.concat of the same tensor several times."),),
    },
)
