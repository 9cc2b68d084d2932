"""Which rule turns which type of op: one row for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tf1bn.export.layout import rules
from tf1bn.graph.data_formats import FORMATTED

Rule = Callable[[Any, str], None]

_ELEMENTWISE = (
    *("Abs", "Cast", "Ceil", "CheckNumerics", "Cos", "Elu", "EnsureShape", "Erf", "Exp", "Expm1", "Floor", "Identity"),
    *("Inv", "IsFinite", "IsInf", "IsNan", "LeakyRelu", "Log", "Log1p", "LogicalNot", "Neg", "OnesLike", "Reciprocal"),
    *("Relu", "Relu6", "Rint", "Round", "Rsqrt", "Selu", "Sigmoid", "Sign", "Sin", "Snapshot", "Softplus", "Softsign"),
    *("Sqrt", "Square", "StopGradient", "Tan", "Tanh", "ZerosLike", "QuantizeAndDequantizeV2"),
    *("FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "PreventGradient"),
)
_BROADCAST = (
    *("Add", "AddN", "AddV2", "ClipByValue", "Div", "DivNoNan", "Equal", "FloorDiv", "FloorMod", "Greater"),
    *("GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr", "Maximum", "Minimum", "Mod", "Mul", "MulNoNan"),
    *("NotEqual", "Pow", "RealDiv", "Select", "SelectV2", "SquaredDifference", "Sub", "TruncateDiv", "Xdivy"),
)
_REDUCTIONS = ("All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum")

_ROWS: dict[str, Rule] = {
    **dict.fromkeys(FORMATTED, rules.formatted),
    **dict.fromkeys(_ELEMENTWISE, rules.elementwise),
    **dict.fromkeys(_BROADCAST, rules.broadcast),
    **dict.fromkeys(_REDUCTIONS, rules.reduction),
    "ArgMax": rules.arg_reduction,
    "ArgMin": rules.arg_reduction,
    "BatchToSpaceND": rules.spaced,
    "Concat": rules.old_concat,
    "ConcatV2": rules.concat,
    "ExpandDims": rules.expand,
    "GatherV2": rules.gather,
    "L2Loss": rules.uncounted,
    "MatMul": rules.matmul,
    "MirrorPad": rules.per_dimension,
    "Pad": rules.per_dimension,
    "PadV2": rules.per_dimension,
    "Rank": rules.uncounted,
    "Reshape": rules.reshape,
    "ReverseV2": rules.reverse,
    "Shape": rules.shape,
    "Size": rules.uncounted,
    "Slice": rules.per_dimension,
    "SpaceToBatchND": rules.spaced,
    "Split": rules.split,
    "SplitV": rules.split_sizes,
    "Squeeze": rules.squeeze,
    "StridedSlice": rules.strided_slice,
    "Tile": rules.per_dimension,
    "Transpose": rules.transpose,
}


def rule(op: str) -> Rule | None:
    """Returns the rule for a type of op, or None."""
    return _ROWS.get(op)


def passes(op: str) -> bool:
    """Whether an op of this type hands on an image as one."""
    return op in _ROWS and op not in ("Transpose", "Reshape", "Shape", "Size", "Rank", "MatMul", "L2Loss")
