"""The step of an export that makes a channels-first graph channels last, and its checks speak the old order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.export.checks import Reference
from tf1bn.export.draft import parse
from tf1bn.export.forms import Product
from tf1bn.export.inference import InferenceGraph, Made
from tf1bn.export.layout.proof import first, last, prove
from tf1bn.export.layout.turning import Turned, turn

_LAST = "NHWC"


class Wishes(NamedTuple):
    """What is asked for.

    Attributes:
      turn: whether the graph is made channels last.
      inputs_last, outputs_last: whether images are fed and fetched so.
      keep: whether an op that cannot be turned may stay.
    """

    turn: bool
    inputs_last: bool
    outputs_last: bool
    keep: bool

    @classmethod
    def of(cls, layout: Any, input_layout: Any, output_layout: Any, keep: bool) -> Wishes:
        """Checks the arguments of an export.

        Raises:
          ArgumentError: an unknown layout, or a wish that goes with a layout only.
        """
        given = {"layout": layout, "input_layout": input_layout, "output_layout": output_layout}
        for name, value in given.items():
            if value not in (None, _LAST):
                raise errors.ArgumentError(
                    errors.explain(f"`{name}` is unknown", got=value, expected=f"{_LAST} or None")
                )
        alone = [name for name in ("input_layout", "output_layout") if given[name]] + ["keep_channels_first"] * keep
        if layout is None and alone:
            raise errors.ArgumentError(
                errors.explain(f"`{alone[0]}` goes with `layout` only", fix="Pass layout='NHWC' (--layout=NHWC).")
            )
        return cls(layout == _LAST, input_layout == _LAST, output_layout == _LAST, keep)


def apply(
    wishes: Wishes, made: Made, product: Product, reference: Reference
) -> tuple[Product, Callable[[Any], Any], InferenceGraph]:
    """Returns the product as it is wished, what a loaded file is seen through by the checks, and the graph's account.

    Raises:
      ExportError: nothing is channels first, or something cannot be turned, or differs.
    """
    if not wishes.turn:
        return product, lambda loaded: loaded, made.result
    ends = {key: parse(name) for key, name in product.outputs.items()}
    turned = turn(
        product.draft,
        product.values,
        ends,
        inputs_last=wishes.inputs_last,
        outputs_last=wishes.outputs_last,
        keep=wishes.keep,
    )
    feed = {product.inputs[key].split(":")[0]: value for key, value in reference.feed.items()}
    reference.checks.append(prove(product.draft, product.values, turned, feed))
    outputs = {key: f"{name}:{output}" for key, (name, output) in turned.ends.items()}
    result = dataclasses.replace(
        made.result,
        graph_def=turned.draft.graph_def(),
        outputs=outputs,
        notes=(*made.result.notes, *_notes(turned, product.values)),
    )
    new = dataclasses.replace(product, draft=turned.draft, values=turned.values, outputs=outputs)
    inputs = {key for key, name in product.inputs.items() if name.split(":")[0] in turned.inputs}
    return new, lambda loaded: _Facing(loaded, inputs, set(turned.outputs)), result


def _notes(turned: Turned, values: Mapping[str, np.ndarray]) -> list[str]:
    notes = [f"{len(turned.sites)} ops are channels last now"]
    # By identity: an array that was turned is another object, whatever its numbers.
    permuted = sorted(name for name, value in turned.values.items() if value is not values[name])
    if permuted:
        notes.append(f"the rows of these kernels have another order now: {', '.join(permuted)}")
    for what, names in (("inputs", turned.inputs), ("outputs", turned.outputs)):
        if names:
            notes.append(f"these {what} are channels last now: {', '.join(names)}")
    if turned.kept:
        notes.append("between two transpositions stay " + "; ".join(item.text() for item in turned.kept))
    return notes


class _Facing:
    """A loaded file that is fed and fetched in the order of the source.

    Args:
      loaded: the file.
      inputs, outputs: keys of what is channels last in it.
    """

    def __init__(self, loaded: Any, inputs: set[str], outputs: set[str]) -> None:
        self._loaded, self._inputs, self._outputs = loaded, inputs, outputs

    def __call__(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {key: last(value) if key in self._inputs else value for key, value in feed.items()}
        found = self._loaded(given)
        return {key: first(value) if key in self._outputs else value for key, value in found.items()}

    def uninitialised(self) -> list[str]:
        return list(self._loaded.uninitialised())

    def close(self) -> None:
        self._loaded.close()
