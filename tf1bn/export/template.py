"""The ops with which a layer of tf1bn normalises in inference, made by the layer's own kernels.

They are built in a graph of their own, on placeholders of the shapes that the layer recorded, and so are the ones that
`is_training=False` would have given: whatever the kernel, and whatever training computed.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import axes as axes_lib
from tf1bn.core import kernels
from tf1bn.core.values import Moments

ROLES = ("x", "mean", "variance", "gamma", "beta")


class Template(NamedTuple):
    """The ops of one normalisation.

    Attributes:
      nodes: their NodeDefs, in which inputs named as one of `ROLES` stand for what is given.
      result: the name of the op whose first output is the result.
      signatures: OpDefs of their types.
    """

    nodes: list[Any]
    result: str
    signatures: Any


_SHAPING = ("shape", "parameter_shape", "axis", "asked_kernel", "epsilon", *ROLES[3:])
"""What of a record the ops depend on; of gamma and beta, whether there is one."""


class Templates:
    """The ops of several calls; those of calls that are alike are built once."""

    def __init__(self) -> None:
        self._built: dict[Any, Template] = {}

    def of(self, record: dict[str, Any], dtype: int, parameter_dtype: int) -> Template:
        """Returns the ops for a call that is recorded; see :func:`build`."""
        parts = {key: record[key] is not None if key in ROLES else record[key] for key in _SHAPING}
        key = (dtype, parameter_dtype, json.dumps(parts))
        if key not in self._built:
            self._built[key] = build(record, dtype, parameter_dtype)
        return self._built[key]


def build(record: dict[str, Any], dtype: int, parameter_dtype: int) -> Template:
    """Returns the ops for a call that is recorded.

    Args:
      record: of the call; see :func:`tf1bn.core.records.read`.
      dtype: of the input.
      parameter_dtype: of gamma, beta and the averages.
    """
    with tf.Graph().as_default() as graph:
        shape, dims = record["parameter_shape"], tuple(record["shape"])
        x = tf.placeholder(tf.as_dtype(dtype), dims, "x")
        given = {
            role: tf.placeholder(tf.as_dtype(parameter_dtype), shape, role)
            for role in ROLES[1:]
            if role not in ("gamma", "beta") or record[role] is not None
        }
        axes = axes_lib.resolve(dims, record["axis"])._replace(parameter_shape=tuple(shape))
        kernel = kernels.choose_given(dims, x.dtype, axes, record["asked_kernel"])
        moments = Moments(given["mean"], given["variance"])
        y = kernel.infer(x, axes, moments, given.get("gamma"), given.get("beta"), record["epsilon"])
        if y is x or y.op.outputs[0] is not y:
            y = tf.identity(y)
        meta = tf.train.export_meta_graph(graph=graph)
    nodes = [node for node in meta.graph_def.node if node.name not in ROLES]
    return Template(nodes, y.op.name, meta.meta_info_def.stripped_op_list.op)
