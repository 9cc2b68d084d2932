"""What decoders say of the cell and the layer that they are given, and of the sizes of what these give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def require_cell(where: str, cell: Any) -> None:
    """Refuses what is no recurrent cell.

    Raises:
      ArgumentTypeError: sizes, a zero state or the call is missing.
    """
    lacking = [name for name in ("output_size", "state_size", "zero_state") if not hasattr(cell, name)]
    if lacking or not callable(cell):
        raise errors.ArgumentTypeError(
            errors.explain(
                "`cell` is no recurrent cell",
                got=cell,
                expected="an object with output_size, state_size and zero_state that can be called, as an RNNCell",
            ),
            where=where,
        )


def require_layer(where: str, name: str, layer: Any) -> None:
    """Refuses what is neither None nor a layer.

    Raises:
      ArgumentTypeError: it cannot be called, or does not tell its output's shape.
    """
    if layer is not None and not (callable(layer) and hasattr(layer, "compute_output_shape")):
        raise errors.ArgumentTypeError(
            errors.explain(f"`{name}` is no layer", got=layer, expected="for example a tf.layers.Dense"), where=where
        )


def output_size(cell: Any, layer: Any) -> Any:
    """Returns the size of a cell's output, or of a layer's that stands upon it."""
    if layer is None:
        return cell.output_size
    batches = tf.nest.map_structure(lambda size: tf.TensorShape([None]).concatenate(size), cell.output_size)
    return tf.nest.map_structure(lambda shape: tf.TensorShape(shape)[1:], layer.compute_output_shape(batches))


def embedder(embedding: Any) -> Callable[[Any], Any]:
    """Returns what maps ids to inputs: the function that was given, or a look-up in the table."""
    return embedding if callable(embedding) else lambda ids: tf.nn.embedding_lookup(embedding, ids)


def tokens(where: str, start_tokens: Any, end_token: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns both as tensors.

    Raises:
      ShapeError: ``start_tokens`` is no vector, or ``end_token`` no scalar.
    """
    start = tf.convert_to_tensor(start_tokens, tf.int32, name="start_tokens")
    end = tf.convert_to_tensor(end_token, tf.int32, name="end_token")
    for name, value, rank in (("start_tokens", start, 1), ("end_token", end, 0)):
        if value.shape.rank != rank:
            kind = "a vector" if rank else "a scalar"
            raise errors.ShapeError(errors.explain(f"`{name}` must be {kind}", got=str(value.shape)), where=where)
    return start, end
