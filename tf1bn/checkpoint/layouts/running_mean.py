"""Hand-written, after PyTorch: ``running_mean`` and ``running_var``."""

from tf1bn.checkpoint.layouts import handwritten

LAYOUT = handwritten.build("running_mean", "running_mean and running_var", "running_mean", "running_var")
