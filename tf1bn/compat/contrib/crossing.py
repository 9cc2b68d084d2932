"""Crosses of features, hashed into buckets as tf.contrib.layers hashed them, with a key and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

_SEED, _STEP, _LARGEST = 0xDECAFCAFFE, 0x9E3779B97F4A7800 - 2**64, 2**63 - 1


def sparse_feature_cross(
    inputs: Sequence[Any],
    hashed_output: bool = False,
    num_buckets: int = 0,
    name: str | None = None,
    hash_key: int | None = None,
) -> tf.SparseTensor:
    """Returns every combination of one value from each input, row by row.

    Args:
      inputs: tensors ``[batch, values]``, dense or sparse, of integers or strings; the sparse ones are crossed first.
      hashed_output: whether combinations are hashed; otherwise they are strings, joined by ``_X_``.
      num_buckets: how many buckets the hash has; 0 gives the hash itself.
      name: of the ops.
      hash_key: of ``FingerprintCat64``. Without one the hash is an older one, which TensorFlow itself has no longer:
        it starts at 0xDECAFCAFFE and goes on as h ^ (f + 0x9e3779b97f4a7800 + (h << 10) + (h >> 4)) for the
        fingerprint f of each value, a string's farmhash or an integer itself, in signed numbers of 64 bits.

    Shapes:
      result ``[batch, most combinations of a row]``; int64 if hashed.

    Source:
      Both hashes were compared with those of TensorFlow 1.15 (tests/original/programs/columns.py).
    """
    inputs = [each if isinstance(each, tf.SparseTensor) else tf.convert_to_tensor(each) for each in inputs]
    if not hashed_output:
        return tf.sparse.cross(inputs, name=name)
    if hash_key:
        return tf.sparse.cross_hashed(inputs, num_buckets, hash_key, name=name)
    with tf.name_scope(name, "sparse_feature_cross"):
        return _older(inputs, num_buckets)


def _older(inputs: list[Any], num_buckets: int) -> tf.SparseTensor:
    """Crosses with the older hash: TensorFlow's op crosses places in the inputs, which then stand for fingerprints."""
    inputs = sorted(inputs, key=lambda each: not isinstance(each, tf.SparseTensor))
    crossed = tf.sparse.cross([_places(each) for each in inputs])
    parts = tf.strings.split(crossed.values, sep="_X_", result_type="RaggedTensor").flat_values
    places = tf.reshape(tf.strings.to_number(parts, tf.int64), [-1, len(inputs)])
    hashed = tf.fill(tf.shape(crossed.values), tf.constant(_SEED, tf.int64))
    for number, each in enumerate(inputs):
        hashed = _combined(hashed, tf.gather(_fingerprints(each), places[:, number]))
    # The sign counts while hashes are combined, since shifts to the right repeat it, but not when they are divided.
    buckets = tf.floormod(tf.bitcast(hashed, tf.uint64), tf.constant(num_buckets or _LARGEST, tf.uint64))
    return tf.SparseTensor(crossed.indices, tf.cast(buckets, tf.int64), crossed.dense_shape)


def _places(tensor: Any) -> Any:
    """Returns a tensor of the same form, with the numbers of its values from 0 on."""
    if isinstance(tensor, tf.SparseTensor):
        count = tf.size(tensor.values, out_type=tf.int64)
        return tf.SparseTensor(tensor.indices, tf.range(count), tensor.dense_shape)
    return tf.reshape(tf.range(tf.size(tensor, out_type=tf.int64)), tf.shape(tensor))


def _fingerprints(tensor: Any) -> tf.Tensor:
    """Returns the fingerprint of each value, int64."""
    values = tensor.values if isinstance(tensor, tf.SparseTensor) else tf.reshape(tensor, [-1])
    return tf.bitcast(tf.fingerprint(values), tf.int64) if values.dtype == tf.string else tf.cast(values, tf.int64)


def _combined(hashed: tf.Tensor, fingerprint: tf.Tensor) -> tf.Tensor:
    left = tf.bitwise.left_shift(hashed, tf.constant(10, tf.int64))
    right = tf.bitwise.right_shift(hashed, tf.constant(4, tf.int64))
    return tf.bitwise.bitwise_xor(hashed, fingerprint + tf.constant(_STEP, tf.int64) + left + right)
