"""Every kernel against the oracle, which one the table picks, and how many ops each makes."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.core import axes as axes_lib
from tf1bn.core import fused, kernels, onednn
from tf1bn.testing import graphs, reference

EPSILON = 1e-3
IMAGES, ROWS, FIRST, MIDDLE = ((4, 4, 6, 6), -1), ((24, 12), -1), ((3, 6, 4, 8), 1), ((3, 4, 6, 2, 2), 2)
COLUMNS = ((1024, 36), -1)
TOLERANCE = {"float64": 1e-12, "float32": 3e-6, "float16": 2e-3, "bfloat16": 2e-2}
SERVES_FIRST = ("fused", "plain")
# The one of the optional op library has its tests in tests/native.
STOCK = {name: kernel for name, kernel in kernels.NAMES.items() if name != "native"}
CASES = [
    (name, *place, dtype, known)
    for name in STOCK
    for place in (IMAGES, ROWS, FIRST, MIDDLE, COLUMNS)
    for dtype in TOLERANCE
    for known in (True, False)
    if place[1] == -1 or name in SERVES_FIRST
    if dtype != "float64" or "fused" not in name
    if known or place not in (ROWS, COLUMNS) or "wide" not in name
]


class Trial:
    """One kernel over one input in the graph that is being built."""

    def __init__(self, name, shape, axis=-1, dtype="float32", *, known=True):
        dims = shape if known else (None, *shape[1:])
        self.shape, self.axis, self.channels = shape, axis, shape[axis]
        self.axes = axes_lib.resolve(dims, axis)
        parameter = "float64" if dtype == "float64" else "float32"
        self.x, self.dy = (tf.placeholder(dtype, dims) for _ in range(2))
        self.gamma, self.beta = (tf.placeholder(parameter, [self.channels]) for _ in range(2))
        kernel = kernels.NAMES[name] if isinstance(name, str) else name
        graph = tf.get_default_graph()
        before = len(graph.get_operations())
        self.y, self.moments = kernel.train(self.x, self.axes, self.gamma, self.beta, EPSILON)
        between = len(graph.get_operations())
        self.sources = [self.x, self.gamma, self.beta]
        self.gradients = tf.gradients(self.y, self.sources, self.dy)
        self.ops = between - before, len(graph.get_operations()) - between

    def data(self, mean=2.0, seed=0):
        rng = np.random.default_rng(seed)
        draw = {self.x: rng.normal(mean, 1, self.shape), self.dy: rng.normal(size=self.shape)}
        draw = {tensor: np.asarray(value, tensor.dtype.as_numpy_dtype) for tensor, value in draw.items()}
        return draw | {self.gamma: np.linspace(0.5, 2, self.channels), self.beta: np.linspace(-1, 1, self.channels)}

    @property
    def fetches(self):
        return [self.y, *self.gradients, self.moments.mean, self.moments.variance]

    def expected(self, data):
        x, dy = (np.asarray(data[tensor], np.float64) for tensor in (self.x, self.dy))
        gamma, beta = data[self.gamma], data[self.beta]
        return [
            reference.batch_norm(x, gamma, beta, axis=self.axis),
            *reference.batch_gradients(x, gamma, dy, axis=self.axis),
            *reference.moments(x, axis=self.axis),
        ]


# Each kernel as it is chosen, and precise; one that is always precise once.
VARIANTS = {name: kernel for name, kernel in STOCK.items() if not kernel.precise}
VARIANTS |= {f"{name}, precise": kernels.PRECISE[name] for name in STOCK}
UNCOMPILED = [name for name in VARIANTS if "xla" not in name]


def assert_close(found, expected, tolerance):
    for have, want in zip(found, expected, strict=True):
        assert have.shape == np.shape(want)
        have = have.astype(np.float64)
        np.testing.assert_allclose(have, want, atol=tolerance * max(np.abs(want).max(), 1e-3), rtol=0)


# There is no variable here, so the two kinds of control flow are what differs.
@pytest.mark.parametrize("mode", (graphs.MODES[0], graphs.MODES[3]), ids=str)
def test_every_kernel_gives_the_same_outputs_moments_and_gradients(mode):
    # Compiling takes most of the time, so XLA is tried in one mode.
    cases = [case for case in CASES if case[0] != "xla" or (mode is graphs.MODES[0] and case[1:3] == IMAGES)]
    cases += [(kernels.PRECISE[case[0]], *case[1:]) for case in cases if not kernels.NAMES[case[0]].precise]
    # A graph for each kernel: one of all would need a third more memory.
    for kernel in dict.fromkeys(case[0] for case in cases):
        with graphs.graph_mode(mode), tf.Session() as session:
            mine = [case for case in cases if case[0] == kernel]
            trials = [Trial(*case[:4], known=case[4]) for case in mine]
            data = [trial.data() for trial in trials]
            feed = {tensor: value for fed in data for tensor, value in fed.items()}
            found = session.run([trial.fetches for trial in trials], feed)
            for case, trial, fed, values in zip(mine, trials, data, found, strict=True):
                assert trial.y.dtype == trial.x.dtype and trial.y.shape.as_list() == trial.x.shape.as_list(), case
                assert_close(values, trial.expected(fed), TOLERANCE[case[3]])


@pytest.mark.parametrize("mode", (graphs.MODES[0], graphs.MODES[3]), ids=str)
def test_a_kernel_in_a_branch_gives_gradients_only_where_it_is_taken(mode):
    for kernel in VARIANTS.values():
        with graphs.graph_mode(mode), tf.Session() as session:
            x, taken = tf.placeholder(tf.float32, [24, 12]), tf.placeholder(tf.bool, [])
            gamma, beta = tf.ones([12]), tf.zeros([12])
            axes = axes_lib.resolve((24, 12), -1)
            y = tf.cond(taken, lambda: kernel.train(x, axes, gamma, beta, EPSILON)[0], lambda: x * 3.0)  # noqa: B023
            (dx,) = tf.gradients(tf.reduce_sum(tf.square(y) * y), x)
            value = np.random.default_rng(0).normal(4, 1, (24, 12))
            z = reference.batch_norm(value)
            found = session.run([y, dx], {x: value, taken: True})
            np.testing.assert_allclose(found[0], z, atol=1e-5)
            np.testing.assert_allclose(found[1], reference.batch_gradients(value, np.ones(12), 3 * z**2)[0], atol=1e-4)
            np.testing.assert_allclose(session.run(dx, {x: value, taken: False}), 9 * (3 * value) ** 2, rtol=1e-5)


@pytest.mark.parametrize("mode", (graphs.MODES[0], graphs.MODES[3]), ids=str)
@pytest.mark.parametrize("name", UNCOMPILED)
def test_a_kernel_in_a_loop_has_the_gradient_of_every_iteration(mode, name):
    with graphs.graph_mode(mode), tf.Session() as session:
        x = tf.placeholder(tf.float32, [24, 12])
        gamma, beta = tf.fill([12], 1.5), tf.fill([12], 0.25)
        kernel, axes = VARIANTS[name], axes_lib.resolve((24, 12), -1)
        body = lambda i, h: (i + 1, tf.square(kernel.train(h, axes, gamma, beta, EPSILON)[0]))  # noqa: E731
        _, y = tf.while_loop(lambda i, h: i < 2, body, (0, x))
        rng = np.random.default_rng(0)
        value, dy = rng.normal(4, 1, (24, 12)), rng.normal(size=(24, 12))
        (dx,) = tf.gradients(y, x, tf.constant(dy, tf.float32))
        first = reference.batch_norm(value, 1.5, 0.25)
        second = reference.batch_norm(first**2, 1.5, 0.25)
        inner = reference.batch_gradients(first**2, np.full(12, 1.5), dy * 2 * second)[0]
        exact = reference.batch_gradients(value, np.full(12, 1.5), inner * 2 * first)[0]
        found = session.run([y, dx], {x: value})
        np.testing.assert_allclose(found[0], second**2, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[1], exact, atol=2e-4 * np.abs(exact).max())


@pytest.mark.parametrize("name", STOCK)
def test_values_far_from_zero_keep_their_precision_where_that_is_asked_for(name):
    with graphs.graph_mode(), tf.Session() as session:
        trial = Trial(kernels.PRECISE[name], (64, 4, 4, 6))
        data = trial.data(mean=1e4)
        found, expected = session.run(trial.fetches, data), trial.expected(data)
        assert_close(found[:4], expected[:4], 1e-5)
        np.testing.assert_allclose(found[4], expected[4], rtol=1e-7)
        np.testing.assert_allclose(found[5], expected[5], rtol=1e-5)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("shape", "axis"), [((40, 6), 1), ((9, 7, 6), 2), ((9, 5, 5, 6), 3), ((9, 6, 5, 5), 1), ((5, 3, 3, 3, 6), 4)]
)
def test_only_an_input_far_from_zero_is_shifted(shape, axis, known):
    """A shift costs a pass over the input, so it must not be there without need."""
    draws = np.random.default_rng(0).normal(3, 1, shape)
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, shape if known else (None, *shape[1:]))
        moved = fused.near_zero(x, EPSILON, axis)
        found, shift = session.run(moved, {x: draws})
        np.testing.assert_array_equal(found, draws.astype(np.float32))
        np.testing.assert_array_equal(shift, np.zeros(6))
        found, shift = session.run(moved, {x: draws + 1000})
        assert np.abs(found).max() < 8 and np.all(np.abs(shift - 1003) < 3)


@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_and_their_gradients_are_central_differences(name):
    """In float32 with a wide step: of a smooth loss, differences are right to a thousandth."""
    with graphs.graph_mode(), tf.Session() as session:
        trial = Trial(VARIANTS[name], (8, 6))
        data = trial.data()
        del data[trial.dy]
        weights = np.random.default_rng(3).normal(size=(8, 6))
        loss = tf.reduce_sum(tf.sin(trial.y) * weights)
        slopes = tf.gradients(loss, trial.sources)
        squared = tf.add_n([tf.reduce_sum(tf.square(slope)) for slope in slopes])
        curves = tf.gradients(squared, trial.sources)
        rng = np.random.default_rng(4)
        for scalar, gradients in ((loss, slopes), (squared, curves)):
            for source, gradient in zip(trial.sources, session.run(gradients, data), strict=True):
                along = rng.normal(size=gradient.shape)
                along /= np.linalg.norm(along)
                step = 2e-2
                ends = [session.run(scalar, {**data, source: data[source] + sign * step * along}) for sign in (1, -1)]
                slope = (ends[0] - ends[1]) / (2 * step)
                scale = np.linalg.norm(gradient)
                np.testing.assert_allclose(np.sum(gradient * along), slope, atol=2e-3 * scale)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_gradient_flows_through_the_moments(name):
    with graphs.graph_mode():
        trial = Trial(VARIANTS[name], (8, 6))
        assert tf.gradients([trial.moments.mean, trial.moments.variance], trial.sources) == [None] * 3


@pytest.mark.parametrize("name", UNCOMPILED)
def test_an_empty_batch_has_gradients_of_zero(name):
    with graphs.graph_mode(), tf.Session() as session:
        trial = Trial(VARIANTS[name], (3, 4, 4, 6), known=False)
        shape = trial.shape = (0, 4, 4, 6)
        y, dx, dgamma, dbeta = session.run([trial.y, *trial.gradients], trial.data())
        assert y.shape == dx.shape == shape
        np.testing.assert_array_equal(dgamma, np.zeros(6))
        np.testing.assert_array_equal(dbeta, np.zeros(6))


def test_a_graph_with_gradients_is_freed_with_its_last_reference():
    import gc
    import weakref

    with graphs.graph_mode() as graph:
        Trial("wide", (8, 6))
    alive = weakref.ref(graph)
    del graph
    gc.collect()
    assert alive() is None


N = None
# By shape: what is picked where TensorFlow uses oneDNN, and where it does not.
PICKS = {
    # large: the fused kernel, or wide rows where it is slow
    (64, 28, 28, 8): ("fused", "wide"),
    (64, 28, 28, 16): ("fused", "wide"),
    (64, 14, 14, 20): ("fused", "wide"),
    (256, 1024): ("fused", "fused"),
    (8, 16, 16, 16, 32): ("fused", "fused"),
    (32, 200, 64): ("fused", "fused"),
    (256, 384): ("fused", "fused"),
    (64, 28, 28, 3): ("wide", "wide"),
    (64, 28, 28, 30): ("wide", "wide"),
    (64, 28, 28, 31): ("wide", "wide"),
    (64, 28, 28, 33): ("wide", "fused"),
    (1024, 101): ("plain", "fused"),
    # small: composed ops, over wide rows where the channels are few
    (256, 256): ("plain", "plain"),
    (64, 7, 7, 28): ("wide", "wide"),
    (512, 10): ("wide", "wide"),
    (64, 14, 14, 9): ("wide", "wide"),
    # smaller: the fused kernel where oneDNN leaves it alone
    (60, 100): ("fused_small", "fused_small"),
    (8, 4, 4, 16): ("fused_small", "fused_small"),
    (128, 128): ("fused_small", "fused_small"),
    # one value broadcasts fast
    (64, 28, 28, 1): ("plain", "plain"),
    (1024, 28, 28, 1): ("plain", "plain"),
    # no number of rows divides the others
    (65537, 3): ("plain", "plain"),
    (65537, 20): ("fused", "fused"),
    # of an unknown size
    (N, 28, 28, 8): ("fused", "wide"),
    (N, N, N, 64): ("fused", "fused"),
    (N, 28, 28, 30): ("wide", "wide"),
    (N, 4, 4, 36): ("wide", "wide"),
    (N, 100): ("plain", "plain"),
    (N, 60): ("fused_small", "fused_small"),
}


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("dims", PICKS, ids=str)
def test_the_table_picks(dims, used, monkeypatch):
    monkeypatch.setattr(onednn, "used", lambda: used)
    assert kernels.choose(dims, tf.float32, axes_lib.resolve(dims, -1)).name == PICKS[dims][not used]


@pytest.mark.parametrize("wanted", [True, False])
def test_whether_onednn_is_used_is_what_tensorflow_logs(wanted):
    """In a process of its own, since TensorFlow decides once."""
    program = "from tf1bn.core import onednn; print(onednn.enabled())"
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": str(int(wanted)), "TF_CPP_MIN_LOG_LEVEL": "0"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split()[-1] == str("oneDNN custom operations are on" in done.stderr)


def test_the_table_knows_dtypes_axes_and_kinds(monkeypatch):
    monkeypatch.setattr(onednn, "used", lambda: True)
    images = (64, 28, 28, 8)
    last, first, two = (axes_lib.resolve(images, axis) for axis in (-1, 1, [1, 3]))
    pick = lambda *arguments: kernels.choose(*arguments).name  # noqa: E731
    assert pick(images, tf.bfloat16, last) == "fused"
    assert pick(images, tf.float64, last) == "wide"
    assert pick(images, tf.float32, first) == "fused"
    assert pick(images, tf.float32, two) == "plain"
    assert pick((60, 100), tf.float64, axes_lib.resolve((60, 100), -1)) == "plain"
    assert kernels.choose((60, 100), tf.float32, axes_lib.resolve((60, 100), -1), precise=True).name == "plain"
    assert pick(images, tf.float32, last, kernels.Variant(group_size=32)) == "plain"


def test_a_branch_takes_no_op_that_tflite_does_not_know():
    rows = (60, 100), tf.float32, axes_lib.resolve((60, 100), -1)
    assert kernels.choose(*rows, alone=False).name == "plain"
    assert kernels.choose(*rows, wanted="fused_small", alone=False).name == "fused_small"
    large = (256, 1024), tf.float32, axes_lib.resolve((256, 1024), -1)
    assert kernels.choose(*large, alone=False).name == "fused"


def test_given_moments_take_the_fused_op_for_images_outside_of_branches_and_for_large_inputs(monkeypatch):
    monkeypatch.setattr(onednn, "used", lambda: True)

    def picked(dims, dtype=tf.float32, axis=-1, **arguments):
        return kernels.choose_given(dims, dtype, axes_lib.resolve(dims, axis), **arguments).name

    assert picked((None, 28, 28, 4)) == picked((1, 2, 2, 4)) == picked((None, 7, 7, 36), tf.float16) == "fused"
    assert picked((None, 28, 28, 4), alone=False) == "plain"
    assert picked((64, 28, 28, 8), alone=False) == picked((1024, 4096)) == "fused"
    assert picked((None, 28, 28, 30)) == picked((64, 28, 28, 30)) == picked((None, 100)) == "plain"
    assert picked((None, 28, 28, 4), tf.float64) == picked((None, 4, 28, 28), axis=1) == "plain"
    assert picked((None, 100), wanted="fused") == "fused"
    monkeypatch.setattr(onednn, "used", lambda: False)
    assert picked((64, 28, 28, 20), alone=False) == picked((64, 28, 28, 30)) == "fused"
    assert picked((64, 28, 28, 12), alone=False) == "plain"


def test_given_moments_may_have_the_rank_of_the_input():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
    mean, variance, gamma, beta = np.arange(16, dtype=np.float32).reshape(4, 1, 1, 1, 1, 4) + 1
    with graphs.graph_mode(), tf.Session() as session:
        given = kernels.Moments(tf.constant(mean), tf.constant(variance))
        y = kernels.NAMES["fused"].infer(
            tf.constant(x), axes_lib.resolve(x.shape, -1), given, tf.constant(gamma), tf.constant(beta), EPSILON
        )
        found = session.run(y)
    expected = (x - mean[0]) / np.sqrt(variance[0] + EPSILON) * gamma[0] + beta[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_on_a_gpu_images_of_both_formats_take_the_fused_kernel(monkeypatch):
    from tf1bn.core import devices

    monkeypatch.setattr(devices, "_any_gpu", lambda: True)
    with graphs.graph_mode():
        for axis in (-1, 1):
            dims = (8, 6, 6, 6)
            assert kernels.choose(dims, tf.float32, axes_lib.resolve(dims, axis)) is kernels.FUSED
        assert kernels.choose((60, 100), tf.float32, axes_lib.resolve((60, 100), -1)).name == "plain"
        with tf.device("/cpu:0"):
            assert kernels.choose((60, 100, 3), tf.float32, axes_lib.resolve((60, 100, 3), -1)).name == "wide"


OPS = {
    ("plain", True): (18, 51),
    ("plain", False): (23, 64),
    ("wide", True): (36, 93),
    ("wide", False): (41, 106),
    ("fused", True): (7, 7),
    ("fused", False): (13, 7),
    ("fused_small", True): (10, 11),
    ("fused_small", False): (17, 11),
    ("fused_wide", True): (50, 100),
    ("fused_wide", False): (55, 113),
    ("xla", True): (9, 9),
}
PRECISE_OPS = {"plain": 29, "wide": 32, "fused": 23, "fused_wide": 27, "xla": 0}


@pytest.mark.parametrize(("name", "known"), OPS)
def test_the_number_of_ops_forward_and_backward(name, known):
    """More ops are a slower start of every deep network: whoever adds one should know."""
    with graphs.graph_mode():
        trial = Trial(name, (4, 8, 8, 6), known=known)
        assert trial.ops <= OPS[name, known]
        assert math.prod(trial.ops) > 0


@pytest.mark.parametrize("name", PRECISE_OPS)
def test_the_number_of_ops_that_precision_adds(name):
    counts = []
    for named in (kernels.NAMES, kernels.PRECISE):
        with graphs.graph_mode():
            counts.append(sum(Trial(named[name], (4, 8, 8, 6)).ops))
    assert counts[1] - counts[0] <= PRECISE_OPS[name]
