"""Hand-written: ``mu`` and ``sigma``.

Whether ``sigma`` is a variance or a standard deviation a file cannot tell, so these are two layouts and rivals.
"""

from tf1bn.checkpoint.layouts import handwritten

VARIANCE = handwritten.build("mu_sigma", "mu and sigma, a variance", "mu", "sigma", rival="mu_sigma_deviation")
DEVIATION = handwritten.build(
    "mu_sigma_deviation",
    "mu and sigma, a standard deviation",
    "mu",
    "sigma",
    stored="deviation",
    rival="mu_sigma",
)
