"""For every batch norm of a graph: the layer that it can be folded into, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tf1bn.graph.folding import following
from tf1bn.graph.folding.constants import Constants
from tf1bn.graph.folding.layer import BACKWARD, FORWARD, Layer, make_layer
from tf1bn.graph.folding.linear import Linear, linear
from tf1bn.graph.folding.steps import data_input, moving_operand
from tf1bn.graph.folding.walk import Walk
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.once import once
from tf1bn.graph.site import BATCH, BOTH, Site

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

_NONLINEAR = ("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Softmax")
_CONDITIONAL = ("Switch", "RefSwitch", "Merge", "RefMerge", "If", "StatelessIf", "Case", "Select", "SelectV2")
_NONE_BEFORE = "its input comes from"
_MAX_STEPS = 200


class Verdict(NamedTuple):
    """What can be done with one batch norm.

    Attributes:
      site: the batch norm.
      layer: the layer that takes it, or None.
      side: `before` or `after`: where that layer stands.
      reason: why it cannot be folded, or an empty string.
    """

    site: Site
    layer: Layer | None = None
    side: str = ""
    reason: str = ""


def plan(model: GraphModel, values: Mapping[str, Any] | None = None, outputs: Iterable[str] = ()) -> list[Verdict]:
    """Returns a verdict for each batch norm of a graph, in graph order.

    Args:
      model: the graph.
      values: the value of each variable by the name of its op; None asks about the structure alone.
      outputs: names of tensors that the program fetches; these keep their values.
    """
    planner = _Planner(model, values, outputs)
    return [planner.judge(site) for site in model.sites]


def blocker(model: GraphModel, site: Site) -> str:
    """Returns why the structure of a graph keeps a batch norm from being folded, or an empty string."""
    return _blockers(model)[site]


@once
def _blockers(model: GraphModel) -> dict[Site, str]:
    return {verdict.site: verdict.reason for verdict in plan(model)}


class _Planner:
    """Judges the sites one by one; a layer may take several."""

    def __init__(self, model: GraphModel, values: Mapping[str, Any] | None, outputs: Iterable[str]) -> None:
        self.model = model
        self.constants = Constants(model, values)
        self.walk = Walk(model, self.constants, outputs)
        self.layers: dict[int, Layer] = {}

    def judge(self, site: Site) -> Verdict:
        reason = self._standing(site)
        if reason:
            return Verdict(site, reason=reason)
        layer = self._preceding(site)
        if isinstance(layer, Layer):
            return Verdict(site, layer, BACKWARD)
        later = following.find(self.model, self.constants, self.walk, self.layers, site)
        if isinstance(later, Layer):
            return Verdict(site, later, FORWARD)
        return Verdict(site, reason=f"{layer}; {later}" if layer.startswith(_NONE_BEFORE) else layer)

    def _standing(self, site: Site) -> str:
        """Why the site itself rules folding out."""
        if site.mode == BOTH:
            return "a conditional chooses its statistics"
        if site.mode == BATCH:
            return "it normalises with the statistics of the batch"
        if len(site.normalizers) != 1:
            return "several ops normalise it"
        item = site.normalizers[0]
        numbers = (item.node.id, item.x[0], item.output[0])
        if any(self.model.nodes[number].call >= 0 or self.model.flow.contexts[number] for number in numbers):
            return "it runs inside a conditional, a loop or a function"
        variance = self.constants.get(item.variance)
        if variance is not None and self.constants.values is not None:
            if not np.all(np.isfinite(variance)):
                return "its variance is not finite"
            if np.any(variance < 0):
                return f"its variance is negative in {int(np.sum(variance < 0))} of {variance.size} channels"
        return ""

    def _preceding(self, site: Site) -> Layer | str:
        found = self._producer(site.x)
        if isinstance(found, str):
            return found
        layer = self.layers.get(found.node.id) or make_layer(self.model, self.constants, self.walk, found)
        if isinstance(layer, str):
            return layer
        chain = self.walk.through(layer.beginning, site.normalizers[0])
        if isinstance(chain, str):
            return chain
        trouble = moving_operand(self.model, chain)
        if self.constants.values is not None:
            trouble = trouble or layer.trouble(chain)
        if trouble:
            return trouble
        layer.chain = chain
        layer.sites.append(site)
        self.layers[found.node.id] = layer
        return layer

    def _producer(self, tensor: Tensor) -> Linear | str:
        """Walks back from a batch norm to the layer before it, through what can be folded as well."""
        for _ in range(_MAX_STEPS):
            node = self.model.nodes[tensor[0]]
            found = linear(node)
            if found is not None:
                inside = node.call >= 0 or self.model.flow.contexts[node.id]
                return "the layer before it runs inside a conditional, a loop or a function" if inside else found
            if node.op in _NONLINEAR:
                return f"the nonlinearity {node.op} {node.name!r} stands between it and the layer before it"
            if node.op in _CONDITIONAL:
                return f"the conditional {node.name!r} stands between it and the layer before it"
            source = data_input(self.constants, node)
            if source is None:
                return f"{_NONE_BEFORE} {node.op}, not from a convolution or a matrix product"
            tensor = source
        return "no layer was found before it"
