"""Inputs of the cases: the same numbers in every process."""
import zlib

import numpy as np
import tensorflow as tf


def normal(*shape, **options):
    """A constant of normal numbers; another `seed` gives others."""
    return tf.constant(np.random.RandomState(options.get("seed", 0)).randn(*shape).astype(np.float32))


def images():
    return normal(2, 8, 8, 3)


def volume():
    return normal(1, 4, 4, 4, 2)


def sequence():
    return normal(3, 5, 4)


def one_hot():
    return tf.constant(np.eye(3, 4, dtype=np.float32))


def of_variable(name, shape, positive=False):
    """Values of a variable, which hang on its name: a variable of another name gets others."""
    drawn = np.random.RandomState(zlib.crc32(name.encode()) % 2**31).uniform(-0.5, 0.5, shape)
    return np.abs(drawn) + 0.1 if positive or "variance" in name or "stddev" in name else drawn
