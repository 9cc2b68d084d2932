"""A TensorFlow 1 graph as data: read from anywhere, laid flat, its batch norms found, rewritten and run.

In comes a live graph, a ``.meta``, ``.pb``, ``.pbtxt`` or a SavedModel; out comes a
:class:`tf1bn.graph.model.GraphModel`: nodes, edges, variables and their writers, train ops, switches, and the batch
norms with their statistics. What audits, re-estimates, folds, converts and exports stands on it.

To read, in this order: :mod:`loading` (one plain value from any source), :mod:`nodes` (functions laid out at their
call), :mod:`consts`, :mod:`ops`, :mod:`kinds`, :mod:`edges` (what runs before what), :mod:`contexts` (under which
conditions), :mod:`flow` (where a value comes from), :mod:`variables`, :mod:`training`, :mod:`switches`, :mod:`site`
and :mod:`sites` with :mod:`decomposed` and :mod:`recorded` (the batch norms), :mod:`runners`, :mod:`uses`;
:mod:`model`, the front door. What changes graphs: :mod:`rewriting`, :mod:`folding`, :mod:`portable`; what runs them:
:mod:`runnable` with :mod:`data_formats`, :mod:`running`, :mod:`formula`; what is saved: :mod:`saving`, :mod:`values`.
"""
