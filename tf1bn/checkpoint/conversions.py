"""Stored forms of a tensor: what a code base keeps instead of the quantity itself, and the way there and back.

Canonical are the factor ``gamma``, the shift ``beta``, the mean and the variance. A stored form says how the
canonical value is computed from what is in the file (*decode*) and back (*encode*). Arithmetic is in float64
and rounded once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tf1bn import errors

Function = Callable[[np.ndarray, float, np.ndarray], np.ndarray]  # (value, parameter, companion)


class Form(NamedTuple):
    """One stored form.

    Attributes:
      text: what is stored.
      decode: stored value, parameter, companion -> canonical value.
      encode: canonical value, parameter, companion -> stored value; None where it cannot be computed.
      default: the parameter when none is given.
      companion: whether a second tensor of the file takes part.
    """

    text: str
    decode: Function
    encode: Function | None
    default: float = 0.0
    companion: bool = False


FORMS = {
    "identity": Form("the value itself", lambda x, p, c: x, lambda x, p, c: x),
    "minus_one": Form("the value less one", lambda x, p, c: x + 1.0, lambda x, p, c: x - 1.0),
    "deviation": Form("the standard deviation", lambda x, p, c: x * x, lambda x, p, c: np.sqrt(x)),
    "inverse_deviation": Form(
        "1 / sqrt(variance + parameter)",
        lambda x, p, c: 1.0 / (x * x) - p,
        lambda x, p, c: 1.0 / np.sqrt(x + p),
    ),
    "inverse_variance": Form("1 / variance", lambda x, p, c: 1.0 / x, lambda x, p, c: 1.0 / x),
    "biased": Form(
        "an average that started at zero; the companion counts the updates, the parameter is the decay",
        lambda x, p, c: x / (1.0 - p**c),
        None,
        0.999,
        True,
    ),
    "weighted": Form("the value times the companion", lambda x, p, c: x / c, None, 0.0, True),
}


def parse(stored: str) -> tuple[str, float]:
    """Returns the form and the parameter of a text like ``inverse_deviation(0.001)``.

    Raises:
      ArgumentError: no such form, or the parameter is not a number.
    """
    match = re.fullmatch(r"(\w+)(?:\(([^()]*)\))?", stored)
    name = match[1] if match else stored
    if match is None or name not in FORMS:
        raise errors.ArgumentError(
            errors.explain(
                "unknown stored form",
                got=stored,
                expected=f"one of {', '.join(sorted(FORMS))}, with a parameter in brackets where it needs one",
                fix=errors.did_you_mean(name, FORMS).strip(),
            )
        )
    try:
        return name, FORMS[name].default if match[2] is None else float(match[2])
    except ValueError:
        raise errors.ArgumentError(errors.explain("the parameter of a stored form is no number", got=stored)) from None


def can_encode(stored: str) -> bool:
    """Returns whether this form can be written from the canonical value."""
    return FORMS[parse(stored)[0]].encode is not None


def chain(source: str, target: str) -> tuple[str, ...]:
    """Returns the steps from one stored form to another, as data; empty when they are the same.

    Raises:
      CheckpointPlanError: the target form cannot be computed.
    """
    if source == target:
        return ()
    if not can_encode(target):
        raise errors.CheckpointPlanError(errors.explain("this stored form cannot be written", got=target))
    steps = []
    if source != "identity":
        steps.append(f"decode {source}")
    if target != "identity":
        steps.append(f"encode {target}")
    return tuple(steps)


def apply(steps: tuple[str, ...], value: np.ndarray, companion: np.ndarray | None = None) -> np.ndarray:
    """Returns the float64 value after the steps of :func:`chain`.

    Raises:
      CheckpointPlanError: the result is not finite where the input was: the value has no such form.
    """
    second = np.ones(1) if companion is None else companion
    result = value
    with np.errstate(all="ignore"):
        for step in steps:
            direction, stored = step.split(" ", 1)
            name, parameter = parse(stored)
            function = FORMS[name].decode if direction == "decode" else FORMS[name].encode
            assert function is not None
            result = function(result, parameter, second)
    if np.any(np.isfinite(value) & ~np.isfinite(result)):
        raise errors.CheckpointPlanError(
            errors.explain(
                f"a value has no such form: {', then '.join(steps)}",
                got=float(value[np.isfinite(value) & ~np.isfinite(result)][0]),
                expected="values whose result is finite",
            )
        )
    return result
