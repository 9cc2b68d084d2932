"""What ``tf.parse_example`` is told for examples with features and a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def classifier_parse_example_spec(
    feature_columns: Sequence[Any],
    label_key: str,
    label_dtype: Any = tf.int64,
    label_default: Any = None,
    weight_column: Any = None,
) -> dict[str, Any]:
    """Returns a specification for ``tf.parse_example``: that of the feature columns, a label and a weight.

    Args:
      feature_columns: of ``tf.feature_column``.
      label_key: name of the label, one value of each example.
      label_default: its value where it is missing; None makes it required.
      weight_column: name of a numeric weight, or a numeric column; None for none.

    Raises:
      ArgumentError: a column has the name of the label.
    """
    label = tf.FixedLenFeature((1,), label_dtype, label_default)
    return _spec("classifier_parse_example_spec", feature_columns, label_key, label, weight_column)


def regressor_parse_example_spec(
    feature_columns: Sequence[Any],
    label_key: str,
    label_dtype: Any = tf.float32,
    label_default: Any = None,
    label_dimension: int = 1,
    weight_column: Any = None,
) -> dict[str, Any]:
    """Returns a specification for ``tf.parse_example``: that of the feature columns, labels and a weight.

    Args:
      label_dimension: values of the label in each example.
      others: as of ``classifier_parse_example_spec``.

    Raises:
      ArgumentError: a column has the name of the label.
    """
    label = tf.FixedLenFeature((label_dimension,), label_dtype, label_default)
    return _spec("regressor_parse_example_spec", feature_columns, label_key, label, weight_column)


def _spec(where: str, columns: Sequence[Any], key: str, label: Any, weight: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict(tf.feature_column.make_parse_example_spec(list(columns)))
    if key in found:
        raise errors.ArgumentError(
            errors.explain(f"a feature column is called as the label, {key!r}", got=found[key]), where=where
        )
    if weight is not None:
        column = tf.feature_column.numeric_column(weight) if isinstance(weight, str) else weight
        found.update(tf.feature_column.make_parse_example_spec([column]))
    found[key] = label
    return found


__all__ = ["classifier_parse_example_spec", "regressor_parse_example_spec"]
