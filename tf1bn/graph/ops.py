"""Op types by what they do to a value."""

SWITCHES = ("Switch", "RefSwitch")
MERGES = ("Merge", "RefMerge")
ENTERS = ("Enter", "RefEnter")
EXITS = ("Exit", "RefExit")
NEXTS = ("NextIteration", "RefNextIteration")
SAME = {
    "Identity",
    "RefIdentity",
    "Switch",
    "RefSwitch",
    "Enter",
    "RefEnter",
    "Snapshot",
    "PreventGradient",
    "CheckNumerics",
    "EnsureShape",
    "IdentityN",
    "_Arg",
    "DeepCopy",
}
SHAPED = {
    "Reshape",
    "Squeeze",
    "ExpandDims",
    "Cast",
    "StopGradient",
    "BroadcastTo",
    "Tile",
    "Exit",
    "RefExit",
    "NextIteration",
    "RefNextIteration",
}
READS = {"ReadVariableOp", "Assign", "AssignAdd", "AssignSub"}
ARITHMETIC = {
    "Add",
    "AddV2",
    "AddN",
    "Sub",
    "Mul",
    "RealDiv",
    "Div",
    "Square",
    "Neg",
    "Maximum",
    "Minimum",
    "Relu",
    "Sqrt",
    "Rsqrt",
    "Pack",
    "ConcatV2",
    "Concat",
    "Pow",
    "Mean",
    "Sum",
    "BiasAddGrad",
    "SquaredDifference",
    "Reciprocal",
    "Inv",
    "DivNoNan",
    "CollectiveReduce",
    "CollectiveReduceV2",
    "NcclAllReduce",
    "HorovodAllreduce",
    "StridedSlice",
    "Unpack",
    "Split",
    "Pad",
    "Slice",
    "BiasAdd",
    "Transpose",
    "ClipByValue",
}
FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx")
REDUCE = ("Mean", "Sum", "BiasAddGrad")
