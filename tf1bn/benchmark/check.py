"""Whether a variant computes what it should, before its time counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Values = Mapping[str, Any]


def tolerance(mean: float = 0.0) -> float:
    """Returns the error that float32 excuses for values of deviation 1 around ``mean``.

    A mean that is rounded to float32 is wrong by up to mean * 2^-24, which reaches every output; sums of such outputs
    gather several times that.
    """
    return 1e-4 + 20 * float(np.finfo(np.float32).eps) * abs(mean)


def deviations(found: Values, wanted: Values) -> dict[str, float]:
    """Returns of each wanted array the largest absolute error over the largest absolute value; infinite for NaN."""
    return {name: _deviation(np.asarray(found[name], np.float64), wanted[name]) for name in wanted}


def _deviation(found: Any, wanted: Any) -> float:
    if found.shape != np.shape(wanted) or not np.all(np.isfinite(found)):
        return float("inf")
    scale = float(np.max(np.abs(wanted), initial=0.0)) or 1.0
    return float(np.max(np.abs(found - wanted), initial=0.0)) / scale


def complaint(errors: Mapping[str, float], allowed: float) -> str:
    """Returns which errors are above what is allowed; empty if none is."""
    wrong = [f"{name} by {error:.1e}" for name, error in errors.items() if not error <= allowed]
    return f"wrong: {', '.join(wrong)} of the largest value; {allowed:.0e} is allowed" if wrong else ""
