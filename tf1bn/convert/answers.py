"""What a person says about layers: names in the target, and answers to questions; the contents of a map file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tf1bn import errors
from tf1bn.convert.layer import GIVEN, KERNEL, Doubt, Layer, Stored
from tf1bn.convert.uses import catalog

_TRAITS = {
    "flattened": int,
    "shaped": int,
    "features": int,
    "dealt": int,
    "forget_bias": float,
    "axes": list,
    "turned": bool,
    "strides": list,
}
_ROLES = ("moving_mean", "moving_variance", "gamma", "beta", "bias")
_OTHERS = ("to", "drop", "kind")


def load(given: Any) -> dict[str, dict[str, Any]]:
    """Returns answers by place; a plain name stands for ``{"to": name}``.

    Args:
      given: a mapping, or the path of a JSON file with one.

    Raises:
      ConvertError: it is none, or says something that is not understood.
    """
    if isinstance(given, str | os.PathLike):
        try:
            with open(given, encoding="utf-8") as file:
                given = json.load(file)
        except (OSError, ValueError) as error:
            raise errors.ConvertError(errors.explain(f"the map {given!r} cannot be read ({error})")) from error
    if not isinstance(given, Mapping):
        raise errors.ConvertError(errors.explain("a map is one JSON object", got=type(given).__name__))
    found = {}
    for place, answer in given.items():
        answer = {"to": answer} if isinstance(answer, str) else answer
        known = [*_OTHERS, *_TRAITS, *_ROLES]
        if not isinstance(answer, Mapping) or set(answer) - set(known):
            raise errors.ConvertError(
                errors.explain(
                    f"the map says something unknown of {place!r}",
                    got=answer,
                    expected=f"a name, or an object with some of {', '.join(known)}",
                )
            )
        found[str(place)] = dict(answer)
    return found


def apply(
    layers: Sequence[Layer], answers: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Stored]
) -> tuple[list[Layer], list[Layer]]:
    """Carries answers out; returns the layers that stay and those that are dropped.

    Raises:
      ConvertError: an answer names no layer, or does not fit its layer.
    """
    stay: list[Layer] = []
    dropped: list[Layer] = []
    used: set[str] = set()
    for layer in layers:
        for place in places(layer):
            if place in answers:
                used.add(place)
                _answer(layer, place, answers[place], stored)
        (dropped if layer.traits.pop("drop", False) else stay).append(layer)
    unknown = [place for place in answers if place not in used]
    if unknown:
        known = [place for layer in layers for place in places(layer)]
        raise errors.ConvertError(
            errors.explain(
                f"the map speaks of {unknown[0]!r}, which is no layer or tensor of the source",
                fix=errors.did_you_mean(unknown[0], known).strip(),
            )
        )
    return stay, dropped


def places(layer: Layer) -> tuple[str, ...]:
    """Returns what an answer may call a layer: its scope, that with its kind where two layers share it, a tensor."""
    return (layer.scope, f"{layer.scope}:{layer.kind}", *(item.key for item in layer.tensors.values()))


def _answer(layer: Layer, place: str, answer: Mapping[str, Any], stored: Mapping[str, Stored]) -> None:
    settled = set(answer) - {"to"}
    if "to" in answer:
        layer.name = _layer_name(layer, place, str(answer["to"]))
    if "kind" in answer:
        catalog.USES.get(answer["kind"])  # refuses an unknown one
        layer.kind, layer.sure = answer["kind"], GIVEN
    for name in settled & set(_TRAITS):
        layer.traits[name] = _TRAITS[name](answer[name])
    for role in settled & set(_ROLES):
        if answer[role] not in stored:
            raise errors.ConvertError(
                errors.explain(
                    f"the map gives {answer[role]!r} as {role} of {place!r}, which the source lacks",
                    fix=errors.did_you_mean(str(answer[role]), stored).strip(),
                )
            )
        layer.tensors[role] = stored[answer[role]]
    if answer.get("drop"):
        layer.traits["drop"] = True
        layer.doubts = []
    layer.doubts = [doubt for doubt in layer.doubts if not _settles(doubt, settled)]


def _settles(doubt: Doubt, answered: set[str]) -> bool:
    """Whether what was said is what the question asks for."""
    return any(f'"{word}"' in doubt.answer for word in answered)


def _layer_name(layer: Layer, place: str, name: str) -> str:
    """Returns the name of the layer in the target, where a tensor's was given."""
    tensors = {item.key: role for role, item in layer.tensors.items()}
    if place not in tensors or place == layer.scope:
        return name
    ends = [".weight", ".kernel", ".weight_ih_l0", "/kernel"] if tensors[place] == KERNEL else [".weight", ".bias"]
    return next((name.removesuffix(end) for end in ends if name.endswith(end)), name)
