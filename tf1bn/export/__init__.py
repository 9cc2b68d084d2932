"""Inference graphs that stand alone, from training graphs and their checkpoints.

In come a graph, its values (a checkpoint or a session) and the names of outputs; out comes a graph that computes
these in inference and nothing else: no switch, no updates, no dropout, no training branch. It is written as
``.meta``, frozen, as a SavedModel, TFLite or ONNX, loaded again, and compared with its source before it is moved into
place.

To read, in this order: :mod:`draft` (a graph under change), :mod:`discovery` (which switches there are), :mod:`own`
with :mod:`template` (tf1bn's layers, by their records), :mod:`averages` (batch norms of other libraries),
:mod:`switching`, :mod:`calls`, :mod:`dropout`, :mod:`updates`, :mod:`pruning`, :mod:`leftovers`; :mod:`inference`,
which puts them together; :mod:`cutting`, :mod:`variables`, :mod:`functions`, :mod:`lite_signature`, :mod:`forms`,
:mod:`onnx_form`, :mod:`checks`, and :mod:`exporting`. On the way of an export, :mod:`layout` with :mod:`relayout` makes
channels-first graphs channels last, and :mod:`runtimes` fits a graph to the program that is to read it.
"""

from __future__ import annotations

from tf1bn.export.exporting import Export as Export
from tf1bn.export.exporting import export as export
from tf1bn.export.inference import InferenceGraph as InferenceGraph
from tf1bn.export.inference import inference_graph as inference_graph
from tf1bn.export.layout.standalone import ChannelsLast as ChannelsLast
from tf1bn.export.layout.standalone import channels_last as channels_last
from tf1bn.export.updates import without_updates as without_updates

__all__ = ["ChannelsLast", "Export", "InferenceGraph", "channels_last", "export", "inference_graph", "without_updates"]
