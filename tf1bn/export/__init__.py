"""Inference graphs that stand alone, from training graphs and their checkpoints."""

from __future__ import annotations

from tf1bn.export.exporting import Export as Export
from tf1bn.export.exporting import export as export
from tf1bn.export.inference import InferenceGraph as InferenceGraph
from tf1bn.export.inference import inference_graph as inference_graph
from tf1bn.export.layout.standalone import ChannelsLast as ChannelsLast
from tf1bn.export.layout.standalone import channels_last as channels_last
from tf1bn.export.updates import without_updates as without_updates

__all__ = ["ChannelsLast", "Export", "InferenceGraph", "channels_last", "export", "inference_graph", "without_updates"]
