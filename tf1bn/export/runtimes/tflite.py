"""TFLite and LiteRT: TensorFlow's own converter is at hand, and says of a graph whether the built-in ops suffice."""

from __future__ import annotations

from tf1bn.export.runtimes import rewrites
from tf1bn.export.runtimes.runtime import Runtime

TFLITE = Runtime(
    name="tflite",
    reader="TensorFlow's converter and TFLite's built-in ops",
    forms=("tflite", "saved_model"),
    reads=None,
    rewrites=rewrites.PASSING,
    proof="tflite",
)
