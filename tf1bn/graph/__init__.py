"""A TensorFlow 1 graph as data: read from anywhere, laid flat, its batch norms found, rewritten and run.

:class:`tf1bn.graph.model.GraphModel` is the front door. What audits, re-estimates, folds and exports stands on it.
"""
