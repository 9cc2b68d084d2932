"""Batch norm as part of the linear layer beside it: where that is possible, why not elsewhere, and the new graph.

In inference `y = x * a + b` per channel, with `a = gamma / sqrt(variance + epsilon)` and `b = beta - mean * a`. In
comes a GraphModel of an inference graph; out of :func:`tf1bn.graph.folding.planning.plan` comes, for each batch norm,
the layer that takes it or the reason why none does; :func:`tf1bn.graph.folding.rewrite.fold_graph` makes the new
graph.

To read, in this order: :mod:`linear` (which layers take batch norms), :mod:`steps` and :mod:`walk` (what may stand
between), :mod:`following` (a batch norm in front of its layer), :mod:`constants`, :mod:`layer`, :mod:`planning`;
:mod:`editor`, :mod:`bookkeeping`, :mod:`savers`, :mod:`rewrite`.
"""
