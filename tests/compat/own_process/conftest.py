"""A fresh graph for each check."""

import collections.abc

import pytest
import tensorflow.compat.v1 as real_tf

import tf1bn.compat.v1 as tf


@pytest.fixture(autouse=True)
def fresh_graph() -> collections.abc.Iterator[None]:
    with tf.Graph().as_default():
        real_tf.set_random_seed(0)
        yield
