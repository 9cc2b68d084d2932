"""An ONNX file in onnxruntime on the inputs of the source."""

from __future__ import annotations

from typing import Any

import numpy as np

from tf1bn import errors, extras
from tf1bn.convert.plan import Plan
from tf1bn.convert.proof.results import Results


def run(path: str, plan: Plan, source: Results, inputs: dict[str, str], outputs: dict[str, str]) -> Results:
    """Returns what an ONNX file computes, and the results of layers whose tensors it still has.

    Args:
      path: the file.
      plan: says which tensor each layer gives.
      source: what the source was fed.
      inputs, outputs: key -> name of a tensor.

    Raises:
      ConvertError: the file cannot be loaded or run.
    """
    onnx, runtime = extras.load("onnx"), extras.load("onnxruntime")
    try:
        model = onnx.load(path)
        made = {name for node in model.graph.node for name in node.output}
        seen = {layer.name: layer.output for layer in plan.layers if layer.output in made}
        listed = {item.name for item in model.graph.output}
        for name in dict.fromkeys(seen.values()):
            if name not in listed:
                model.graph.output.append(onnx.ValueInfoProto(name=name))
        session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        fed = {inputs[key]: value for key, value in source.inputs.items()}
        names = [*outputs.values(), *dict.fromkeys(seen.values())]
        found: dict[str, Any] = dict(zip(names, session.run(names, fed), strict=True))
    except Exception as error:  # both libraries raise whatever their parts raise
        raise errors.ConvertError(errors.explain(f"{path!r} does not run ({str(error)[:300]})")) from error
    results = {key: np.asarray(found[name]) for key, name in outputs.items()}
    layers = {name: _as_source(np.asarray(found[tensor]), source.layers.get(name)) for name, tensor in seen.items()}
    return Results(source.inputs, results, layers)


def _as_source(value: np.ndarray, expected: np.ndarray | None) -> np.ndarray:
    """Returns maps with their channels last where that is closer: converters keep a tensor's name and move its axes."""
    if expected is None or value.ndim < 3 or value.ndim != expected.ndim:
        return value
    moved = np.moveaxis(value, 1, -1)
    fitting = [item for item in (value, moved) if item.shape == expected.shape]
    return min(fitting, key=lambda item: float(np.abs(item - expected).max(initial=0.0)), default=value)
