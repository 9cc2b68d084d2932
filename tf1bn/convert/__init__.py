"""Weights taken from TensorFlow 1 to PyTorch, Keras 3, safetensors, NumPy and ONNX, and back.

In come a checkpoint and, better, its graph; out come a plan (which tensor becomes which, how, and how sure that is),
files of another framework, and a proof: both sides run on the same inputs. What is not certain is asked, never
guessed. Every public name is one row below and is imported on first use; without a graph, nothing here needs
TensorFlow.

To read, in this order: :mod:`layer`, :mod:`steps`, :mod:`target`, :mod:`plan` (the values); :mod:`source`,
:mod:`reading`, :mod:`reader` with :mod:`uses` (layers from a graph), :mod:`guessing` (from names alone),
:mod:`features`; :mod:`answers`, :mod:`dialects`, :mod:`naming`, :mod:`matching`, :mod:`planner`, :mod:`planning`;
:mod:`facts` (what weights cannot carry); :mod:`writers`, :mod:`placing`, :mod:`converting`; :mod:`proof`,
:mod:`verifying`; the way back, :mod:`states` and :mod:`back`; :mod:`filling` (Keras).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.convert.back import Return as Return
    from tf1bn.convert.back import convert_back as convert_back
    from tf1bn.convert.converting import Conversion as Conversion
    from tf1bn.convert.converting import convert as convert
    from tf1bn.convert.converting import plan_conversion as plan_conversion
    from tf1bn.convert.filling import fill as fill
    from tf1bn.convert.verifying import verify as verify

_ROWS = {
    "Conversion": "tf1bn.convert.converting",
    "Return": "tf1bn.convert.back",
    "convert": "tf1bn.convert.converting",
    "convert_back": "tf1bn.convert.back",
    "fill": "tf1bn.convert.filling",
    "plan_conversion": "tf1bn.convert.converting",
    "verify": "tf1bn.convert.verifying",
}

__all__ = [*_ROWS]

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS)
