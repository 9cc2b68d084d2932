"""Channels-first inference graphs made channels last, for CPUs, TFLite and servers."""

from __future__ import annotations

from tf1bn.export.layout.proof import prove as prove
from tf1bn.export.layout.standalone import ChannelsLast as ChannelsLast
from tf1bn.export.layout.standalone import channels_last as channels_last
from tf1bn.export.layout.turning import Kept as Kept
from tf1bn.export.layout.turning import Turned as Turned
from tf1bn.export.layout.turning import turn as turn

__all__ = ["ChannelsLast", "Kept", "Turned", "channels_last", "prove", "turn"]
