"""An optional op library: the layer's normalisation, its gradient and its switch as one C++ op each, on CPU.

``tf1bn native build`` (or ``python -m tf1bn.native build``) compiles it once per machine; ``kernel="native"`` uses
it. ``docs/native.md`` says what it is for and what it does not do. Into a build comes a compiler; out comes one file
in the user's cache, whose name tells its source and the kind of machine.

To read, in this order: :mod:`names` and :mod:`places` (where the file is; no TensorFlow), :mod:`building`,
:mod:`library` (loads it), :mod:`ops` (the ops in a graph, and their gradients), then ``source/``; :mod:`stock` and
:mod:`rewriting` (the same in TensorFlow's own ops, for graphs that travel); :mod:`telling` (what is printed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.native.building import Built as Built
    from tf1bn.native.building import build as build
    from tf1bn.native.library import Info as Info
    from tf1bn.native.library import available as available
    from tf1bn.native.library import info as info
    from tf1bn.native.library import load as load
    from tf1bn.native.rewriting import is_native as is_native
    from tf1bn.native.rewriting import to_stock as to_stock

_ROWS = {
    "Built": "tf1bn.native.building",
    "Info": "tf1bn.native.library",
    "available": "tf1bn.native.library",
    "build": "tf1bn.native.building",
    "info": "tf1bn.native.library",
    "is_native": "tf1bn.native.rewriting",
    "load": "tf1bn.native.library",
    "to_stock": "tf1bn.native.rewriting",
}
__all__ = sorted(_ROWS)

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS)
