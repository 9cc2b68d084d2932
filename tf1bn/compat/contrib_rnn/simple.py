"""Cells with one state: UGRNN, the intersection RNN, SRU, MinimalRNN and the chaos-free network."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_rnn.sized import affine
from tf1bn.compat.rnn_base import depth_of
from tf1bn.compat.rnn_units import Activation, UnitsCell


class UGRNNCell(UnitsCell):
    """Update gate RNN.

    g, c = [inputs, state] @ kernel + bias
    output = new state = sigmoid(g + forget_bias) * state + (1 - sigmoid(g + forget_bias)) * activation(c)

    Source: Collins, Sohl-Dickstein, Sussillo: Capacity and trainability in recurrent neural networks (2017).
    """

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        forget_bias: float = 1.0,
        activation: Activation | None = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse=reuse)
        self._initializer, self._forget_bias = initializer, forget_bias

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        g, c = tf.split(affine(self, [inputs, state], 2 * self._num_units, initializer=self._initializer), 2, axis=1)
        g = tf.sigmoid(g + self._forget_bias)
        new = g * state + (1 - g) * self._activation(c)
        return new, new


class IntersectionRNNCell(UnitsCell):
    """Intersection RNN: gates along time and along depth.

    gh, h, gy, y = [inputs, state] @ kernel + bias
    new state = sigmoid(gh + forget_bias) * state + (1 - sigmoid(gh + forget_bias)) * tanh(h)
    output = sigmoid(gy + forget_bias) * inputs + (1 - sigmoid(gy + forget_bias)) * y_activation(y)

    Inputs of another depth than ``num_units`` are first mapped by ``in_projection``, if ``num_in_proj`` is given.

    Raises:
      ShapeError: inputs of another depth, and no ``num_in_proj``.

    Source: Collins, Sohl-Dickstein, Sussillo: Capacity and trainability in recurrent neural networks (2017).
    """

    def __init__(
        self,
        num_units: int,
        num_in_proj: int | None = None,
        initializer: Any = None,
        forget_bias: float = 1.0,
        y_activation: Activation = tf.nn.relu,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse=reuse)
        self._projects, self._initializer = num_in_proj, initializer
        self._forget_bias, self._depth_activation = forget_bias, y_activation

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the output along depth and the new state."""
        depth = depth_of(inputs, "IntersectionRNNCell")
        if depth != self._num_units:
            if not self._projects:
                raise errors.ShapeError(
                    errors.explain(
                        "the depth of the inputs must be `num_units`",
                        got=depth,
                        expected=str(self._num_units),
                        fix="Pass num_in_proj=num_units for the first layer.",
                    ),
                    where="IntersectionRNNCell",
                )
            inputs = affine(self, [inputs], self._num_units, "in_projection/", initializer=self._initializer)
        mapped = affine(self, [inputs, state], 4 * self._num_units, initializer=self._initializer)
        gh, h, gy, y = tf.split(mapped, 4, axis=1)
        gh, gy = tf.sigmoid(gh + self._forget_bias), tf.sigmoid(gy + self._forget_bias)
        output = gy * inputs + (1 - gy) * self._depth_activation(y)
        return output, gh * state + (1 - gh) * tf.tanh(h)


class SRUCell(UnitsCell):
    """Simple recurrent unit, whose gates see the inputs alone.

    x, f, r, skip = inputs @ kernel; f = sigmoid(f + bias[:units]); r = sigmoid(r + bias[units:])
    new state = f * state + (1 - f) * x
    output = r * activation(new state) + (1 - r) * skip

    Source: Lei, Zhang, Wang, Dai, Artzi: Simple recurrent units for highly parallelizable recurrence (2017).
    """

    def __init__(
        self,
        num_units: int,
        activation: Activation | None = None,
        reuse: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse=reuse, name=name, **options)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the output and the new state."""
        x, f, r, skip = tf.split(affine(self, [inputs], 4 * self._num_units, bias=False), 4, axis=1)
        bias = self.add_variable("bias", [2 * self._num_units], tf.zeros_initializer(), inputs.dtype)
        f, r = tf.split(tf.sigmoid(tf.nn.bias_add(tf.concat([f, r], 1), bias)), 2, axis=1)
        new = f * state + (1 - f) * x
        return r * self._activation(new) + (1 - r) * skip, new


class _KerasCell(UnitsCell):
    """A cell that is made in the words of Keras."""

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "ones",
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(units, named_activation(activation), name=name, dtype=dtype, **options)
        self._kernel, self._bias = named_initializer(kernel_initializer), named_initializer(bias_initializer)


class MinimalRNNCell(_KerasCell):
    """Minimal RNN: the inputs are mapped once, and one gate mixes them into the state.

    x = activation(inputs @ kernel[:depth])
    u = sigmoid([x, state] @ kernel[depth:] + bias); the bias begins at 1
    output = new state = u * state + (1 - u) * x

    Source: Chen, Pennington, Schoenholz: Dynamical isometry and a mean field theory of RNNs (2018).
    """

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        units, depth = self._num_units, depth_of(inputs, "MinimalRNNCell")
        kernel = self.add_variable("kernel", [depth + 2 * units, units], self._kernel, inputs.dtype)
        bias = self.add_variable("bias", [units], self._bias, inputs.dtype)
        forward, gate = tf.split(kernel, [depth, 2 * units], axis=0)
        x = self._activation(tf.matmul(inputs, forward))
        u = tf.sigmoid(tf.nn.bias_add(tf.matmul(tf.concat([x, state], 1), gate), bias))
        new = u * state + (1 - u) * x
        return new, new


class CFNCell(_KerasCell):
    """Chaos-free network.

    theta, eta = sigmoid(state @ recurrent_kernel + inputs @ kernel[:, :2 * units] + bias); the bias begins at 1
    output = new state = theta * activation(state) + (1 - eta) * activation(inputs @ kernel[:, 2 * units:])

    The paper has eta where contrib has 1 - eta, so that a bias of ones begins with small steps.

    Source: Laurent, von Brecht: A recurrent neural network without chaos (2017).
    """

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns the new state, twice."""
        units, depth = self._num_units, depth_of(inputs, "CFNCell")
        kernel = self.add_variable("kernel", [depth, 3 * units], self._kernel, inputs.dtype)
        recurrent = self.add_variable("recurrent_kernel", [units, 2 * units], self._kernel, inputs.dtype)
        bias = self.add_variable("bias", [2 * units], self._bias, inputs.dtype)
        gates, x = tf.split(tf.matmul(inputs, kernel), [2 * units, units], axis=1)
        gates = tf.sigmoid(tf.nn.bias_add(gates + tf.matmul(state, recurrent), bias))
        theta, eta = tf.split(gates, 2, axis=1)
        new = theta * self._activation(state) + (1 - eta) * self._activation(x)
        return new, new


_ACTIVATIONS = {
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "sigmoid": tf.sigmoid,
    "linear": tf.identity,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
}
_INITIALIZERS = {
    "glorot_uniform": tf.glorot_uniform_initializer,
    "glorot_normal": tf.glorot_normal_initializer,
    "orthogonal": tf.orthogonal_initializer,
    "ones": tf.ones_initializer,
    "zeros": tf.zeros_initializer,
}


def named_activation(given: Any) -> Activation:
    """Returns an activation by its name in Keras, or the function that was given; None is the identity.

    Raises:
      ArgumentError: no such name.
    """
    return _named(given or "linear", _ACTIVATIONS, "activation")


def named_initializer(given: Any) -> Any:
    """Returns an initializer by its name in Keras, or the one that was given."""
    found = _named(given, _INITIALIZERS, "initializer")
    return found() if isinstance(given, str) else found


def _named(given: Any, known: dict[str, Any], what: str) -> Any:
    if not isinstance(given, str):
        return given
    if given not in known:
        raise errors.ArgumentError(
            errors.explain(f"no {what} of this name", got=given, expected=", ".join(sorted(known)))
        )
    return known[given]
