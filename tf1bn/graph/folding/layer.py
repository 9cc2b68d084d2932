"""A layer that takes batch norms: its kernel, the steps behind it, and what may stand in front of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from tf1bn.graph import consts
from tf1bn.graph.folding.constants import Constants
from tf1bn.graph.folding.linear import Kernel, Linear, kernel_of, linear, moved_by, other_users
from tf1bn.graph.folding.steps import Place, Step, composed
from tf1bn.graph.folding.walk import Walk
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.site import Site

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

BACKWARD, FORWARD = "before", "after"
FLOATS = ("float16", "float32", "float64")
_ADDS = ("BiasAdd", "BiasAddV1", "Add", "AddV2")


@dataclasses.dataclass(eq=False)
class Front:
    """Batch norms that a layer takes over from its input.

    Attributes:
      start: the tensor that they normalise.
      chain: their steps.
      kept: the ops between them and the layer, in order.
      scale, shift: the factor and summand of each input of the layer.
    """

    start: Tensor
    chain: list[Step]
    kept: list[Node]
    scale: np.ndarray
    shift: np.ndarray


@dataclasses.dataclass(eq=False)
class Layer:
    """A layer and what is folded into it; arrays are float64, as the layer takes them.

    Attributes:
      linear: the op.
      kernel: where its kernel is kept.
      dtype: of the kernel.
      weights: the value of the kernel.
      constants: the parameters of the graph.
      chain: the steps behind it, up to the end of the last batch norm.
      sites: the batch norms that it takes.
      front: those of them that stand before it.
    """

    linear: Linear
    kernel: Kernel
    dtype: str
    weights: np.ndarray
    constants: Constants
    chain: list[Step] = dataclasses.field(default_factory=list)
    sites: list[Site] = dataclasses.field(default_factory=list)
    front: Front | None = None

    @property
    def channels(self) -> int:
        return self.linear.channels(self.weights)

    @property
    def end(self) -> Node:
        """The last op: what it gives is what the batch norm gave."""
        return self.chain[-1].node if self.chain else self.linear.node

    @property
    def beginning(self) -> Place:
        """What comes out of the layer itself."""
        return Place((self.linear.node.id, 0), self.linear.view(self.channels), self.linear.rank)

    @property
    def place(self) -> Place:
        """What comes out at the end."""
        return self.chain[-1].place if self.chain else self.beginning

    def affine(self, chain: list[Step] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Returns factor and summand of each channel for all steps behind the layer together."""
        return composed(self.chain if chain is None else chain, self.channels)

    def folded(self, chain: list[Step] | None = None, front: Front | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Returns the new kernel, as the layer takes it, and the new bias; both float64."""
        scale, shift = self.affine(chain)
        weights = self.weights
        front = self.front if front is None else front
        if front is not None:
            shift = shift + scale * self.linear.summed(weights, front.shift)
            weights = self.linear.scaled_inputs(weights, front.scale)
        return self.linear.scaled(weights, scale), shift

    def trouble(self, chain: list[Step], front: Front | None = None) -> str:
        """Returns why the numbers do not allow it, or an empty string."""
        if not np.all(np.isfinite(self.weights)):
            return f"the kernel {self.kernel.leaf.name!r} is not finite"
        for item in [*(front.chain if front is not None else ()), *chain]:
            if item.scale is not None and not (np.all(np.isfinite(item.scale)) and np.all(np.isfinite(item.shift))):
                return f"the factors or summands of {item.node.name!r} are not finite"
        with np.errstate(over="ignore"):
            new = [value.astype(self.dtype) for value in self.folded(chain, front)]
        if not all(np.all(np.isfinite(value)) for value in new):
            return f"the folded kernel does not fit into {self.dtype}"
        return ""


def make_layer(model: GraphModel, constants: Constants, walk: Walk, found: Linear) -> Layer | str:
    """Returns a layer with its kernel, or why the kernel must stay as it is."""
    kernel = kernel_of(model, found.kernel)
    if isinstance(kernel, str):
        return kernel
    name = kernel.leaf.name
    others = other_users(model, kernel.leaf, found.node.id)
    if others:
        layers = [user for user in others if linear(user) is not None]
        what = f"by the layer {layers[0].name!r}" if layers else f"by {others[0].name!r}"
        return f"its kernel {name!r} is also used {what}"
    if name in walk.kept and kernel.variable is None:
        return f"its kernel {name!r} is needed: {walk.kept[name]}"
    writer = moved_by(kernel.variable) if kernel.variable is not None else None
    if writer is not None:
        return f"its kernel {name!r} is still moved by {writer.name!r}: fold an inference graph"
    dtype = consts.dtype_name(kernel.leaf.attr("dtype").type)
    if dtype not in FLOATS:
        return f"its kernel {name!r} is {dtype}"
    weights = constants.get(found.kernel)
    if weights is None:
        return f"the value of its kernel {name!r} is not known"
    if found.node.op.startswith("BatchMatMul") and weights.ndim != 2:
        return f"its kernel {name!r} is another one for each row"
    return Layer(found, kernel, dtype, weights, constants)


def own_bias(model: GraphModel, layer: Layer) -> tuple[Step, Kernel] | None:
    """Returns the summand on the way that can hold the new bias: a vector used nowhere else, and no beta."""
    taken = {variable.name for site in layer.sites for variable in [*site.affine, *site.statistics]}
    for item in layer.chain:
        if item.node.op not in _ADDS or len(item.operands) != 1:
            continue
        found = kernel_of(model, item.operands[0])
        if isinstance(found, str) or found.leaf.name in taken or _reshapes(found):
            continue
        shape = _shape(found.leaf)
        dtype = consts.dtype_name(found.leaf.attr("dtype").type)
        moved = found.variable is not None and moved_by(found.variable) is not None
        constant = (found.variable is None) == (layer.kernel.variable is None)
        fits = shape == (layer.channels,) and dtype == layer.dtype and constant and not moved
        if fits and not other_users(model, found.leaf, item.node.id):
            return item, found
    return None


def _reshapes(kernel: Kernel) -> bool:
    return any(node.op not in ("Identity", "ReadVariableOp") for node in kernel.path)


def _shape(leaf: Node) -> Any:
    stated = leaf.attr("value")
    return consts.shape_of(stated.tensor.tensor_shape if stated is not None else leaf.attr("shape").shape)
