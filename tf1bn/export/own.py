"""Batch norms of tf1bn's own layers that were built for training alone, rewritten by what the layer recorded.

Their arithmetic subtracts the mean in two steps, or shifts the input by a sample of the batch, to be exact far from
zero. Both depend on the batch, so replacing the moments would not do; the record tells the input, and the formula of
the averages takes the place of the arithmetic.
"""

from __future__ import annotations

from typing import Any

from tf1bn.export.cutting import static_shape
from tf1bn.export.draft import Draft, Ref, spell
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.sites import Normalizer, Site
from tf1bn.graph.variables import Variable

_SPECIAL = ("renorm", "adjustment", "virtual_batch_size", "weighted")


def is_ordinary(record: dict[str, Any]) -> bool:
    """Whether a layer normalises with nothing but the moments of its whole batch."""
    return not any(record.get(key) for key in _SPECIAL)


def rewrite(draft: Draft, model: GraphModel, site: Site, record: dict[str, Any]) -> Ref:
    """Makes a site compute x * scale + (beta - mean * scale) with scale = gamma / sqrt(variance + epsilon).

    Returns:
      x; the output stays where it was.
    """
    item, x = site.normalizers[0], draft.find(str(record["inputs"]), "input of a batch norm")
    if _takes_images(draft, item, record, x):
        node = draft.nodes[item.node.name]
        node.attr["is_training"].b = False
        node.input[0] = spell(x)
        node.input[3], node.input[4] = (_read(draft, items[0])[0] for items in (site.mean, site.variance))
        return x
    output = _named(model, item.output)
    scope = item.node.name.rpartition("/")[0]
    assert output[0].rpartition("/")[0] == scope, "the layer ends its arithmetic with an op of its own"
    dtype = draft.dtype(output)
    result = _formula(draft, site, x, list(record["axis"]), dtype)
    draft.make(output[0], "Identity", [result], T=dtype)
    return x


def _takes_images(draft: Draft, item: Normalizer, record: dict[str, Any], x: Ref) -> bool:
    """Whether a site is the fused op on its input itself, not on a view of it."""
    training = item.fused and draft.nodes[item.node.name].attr["is_training"].b
    return training and item.data_format == "NHWC" and record["axis"] == [3] and len(static_shape(draft, x).dim) == 4


def _formula(draft: Draft, site: Site, x: Ref, axes: list[int], wanted: int) -> Ref:
    """Adds the formula of a site's averages, in their data type; returns its result in the one that is wanted."""
    dtype, rank = int(site.mean[0].node.attr("dtype").type), len(static_shape(draft, x).dim)
    prefix = draft.free_name(f"{site.scope}/inference")

    def op(name: str, kind: str, *inputs: Ref) -> Ref:
        return str(draft.make(draft.free_name(f"{prefix}/{name}"), kind, inputs, T=dtype).name), 0

    def cast(value: Ref, to: int) -> Ref:
        given = draft.dtype(value)
        if given == to:
            return value
        return str(draft.make(draft.free_name(f"{prefix}/cast"), "Cast", [value], SrcT=given, DstT=to).name), 0

    def read(variable: Variable) -> Ref:
        return _spread(draft, _read(draft, variable), variable, axes, rank)

    epsilon = draft.free_name(f"{prefix}/epsilon")
    draft.constant(epsilon, site.normalizers[0].epsilon, dtype)
    scale = op("rsqrt", "Rsqrt", op("add", "AddV2", read(site.variance[0]), (epsilon, 0)))
    if site.gamma is not None:
        scale = op("scale", "Mul", scale, read(site.gamma))
    shift = op("shift", "Mul", read(site.mean[0]), scale)
    scaled = op("scaled", "Mul", cast(x, dtype), scale)
    if site.beta is None:
        return cast(op("output", "Sub", scaled, shift), wanted)
    return cast(op("output", "AddV2", scaled, op("offset", "Sub", read(site.beta), shift)), wanted)


def _read(draft: Draft, variable: Variable) -> Ref:
    """Adds an op that reads a variable."""
    dtype = variable.node.attr("dtype").type
    name = draft.free_name(f"{variable.name}/inference_read")
    if variable.node.op == "VarHandleOp":
        draft.make(name, "ReadVariableOp", [(variable.name, 0)], dtype=dtype)
    else:
        draft.make(name, "Identity", [(variable.name, 0)], T=dtype)
    return name, 0


def _spread(draft: Draft, value: Ref, variable: Variable, axes: list[int], rank: int) -> Ref:
    """Reshapes a parameter so that it broadcasts against the input; the last axis needs nothing."""
    if axes == [rank - 1]:
        return value
    shape = [1] * rank
    for axis, size in zip(axes, variable.shape or (), strict=True):
        shape[axis] = int(size or 0)
    integer = 3  # DT_INT32
    sizes = draft.free_name(f"{value[0]}/shape")
    draft.constant(sizes, shape, integer)
    node = draft.make(draft.free_name(f"{value[0]}/spread"), "Reshape", [value, (sizes, 0)], Tshape=integer)
    node.attr["T"].type = variable.node.attr("dtype").type
    return str(node.name), 0


def _named(model: GraphModel, tensor: Tensor) -> Ref:
    return model.nodes[tensor[0]].name, tensor[1]
