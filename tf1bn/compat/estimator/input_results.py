"""What an ``input_fn`` returns, as features, labels and the hooks that its input needs."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors


class Input(NamedTuple):
    """Tensors of one batch.

    Attributes:
      features: a tensor or a structure of tensors.
      labels: the same, or None.
      hooks: to be run with the session that reads them.
    """

    features: Any
    labels: Any
    hooks: tuple[Any, ...]


class IteratorHook(tf.train.SessionRunHook):
    """Initializes the iterator of a data set when its session is made, and made again."""

    def __init__(self, iterator: Any) -> None:
        self._initializer = iterator.initializer

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Starts the data set from its beginning."""
        del coord
        session.run(self._initializer)


def is_dataset(value: Any) -> bool:
    """Whether a value is a ``tf.data.Dataset``, of version 1 or 2."""
    return isinstance(value, tf.data.Dataset) or (hasattr(value, "element_spec") and hasattr(value, "batch"))


def parse(result: Any) -> Input:
    """Returns features and labels from what an ``input_fn`` has returned.

    Args:
      result: a data set of features, or of pairs (features, labels); or one of these as tensors. A list or tuple is
        such a pair.

    Raises:
      ArgumentError: a list or tuple of another length.
    """
    hooks: tuple[Any, ...] = ()
    if is_dataset(result):
        iterator = tf.data.make_initializable_iterator(result)
        hooks, result = (IteratorHook(iterator),), iterator.get_next()
    if not isinstance(result, (list, tuple)):
        return Input(result, None, hooks)
    if len(result) != 2:
        raise errors.ArgumentError(
            errors.explain(
                f"input_fn returned {len(result)} values",
                expected="features, or a pair of features and labels",
                fix="Several features go into a dictionary or a nested tuple.",
            )
        )
    return Input(result[0], result[1], hooks)
