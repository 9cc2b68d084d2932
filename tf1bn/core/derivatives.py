"""Derivatives given in place of those that TensorFlow would work out.

``tf.custom_gradient`` looks through all variables of the graph at each use, which makes a deep graph quadratic in its
layers, and registers each use for as long as the process lives, with the graph it belongs to. Here two names are
registered, once, and what a use needs is held by its own op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_REPLACED, _PASSED_ON = "Tf1bnReplaced", "Tf1bnPassedOn"
_ATTRIBUTE = "tf1bn_backward"


def replaced(outputs: Sequence[Any], sources: Sequence[Any], backward: Callable[..., Sequence[Any]]) -> list[Any]:
    """Returns ``outputs`` with a derivative of their own: no gradient flows through the ops that made them.

    Args:
      outputs: tensors.
      sources: the tensors that gradients flow to.
      backward: maps the gradients of the outputs to one of each source.
    """
    with tf.get_default_graph().gradient_override_map({"IdentityN": _REPLACED}):
        found = tf.raw_ops.IdentityN(input=[*outputs, *sources])
    setattr(found[0].op, _ATTRIBUTE, (len(outputs), backward))
    return list(found[: len(outputs)])


def passed_on(y: Any, source: Any) -> Any:
    """Returns ``y``, whose gradient is that of ``source`` unchanged."""
    with tf.get_default_graph().gradient_override_map({"IdentityN": _PASSED_ON}):
        return tf.raw_ops.IdentityN(input=[y, source])[0]


@tf.RegisterGradient(_REPLACED)
def _replaced_gradient(op: tf.Operation, *incoming: Any) -> list[Any]:
    if not hasattr(op, _ATTRIBUTE):
        raise errors.GraphModeError(
            errors.explain(
                f"the gradient of {op.name!r} is not in the file that its graph was imported from",
                fix="Build the graph by its code and restore the checkpoint, or save it with its gradients built.",
            )
        )
    count, backward = getattr(op, _ATTRIBUTE)
    return [*[None] * count, *backward(*incoming[:count])]


@tf.RegisterGradient(_PASSED_ON)
def _passed_on_gradient(unused: tf.Operation, dy: Any, *_: Any) -> list[Any]:
    return [None, dy]
