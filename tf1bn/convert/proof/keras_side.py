"""A Keras model on the inputs of the source."""

from __future__ import annotations

from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.convert.plan import Plan
from tf1bn.convert.proof.results import Results
from tf1bn.convert.proof.torch_side import named


def run(model: Any, plan: Plan, source: Results) -> Results:
    """Returns what a filled model computes in inference, and what each of its layers gives.

    Raises:
      ConvertError: the model does not take the inputs, or gives something else.
    """
    layers: dict[str, np.ndarray] = {}
    undo = [_watch(layer, layers) for layer in model.layers if any(item.name == layer.name for item in plan.layers)]
    fed = list(source.inputs.values())
    try:
        given = model(fed[0] if len(fed) == 1 else fed, training=False)
    except Exception as error:  # a model raises whatever it likes
        shapes = [value.shape for value in fed]
        raise errors.ConvertError(
            errors.explain(f"the model does not run on inputs of shapes {shapes} ({str(error)[:300]})")
        ) from error
    finally:
        for back in undo:
            back()
    return Results(source.inputs, named(given, list(source.outputs), np.asarray), layers)


def _watch(layer: Any, found: dict[str, np.ndarray]) -> Any:
    """Keeps what the first call of a layer gives; returns what ends that."""
    call = layer.call

    def watched(*arguments: Any, **options: Any) -> Any:
        result = call(*arguments, **options)
        if layer.name not in found and hasattr(result, "shape"):
            found[layer.name] = np.asarray(result)
        return result

    layer.call = watched

    def back() -> None:
        del layer.call

    return back
