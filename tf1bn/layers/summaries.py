"""TensorBoard summaries of every batch norm: averages, batch moments, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.core.ledger import Watched, ledger


def summaries(scope: str | None = None, *, collections: Sequence[str] | None = None) -> tf.Tensor:
    """Returns one summary op for every ``batch_norm`` built so far; running it moves nothing.

    For each layer, under ``<scope>/``:
      histograms ``moving_mean`` and ``moving_variance``, and for calls that compute them ``batch_mean`` and
        ``batch_variance`` (in a run whose switch is off these are the averages);
      scalar ``mean_distance``: mean over channels of |batch mean - moving mean| / sqrt(moving variance + epsilon);
      scalar ``variance_distance``: mean over channels of |log((batch variance + e) / (moving variance + e))|;
      scalar ``effective_updates``: how many batches the averages stand for, (1 - d^n) / (1 - d), with decay d and
        n updates: the global step times the calls that move these averages. At 0 the averages are their initial
        values; it approaches 1 / (1 - d). Left out without a global step, or where the decay is a tensor.
    Distances that stay large say that the averages lag behind: lower the decay, or train longer.

    Graph effects:
      The summaries are added to ``collections``, by default ``GraphKeys.SUMMARIES``, so that
      ``tf.summary.merge_all()`` has them.

    Args:
      scope: only layers in this variable scope.
      collections: names of collections.

    Raises:
      ArgumentError: no batch norm at the top level of the graph, or none in ``scope``.
      GraphModeError: eager mode.
    """
    with errors.located("summaries"):
        place.require_graph_mode()
        layers: dict[str, list[Watched]] = {}
        for watched in ledger().watched:
            if scope is None or watched.scope == scope or watched.scope.startswith(scope.rstrip("/") + "/"):
                layers.setdefault(watched.scope, []).append(watched)
        if not layers:
            raise errors.ArgumentError(
                errors.explain(
                    "there is no batch norm to summarise",
                    got=scope,
                    expected="a scope with a batch norm outside of conditionals and loops",
                    fix="Call tf1bn.summaries() after the layers are built.",
                )
            )
        found: list[Any] = []
        for name, calls in layers.items():
            found += _of_layer(name, calls, collections)
        return tf.summary.merge(found)


def _of_layer(name: str, calls: list[Watched], collections: Sequence[str] | None) -> list[Any]:
    with tf.name_scope(None), tf.name_scope(f"{name}/"):
        kept = calls[0].read()
        found = [
            tf.summary.histogram("moving_mean", kept.mean, collections),
            tf.summary.histogram("moving_variance", kept.variance, collections),
        ]
        for i, call in enumerate(calls):
            if call.batch is not None:
                found += _of_batch(call, kept, f"_{i}" if i else "", collections)
        updates = _effective_updates(calls)
        if updates is not None:
            found.append(tf.summary.scalar("effective_updates", updates, collections))
    return found


def _of_batch(call: Watched, kept: Any, suffix: str, collections: Sequence[str] | None) -> list[Any]:
    e = call.epsilon
    mean = tf.reduce_mean(tf.abs(call.batch.mean - kept.mean) * tf.rsqrt(kept.variance + e))
    variance = tf.reduce_mean(tf.abs(tf.log((call.batch.variance + e) / (kept.variance + e))))
    return [
        tf.summary.histogram(f"batch_mean{suffix}", call.batch.mean, collections),
        tf.summary.histogram(f"batch_variance{suffix}", call.batch.variance, collections),
        tf.summary.scalar(f"mean_distance{suffix}", mean, collections),
        tf.summary.scalar(f"variance_distance{suffix}", variance, collections),
    ]


def _effective_updates(calls: list[Watched]) -> Any:
    step = tf.train.get_global_step()
    decay = calls[0].decay
    if step is None or not isinstance(decay, float):
        return None
    writers = sum(call.moves for call in calls)
    n = tf.cast(step, tf.float32) * float(writers)
    return (1.0 - tf.pow(decay, n)) / (1.0 - decay)
