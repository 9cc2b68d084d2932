"""What an ``input_fn`` returns, as features, labels and the hooks that its input needs."""

from __future__ import annotations

from collections.abc import Iterator
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
      ArgumentError: a list or tuple of another length; tensors or a data set of another graph; an iterator.
    """
    hooks: tuple[Any, ...] = ()
    if is_dataset(result):
        iterator = _iterator(result)
        hooks, result = (IteratorHook(iterator),), iterator.get_next()
    _require_tensors(result)
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


def _iterator(dataset: Any) -> Any:
    """Returns an iterator of a data set.

    Raises:
      ArgumentError: the data set is of another graph, in TensorFlow's words a ValueError.
    """
    try:
        return tf.data.make_initializable_iterator(dataset)
    except ValueError as error:
        if "graph" not in str(error):
            raise
        raise _stranger(dataset) from error


def _require_tensors(result: Any) -> None:
    """Refuses iterators, and tensors of another graph."""
    for value in tf.nest.flatten(result):
        if isinstance(value, Iterator) or hasattr(value, "get_next"):
            raise errors.ArgumentError(
                errors.explain(
                    "input_fn returned an iterator",
                    got=value,
                    expected="tensors or a data set",
                    fix="Return iterator.get_next(), or of Python values tf.data.Dataset.from_generator.",
                )
            )
        graph = getattr(value, "graph", None)
        if graph is not None and graph is not tf.get_default_graph():
            raise _stranger(value)


def _stranger(value: Any) -> errors.ArgumentError:
    return errors.ArgumentError(
        errors.explain(
            "input_fn returned something of another graph",
            got=getattr(value, "name", value),
            fix="Build the whole input inside input_fn; it is called once for each graph.",
        )
    )
