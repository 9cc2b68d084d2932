"""Relatives of the LSTM: coupled gates, layer normalization, weight normalization, groups, NAS and Phased LSTM."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_rnn.sized import MemoryCell, affine, clipped, normalized, peephole, sharded
from tf1bn.compat.rnn_base import LSTMStateTuple, depth_of
from tf1bn.compat.rnn_units import Activation


class CoupledInputForgetGateLSTMCell(MemoryCell):
    """An LSTM whose input gate is 1 minus its forget gate.

    j, f, o = [inputs, h] @ W + B
    f = sigmoid(f + forget_bias + W_F_diag * c)
    c = f * c + (1 - f) * activation(j)
    h = sigmoid(o + W_O_diag * c) * activation(c), then h @ W_P if ``num_proj`` is given

    With ``layer_norm`` j, f, o and c are normalised, and B is not added.

    Variables:
      ``W_0``, ``W_1``, ... (shards of W), ``B``, ``W_F_diag`` and ``W_O_diag`` with peepholes, ``W_P_0``, ...;
      ``transform``, ``forget``, ``output`` and ``state`` each with ``gamma`` and ``beta`` for ``layer_norm``.

    Source: Greff, Srivastava, Koutnik, Steunebrink, Schmidhuber: LSTM, a search space odyssey (2015).
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int = 1,
        num_proj_shards: int = 1,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Activation = tf.tanh,
        reuse: Any = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
    ) -> None:
        super().__init__(num_units, activation, num_proj, reuse=reuse)
        self._peepholes, self._initializer, self._proj_clip = use_peepholes, initializer, proj_clip
        self._shards = num_unit_shards, num_proj_shards
        self._forget_bias, self._tuple = forget_bias, state_is_tuple
        self._norm = (norm_gain, norm_shift) if layer_norm else None

    @property
    def state_size(self) -> Any:
        """Units of c and of h, as a tuple or as their sum."""
        return LSTMStateTuple(self._num_units, self.output_size) if self._tuple else self._num_units + self.output_size

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        units, start = self._num_units, self._initializer
        c, h = state if self._tuple else tf.split(state, [units, self.output_size], axis=1)
        j, f, o = tf.split(self._gates(inputs, h), 3, axis=1)
        f = self._normal(f, "forget") + self._forget_bias
        j, o = self._normal(j, "transform"), self._normal(o, "output")
        if self._peepholes:
            f += peephole(self, "W_F_diag", units, start, inputs.dtype) * c
            o_diagonal = peephole(self, "W_O_diag", units, start, inputs.dtype)
        f = tf.sigmoid(f)
        c = self._normal(f * c + (1 - f) * self._activation(j), "state")
        if self._peepholes:
            o += o_diagonal * c
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj is not None:
            kernel = sharded(self, "W_P", [units, self._num_proj], self._shards[1], start, inputs.dtype)
            h = clipped(tf.matmul(h, kernel), self._proj_clip)
        return h, LSTMStateTuple(c, h) if self._tuple else tf.concat([c, h], 1)

    def _gates(self, inputs: Any, h: Any) -> Any:
        joined, units = tf.concat([inputs, h], 1), 3 * self._num_units
        depth = depth_of(joined, "CoupledInputForgetGateLSTMCell")
        kernel = sharded(self, "W", [depth, units], self._shards[0], self._initializer, inputs.dtype)
        bias = self.add_variable("B", [units], tf.zeros_initializer(), inputs.dtype)
        product = tf.matmul(joined, kernel)
        return product if self._norm else tf.nn.bias_add(product, bias)

    def _normal(self, value: Any, scope: str) -> Any:
        return normalized(self, value, scope, *self._norm) if self._norm else value


class LayerNormBasicLSTMCell(MemoryCell):
    """An LSTM with layer normalization of its gates and memory, and with recurrent dropout.

    i, j, f, o = [inputs, h] @ kernel, each normalised; without ``layer_norm`` the bias is added instead
    c = norm(sigmoid(f + forget_bias) * c + sigmoid(i) * dropout(activation(j)))
    h = sigmoid(o) * activation(c)

    Variables:
      ``kernel``; ``input``, ``transform``, ``forget``, ``output`` and ``state``, each with ``gamma`` and ``beta``;
      ``bias`` without ``layer_norm``, which begins as the scope's initializer makes it, not at 0.

    Sources: Ba, Kiros, Hinton: Layer normalization (2016); Semeniuta, Severyn, Barth: Recurrent dropout without memory
    loss (2016).
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        input_size: Any = None,
        activation: Activation = tf.tanh,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: Any = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse=reuse)
        self._forget_bias = forget_bias
        self._norm = (norm_gain, norm_shift) if layer_norm else None
        self._keep, self._seed = dropout_keep_prob, dropout_prob_seed

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        c, h = state
        gates = affine(self, [inputs, h], 4 * self._num_units, bias=False)
        if not self._norm:
            gates = tf.nn.bias_add(gates, self.add_variable("bias", [4 * self._num_units], None, inputs.dtype))
        names = ("input", "transform", "forget", "output")
        i, j, f, o = (self._normal(*pair) for pair in zip(tf.split(gates, 4, axis=1), names, strict=True))
        g = self._activation(j)
        if not isinstance(self._keep, float | int) or self._keep < 1:
            g = tf.nn.dropout(g, rate=1 - self._keep, seed=self._seed)
        c = self._normal(tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * g, "state")
        h = tf.sigmoid(o) * self._activation(c)
        return h, LSTMStateTuple(c, h)

    def _normal(self, value: Any, scope: str) -> Any:
        return normalized(self, value, scope, *self._norm) if self._norm else value


class GLSTMCell(MemoryCell):
    """Group LSTM: units in groups, each of which sees its own part of the inputs and of h.

    Of each group: i, j, f, o = [inputs part, h part] @ group<n>/kernel; their parts joined, plus bias_i, ... bias_o
    c = sigmoid(f + forget_bias) * c + sigmoid(i) * tanh(j)
    h = sigmoid(o) * activation(c), then h @ projection/kernel if ``num_proj`` is given

    Raises:
      ArgumentError: units, projection or inputs that the groups do not divide.

    Source: Kuchaiev, Ginsburg: Factorization tricks for LSTM networks (2017).
    """

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        num_proj: int | None = None,
        number_of_groups: int = 1,
        forget_bias: float = 1.0,
        activation: Activation = tf.tanh,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, activation, num_proj, reuse=reuse)
        self._initializer, self._groups, self._forget_bias = initializer, number_of_groups, forget_bias
        self._require_groups("num_units", num_units)
        self._require_groups("num_proj", num_proj or 0)

    def _require_groups(self, what: str, size: int) -> None:
        if size % self._groups:
            raise errors.ArgumentError(
                errors.explain(f"`{what}` must be divisible by `number_of_groups`", got=(size, self._groups)),
                where="GLSTMCell",
            )

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        c, h = state
        self._require_groups("inputs' depth", depth_of(inputs, "GLSTMCell"))
        i, j, f, o = self._gates(inputs, h)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj is not None:
            h = affine(self, [h], self._num_proj, "projection/", bias=False, initializer=self._initializer)
        return h, LSTMStateTuple(c, h)

    def _gates(self, inputs: Any, h: Any) -> list[Any]:
        columns = 4 * self._num_units // self._groups
        parts = zip(tf.split(inputs, self._groups, axis=1), tf.split(h, self._groups, axis=1), strict=True)
        gates = [
            tf.split(
                affine(self, pair, columns, f"group{group}/", bias=False, initializer=self._initializer), 4, axis=1
            )
            for group, pair in enumerate(parts)
        ]
        joined = [tf.concat(list(parts), 1) for parts in zip(*gates, strict=True)]
        zeros, dtype = tf.zeros_initializer(), inputs.dtype
        return [
            tf.nn.bias_add(gate, self.add_variable(f"bias_{name}", [self._num_units], zeros, dtype))
            for gate, name in zip(joined, "ijfo", strict=True)
        ]


class NASCell(MemoryCell):
    """The cell that a search found: eight products of inputs and h, joined as a tree.

    a0..a7 = inputs @ kernel, b0..b7 = h @ recurrent_kernel (+ bias)
    l0, l1, l2, l3 = tanh(s(a0 + b0) * relu(a1 + b1)), tanh(s(a2 + b2) + relu(a3 * b3)),
                     tanh(tanh(a4 + b4) * s(a5 + b5)), s(tanh(a6 + b6) + s(a7 + b7)), with s = sigmoid
    c = tanh(l0 + c) * l1
    h = tanh(c * tanh(l2 + l3)), then h @ projection_weights if ``num_proj`` is given

    Source: Zoph, Le: Neural architecture search with reinforcement learning (2017).
    """

    def __init__(
        self,
        num_units: int,
        num_proj: int | None = None,
        use_bias: bool = False,
        reuse: Any = None,
        use_biases: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(num_units, None, num_proj, reuse=reuse, **options)
        self._biased = use_bias or use_biases  # the name until 1.8

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        c, h = state
        units, dtype = 8 * self._num_units, inputs.dtype
        recurrent = self.add_variable("recurrent_kernel", [self.output_size, units], None, dtype)
        b = tf.matmul(h, recurrent)
        a = affine(self, [inputs], units, bias=False)
        if self._biased:
            b = tf.nn.bias_add(b, self.add_variable("bias", [units], tf.zeros_initializer(), dtype))
        c, h = _tree(tf.split(a, 8, axis=1), tf.split(b, 8, axis=1), c)
        if self._num_proj is not None:
            shape = [self._num_units, self._num_proj]
            h = tf.matmul(h, self.add_variable("projection_weights", shape, None, dtype))
        return h, LSTMStateTuple(c, h)


def _tree(a: list[Any], b: list[Any], c: Any) -> tuple[Any, Any]:
    """Returns the new c and h of :class:`NASCell`."""
    s, t = tf.sigmoid, tf.tanh
    total = [x + y for x, y in zip(a, b, strict=True)]
    l0 = t(s(total[0]) * tf.nn.relu(total[1]))
    l1 = t(s(total[2]) + tf.nn.relu(a[3] * b[3]))
    l2 = t(t(total[4]) * s(total[5]))
    l3 = s(t(total[6]) + s(total[7]))
    c = t(l0 + c) * l1
    return c, t(c * t(l2 + l3))
