"""Phased LSTM: a cell whose units open in turns, by a clock that comes with the inputs."""

from __future__ import annotations

import math
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib_rnn.sized import MemoryCell, affine
from tf1bn.compat.rnn_base import LSTMStateTuple


class PhasedLSTMCell(MemoryCell):
    """Phased LSTM; its inputs are a pair of times ``[batch, 1]`` (float32 or float64) and features ``[batch, depth]``.

    i, f = sigmoid([x, h] @ mask_gates/kernel + mask_gates/bias), with c, too, when there are peepholes
    n = tanh([x, h] @ new_input/kernel + new_input/bias);  c' = f * c + i * n
    o = sigmoid([x, h] @ output_gate/kernel + output_gate/bias), with c', too;  h' = tanh(c') * o
    r = mod(time - phase, period) / period
    k = 2 * r / ratio_on for r < ratio_on / 2; 2 - 2 * r / ratio_on for r < ratio_on; leak * r otherwise
    c = k * c' + (1 - k) * c;  h = k * h' + (1 - k) * h

    The gradient of mod with respect to its first argument is 1.

    Variables:
      Beside the maps ``period`` ``[units]`` (at first exp of a uniform value between the logarithms of
      ``period_init_min`` and ``period_init_max``), ``phase`` (uniform between 0 and the period) and ``ratio_on``.

    Source: Neil, Pfeiffer, Liu: Phased LSTM, accelerating recurrent network training for long or event-based sequences
    (2016).
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        leak: Any = 0.001,
        ratio_on: Any = 0.1,
        trainable_ratio_on: bool = True,
        period_init_min: float = 1.0,
        period_init_max: float = 1000.0,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse=reuse)
        self._peepholes, self._leak, self._ratio_on = use_peepholes, leak, ratio_on
        self._ratio_trains = trainable_ratio_on
        self._periods = period_init_min, period_init_max

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h and the new state."""
        (time, x), (c, h) = inputs, state
        parts = [x, h]
        masks = tf.sigmoid(affine(self, parts + [c] * self._peepholes, 2 * self._num_units, "mask_gates/"))
        i, f = tf.split(masks, 2, axis=1)
        new_c = f * c + i * tf.tanh(affine(self, parts, self._num_units, "new_input/"))
        o = tf.sigmoid(affine(self, parts + [new_c] * self._peepholes, self._num_units, "output_gate/"))
        new_h = tf.tanh(new_c) * o
        k = tf.cast(self._openness(time), new_c.dtype)
        c, h = k * new_c + (1 - k) * c, k * new_h + (1 - k) * h
        return h, LSTMStateTuple(c, h)

    def _openness(self, time: Any) -> Any:
        period, phase, ratio = self._clock()
        period, phase = tf.cast(period, time.dtype), tf.cast(phase, time.dtype)
        shifted = time - phase
        # Trick: the value of mod, with the gradient of the identity.
        inside = tf.stop_gradient(tf.math.floormod(shifted, period) - shifted) + shifted
        r = tf.cast(inside / period, tf.float32)
        rising, leaking = 2 * r / ratio, self._leak * r
        k = tf.where(r < ratio * tf.ones_like(r), 2 - rising, leaking)
        return tf.where(r < 0.5 * ratio * tf.ones_like(r), rising, k)

    def _clock(self) -> tuple[Any, Any, Any]:
        shape, (shortest, longest) = [self._num_units], self._periods

        def first_period(size: Any, dtype: Any = tf.float32, **_: Any) -> Any:
            return tf.exp(tf.random_uniform(size, math.log(shortest), math.log(longest), dtype))

        period = self.add_variable("period", shape, first_period, tf.float32)

        def first_phase(size: Any, dtype: Any = tf.float32, **_: Any) -> Any:
            return tf.random_uniform(size, dtype=dtype) * period.initial_value

        phase = self.add_variable("phase", shape, first_phase, tf.float32)
        start = tf.constant_initializer(self._ratio_on)
        return period, phase, self._ratio(shape, start)

    def _ratio(self, shape: list[int], start: Any) -> Any:
        """The one variable that may be kept from training while the others train."""
        trainable, self._trainable = self._trainable, self._trainable and self._ratio_trains
        try:
            return self.add_variable("ratio_on", shape, start, tf.float32)
        finally:
            self._trainable = trainable
