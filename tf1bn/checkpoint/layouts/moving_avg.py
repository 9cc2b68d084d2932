"""Hand-written: ``moving_avg`` and ``moving_var``."""

from tf1bn.checkpoint.layouts import handwritten

LAYOUT = handwritten.build("moving_avg", "moving_avg and moving_var", "moving_avg", "moving_var")
