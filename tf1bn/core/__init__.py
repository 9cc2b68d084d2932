"""Arithmetic and variables of batch normalization; knows no update strategy.

In come an input tensor, a switch and options that are checked already; out come moments, normalised tensors, and
variables under the names of the scope. Who calls this is :mod:`tf1bn.layers`.

To read, in this order: :mod:`values` (what passes between the parts); :mod:`switch` (a training switch); :mod:`place`
(which conditionals and loops are around a call); :mod:`axes`, :mod:`moments` with :mod:`weights`, :mod:`groups` and
:mod:`synchronised`; :mod:`normalize`; the implementations :mod:`plain`, :mod:`composed`, :mod:`fused`,
:mod:`compiled`, :mod:`native_kernel`, with :mod:`views`, and :mod:`kernels`, which chooses by :mod:`devices` and
:mod:`onednn`; :mod:`variables` and :mod:`averages` with :mod:`decay` and :mod:`renorm`; :mod:`records`,
:mod:`ledger`, :mod:`naming` (what a graph remembers of its calls).
"""
