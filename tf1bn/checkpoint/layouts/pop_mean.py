"""Hand-written: ``pop_mean`` and ``pop_var``."""

from tf1bn.checkpoint.layouts import handwritten

LAYOUT = handwritten.build("pop_mean", "pop_mean and pop_var", "pop_mean", "pop_var")
