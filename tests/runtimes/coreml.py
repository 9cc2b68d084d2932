"""What a converted Core ML program computes, in float64 NumPy: only a Mac runs one, and any system converts to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.runtimes import networks


def run(program: Any, x: Any) -> Any:
    """Returns the output of the program's main function, whose ops are those of the networks here."""
    [function] = program.functions.values()
    [given] = function.inputs
    values = {given: x.astype(np.float64)}
    for op in function.operations:
        if op.op_type != "const":
            parts = {key: values.get(var.name, var.val) for key, var in op.inputs.items() if var is not None}
            values[op.outputs[0].name] = _OPS[op.op_type](parts)
    return values[function.outputs[0].name]


def _conv(parts: dict[str, Any]) -> Any:
    assert parts["pad_type"] == "same" and set(parts["strides"]) == {1} and parts["groups"] == 1
    y = networks.convolved(np.transpose(parts["x"], (0, 2, 3, 1)), np.transpose(parts["weight"], (2, 3, 1, 0)))
    return np.transpose(y + parts.get("bias", 0.0), (0, 3, 1, 2))


_OPS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "add": lambda parts: parts["x"] + parts["y"],
    "conv": _conv,
    "mul": lambda parts: parts["x"] * parts["y"],
    "reduce_mean": lambda parts: np.mean(parts["x"], tuple(parts["axes"]), keepdims=bool(parts["keep_dims"])),
    "relu": lambda parts: np.maximum(parts["x"], 0),
    "transpose": lambda parts: np.transpose(parts["x"], parts["perm"]),
}
