"""What tests of batch norms need: an oracle, graphs in every mode, and the contract of a strategy.

Into the oracle come NumPy arrays; out come outputs, moments, averages and gradients in float64. Into the contract
come a strategy of yours and the formula of its averages; out comes nothing, or an AssertionError that names the
clause.

To read, in this order: :mod:`reference` (every formula, written for reading; no TensorFlow), :mod:`graphs` (a fresh
graph in each of the four modes of a TensorFlow 1 program), :mod:`contracts` (a function for each clause, and
``check``, which runs all).
"""
