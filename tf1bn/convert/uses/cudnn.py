"""LSTMs of cuDNN: one opaque vector in the graph, whose checkpoint has a kernel and a bias for each cell by name.

The Saver of ``CudnnLSTM`` writes what ``CudnnCompatibleLSTMCell`` reads: gates i, j, f, o, both biases added up, and a
forget gate to which nothing is added. So a cell is known by its name, with or without a graph.
"""

from __future__ import annotations

import re

from tf1bn.convert.layer import BIAS, KERNEL, Doubt, Layer, Stored
from tf1bn.convert.reader import Reader, attribute
from tf1bn.convert.target import Target
from tf1bn.convert.uses import lstm
from tf1bn.convert.uses.kind import Kind, as_stored, no_notes
from tf1bn.graph.nodes import Node

NAME = "cudnn"
LSTM_CELL, GRU_CELL = "cudnn_compatible_lstm_cell", "cudnn_compatible_gru_cell"
_OPS = ("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3")
_PARAMS = 3
_KERNEL = re.compile(rf"^(?:.*/)?cell_(\d+)/(?:bidirectional_rnn/(fw|bw)/)?{LSTM_CELL}/kernel$")
_DROP = 'give "drop": true and carry it by hand'
GRU_QUESTION = "it is a GRU of cuDNN, whose candidate has two kernels and two biases"


def find(reader: Reader) -> None:
    """Adds the cells of the cuDNN layers of a graph."""
    for variable in reader.free():
        nodes = [use.node for use in reader.uses(variable) if use.node.op in _OPS and use.position == _PARAMS]
        if not nodes:
            continue
        reader.take(variable)
        scope = variable.key.rpartition("/")[0]
        cells = _cells(reader, f"{scope}/" if scope else "")
        for cell, kernel in cells if attribute(nodes[0], "rnn_mode", "lstm") == "lstm" else ():
            _add(reader, nodes[0], kernel, cell)
        if not cells or attribute(nodes[0], "rnn_mode", "lstm") != "lstm":
            _ask(reader, nodes[0], scope or variable.key)


def _cells(reader: Reader, scope: str) -> list[tuple[int, Stored]]:
    """Returns the number and the kernel of each cell that a checkpoint has under a scope, in their order."""
    found = []
    for stored in reader.tensors():
        match = _KERNEL.match(stored.key)
        if match and stored.key.startswith(scope):
            found.append(((int(match[1]), match[2] == "bw"), stored))
    return [(cell, stored) for (cell, _), stored in sorted(found, key=lambda item: item[0])]


def _add(reader: Reader, node: Node, kernel: Stored, cell: int) -> None:
    layer = as_cell(kernel)
    bias = next((item for item in reader.tensors() if item.key == f"{layer.scope}/bias"), None)
    if bias is not None:
        layer.tensors[BIAS] = bias
    if attribute(node, "num_proj", 0):
        layer.doubts.append(Doubt(layer.scope, "its state is projected to another width", _DROP))
    layer.traits["cell"] = cell
    layer.why = f"{node.op} {node.name!r} keeps it among its parameters"
    reader.add(layer, node.id)


def as_cell(kernel: Stored) -> Layer:
    """Returns the layer of a kernel that a cuDNN layer saved."""
    layer = Layer(lstm.NAME, kernel.key.rpartition("/")[0], {KERNEL: kernel})
    units = kernel.shape[1] // 4
    layer.traits = {"units": units, "inputs": kernel.shape[0] - units, "forget_bias": 0.0, "order": list(lstm.IJFO)}
    return layer


def _ask(reader: Reader, node: Node, scope: str) -> None:
    layer = Layer(NAME, scope, {}, why=f"{node.op} {node.name!r} computes it")
    mode = attribute(node, "rnn_mode", "lstm")
    question = GRU_QUESTION if mode == "gru" else f"it is a layer of cuDNN of the mode {mode!r}"
    if mode == "lstm":
        question = f"the checkpoint has its opaque parameters alone, or none: no tensor {scope}/.../{LSTM_CELL}/kernel"
    layer.doubts.append(Doubt(scope, question, _DROP))
    reader.add(layer, node.id)


def torch(layer: Layer) -> list[Target]:
    """The tensors as they are; a cell that is known is a layer of another kind."""
    return as_stored(layer)


KIND = Kind(NAME, find, torch, None, no_notes)
