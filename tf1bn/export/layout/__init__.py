"""Channels-first inference graphs made channels last, for CPUs, TFLite and servers.

In comes an inference graph with convolutions or pools that are channels first; out comes one with the same inputs and
outputs whose ops are channels last, the list of ops that were turned, and the list of those that could not be.

To read, in this order: :mod:`tensors` (how the new graph holds a tensor), :mod:`rules` (how each type of op is
turned), :mod:`catalog` (a row for each type), :mod:`turning` (the pass), :mod:`proof` (both graphs beside each
other), :mod:`standalone` (a graph by itself).
"""

from __future__ import annotations

from tf1bn.export.layout.proof import prove as prove
from tf1bn.export.layout.standalone import ChannelsLast as ChannelsLast
from tf1bn.export.layout.standalone import channels_last as channels_last
from tf1bn.export.layout.turning import Kept as Kept
from tf1bn.export.layout.turning import Turned as Turned
from tf1bn.export.layout.turning import turn as turn

__all__ = ["ChannelsLast", "Kept", "Turned", "channels_last", "prove", "turn"]
