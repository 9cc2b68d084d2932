"""Makes the folded graph: kernels and biases with other values, no batch norm, and every output under its old name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.graph.folding import bookkeeping, savers
from tf1bn.graph.folding.editor import Editor, set_value
from tf1bn.graph.folding.layer import Layer, own_bias
from tf1bn.graph.folding.linear import Kernel
from tf1bn.graph.folding.planning import Verdict, plan
from tf1bn.graph.folding.savers import Added
from tf1bn.graph.folding.steps import Place, Step
from tf1bn.graph.folding.walk import kept_names, op_name
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor

_BIAS_NAMES = {"weights": "biases", "W": "b", "w": "b"}


class FoldedGraph(NamedTuple):
    """A graph without the batch norms that could be folded.

    Attributes:
      meta_graph: the new MetaGraphDef; of a bare GraphDef it holds the graph alone.
      values: new values of variables that were there, by name.
      new: values of new variables, by name.
      dropped: names of variables that are gone.
      verdicts: what became of each batch norm.
      keys: the name in a checkpoint of each variable, old and new.
    """

    meta_graph: Any
    values: dict[str, np.ndarray]
    new: dict[str, np.ndarray]
    dropped: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    keys: dict[str, str]

    @property
    def graph_def(self) -> Any:
        """The new GraphDef."""
        return self.meta_graph.graph_def

    @property
    def layers(self) -> list[Layer]:
        """The layers that took batch norms."""
        return list(dict.fromkeys(verdict.layer for verdict in self.verdicts if verdict.layer is not None))


def fold_graph(
    model: GraphModel, values: Mapping[str, Any], *, outputs: Iterable[str] = (), taken: Iterable[str] = ()
) -> FoldedGraph:
    """Folds every batch norm that can be folded into the layer before or after it.

    In inference `y = x * a + b` per channel with `a = gamma / sqrt(variance + epsilon)` and
    `b = beta - mean * a`. The kernel is multiplied by `a`, the bias becomes `bias * a + b`; both are computed in
    float64 and rounded once. The op that ended the batch norm becomes a BiasAdd of the same name.

    Args:
      model: the graph; it is not changed.
      values: the value of each variable by the name of its op; nothing for a frozen graph.
      outputs: names of tensors that the program fetches; these keep their values.
      taken: names that new variables must not have.

    Returns:
      a FoldedGraph.

    Raises:
      RepairError: a Saver of the graph would be left with nothing to save.
    """
    verdicts = tuple(plan(model, values, outputs))
    meta = tf.MetaGraphDef()
    if model.source.meta_graph is not None:
        meta.CopyFrom(model.source.meta_graph)
    else:
        meta.graph_def.CopyFrom(model.source.graph_def)
    work = _Rewriter(model, meta, outputs, taken)
    layers = list(dict.fromkeys(verdict.layer for verdict in verdicts if verdict.layer is not None))
    for layer in layers:
        work.fold(layer)
    work.finish([site.scope for layer in layers for site in layer.sites])
    return FoldedGraph(meta, work.values, work.new, tuple(sorted(work.editor.dead)), verdicts, work.keys)


class _Rewriter:
    """One rewriting of one graph."""

    def __init__(self, model: GraphModel, meta: Any, outputs: Iterable[str], taken: Iterable[str]) -> None:
        self.model = model
        self.editor = Editor(meta, kept_names(model, outputs))
        self.taken = set(taken)
        self.keys = savers.keys(model)
        self.values: dict[str, np.ndarray] = {}
        self.new: dict[str, np.ndarray] = {}
        self.added: list[tuple[Added, Any]] = []

    def fold(self, layer: Layer) -> None:
        """Rewires one layer and stores its new numbers."""
        kernel, bias = layer.folded()
        self._store(layer.kernel, layer.kernel.stored(kernel, layer.constants), layer.dtype)
        self._rewire(layer, bias)
        ahead = layer.front.chain if layer.front is not None else []
        operands = [self._text(operand) for item in [*ahead, *layer.chain] for operand in item.operands]
        self.editor.inherit(layer.end.name, operands)

    def _rewire(self, layer: Layer, bias: np.ndarray) -> None:
        if layer.front is not None:
            self._skip(layer.front.chain, self._text(layer.front.start))
        bias = bias.astype(layer.dtype)
        if not layer.chain:
            if np.any(bias):
                self._rename(layer, self._bias(layer, bias))
            return
        own = own_bias(self.model, layer)
        if own is not None:
            self._store(own[1], bias, layer.dtype)
            read = self._text(own[0].operands[0])
        else:
            read = self._bias(layer, bias)
        self._behind(layer, read)

    def finish(self, scopes: Iterable[str]) -> None:
        """Removes what is dead and makes collections and Savers agree with the rest."""
        sources = savers.sources_of_saves(self.model)
        self.editor.sweep()
        savers.shrink(self.editor, sources)
        savers.grow(self.editor, self.model, [added for added, _ in self.added], sources)
        bookkeeping.enter(self.editor.meta, [(added.beside.name, definition) for added, definition in self.added])
        bookkeeping.clean(self.editor, scopes)
        self.editor.finish()

    def _store(self, kernel: Kernel, value: np.ndarray, dtype: str) -> None:
        value = value.astype(dtype)
        if kernel.variable is not None:
            self.values[kernel.leaf.name] = value
        else:
            set_value(self.editor.nodes[kernel.leaf.name], value)

    def _skip(self, chain: list[Step], text: str) -> str:
        """Takes the arithmetic of a chain out; returns the tensor that is left of it."""
        end = chain[-1].node.name
        for item in chain:
            name = item.node.name
            if item.scale is not None:
                self.editor.take_out(name, text, end if name != end else op_name(text))
            else:
                self.editor.nodes[name].input[0] = text
                text = name
        return text

    def _behind(self, layer: Layer, read: str) -> None:
        """Leaves of the steps behind a layer those that move values about, and a bias under the name of the last."""
        start, end = layer.linear.node.name, layer.end.name
        plain = _layout(layer.place)
        if not plain:
            bias = self.editor.unique(f"{start}/BiasAdd")
            self._bias_add(self.editor.add(bias, "BiasAdd", [start, read], layer.end), layer, _layout(layer.beginning))
            start = bias
        text = start
        for item in layer.chain[:-1]:
            if item.scale is not None:
                self.editor.take_out(item.node.name, text, end)
            else:
                self.editor.nodes[item.node.name].input[0] = text
                text = item.node.name
        node = self.editor.retype(end, "BiasAdd" if plain else "Identity", [text, read] if plain else [text])
        self._bias_add(node, layer, plain)

    def _rename(self, layer: Layer, read: str) -> None:
        """Puts a bias behind a layer under the layer's own name, so that its users need not know."""
        old = layer.linear.node.name
        inner = self.editor.unique(f"{old}/linear")
        copy = self.editor.add(inner, layer.linear.node.op, (), layer.linear.node)
        copy.CopyFrom(self.editor.nodes[old])
        copy.name = inner
        node = self.editor.retype(old, "BiasAdd", [inner, read])
        self._bias_add(node, layer, _layout(layer.beginning))

    def _bias_add(self, node: Any, layer: Layer, layout: str) -> None:
        node.attr["T"].type = layer.kernel.leaf.attr("dtype").type
        if node.op == "BiasAdd":
            node.attr["data_format"].s = layout.encode()

    def _bias(self, layer: Layer, value: np.ndarray) -> str:
        """Makes a bias beside the kernel; returns the tensor that reads it."""
        leaf = layer.kernel.leaf
        scope, slash, last = leaf.name.rpartition("/")
        name = self.editor.unique(f"{scope}{slash}{_BIAS_NAMES.get(last, 'bias')}", self.taken)
        if layer.kernel.variable is None:
            return self.editor.constant(name, value, leaf.proto)
        nodes, definition = bookkeeping.variable(name, value, leaf.op == "VarHandleOp")
        for node in nodes:
            self.editor.adopt(node, leaf.device)
        self.new[name] = value
        key = self.keys[leaf.name]
        head = key.removesuffix(leaf.name) if key.endswith(leaf.name) else ""
        self.keys[name] = f"{head}{name}"
        initializer, read = op_name(definition.initializer_name), op_name(definition.snapshot_name)
        self.added.append((Added(name, self.keys[name], read, layer.kernel.variable, initializer), definition))
        return read

    def _text(self, tensor: Tensor) -> str:
        """Returns a tensor of the original graph as an input string."""
        name = self.model.nodes[tensor[0]].name
        return f"{name}:{tensor[1]}" if tensor[1] else name


def _layout(place: Place) -> str:
    """Returns the data format with which a BiasAdd adds along the channels, or nothing when none does."""
    if len(place.view) == 1:
        return "NHWC"
    first = place.view[0] is not None and not any(place.view[1:])
    return "NCHW" if first and place.rank == len(place.view) + 1 else ""
