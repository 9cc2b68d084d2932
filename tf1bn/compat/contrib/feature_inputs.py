"""Tensors of feature columns, as tf.contrib.layers built them: inputs of a network, linear sums, parsed examples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.column_kinds import combiner_of
from tf1bn.compat.contrib.feature_columns import create_feature_spec_for_parsing, in_order
from tf1bn.compat.contrib.scattered import ScatteredEmbeddingColumn
from tf1bn.compat.contrib.transforming import transform_features
from tf1bn.compat.contrib.variables import model_variable


def input_from_feature_columns(
    columns_to_tensors: Mapping[str, Any],
    feature_columns: Iterable[Any],
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    cols_to_outs: dict[Any, Any] | None = None,
) -> tf.Tensor:
    """Returns the columns' values ``[batch, width]``, joined in contrib's order.

    Args:
      columns_to_tensors: what the columns read, by its name.
      feature_columns: the columns.
      weight_collections: further collections of the variables.
      trainable: whether they are trained.
      scope: their scope.
      cols_to_outs: a dictionary that gets each column's own values, by column.

    Variables (in ``scope``, by default ``input_from_feature_columns``; also in MODEL_VARIABLES):
      ``<column>_embedding/weights`` ``[buckets, dimension]`` of each embedding, and
      ``<column>_scattered_embedding/weights`` ``[size]`` of each scattered one.

    Raises:
      ArgumentError: a categorical column that is neither embedded nor one-hot, or two equal columns.
    """
    with tf.variable_scope(scope, "input_from_feature_columns", list(columns_to_tensors.values())):
        outputs = {
            column: _dense(dict(columns_to_tensors), column, weight_collections, trainable, _renamed)
            for column in in_order(feature_columns)
        }
        if cols_to_outs is not None:
            cols_to_outs.update(outputs)
        return tf.concat(list(outputs.values()), 1)


@dataclass(frozen=True)
class _LinearSum:
    """What the two weighted sums are given."""

    columns_to_tensors: Mapping[str, Any]
    feature_columns: Iterable[Any]
    num_outputs: int
    weight_collections: Any = None
    trainable: bool = True
    scope: Any = None


@takes(_LinearSum)
def weighted_sum_from_feature_columns(call: _LinearSum) -> tuple[tf.Tensor, dict[Any, list[Any]], Any]:
    """Returns the sum of all columns times their weights plus a bias; the weights by column; and the bias.

    Variables (in ``scope``, by default ``weighted_sum_from_feature_columns``; also in MODEL_VARIABLES; zeros at first):
      ``<column>/weights`` ``[buckets, num_outputs]`` of a categorical column, ``<column>/weight`` ``[width,
      num_outputs]`` of a column of numbers, and ``bias_weight`` ``[num_outputs]``. Those of a crossed_column with a
      checkpoint start with the values there.
    """
    with tf.variable_scope(call.scope, "weighted_sum_from_feature_columns", list(call.columns_to_tensors.values())):
        features, sums, weights = dict(call.columns_to_tensors), [], {}
        for column in in_order(call.feature_columns):
            if hasattr(column, "num_buckets"):
                combiner = combiner_of(column)
                embedded = tf.feature_column.embedding_column(
                    column, call.num_outputs, combiner, tf.zeros_initializer()
                )
                made: list[Any] = []
                sums.append(_dense(features, embedded, call.weight_collections, call.trainable, _renamed_linear, made))
                weights[column] = made
                if getattr(column, "checkpoint", None):
                    path, name = column.checkpoint
                    tf.train.init_from_checkpoint(path, {name: made[0]})
            else:
                value = _dense(features, column, call.weight_collections, call.trainable, _renamed)
                with tf.variable_scope(None, column.name):
                    shape = [value.shape.as_list()[1], call.num_outputs]
                    weights[column] = [_zeros("weight", shape, call.weight_collections, call.trainable)]
                sums.append(tf.matmul(value, weights[column][0]))
        bias = _zeros("bias_weight", [call.num_outputs], call.weight_collections, call.trainable)
        return tf.nn.bias_add(tf.add_n(sums), bias), weights, bias


@takes(_LinearSum)
def joint_weighted_sum_from_feature_columns(call: _LinearSum) -> tuple[tf.Tensor, list[Any], Any]:
    """As ``weighted_sum_from_feature_columns`` of categorical columns, with one variable for the weights of all.

    Variables (in ``scope``, by default ``joint_weighted_sum_from_feature_columns``; zeros at first):
      ``linear_weights/weights`` ``[sum of buckets, num_outputs]`` and ``bias_weight`` ``[num_outputs]``.

    Raises:
      ArgumentError: a column of numbers, or one with weights, or with another combiner than ``sum``.
    """
    columns = in_order(call.feature_columns)
    for column in columns:
        if not hasattr(column, "num_buckets") or hasattr(column, "weight_feature_key") or combiner_of(column) != "sum":
            raise errors.ArgumentError(
                errors.explain(
                    "only categorical columns without weights, whose combiner is sum, have a joint sum",
                    got=column.name,
                    fix="Use weighted_sum_from_feature_columns.",
                ),
                where="joint_weighted_sum_from_feature_columns",
            )
    with tf.variable_scope(
        call.scope, "joint_weighted_sum_from_feature_columns", list(call.columns_to_tensors.values())
    ):
        sizes = [column.num_buckets for column in columns]
        with tf.variable_scope(None, "linear_weights"):
            weights = _zeros("weights", [sum(sizes), call.num_outputs], call.weight_collections, call.trainable)
        sums = []
        for column, part in zip(columns, tf.split(weights, sizes, axis=0), strict=True):
            embedded = tf.feature_column.embedding_column(column, call.num_outputs, "sum", tf.zeros_initializer())
            with tf.variable_scope(tf.get_variable_scope(), custom_getter=_given(part)):
                sums.append(tf.feature_column.input_layer(dict(call.columns_to_tensors), [embedded]))
        bias = _zeros("bias_weight", [call.num_outputs], call.weight_collections, call.trainable)
        return tf.nn.bias_add(tf.add_n(sums), bias), [weights], bias


def parse_feature_columns_from_examples(
    serialized: Any, feature_columns: Iterable[Any], name: str | None = None, example_names: Any = None
) -> dict[Any, Any]:
    """Returns the parsed features of serialized ``tf.train.Example`` by name, and what the columns make of them."""
    columns = list(feature_columns)
    parsed = tf.io.parse_example(serialized, create_feature_spec_for_parsing(columns), example_names, name)
    return {**parsed, **transform_features(parsed, columns)}


def parse_feature_columns_from_sequence_examples(
    serialized: Any,
    context_feature_columns: Iterable[Any] | None,
    sequence_feature_columns: Iterable[Any] | None,
    name: str | None = None,
    example_name: Any = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the context's and the sequence's features of one serialized ``tf.train.SequenceExample``, by name."""
    sequence = {
        key: tf.io.FixedLenSequenceFeature(spec.shape, spec.dtype) if isinstance(spec, tf.io.FixedLenFeature) else spec
        for key, spec in create_feature_spec_for_parsing(sequence_feature_columns or ()).items()
    }
    context = create_feature_spec_for_parsing(context_feature_columns or ())
    return tf.io.parse_single_sequence_example(
        tf.reshape(serialized, []), context or None, sequence or None, example_name, name
    )


def make_place_holder_tensors_for_base_features(feature_columns: Iterable[Any]) -> dict[str, Any]:
    """Returns a placeholder for each feature that the columns read, by name."""
    return {
        name: tf.sparse_placeholder(spec.dtype, name=f"Placeholder_{name}")
        if isinstance(spec, tf.io.VarLenFeature)
        else tf.placeholder(spec.dtype, [None, *spec.shape], name=f"Placeholder_{name}")
        for name, spec in create_feature_spec_for_parsing(feature_columns).items()
    }


def _dense(
    features: dict[str, Any],
    column: Any,
    collections: Any,
    trainable: bool,
    rename: Callable[[str], str],
    made: list[Any] | None = None,
) -> tf.Tensor:
    """Returns the values of one column; its variables get contrib's names and are model variables."""
    if isinstance(column, ScatteredEmbeddingColumn):
        with tf.variable_scope(None, column.name):
            return column.embedded(features[column.column_name], collections, trainable)
    if hasattr(column, "num_buckets") and not hasattr(column, "variable_shape"):
        raise errors.ArgumentError(
            errors.explain(
                "a sparse column cannot be an input of a network as it is",
                got=column.name,
                fix="Wrap it in embedding_column or one_hot_column.",
            ),
            where="input_from_feature_columns",
        )

    def contribs(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        keys = [tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES, *(collections or ())]
        kwargs["collections"] = sorted({*keys, *(kwargs.get("collections") or ())})
        kwargs["trainable"] = trainable and kwargs.get("trainable") is not False
        variable = getter(rename(name), *args, **kwargs)
        if made is not None:
            made.append(variable)
        return variable

    with tf.variable_scope(tf.get_variable_scope(), custom_getter=contribs):
        return tf.feature_column.input_layer(features, [column])


def _renamed(name: str) -> str:
    """``input_layer_1/x_embedding/embedding_weights`` -> ``x_embedding/weights``."""
    return re.sub(r"/embedding_weights$", "/weights", re.sub(r"(^|/)input_layer(_\d+)?/", r"\1", name))


def _renamed_linear(name: str) -> str:
    """``input_layer_1/x_embedding/embedding_weights`` -> ``x/weights``."""
    return re.sub(r"_embedding/weights$", "/weights", _renamed(name))


def _given(value: Any) -> Callable[..., Any]:
    def instead(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        return value

    return instead


def _zeros(name: str, shape: list[int], collections: Any, trainable: bool) -> Any:
    return model_variable(
        name, shape=shape, initializer=tf.zeros_initializer(), trainable=trainable, collections=collections
    )
