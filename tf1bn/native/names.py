"""Names that other parts, files and the library agree on; needs no TensorFlow."""

from __future__ import annotations

from typing import NamedTuple

# The number changes with the meaning of an op, so that a graph never runs on a library that means something else.
NORMALIZE, GRADIENT = "Tf1bnNormalizeV1", "Tf1bnNormalizeGradV1"
OPS = (NORMALIZE, GRADIENT)
PREFIX = "Tf1bnNormalize"

DIRECTORY_VARIABLE = "TF1BN_NATIVE_DIR"
LEVEL_VARIABLE = "TF1BN_NATIVE_LEVEL"
THREADS_VARIABLE = "TF1BN_NATIVE_THREADS"
BUILD_COMMAND = "python -m tf1bn.native build"


class Arguments(NamedTuple):
    """Names of the inputs and outputs of an op, in order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


SIGNATURES = {
    NORMALIZE: Arguments(
        ("x", "gamma", "beta", "average_mean", "average_variance", "weights", "is_training"),
        ("y", "mean", "variance", "mean_share", "variance_share", "kept", "saved"),
    ),
    GRADIENT: Arguments(("dy", "x", "gamma", "beta", "saved"), ("dx", "dgamma", "dbeta")),
}
