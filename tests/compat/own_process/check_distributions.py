"""``tf.contrib.distributions``, with TensorFlow Probability and without; other names that old libraries import."""

import sys
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as real_tf

import tf1bn.compat.v1 as tf
import tf1bn.compat.v1.contrib.distributions as tfd
import tf1bn.compat.v1.contrib.eager.python.tfe as tfe
from tf1bn import errors
from tf1bn.compat.v1.python.framework.ops import set_shapes_for_outputs
from tf1bn.compat.v1.python.tpu import tpu_config

PROBABILITY = "tensorflow_probability"


def test_without_tensorflow_probability_there_are_tensorflows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PROBABILITY, None)
    assert tfd.Normal is real_tf.distributions.Normal and "Categorical" in dir(tfd)
    density = tf.contrib.distributions.Normal(loc=1.0, scale=2.0).log_prob(4.0)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(density), -0.5 * 1.5**2 - np.log(2.0 * np.sqrt(2 * np.pi)), rtol=1e-6)
    with pytest.raises(
        errors.AbsentError, match=r"tf.contrib.distributions.Mixture: .*tensorflow-probability and tf_keras"
    ):
        tfd.Mixture  # noqa: B018
    with pytest.raises(errors.MissingExtraError, match=r"bijectors need the package.*Run: pip install tensorflow-prob"):
        tfd.bijectors  # noqa: B018


def test_with_tensorflow_probability_all_of_its_names_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType(PROBABILITY)
    package.distributions = types.SimpleNamespace(Mixture=object(), Normal=object())
    package.bijectors = types.SimpleNamespace(Exp=object())
    monkeypatch.setitem(sys.modules, PROBABILITY, package)
    assert tfd.Mixture is package.distributions.Mixture and tfd.Normal is package.distributions.Normal
    assert tfd.bijectors.Exp is package.bijectors.Exp
    assert {"Mixture", "Normal", "bijectors"} <= set(dir(tfd)) and "Categorical" not in dir(tfd)


def test_contrib_eager_has_what_means_something_in_a_graph() -> None:
    doubled = tfe.defun(lambda value: 2 * value)(tf.constant(3.0))
    assert not tf.contrib.eager.executing_eagerly() and tfe.Checkpoint is real_tf.train.Checkpoint
    with tf.Session() as session:
        assert session.run(doubled) == 6.0
    with pytest.raises(errors.AbsentError, match="This facade is graph mode"):
        tfe.enable_eager_execution  # noqa: B018


def test_private_modules_of_tpus_are_those_of_the_estimator() -> None:
    assert tpu_config.TPUConfig is tf.estimator.tpu.TPUConfig


def test_shapes_of_an_op_stay_when_they_are_set_again() -> None:
    made = tf.placeholder(tf.float32, [2, None])
    set_shapes_for_outputs(made.op)
    assert made.shape.as_list() == [2, None]
