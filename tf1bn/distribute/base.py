"""The contract of a reducer: how the members among which a batch is split add up their sums."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors


@runtime_checkable
class Reducer(Protocol):
    """Adds tensors up over a group of members.

    A *member* is one holder of a shard of the batch: a replica, a tower, a process. Every member must make the same
    calls in the same order, and must run them in the same step.

    A reducer may also have ``check() -> None``, which raises a ``PlacementError`` where it cannot be used; it
    creates no op. And ``whole``, a reducer of all members, where it adds up over a part of them only.

    Attributes:
      name: what messages and records call it.
      size: number of members, an int or a scalar tensor.
      index: the number of this member, 0 to size - 1.
      in_branch: whether ``all_sum`` may stand in a branch of a conditional. Where not, a switch that is a tensor
        selects between batch and averages after both are computed.
      own_averages: whether each member has averages of its own, which it must move itself; else all members share
        one set, which the first one moves.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> Any: ...

    @property
    def index(self) -> Any: ...

    @property
    def in_branch(self) -> bool: ...

    @property
    def own_averages(self) -> bool: ...

    def all_sum(self, tensors: list[Any]) -> list[Any]:
        """Returns the sum of each tensor over all members; the gradient is the same sum of the gradients.

        All members pass as many tensors, of the same shapes and dtypes.
        """


_PARTS = ("size", "index", "in_branch", "own_averages")


def check_protocol(reducer: Any) -> None:
    """Refuses an object that does not fulfil the protocol, naming all that is missing.

    Raises:
      StrategyError: a part is missing.
    """
    if isinstance(reducer, type):
        raise errors.StrategyError(
            errors.explain("a reducer is an object", got=reducer, fix=f"Pass an instance: {reducer.__name__}(...).")
        )
    kind = type(reducer)
    held = [part for part in _PARTS if hasattr(kind, part) or part in getattr(reducer, "__dict__", {})]
    faults = [f"`{part}` is missing" for part in _PARTS if part not in held]
    if not isinstance(getattr(reducer, "name", None), str) or not reducer.name:
        faults.append("`name` is not a non-empty string")
    if not callable(getattr(reducer, "all_sum", None)):
        faults.append("`all_sum` is missing")
    if faults:
        raise errors.StrategyError(
            errors.explain(
                f"this is not a reducer: {'; '.join(faults)}",
                got=reducer,
                expected="name, size, index, in_branch, own_averages and all_sum(tensors)",
                fix="See tf1bn.distribute.Reducer.",
            )
        )


def whole(reducer: Any) -> Any:
    """Returns the reducer of all members, of which ``reducer`` may join a part."""
    return getattr(reducer, "whole", None) or reducer


def shares_one_set(reducer: Any) -> bool:
    """Whether all members move the same averages, so that only one of them may."""
    return not reducer.own_averages


def is_first(reducer: Any) -> bool:
    """Whether this member is the first of all.

    Raises:
      ArgumentError: its number is known in each run only.
    """
    index = tf.get_static_value(whole(reducer).index)
    if index is None:
        raise errors.ArgumentError(
            errors.explain(
                f"members of reducer {reducer.name!r} share averages that the first one moves, but the number of this "
                "one is a tensor",
                expected="an integer",
            )
        )
    return bool(index == 0)


def dense(gradients: Any) -> list[Any]:
    """Returns gradients as tensors: those of a gather come as slices, which cannot be added up over members."""
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def gather(reducer: Any, tensors: list[Any]) -> list[Any]:
    """Returns each tensor of all members, stacked in their order along a new first axis.

    Trick: each member adds its tensor in a row of its own, the other rows being zero. So the gradient is right by
    that of ``all_sum``, and no second kind of exchange is needed.
    """
    return reducer.all_sum([in_row(tensor, reducer.index, reducer.size) for tensor in tensors])


def in_row(tensor: Any, index: Any, size: Any) -> Any:
    """Returns ``size`` rows of the shape of ``tensor``, which stands in row ``index``; the others are zero."""
    tensor = tf.convert_to_tensor(tensor)
    known = tf.get_static_value(index), tf.get_static_value(size)
    if None in known:
        row = tf.one_hot(index, size, dtype=tensor.dtype)
    else:
        row = tf.constant((np.arange(known[1]) == known[0]).astype(tensor.dtype.as_numpy_dtype))
    return tf.reshape(row, [-1, *[1] * tensor.shape.rank]) * tf.expand_dims(tensor, 0)
