"""ONNX Runtime, by way of tf2onnx, whose table of ops this is, without those whose nodes ONNX Runtime refuses.

Resizing by areas and with cubic weights is left out, too: what comes out is another image.
"""

from __future__ import annotations

from tf1bn.export.runtimes import rewrites
from tf1bn.export.runtimes.runtime import Runtime

_READS = """
Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool AvgPool3D BatchMatMul
BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd BiasAddV1 BroadcastTo Cast Ceil CheckNumerics ClipByValue Concat
ConcatV2 Const Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 Cos Cosh CropAndResize Cumsum DepthToSpace
DepthwiseConv2dNative Div DivNoNan Einsum Elu EnsureShape Enter Equal Erf Exit Exp ExpandDims ExtractImagePatches
FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2
FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If InvertPermutation IsFinite
IsInf IsNan LRN LeakyRelu Less LessEqual Log LogSoftmax LogicalAnd LogicalNot LogicalOr LoopCond MatMul
MatrixBandPart MatrixDiagV3 Max MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Maximum Mean Merge Min Minimum
MirrorPad Mul Neg NextIteration NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5
NotEqual OneHot OnesLike Pack Pad PadV2 Placeholder Pow Prod Range Rank RealDiv Reciprocal Relu Relu6 Reshape
ResizeBilinear ResizeNearestNeighbor ReverseSequence ReverseV2 Rint Roll Round Rsqrt ScatterNd SegmentSum Select
SelectV2 Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split
SplitV Sqrt Square SquaredDifference Squeeze StatelessIf StatelessWhile StopGradient StridedSlice Sub Sum Switch Tan
Tanh Tile TopKV2 Transpose TruncateDiv Unpack Where While ZerosLike
"""

ONNX = Runtime(
    name="onnx",
    reader="tf2onnx 1.17.0 and ONNX Runtime 1.32.0",
    forms=("onnx", "frozen"),
    reads=frozenset(_READS.split()),
    rewrites=rewrites.PASSING,
    fixes={
        "Expm1": "Write tf.exp(x) - 1.",
        "Log1p": "Write tf.log(1 + x).",
        "ResizeArea": "Pool by averages.",
        "ResizeBicubic": "Resize bilinearly.",
    },
)
