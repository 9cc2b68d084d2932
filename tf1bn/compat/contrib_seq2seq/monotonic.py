"""Attention that never goes back: an entry before the one attended to last is not attended to any more.

Source: Raffel, Luong, Liu, Weiss, Eck: Online and linear-time attention by enforcing monotonic alignments (2017).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with
from tf1bn.compat.contrib_seq2seq import signatures
from tf1bn.compat.contrib_seq2seq.mechanisms import (
    MemoryAttention,
    additive_score,
    held,
    luong_gain,
    luong_score,
    projection,
)


def safe_cumprod(x: Any, *args: Any, **kwargs: Any) -> tf.Tensor:
    """Returns cumulative products of values in 0 to 1 as exp(cumsum(log(x))), with the arguments of ``tf.cumsum``.

    The smallest normal number stands for 0, so that there is a logarithm and a gradient.
    """
    with tf.name_scope(None, "SafeCumprod", [x]):
        x = tf.convert_to_tensor(x, name="x")
        smallest = np.finfo(x.dtype.as_numpy_dtype).tiny
        return tf.exp(tf.cumsum(tf.log(tf.clip_by_value(x, smallest, 1)), *args, **kwargs))


def monotonic_attention(p_choose_i: Any, previous_attention: Any, mode: str) -> tf.Tensor:
    """Returns the probability that each entry is attended to.

    q[i] = (1 - p[i - 1]) * q[i - 1] + previous[i], attention[i] = p[i] * q[i]

    Args:
      p_choose_i: p, ``[batch, entries]``: the probability to stop at an entry that is reached.
      previous_attention: the attention of the step before; of the first step 1 at entry 0 and 0 elsewhere.
      mode: ``"recursive"`` as above, exact; ``"parallel"`` by cumulative sums, exact where no product is below 1e-10;
        ``"hard"`` for probabilities that are 0 or 1.

    Raises:
      ArgumentError: another mode.
    """
    p = tf.convert_to_tensor(p_choose_i, name="p_choose_i")
    previous = tf.convert_to_tensor(previous_attention, name="previous_attention")
    if mode not in _MODES:
        raise errors.ArgumentError(
            errors.explain("`mode` is not known", got=mode, expected=" or ".join(map(repr, _MODES))),
            where="monotonic_attention",
        )
    return _MODES[mode](p, previous)


def _recursive(p: Any, previous: Any) -> tf.Tensor:
    passed = tf.concat([tf.ones_like(p[:, :1]), 1 - p[:, :-1]], 1)
    steps = [tf.transpose(passed), tf.transpose(previous)]
    reached = tf.scan(lambda q, step: step[0] * q + step[1], steps, tf.zeros_like(p[:, 0]))
    return p * tf.transpose(reached)


def _parallel(p: Any, previous: Any) -> tf.Tensor:
    passed = safe_cumprod(1 - p, axis=1, exclusive=True)
    return p * passed * tf.cumsum(previous / tf.clip_by_value(passed, 1e-10, 1), axis=1)


def _hard(p: Any, previous: Any) -> tf.Tensor:
    later = p * tf.cumsum(previous, axis=1)
    return later * tf.math.cumprod(1 - later, axis=1, exclusive=True)


_MODES: dict[str, Callable[[Any, Any], tf.Tensor]] = {"recursive": _recursive, "parallel": _parallel, "hard": _hard}


class MonotonicAttention(MemoryAttention):
    """A mechanism that begins at the first entry of the memory, and adds a bias to scores; for subclasses."""

    _score_bias_init: Any

    def initial_alignments(self, batch_size: Any, dtype: Any) -> tf.Tensor:
        """Returns 1 at the first entry and 0 elsewhere."""
        return tf.one_hot(tf.zeros([batch_size], tf.int32), self._alignments_size, dtype=dtype)

    def _biased(self, score: Any) -> Any:
        start = tf.constant_initializer(self._score_bias_init)
        return score + tf.get_variable("attention_score_bias", [], score.dtype, initializer=start)


class BahdanauMonotonicAttention(MonotonicAttention):
    """Monotonic attention with the scores of :class:`BahdanauAttention` plus ``attention_score_bias``.

    p = sigmoid(score + sigmoid_noise * normal); in the mode ``"hard"`` 1 for scores above 0

    Variables:
      Those of :class:`BahdanauAttention` in ``bahdanau_monotonic_attention``, and there ``attention_score_bias``,
      which begins at ``score_bias_init``.

    Args:
      sigmoid_noise: standard deviation of the noise, for training.
      mode: as of :func:`monotonic_attention`.
      The rest as of :class:`BahdanauAttention`.
    """

    @made_with(signatures.BahdanauMonotonic)
    def __init__(self, call: signatures.BahdanauMonotonic) -> None:
        projected = projection("query_layer", call.num_units, call.dtype)
        super().__init__(projected, probability_fn=_attending(call), **held(call))
        self._num_units, self._normalize, self._score_bias_init = call.num_units, call.normalize, call.score_bias_init

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns alignments, twice: they are the next state, too."""
        with tf.variable_scope(None, "bahdanau_monotonic_attention", [query]):
            score = self._biased(additive_score(self, query, self._num_units, self._normalize))
        return self._aligned(score, state)


class LuongMonotonicAttention(MonotonicAttention):
    """Monotonic attention with the scores of :class:`LuongAttention` plus ``attention_score_bias``.

    Variables:
      Those of :class:`LuongAttention` in ``luong_monotonic_attention``, and there ``attention_score_bias``.

    Args:
      As of :class:`LuongAttention` and :class:`BahdanauMonotonicAttention`.
    """

    @made_with(signatures.LuongMonotonic)
    def __init__(self, call: signatures.LuongMonotonic) -> None:
        super().__init__(None, probability_fn=_attending(call), **held(call))
        self._num_units, self._scale, self._score_bias_init = call.num_units, call.scale, call.score_bias_init

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns alignments, twice: they are the next state, too."""
        with tf.variable_scope(None, "luong_monotonic_attention", [query]):
            gain = luong_gain(query.dtype) if self._scale else None
            score = self._biased(luong_score(query, self._keys, gain))
        return self._aligned(score, state)


def _attending(call: signatures.Monotonic) -> Callable[[Any, Any], tf.Tensor]:
    return functools.partial(_attended, noise=call.sigmoid_noise, seed=call.sigmoid_noise_seed, mode=call.mode)


def _attended(score: Any, previous: Any, noise: float, seed: Any, mode: str) -> tf.Tensor:
    if noise > 0:
        score += noise * tf.random.normal(tf.shape(score), dtype=score.dtype, seed=seed)
    p = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(p, previous, mode)
