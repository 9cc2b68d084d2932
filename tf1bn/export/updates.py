"""Takes updates off outputs that wait for them, for tools that make constants of variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import records
from tf1bn.export import cutting
from tf1bn.export.draft import Draft, meta_graph
from tf1bn.graph import loading
from tf1bn.strategies.base import OUTPUT


def without_updates(graph: Any, outputs: Mapping[str, str] | Iterable[str]) -> tf.GraphDef:
    """Returns what the outputs are computed from, without the updates of averages that run with them.

    For ``tf.graph_util.convert_variables_to_constants`` and the tools behind it, which cannot make a constant of a
    variable that an output moves: with the strategies "inline" and "ema" and with ``updates_collections=None``.
    Everything else stays as it is, the training switch too: with it on, batches are normalised by their own moments,
    and nothing moves. To have the switch and the training branch off as well, take :func:`inference_graph`.

    Args:
      graph: a tf.Graph, a MetaGraphDef, or the path of a ``.meta`` file; the calls' records are read from it.
      outputs: names of tensors, or key -> name.

    Returns:
      A GraphDef. Its variables are still variables, of the same names; devices and colocations are gone.

    Raises:
      ExportError: the graph has no such output.
      GraphError: the graph cannot be read.

    Example:
      >>> import tensorflow.compat.v1 as tf
      >>> import tf1bn
      >>> from tf1bn.export import without_updates
      >>> with tf.Graph().as_default() as graph, tf.Session() as session:
      ...     x = tf.placeholder(tf.float32, [None, 3], "x")
      ...     is_training = tf.placeholder_with_default(False, [], "is_training")
      ...     y = tf.identity(tf1bn.batch_norm(x, is_training), "y")
      ...     session.run(tf.global_variables_initializer())
      ...     frozen = tf.graph_util.convert_variables_to_constants(session, without_updates(graph, ["y"]), ["y"])
      >>> [node.op for node in frozen.node if "Variable" in node.op or "Assign" in node.op]
      []
    """
    with errors.located("without_updates"):
        meta = meta_graph(graph)
        draft = Draft(meta)
        wanted = [draft.find(text, "output")[0] for text in cutting.keyed(outputs).values()]
        waited = _waited(meta)
        for node in draft.nodes.values():
            _let_go(node, waited)
        draft.functions = {name: _pruned(function, waited) for name, function in draft.functions.items()}
        draft.keep(draft.needed(wanted))
        return draft.graph_def()


def _waited(meta: Any) -> set[str]:
    """Returns the names of the ops that outputs wait for."""
    found = [records.parse(text) for text in loading.load(meta).records]
    return {name.partition(":")[0] for record in found if record["placement"] == OUTPUT for name in record["updates"]}


def _let_go(node: Any, waited: set[str]) -> None:
    kept = [text for text in node.input if not (text.startswith("^") and text[1:] in waited)]
    if len(kept) < len(node.input):
        del node.input[:]
        node.input.extend(kept)


def _pruned(given: Any, waited: set[str]) -> Any:
    """Returns a function without updates of calls in its body: its nodes are all checked, and writes all run."""
    if not waited.intersection(node.name for node in given.node_def):
        return given
    function = type(given)()
    function.CopyFrom(given)
    nodes = {node.name: node for node in function.node_def}
    # With all that they are computed from; what an output needs as well is kept below.
    updates = _closure(nodes, waited & set(nodes))
    for node in nodes.values():
        _let_go(node, waited)
    needed = _closure(nodes, [text.partition(":")[0] for text in function.ret.values()])
    # A function runs its control outputs in any case, so updates must go from there, too.
    for key in [key for key, name in function.control_ret.items() if name in updates - needed]:
        del function.control_ret[key]
        function.signature.control_output.remove(key)
    needed |= _closure(nodes, function.control_ret.values())
    kept = [node for node in nodes.values() if node.name in needed or node.name not in updates]
    del function.node_def[:]
    function.node_def.extend(kept)
    return function


def _closure(nodes: dict[str, Any], start: Iterable[str]) -> set[str]:
    """Returns the nodes of a function's body that the given ones need, with these; not the body's arguments."""
    found: set[str] = set()
    todo = [name for name in start if name in nodes]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [source for text in nodes[name].input if (source := text.lstrip("^").partition(":")[0]) in nodes]
    return found
