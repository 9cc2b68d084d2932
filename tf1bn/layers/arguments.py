"""Checks of a layer's arguments; none of them creates an op."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place, renorm
from tf1bn.core.values import is_variable
from tf1bn.terms import FOREIGN_WORDS

FLOAT_DTYPES = (tf.float16, tf.bfloat16, tf.float32, tf.float64)
NUMERIC_GUARDS = (None, "skip", "raise")


def refuse_unknown(unknown: dict[str, Any], known: tuple[str, ...]) -> None:
    """Answers another library's word with ours, and a misspelt one with the closest.

    Raises:
      ArgumentTypeError: any unknown keyword.
    """
    for word in unknown:
        ours = FOREIGN_WORDS.get(word)
        raise errors.ArgumentTypeError(
            errors.explain(
                f"unknown argument `{word}`",
                fix=f"tf1bn's word is {ours}." if ours else errors.did_you_mean(word, known).strip(),
            )
        )


def shape_text(inputs: Any) -> str:
    """Returns the shape of whatever was passed, for messages."""
    shape = getattr(inputs, "shape", None)
    if isinstance(shape, tf.TensorShape):
        return str(shape) if shape.rank is not None else "of unknown rank"
    return str(shape) if isinstance(shape, tuple) else ""


def dense(inputs: Any) -> Any:
    """Returns checked ``inputs``: a tensor or variable as it is, all else as an array.

    ``tf.convert_to_tensor`` of the result is the tensor; it is left to the caller, who may refuse the shape first.

    Raises:
      ArgumentTypeError: not a dense tensor or array, or not of a floating-point dtype.
    """
    if isinstance(inputs, (tf.SparseTensor, tf.RaggedTensor)) or inputs is None or isinstance(inputs, (str, bytes)):
        raise errors.ArgumentTypeError(
            errors.explain("`inputs` is not a dense tensor", got=inputs, expected="a floating-point tensor or array")
        )
    if tf.is_tensor(inputs):
        _check_dtype(inputs.dtype.base_dtype)
        place.require_same_graph(inputs, "inputs")
        return inputs
    array = inputs if isinstance(inputs, np.ndarray) else _array(inputs)
    _check_dtype(_tf_dtype(array))
    return array


def static_shape(value: Any) -> tf.TensorShape:
    """Returns the static shape of what :func:`dense` returned."""
    return tf.TensorShape(value.shape)


def number(value: Any, name: str, low: float, high: float, *, closed: bool = False) -> Any:
    """Returns a number in [low, high), or [low, high] if closed, as a Python float.

    Raises:
      ArgumentTypeError: not a number; ArgumentError: outside the range, or NaN.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be a number", got=value))
    value = float(value)
    if not (low <= value < high or (closed and value == high)):
        ends = f"[{low:g}, {high:g}{']' if closed else ')'}"
        raise errors.ArgumentError(errors.explain(f"`{name}` must be in {ends}", got=value))
    return value


def decay(value: Any, name: str = "decay") -> Any:
    """Returns a checked decay: a Python float in [0, 1), or a scalar floating-point tensor as it is."""
    if not tf.is_tensor(value):
        try:
            return number(value, name, 0, 1)
        except errors.ArgumentError as error:
            error.text += " If you are porting PyTorch code, use decay = 1 - momentum."
            raise
    if not value.dtype.base_dtype.is_floating or value.shape.rank not in (None, 0):
        raise errors.ArgumentTypeError(
            errors.explain(f"`{name}` must be a scalar floating-point tensor or a number", got=value)
        )
    place.require_same_graph(value, name)
    return value


def epsilon(value: Any) -> float:
    """Returns a checked epsilon, a finite Python float of at least zero."""
    return number(value, "epsilon", 0, math.inf)


def flag(value: Any, name: str) -> bool:
    """Returns a Python or NumPy bool as a Python bool.

    Raises:
      ArgumentTypeError: anything else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be True or False", got=value))
    return bool(value)


def size(value: Any, name: str) -> int:
    """Returns a positive integer.

    Raises:
      ArgumentTypeError: not an integer; ArgumentError: below 1.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be an integer", got=value))
    if value < 1:
        raise errors.ArgumentError(errors.explain(f"`{name}` must be at least 1", got=int(value)))
    return int(value)


def pair(value: Any, name: str) -> tuple[int, int]:
    """Returns two positive integers, given as such or as one for both.

    Raises:
      ArgumentTypeError, ArgumentError: as ``size``; ArgumentError: not two.
    """
    if not isinstance(value, (list, tuple)):
        return size(value, name), size(value, name)
    if len(value) != 2:
        raise errors.ArgumentError(errors.explain(f"`{name}` must be one integer or two", got=value))
    return size(value[0], name), size(value[1], name)


def size_or_none(value: Any, name: str) -> int | None:
    """Returns None or a positive integer; raises as ``size``."""
    return None if value is None else size(value, name)


def step_count(value: Any) -> Any:
    """Returns a checked ``num_updates``: None, a number of at least zero, or a scalar tensor or variable.

    Raises:
      ArgumentTypeError: anything else; ArgumentError: below zero.
    """
    if value is None:
        return None
    if not (tf.is_tensor(value) or is_variable(value)):
        return number(value, "num_updates", 0, math.inf)
    dtype = value.dtype.base_dtype
    if value.shape.rank not in (None, 0) or not (dtype.is_integer or dtype.is_floating):
        raise errors.ArgumentTypeError(
            errors.explain("`num_updates` must be a number or a scalar tensor that counts steps", got=value)
        )
    place.require_same_graph(value, "num_updates")
    return value


def clipping(value: Any) -> renorm.Clipping:
    """Returns the bounds of batch renormalization from None or a dictionary.

    Raises:
      ArgumentError: an unknown key, a negative bound, or rmin above rmax.
      ArgumentTypeError: not a dictionary, or a bound that is neither a number nor a scalar tensor.
    """
    if value is None:
        return renorm.Clipping()
    if not isinstance(value, dict):
        raise errors.ArgumentTypeError(
            errors.explain("`renorm_clipping` must be a dictionary", got=value, expected="keys of rmin, rmax and dmax")
        )
    for key in value:
        choice(key, "renorm_clipping", renorm.Clipping._fields)
    bounds = renorm.Clipping(**{key: _bound(bound, f"renorm_clipping[{key!r}]") for key, bound in value.items()})
    if isinstance(bounds.rmin, float) and isinstance(bounds.rmax, float) and bounds.rmin > bounds.rmax:
        raise errors.ArgumentError(errors.explain("`renorm_clipping` has rmin above rmax", got=value))
    return bounds


def _bound(value: Any, name: str) -> Any:
    if value is None:
        return None
    if not (tf.is_tensor(value) or is_variable(value)):
        return number(value, name, 0, math.inf, closed=True)
    if value.shape.rank not in (None, 0) or not value.dtype.base_dtype.is_floating:
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be a scalar floating-point tensor", got=value))
    place.require_same_graph(value, name)
    return value


def function(value: Any, name: str) -> Any:
    """Returns a callable or None, an initializer class as an instance of it.

    Raises:
      ArgumentTypeError: anything else.
    """
    if value is not None and not callable(value):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be callable or None", got=value))
    return value() if isinstance(value, type) else value


def choice(value: Any, name: str, allowed: tuple[Any, ...]) -> Any:
    """Returns a value that is one of those allowed.

    Raises:
      ArgumentError: it is not.
    """
    if value not in allowed:
        raise errors.ArgumentError(
            errors.explain(f"`{name}` is unknown", got=value, expected=" or ".join(map(repr, allowed)))
        )
    return value


def _array(inputs: Any) -> np.ndarray:
    try:
        array = np.asarray(inputs)
    except (TypeError, ValueError) as error:
        raise errors.ArgumentTypeError(
            errors.explain("`inputs` is not a dense tensor", got=inputs, expected="a floating-point tensor or array")
        ) from error
    # A Python float has no precision of its own: as everywhere in TensorFlow it becomes float32.
    return array.astype(np.float32) if array.dtype == np.float64 and isinstance(inputs, (list, tuple)) else array


def _tf_dtype(array: np.ndarray) -> Any:
    try:
        return tf.as_dtype(array.dtype)
    except TypeError:
        return array.dtype


def _check_dtype(dtype: Any) -> None:
    if dtype not in FLOAT_DTYPES:
        raise errors.ArgumentTypeError(
            errors.explain(
                "`inputs` is not floating point",
                got=getattr(dtype, "name", str(dtype)),
                expected=", ".join(d.name for d in FLOAT_DTYPES),
                fix="Convert it, for example with tf.cast(x, tf.float32).",
            )
        )
