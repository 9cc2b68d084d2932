"""The gradient of the formula, and its own gradient, against central differences in float64."""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.core import axes as axes_lib
from tf1bn.core import composed, views
from tf1bn.testing import reference

STEP = 1e-5


@pytest.fixture(params=[1, 3, 16], ids="{} channels".format)
def problem(request):
    """A loss of the normalised values that is neither linear nor symmetric, with its parameters."""
    channels = request.param
    rng = np.random.default_rng(channels)
    values = {
        "x": rng.normal(2, 1, (4, 2, channels)),
        "gamma": rng.normal(1, 0.3, channels),
        "beta": rng.normal(0, 0.3, channels),
    }
    weights = rng.normal(size=(4, 2, channels))
    with tf.Graph().as_default() as graph:
        inputs = {name: tf.placeholder(tf.float64, value.shape, name) for name, value in values.items()}
        axes = axes_lib.resolve(values["x"].shape, -1)
        view = functools.partial(views.Whole, axes=axes)
        y, _ = composed.normalize(inputs["x"], inputs["gamma"], inputs["beta"], view, 1e-3)
        loss = tf.reduce_sum(tf.sin(y) * weights)
        slopes = tf.gradients(loss, list(inputs.values()))
        squared = tf.add_n([tf.reduce_sum(tf.square(slope)) for slope in slopes])
        curves = tf.gradients(squared, list(inputs.values()))
    with tf.Session(graph=graph) as session:

        def run(fetches, **changed):
            return session.run(fetches, {inputs[name]: {**values, **changed}[name] for name in values})

        yield values, run, loss, slopes, squared, curves, y


def central_difference(run, scalar, name, value):
    found = np.zeros_like(value)
    for index in np.ndindex(*value.shape):
        nudge = np.zeros_like(value)
        nudge[index] = STEP
        found[index] = (run(scalar, **{name: value + nudge}) - run(scalar, **{name: value - nudge})) / (2 * STEP)
    return found


def test_output_is_the_formula(problem):
    values, run, *_, y = problem
    x = values["x"]
    expected = (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-3) * values["gamma"] + values["beta"]
    np.testing.assert_allclose(run(y), expected, rtol=1e-12, atol=1e-12)


def test_gradients_are_the_central_differences_of_the_loss(problem):
    values, run, loss, slopes, *_ = problem
    for (name, value), slope in zip(values.items(), run(slopes), strict=True):
        np.testing.assert_allclose(slope, central_difference(run, loss, name, value), rtol=1e-6, atol=1e-7)


def test_gradients_of_the_gradients_are_right(problem):
    values, run, _, _, squared, curves, _ = problem
    for (name, value), curve in zip(values.items(), run(curves), strict=True):
        np.testing.assert_allclose(curve, central_difference(run, squared, name, value), rtol=1e-5, atol=1e-5)


def test_no_parameters_is_gamma_one_and_beta_zero():
    x = np.random.default_rng(0).normal(3, 2, (6, 4))
    dy = np.random.default_rng(1).normal(size=x.shape)
    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.constant(x)
        view = functools.partial(views.Whole, axes=axes_lib.resolve(x.shape, -1))
        y, _ = composed.normalize(given, None, None, view, 1e-3)
        (dx,) = tf.gradients(y, given, dy)
        got = session.run([y, dx])
    z, s = x - x.mean(0), 1 / np.sqrt(x.var(0) + 1e-3)
    np.testing.assert_allclose(got[0], z * s, atol=1e-12)
    np.testing.assert_allclose(got[1], s * (dy - dy.mean(0) - z * s**2 * (dy * z).mean(0)), atol=1e-12)


def test_a_gradient_of_unknown_shape_is_taken_in():
    x = np.random.default_rng(0).normal(3, 2, (6, 4))
    with tf.Graph().as_default(), tf.Session() as session:
        given, dy = tf.constant(x), tf.placeholder(tf.float64)
        for view in (views.Whole, functools.partial(views.Wide, k=2)):
            of = functools.partial(view, axes=axes_lib.resolve(x.shape, -1))
            y, _ = composed.normalize(given, None, None, of, 1e-3)
            (dx,) = tf.gradients(y, given, dy)
            exact = reference.batch_gradients(x, np.ones(4), np.square(x))[0]
            np.testing.assert_allclose(session.run(dx, {dy: np.square(x)}), exact, atol=1e-12)
