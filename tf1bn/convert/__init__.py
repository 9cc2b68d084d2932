"""Weights taken from TensorFlow 1 to PyTorch, Keras 3, safetensors, NumPy and ONNX, and back.

Every public name is one row below and is imported on first use; without a graph, nothing here needs TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.convert.converting import Conversion as Conversion
    from tf1bn.convert.converting import convert as convert
    from tf1bn.convert.converting import plan_conversion as plan_conversion

_ROWS = {
    "Conversion": "tf1bn.convert.converting",
    "convert": "tf1bn.convert.converting",
    "plan_conversion": "tf1bn.convert.converting",
}

__all__ = [*_ROWS]

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS)
