"""A graph that is turned by itself, without an export: frozen, or with the values of its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.export import cutting, variables
from tf1bn.export.draft import Draft, meta_graph
from tf1bn.export.layout.proof import prove
from tf1bn.export.layout.turning import Kept, turn


class ChannelsLast(NamedTuple):
    """What :func:`channels_last` made.

    Attributes:
      graph_def: the GraphDef.
      values: of its variables, if it has any; a dense layer behind an image has its rows in another order.
      outputs: key -> name of a tensor.
      turned_inputs: names of the placeholders that are fed channels last now.
      turned_outputs: keys of the outputs that are channels last now.
      kept: ops that stayed channels first.
      check: what was compared, in words.
    """

    graph_def: Any
    values: dict[str, np.ndarray]
    outputs: dict[str, str]
    turned_inputs: tuple[str, ...]
    turned_outputs: tuple[str, ...]
    kept: tuple[Kept, ...]
    check: str


def channels_last(
    graph: Any,
    outputs: Any,
    *,
    values: Mapping[str, np.ndarray] | None = None,
    inputs_last: bool = False,
    outputs_last: bool = False,
    keep: bool = False,
    feed: Mapping[str, Any] | None = None,
) -> ChannelsLast:
    """Rewrites a channels-first inference graph to channels last, and proves it by running both.

    Convolutions and pooling of a graph that was trained channels first on GPUs run on no CPU without oneDNN, and on
    few servers. Here the images inside the graph change their order; inputs and outputs keep their names, and their
    shapes unless told otherwise, by one transposition each.

    Args:
      graph: a frozen graph, or one whose variables have `values`: a tf.Graph, a GraphDef, or a path.
      outputs: names of tensors, or key -> name.
      values: of the variables by name.
      inputs_last, outputs_last: whether images are fed and fetched channels last, without a transposition.
      keep: lets an op that cannot be turned stay, between two transpositions.
      feed: numbers for the check by name of a placeholder; made-up ones otherwise.

    Raises:
      ExportError: nothing is channels first, an op cannot be turned, or the check failed; the text names the ops.
      RunError: a graph cannot be run.

    Example:
      >>> import tensorflow.compat.v1 as tf
      >>> from tf1bn.export import channels_last
      >>> with tf.Graph().as_default() as graph:
      ...     x = tf.placeholder(tf.float32, [None, 3, 8, 8], "x")
      ...     y = tf.nn.max_pool2d(x, 2, 2, "VALID", data_format="NCHW", name="y")
      >>> made = channels_last(graph, "y", inputs_last=True, outputs_last=True)
      >>> [node.op for node in made.graph_def.node]
      ['Placeholder', 'MaxPool']
    """
    with errors.located("channels_last"):
        draft, held = Draft(meta_graph(graph)), dict(values or {})
        wanted = {key: draft.find(text, "output") for key, text in cutting.keyed(outputs).items()}
        draft.keep(draft.needed(name for name, _ in wanted.values()))
        absent = sorted(set(variables.names(draft)) - set(held))
        if absent:
            raise errors.ArgumentError(errors.explain("variables have no value", got=absent[:5], fix="Give `values`."))
        made = turn(draft, held, wanted, inputs_last=inputs_last, outputs_last=outputs_last, keep=keep)
        check = prove(draft, held, made, {name.split(":")[0]: value for name, value in (feed or {}).items()})
        names = {key: f"{name}:{output}" for key, (name, output) in made.ends.items()}
        return ChannelsLast(made.draft.graph_def(), made.values, names, made.inputs, made.outputs, made.kept, check)
