"""What weights cannot carry, layer by layer: numbers, padding, activations; as text, JSON, or comments of a module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tf1bn.convert import naming
from tf1bn.convert.layer import Layer
from tf1bn.convert.plan import Plan
from tf1bn.convert.uses import catalog

_NAMES = {
    "Relu": "relu", "Relu6": "relu6", "Elu": "elu", "Selu": "selu", "LeakyRelu": "leaky_relu", "Softplus": "softplus",
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "LogSoftmax": "log_softmax", "Softsign": "softsign",
    "Exp": "exp", "Erf": "erf",
}  # fmt: skip


def lines(layer: Layer, framework: str) -> list[str]:
    """Returns sentences on one layer for ``torch`` or ``keras``."""
    found = list(catalog.USES.get(layer.kind).notes(layer, framework))
    traits = layer.traits
    if traits.get("activation"):
        found.append(f"then {_NAMES.get(traits['activation'], traits['activation'])}")
    if traits.get("depth_to_space") and framework == naming.TORCH:
        block = traits["depth_to_space"]
        found.append(
            f"then depth_to_space({block}), which takes the place in the block from the first of its channels: "
            f"x.unflatten(1, ({block * block}, -1)).transpose(1, 2).flatten(1, 2), then nn.PixelShuffle({block})"
        )
    if traits.get("dropout"):
        found.append("dropout follows in training")
    if traits.get("data_format") == "channels_first":
        found.append("channels first in the source")
    if traits.get("calls"):
        found.append(f"called {traits['calls']} times with the same weights")
    if traits.get("tied"):
        found.append(f"shares its numbers with {traits['tied']}: tie them")
    return found


def as_json(plan: Plan) -> dict[str, Any]:
    """Returns all facts as JSON values: per layer its traits, and sentences for the plan's framework."""
    framework = _framework(plan)
    layers = [
        {"name": layer.name, "kind": layer.kind, "traits": layer.traits, "notes": lines(layer, framework)}
        for layer in plan.layers
    ]
    return {"framework": framework, "layers": layers, "notes": list(plan.notes)}


def as_text(plan: Plan) -> str:
    """Returns all facts as lines for people, layers in forward order."""
    return "\n".join(_rows(plan.layers, _framework(plan)) + [f"note: {note}" for note in plan.notes])


def as_comments(plan: Plan) -> str:
    """Returns all facts as a block of Python comments for the module that takes the weights."""
    head = [f"Weights of {plan.source}. What they do not carry, in the order of the forward pass:"]
    return "\n".join(f"# {row}" for row in head + _rows(plan.layers, _framework(plan))) + "\n"


def _framework(plan: Plan) -> str:
    return naming.TORCH if plan.dialect == naming.TORCH else naming.KERAS


def _rows(layers: Sequence[Layer], framework: str) -> list[str]:
    rows = []
    for layer in layers:
        found = lines(layer, framework)
        rows.append(f"{layer.name} ({layer.kind}){': ' if found else ''}{'; '.join(found)}")
    return rows
