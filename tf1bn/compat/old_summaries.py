"""Summary functions of TensorFlow 0.x: the tag is taken as given, without the name scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf


def scalar_summary(tags: Any, values: Any, collections: Sequence[str] | None = None, name: str | None = None) -> Any:
    """Returns a summary of scalars, one tag per value, and adds it to SUMMARIES."""
    return _kept(tf.raw_ops.ScalarSummary(tags=tags, values=values, name=name or "ScalarSummary"), collections)


def histogram_summary(tag: Any, values: Any, collections: Sequence[str] | None = None, name: str | None = None) -> Any:
    """Returns a summary of a histogram, and adds it to SUMMARIES."""
    return _kept(tf.raw_ops.HistogramSummary(tag=tag, values=values, name=name or "HistogramSummary"), collections)


def image_summary(
    tag: Any, tensor: Any, max_images: int = 3, collections: Sequence[str] | None = None, name: str | None = None
) -> Any:
    """Returns a summary of at most ``max_images`` images, and adds it to SUMMARIES."""
    made = tf.raw_ops.ImageSummary(tag=tag, tensor=tensor, max_images=max_images, name=name or "ImageSummary")
    return _kept(made, collections)


def audio_summary(
    tag: Any,
    tensor: Any,
    sample_rate: Any,
    max_outputs: int = 3,
    collections: Sequence[str] | None = None,
    name: str | None = None,
) -> Any:
    """Returns a summary of at most ``max_outputs`` sounds, and adds it to SUMMARIES."""
    rate = tf.cast(sample_rate, tf.float32)
    made = tf.raw_ops.AudioSummaryV2(
        tag=tag, tensor=tensor, sample_rate=rate, max_outputs=max_outputs, name=name or "AudioSummary"
    )
    return _kept(made, collections)


def _kept(summary: Any, collections: Sequence[str] | None) -> Any:
    for key in (tf.GraphKeys.SUMMARIES,) if collections is None else collections:
        tf.add_to_collection(key, summary)
    return summary
