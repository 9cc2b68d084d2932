"""The kinds of files that are written, one row each."""

from __future__ import annotations

from tf1bn.convert.writers import npz, safetensors, torch, writer
from tf1bn.registry import Registry

WRITERS: Registry[writer.Writer] = Registry("kind of file", writer.check)

for _module in (npz, safetensors, torch):
    WRITERS.register(_module.WRITER.name, _module.WRITER)
