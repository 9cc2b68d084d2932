"""A training switch: a Python bool where it is known while building, else a scalar bool tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.core.averages import by_reference
from tf1bn.core.values import is_variable

Switch = Any  # bool | tf.Tensor

_EXPECTED = "a Python or NumPy bool, 0 or 1, or a scalar bool constant, tensor, placeholder or variable"


def check(value: Any, name: str) -> None:
    """Refuses what cannot be a switch, without creating any op.

    Raises:
      ArgumentTypeError: a string, None, a float, a callable, or a tensor that is not bool.
      ArgumentError: a number other than 0 and 1.
      ShapeError: a tensor that is not a scalar.
    """
    if tf.is_tensor(value):
        _check_tensor(value, name)
        if is_variable(value) or tf.get_static_value(value) is None:
            place.require_same_graph(value, name)
    elif isinstance(value, (bool, int, np.bool_, np.integer)) or _is_scalar_array(value):
        if value not in (0, 1):
            raise errors.ArgumentError(errors.explain(f"`{name}` is a number other than 0 and 1", got=value))
    else:
        raise errors.ArgumentTypeError(
            errors.explain(f"`{name}` cannot be used as a switch", got=value, expected=_EXPECTED)
        )


def resolve(value: Any) -> Switch:
    """Returns a checked switch as a Python bool where that is known now, else as a scalar bool tensor.

    A constant tensor is folded. A variable is read here, so the value of the current step counts.

    Trick: TensorFlow's freezers follow a reference variable from Identity to Switch and take it for the data input
    there, not the predicate. An op of another kind between them is where they stop.
    """
    if is_variable(value):
        read = value.read_value()
        return tf.logical_and(read, True) if by_reference(value) else read
    if not tf.is_tensor(value):
        return bool(value)
    known = tf.get_static_value(value)
    return value if known is None else bool(known)


def known_false(value: Any) -> bool:
    """Whether a checked switch is off for certain; creates no op."""
    if is_variable(value):
        return False
    known = tf.get_static_value(value) if tf.is_tensor(value) else value
    return known is not None and not bool(known)


def known_true(value: Any) -> bool:
    """Whether a checked switch is on for certain; creates no op."""
    if is_variable(value):
        return False
    known = tf.get_static_value(value) if tf.is_tensor(value) else value
    return known is not None and bool(known)


def both(first: Switch, second: Switch) -> Switch:
    """Returns the logical and of two switches, as a Python bool where one of them decides."""
    if first is False or second is False:
        return False
    if first is True:
        return second
    if second is True:
        return first
    return tf.logical_and(first, second)


def select(switch: Switch, if_true: Any, if_false: Any) -> Any:
    """Builds only the branch that is taken where the switch is known, else a conditional of both."""
    if isinstance(switch, bool):
        return if_true() if switch else if_false()
    return tf.cond(switch, if_true, if_false)


def _is_scalar_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind in "biu"


def _check_tensor(value: Any, name: str) -> None:
    dtype = value.dtype.base_dtype
    known = tf.get_static_value(value) if tf.is_tensor(value) and not is_variable(value) else None
    if dtype.is_integer and known is not None and np.shape(known) == () and known in (0, 1):
        return
    if dtype != tf.bool:
        raise errors.ArgumentTypeError(
            errors.explain(
                f"`{name}` is a tensor of dtype {dtype.name}",
                got=getattr(value, "name", value),
                expected="a scalar bool tensor",
                fix="Convert it with tf.cast(x, tf.bool).",
            )
        )
    if value.shape.rank not in (None, 0):
        raise errors.ShapeError(
            errors.explain(
                f"`{name}` has shape {value.shape}",
                got=value.name,
                expected="a scalar",
                fix="Use one switch for the whole batch, for example tf.placeholder(tf.bool, []).",
            )
        )
