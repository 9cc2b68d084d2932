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
      ``tf.summary.merge_all()`` has them. Call it once per collection: a second call would write each tag again,
      which merging refuses. A NaN in the averages fails the run, as in any histogram.

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
    with tf.name_scope(None), tf.name_scope(f"{name}/summaries/" if name else "summaries/"):
        kept = calls[0].read()
        histograms = {"moving_mean": kept.mean, "moving_variance": kept.variance}
        scalars: dict[str, Any] = {}
        for i, call in enumerate(calls):
            if call.batch is not None:
                suffix = f"_{i}" if i else ""
                histograms[f"batch_mean{suffix}"] = call.batch.mean
                histograms[f"batch_variance{suffix}"] = call.batch.variance
                scalars |= _distances(call, kept, suffix)
        updates = _effective_updates(calls)
        if updates is not None:
            scalars["effective_updates"] = updates
        # Trick: tf.summary makes the tag from the name of its op, and the variables have these names already.
        prefix = f"{name}/" if name else ""
        found = [tf.raw_ops.HistogramSummary(tag=prefix + leaf, values=v) for leaf, v in histograms.items()]
        found += [tf.raw_ops.ScalarSummary(tags=prefix + leaf, values=v) for leaf, v in scalars.items()]
    for summary in found:
        for collection in [tf.GraphKeys.SUMMARIES] if collections is None else collections:
            tf.add_to_collection(collection, summary)
    return found


def _distances(call: Watched, kept: Any, suffix: str) -> dict[str, Any]:
    e = call.epsilon
    mean = tf.reduce_mean(tf.abs(call.batch.mean - kept.mean) * tf.rsqrt(kept.variance + e))
    variance = tf.reduce_mean(tf.abs(tf.log((call.batch.variance + e) / (kept.variance + e))))
    return {f"mean_distance{suffix}": mean, f"variance_distance{suffix}": variance}


def _effective_updates(calls: list[Watched]) -> Any:
    step = tf.train.get_global_step()
    decay = calls[0].decay
    if step is None or not isinstance(decay, float):
        return None
    writers = sum(call.moves for call in calls)
    n = tf.cast(step, tf.float32) * float(writers)
    return (1.0 - tf.pow(decay, n)) / (1.0 - decay)
