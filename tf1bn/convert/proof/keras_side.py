"""A Keras model on the inputs of the source."""

from __future__ import annotations

from collections.abc import Callable
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


def _watch(layer: Any, found: dict[str, np.ndarray]) -> Callable[[], None]:
    """Keeps what the first call of a layer gives, before its nonlinearity; returns what ends that."""
    inner = getattr(layer, "activation", None)
    if callable(inner) and not hasattr(layer, "recurrent_activation"):
        return _wrap(layer, "activation", inner, found, given=True)
    return _wrap(layer, "call", layer.call, found, given=False)


def _wrap(layer: Any, name: str, function: Any, found: dict[str, np.ndarray], *, given: bool) -> Callable[[], None]:
    """Puts a function in a layer's place of that name that keeps what it is given, or what it gives."""

    def watched(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        kept = arguments[0] if given else result
        if layer.name not in found and hasattr(kept, "shape"):
            found[layer.name] = np.asarray(kept)
        return result

    setattr(layer, name, watched)

    def back() -> None:
        if given:
            setattr(layer, name, function)
        else:
            delattr(layer, name)  # the method of its class stands behind it

    return back
