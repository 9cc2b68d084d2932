"""Batch norm as part of the linear layer beside it: where that is possible, why not elsewhere, and the new graph.

In inference `y = x * a + b` per channel, with `a = gamma / sqrt(variance + epsilon)` and `b = beta - mean * a`.
:func:`tf1bn.graph.folding.planning.plan` says what can be folded,
:func:`tf1bn.graph.folding.rewrite.fold_graph` does it.
"""
