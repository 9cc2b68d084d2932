"""``tf.contrib.nn``: losses with the arguments of before 1.0, and a few functions that were tried out there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import absent, transposed
from tf1bn.compat.calls import given, takes

_SCALE, _ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
"""Of the activation SELU (Klambauer et al., 2017), for which ``alpha_dropout`` keeps mean and variance."""


def deprecated_flipped_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, dim: int = -1, name: str | None = None
) -> tf.Tensor:
    """Returns ``tf.nn.softmax_cross_entropy_with_logits``, the logits first; the labels have no gradient."""
    return tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=tf.stop_gradient(labels), logits=logits, axis=dim, name=name
    )


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, name: str | None = None
) -> tf.Tensor:
    """Returns ``tf.nn.sparse_softmax_cross_entropy_with_logits``, the logits first."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(
    logits: Any, targets: Any, name: str | None = None
) -> tf.Tensor:
    """Returns ``tf.nn.sigmoid_cross_entropy_with_logits``, the logits first."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def alpha_dropout(
    x: Any, keep_prob: Any, noise_shape: Any = None, seed: int | None = None, name: str | None = None
) -> tf.Tensor:
    """Returns ``x`` with some entries at SELU's lower end, then scaled to the mean and variance of before.

    Raises:
      ArgumentError: ``keep_prob`` is a number outside of (0, 1].
    """
    with tf.name_scope(name, "alpha_dropout", [x]):
        x = tf.convert_to_tensor(x)
        if isinstance(keep_prob, (int, float)) and not 0 < keep_prob <= 1:
            raise errors.ArgumentError(
                errors.explain("`keep_prob` is not possible", got=keep_prob, expected="above 0, at most 1"),
                where="alpha_dropout",
            )
        keep = tf.cast(keep_prob, x.dtype)
        end = -_SCALE * _ALPHA
        shape = tf.shape(x) if noise_shape is None else noise_shape
        kept = tf.cast(tf.random_uniform(shape, seed=seed, dtype=x.dtype) < keep, x.dtype)
        gain = 1 / tf.sqrt(keep + end**2 * keep * (1 - keep))
        return gain * (x * kept + end * (1 - kept) - (1 - keep) * end)


@dataclass(frozen=True)
class Conv1DTranspose:
    """What ``conv1d_transpose`` is given: 1.15's arguments, then the names that some had up to 1.13."""

    input: Any = None
    filters: Any = None
    output_shape: Any = None
    strides: Any = None
    padding: str = "SAME"
    data_format: str = "NWC"
    dilations: Any = None
    name: str | None = None
    value: Any = None
    filter: Any = None
    stride: Any = None


@takes(Conv1DTranspose)
def conv1d_transpose(call: Conv1DTranspose) -> tf.Tensor:
    """Returns ``tf.nn.conv1d_transpose``; ``value``, ``filter`` and ``stride`` are older names of three arguments.

    Raises:
      ArgumentTypeError: an argument that is missing, or given by both of its names.
    """
    renamed = {"input": "value", "filters": "filter", "strides": "stride"}
    given = {name: _either(call, name, older) for name, older in renamed.items()}
    return transposed.conv1d_transpose(
        **given,
        output_shape=call.output_shape,
        padding=call.padding,
        data_format=call.data_format,
        dilations=call.dilations,
        name=call.name,
    )


def _either(call: Conv1DTranspose, name: str, older: str) -> Any:
    """Returns an argument that has an older name, too."""
    now, before = getattr(call, name), getattr(call, older)
    if (now is None) == (before is None):
        what = "is missing" if now is None else f"was given, and `{older}`, its older name, too"
        raise errors.ArgumentTypeError(f"conv1d_transpose: `{name}` {what}.")
    return before if now is None else now


def nth_element(input: Any, n: Any, reverse: bool = False, name: str | None = None) -> tf.Tensor:
    """Returns what sorting the last dimension would put at place ``n``, from 0; from the end if ``reverse``."""
    return tf.raw_ops.NthElement(input=input, n=n, reverse=reverse, name=name)


def scaled_softplus(x: Any, alpha: Any, clip: Any = None, name: str | None = None) -> tf.Tensor:
    """Returns alpha * log(1 + exp(x / alpha)), at most ``clip``."""
    with tf.name_scope(name, "scaled_softplus", [x, alpha]):
        y = alpha * tf.nn.softplus(tf.convert_to_tensor(x) / alpha)
        return y if clip is None else tf.minimum(y, tf.cast(clip, y.dtype))


def sampled_sparse_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    partition_strategy: str = "mod",
    name: str | None = "sampled_sparse_softmax_loss",
) -> tf.Tensor:
    """Returns ``tf.nn.sampled_softmax_loss`` of one true class for each example.

    Shapes:
      weights ``[num_classes, dim]``, biases ``[num_classes]``, labels int64 ``[batch, 1]``, inputs ``[batch, dim]``;
      result ``[batch]``.
    """
    return tf.nn.sampled_softmax_loss(
        weights=weights,
        biases=biases,
        labels=labels,
        inputs=inputs,
        num_sampled=num_sampled,
        num_classes=num_classes,
        num_true=1,
        sampled_values=sampled_values,
        remove_accidental_hits=remove_accidental_hits,
        partition_strategy=partition_strategy,
        name=name,
    )


@dataclass(frozen=True)
class RankSampled:
    """What ``rank_sampled_softmax_loss`` is given."""

    weights: Any
    biases: Any
    labels: Any
    inputs: Any
    num_sampled: int
    num_resampled: int
    num_classes: int
    num_true: int
    sampled_values: Any
    resampling_temperature: Any
    remove_accidental_hits: bool
    partition_strategy: str
    name: str | None = None


@takes(RankSampled)
def rank_sampled_softmax_loss(call: RankSampled) -> tf.Tensor:
    """Returns ``tf.nn.sampled_softmax_loss`` of those sampled classes that the batch holds for likeliest.

    Of ``num_sampled`` classes the ``num_resampled`` with the largest log(sum_j exp((w . x_j + b) / T)) are kept, where
    j goes over the batch and T is ``resampling_temperature``: the lower, the more the likeliest are preferred.

    Args:
      sampled_values: what a ``*_candidate_sampler`` gave; None draws with ``learned_unigram_candidate_sampler``.

    Shapes:
      weights ``[num_classes, dim]``, biases ``[num_classes]``, labels int64 ``[batch, num_true]``, inputs
      ``[batch, dim]``; result ``[batch]``.

    Raises:
      ArgumentError: more samples than classes, not fewer resampled than sampled, an unknown ``partition_strategy``.

    Source: Bai, Goldman, Zhang: TAPAS: two-pass approximate adaptive sampling for softmax (2017).
    """
    _require_samples(call)
    with tf.name_scope(call.name, "rank_sampled_softmax_loss", [call.labels, call.inputs]) as scope:
        drawn = call.sampled_values or tf.nn.learned_unigram_candidate_sampler(
            true_classes=call.labels,
            num_true=call.num_true,
            num_sampled=call.num_sampled,
            unique=True,
            range_max=call.num_classes,
        )
        own = ("num_sampled", "num_resampled", "sampled_values", "resampling_temperature", "name")
        kept, samples = call.num_resampled, _likeliest(call, drawn)
        return tf.nn.sampled_softmax_loss(**given(call, *own), num_sampled=kept, sampled_values=samples, name=scope)


def _likeliest(call: RankSampled, drawn: Any) -> tuple[Any, Any, Any]:
    """Returns the sampled values that are kept: classes, expected counts of the true ones and of these."""
    classes, true_expected, expected = map(tf.stop_gradient, drawn)
    classes = tf.cast(classes, tf.int64)
    weights = tf.nn.embedding_lookup(call.weights, classes, call.partition_strategy)
    biases = tf.reshape(tf.nn.embedding_lookup(call.biases, classes, call.partition_strategy), [-1])
    logits = tf.matmul(weights, call.inputs / call.resampling_temperature, transpose_b=True)
    likely = tf.reduce_logsumexp(logits, axis=1) + biases / call.resampling_temperature
    _, kept = tf.nn.top_k(likely, call.num_resampled, sorted=False)
    return tf.gather(classes, kept), true_expected, tf.gather(expected, kept)


def _require_samples(call: RankSampled) -> None:
    wrong = [
        (call.num_sampled > call.num_classes, "num_sampled cannot be greater than num_classes", call.num_sampled),
        (call.num_sampled <= call.num_resampled, "num_resampled must be less than num_sampled", call.num_resampled),
        (call.partition_strategy not in ("div", "mod"), "unsupported partition_strategy", call.partition_strategy),
    ]
    for found, text, value in wrong:
        if found:
            raise errors.ArgumentError(errors.explain(text, got=value), where="rank_sampled_softmax_loss")


__all__ = [
    "alpha_dropout",
    "conv1d_transpose",
    "deprecated_flipped_sigmoid_cross_entropy_with_logits",
    "deprecated_flipped_softmax_cross_entropy_with_logits",
    "deprecated_flipped_sparse_softmax_cross_entropy_with_logits",
    "nth_element",
    "rank_sampled_softmax_loss",
    "sampled_sparse_softmax_loss",
    "scaled_softplus",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.nn", name, __all__)
