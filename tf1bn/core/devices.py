"""Whether what is built now will run on a GPU, as far as that is known while building."""

from __future__ import annotations

import functools

import tensorflow.compat.v1 as tf


def on_gpu() -> bool:
    """Returns whether an op made here may be placed on a GPU.

    It may where the process sees one and the surrounding ``tf.device`` does not say CPU. Looking for GPUs neither
    initialises nor reserves any; without one, no op is made.
    """
    return _any_gpu() and "CPU" not in tf.no_op(name="device").device.upper()


@functools.cache
def _any_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))
