"""A fresh graph for each check."""

import collections.abc

import pytest


@pytest.fixture(autouse=True)
def fresh_graph() -> collections.abc.Iterator[None]:
    # pytest reads this file in every run that collects the folder above, so it must not switch modes on import.
    import tensorflow.compat.v1 as real_tf

    import tf1bn.compat.v1 as tf

    with tf.Graph().as_default():
        real_tf.set_random_seed(0)
        yield
