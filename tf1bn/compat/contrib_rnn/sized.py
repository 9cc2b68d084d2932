"""What the cells of ``tf.contrib.rnn`` share: sizes, affine maps, layer normalization, variables in shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.feature_norms import layer_norm
from tf1bn.compat.rnn_base import LSTMStateTuple, RNNCell, depth_of
from tf1bn.compat.rnn_units import Activation


class LayerRNNCell(RNNCell):
    """A cell that makes its variables in ``build(inputs_shape)``, before the first ``call(inputs, state)``.

    Variables:
      Those that ``build`` makes with :meth:`add_variable`, in the scope of the cell.
    """

    built = False

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables; for subclasses."""
        self.built = True

    def _one_step(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        if not self.built:
            self.build(inputs.shape)
            self.built = True
        return self.call(inputs, state)


class MemoryCell(RNNCell):
    """A cell whose state is an :class:`LSTMStateTuple` of ``[batch, num_units]`` and of what it gives out."""

    def __init__(
        self, num_units: int, activation: Activation | None = None, num_proj: int | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self._num_units, self._num_proj = num_units, num_proj
        self._activation = activation or tf.tanh

    @property
    def state_size(self) -> Any:
        """Units of c and of h."""
        return LSTMStateTuple(self._num_units, self.output_size)

    @property
    def output_size(self) -> Any:
        """Number of units, or of the projection."""
        return self._num_proj or self._num_units


def affine(
    cell: RNNCell,
    parts: Sequence[Any],
    units: int,
    prefix: str = "",
    bias: bool = True,
    initializer: Any = None,
) -> tf.Tensor:
    """Returns ``concat(parts) @ kernel + bias``; the bias begins at 0.

    Variables:
      ``<prefix>kernel`` ``[depth, units]`` and ``<prefix>bias`` ``[units]`` in the scope of the cell.
    """
    joined = parts[0] if len(parts) == 1 else tf.concat(list(parts), 1)
    depth = depth_of(joined, type(cell).__name__)
    product = tf.matmul(joined, cell.add_variable(f"{prefix}kernel", [depth, units], initializer, joined.dtype))
    if not bias:
        return product
    return tf.nn.bias_add(product, cell.add_variable(f"{prefix}bias", [units], tf.zeros_initializer(), joined.dtype))


def sharded(cell: RNNCell, name: str, shape: list[int], shards: int, initializer: Any, dtype: Any) -> tf.Tensor:
    """Returns a matrix that is kept as ``name_0``, ``name_1``, ..., split along its rows; the first have one row more.

    Raises:
      ArgumentError: more shards than rows.
    """
    rows = shape[0]
    if not 1 <= shards <= rows:
        raise errors.ArgumentError(
            errors.explain("the number of shards does not fit", got=shards, expected=f"1 to {rows} (rows of {name})"),
            where=type(cell).__name__,
        )
    sizes = [rows // shards + (number < rows % shards) for number in range(shards)]
    parts = [
        cell.add_variable(f"{name}_{number}", [size, shape[1]], initializer, dtype) for number, size in enumerate(sizes)
    ]
    return tf.convert_to_tensor(parts[0]) if shards == 1 else tf.concat(parts, 0, name=f"{name}/concat")


def normalized(cell: RNNCell, inputs: Any, scope: str, gain: float, shift: float) -> tf.Tensor:
    """Returns layer normalization of ``[batch, units]``, each row by itself.

    Variables:
      ``<scope>/gamma`` and ``<scope>/beta``, ``[units]``, which begin at ``gain`` and ``shift``.
    """
    units = [depth_of(inputs, type(cell).__name__)]
    cell.add_variable(f"{scope}/gamma", units, tf.constant_initializer(gain), inputs.dtype)
    cell.add_variable(f"{scope}/beta", units, tf.constant_initializer(shift), inputs.dtype)
    return layer_norm(inputs, reuse=True, scope=scope)


def clipped(value: Any, limit: float | None) -> Any:
    """Returns a value between ``-limit`` and ``limit``; None for no limit."""
    return value if limit is None else tf.clip_by_value(value, -limit, limit)


def peephole(cell: RNNCell, name: str, units: int, initializer: Any, dtype: Any) -> Any:
    """Returns the diagonal of a peephole: a variable ``[units]``."""
    return cell.add_variable(name, [units], initializer, dtype)
