"""The ops against float64 NumPy: every dtype, rank, level and number of threads, and every refusal."""

import itertools
import pathlib
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests import patience
from tf1bn.native import ops
from tf1bn.native.library import info, load
from tf1bn.native.names import LEVEL_VARIABLE, THREADS_VARIABLE
from tf1bn.testing import graphs

EPSILON = 1e-3
WEIGHTS = (0.75, 0.25, 0.0625)  # of the average, of the batch, and what is taken from the average beside
SHAPES = ((7, 1), (2, 3), (3, 1001), (60, 100), (5, 70, 31), (64, 4, 4, 36), (4, 6, 6, 6, 8), (40, 2100), (9000, 3))
# The largest error over the largest value: of what is stored in the dtype, and of float32 or float64 sums.
TOLERANCE = {
    "float32": (1e-6, 4e-6),
    "float64": (1e-13, 1e-12),
    "float16": (1e-3, 4e-6),
    "bfloat16": (8e-3, 4e-6),
}


def expected(x, dy, gamma, beta, relu, given=None):
    """Output, moments and gradients by the formulas, in float64."""
    rows, dys = (t.astype(np.float64).reshape(-1, t.shape[-1]) for t in (x, dy))
    n = len(rows)
    mean, variance = given or (rows.mean(0), rows.var(0))
    s = 1 / np.sqrt(variance + EPSILON)
    z = (rows - mean) * s
    y = z * gamma + beta
    g = np.where(y > 0, dys, 0) if relu else dys
    dbeta, dgamma = g.sum(0), (g * z).sum(0)
    dx = gamma * s * (g - (0 if given else (dbeta + z * dgamma) / n))
    y = np.maximum(y, 0) if relu else y
    return {
        "y": y.reshape(x.shape), "mean": mean, "variance": variance,
        "dx": dx.reshape(x.shape), "dgamma": dgamma, "dbeta": dbeta,
    }  # fmt: skip


class Case:
    """Values of one shape, and the op on them."""

    def __init__(self, shape, dtype, relu, mean, seed=0):
        random = np.random.default_rng(seed)
        kind, self.relu = tf.as_dtype(dtype), relu
        wide = np.float64 if dtype == "float64" else np.float32
        c = shape[-1]
        self.x = (random.normal(size=shape) + mean).astype(kind.as_numpy_dtype)
        self.dy = random.normal(size=shape).astype(kind.as_numpy_dtype)
        self.gamma, self.beta = random.uniform(0.5, 1.5, c).astype(wide), random.normal(size=c).astype(wide)
        self.given = (random.normal(size=c) + mean).astype(wide), random.uniform(0.5, 2, c).astype(wide)

    def wanted(self, training):
        given = None if training else tuple(g.astype(np.float64) for g in self.given)
        wanted = expected(self.x, self.dy, self.gamma, self.beta, self.relu, given)
        if self.relu:
            # Where rounding decides the sign of ReLU's input, the upstream gradient is taken to be zero.
            near = np.abs(expected(self.x, self.dy, self.gamma, self.beta, False, given)["y"]) < 1e-4
            self.dy[near.reshape(self.dy.shape)] = 0
            wanted = expected(self.x, self.dy, self.gamma, self.beta, self.relu, given)
        kept, rate, rest = WEIGHTS if training else (1.0, 0.0, 0.0)
        wanted["mean_share"], wanted["variance_share"] = (
            wanted[name] * rate - average * rest for average, name in zip(self.given, ("mean", "variance"), strict=True)
        )
        return {**wanted, "kept": np.array(kept)}

    def tensors(self, is_training):
        x, dy, gamma, beta, mean, variance = map(tf.constant, (self.x, self.dy, self.gamma, self.beta, *self.given))
        found = ops.normalize(x, gamma, beta, is_training, epsilon=EPSILON, averages=(mean, variance), weights=WEIGHTS)
        if self.relu:
            found = found._replace(y=ops.merge_relu(found.y))
        gradients = tf.gradients(found.y, [x, gamma, beta], dy)
        return {**found._asdict(), **dict(zip(("dx", "dgamma", "dbeta"), gradients, strict=True))}


def run(case, training, threads=0):
    with tf.Graph().as_default():
        switch = tf.placeholder(tf.bool, [])
        fetched = case.tensors(switch)
        config = tf.ConfigProto(intra_op_parallelism_threads=threads)
        # Constants would be folded into the graph.
        config.graph_options.optimizer_options.opt_level = -1
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        with tf.Session(config=config) as session:
            return session.run(fetched, {switch: training})


def compare(found, wanted, tolerance):
    for name, value in wanted.items():
        loose = tolerance[0] if name in ("y", "dx") else tolerance[1]
        error = np.abs(found[name].astype(np.float64) - value).max() / max(np.abs(value).max(), 1.0)
        assert error <= loose, (name, error)


@pytest.fixture
def levels(native, monkeypatch):
    """Goes through the levels that this processor runs, each set for what stands in the loop."""

    def each():
        for level in info().levels:
            monkeypatch.setenv(LEVEL_VARIABLE, level)
            yield level

    return each


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_every_level_gives_the_formula_in_every_dtype_and_rank(levels, dtype):
    for number, shape in enumerate(SHAPES):
        case = Case(shape, dtype, bool(number % 2), (0.0, 3.0)[number // 2 % 2])
        for training in (True, False):
            wanted = case.wanted(training)
            for _ in levels():
                compare(run(case, training), wanted, TOLERANCE[dtype])


@pytest.mark.slow
def test_outputs_that_no_cache_holds_are_right_for_any_number_of_threads(levels, monkeypatch):
    """From 16 MB on they are written past the caches."""
    case = Case((1025, 4096), "float32", True, 1.0)
    wanted = case.wanted(True)
    for level in levels():
        seen = []
        for threads in (1, 2, 5):
            monkeypatch.setenv(THREADS_VARIABLE, str(threads))
            found = run(case, True)
            seen.append(b"".join(found[name].tobytes() for name in ("y", "dx", "dgamma")))
        compare(found, wanted, TOLERANCE["float32"])
        assert seen == seen[:1] * 3, level


def test_far_from_zero_nothing_is_lost(levels):
    for _, shape in itertools.product(levels(), ((60, 100), (9000, 3), (64, 4, 4, 36))):
        case = Case(shape, "float32", False, 1e4)
        found, wanted = run(case, True), case.wanted(True)
        for name in ("y", "variance", "dx"):
            assert np.abs(found[name] - wanted[name]).max() <= 1e-6 * max(np.abs(wanted[name]).max(), 1.0), name
        assert np.abs(found["mean"] - wanted["mean"]).max() <= 1e-3  # half a unit of float32 there


def test_rows_that_stand_apart_do_not_spoil_the_sums(levels):
    """The shift of the sums is taken from a few rows: whichever these are, they may be unlike the rest."""
    for _, every in itertools.product(levels(), (2, 3, 8, 1000)):
        case = Case((4096, 5), "float32", False, 1e4)
        case.x[::every] = 0
        found, wanted = run(case, True), case.wanted(True)
        for name in ("y", "variance"):
            assert np.abs(found[name] - wanted[name]).max() <= 1e-6 * np.abs(wanted[name]).max(), (every, name)


def test_the_bits_do_not_depend_on_the_number_of_threads(levels, monkeypatch):
    kinds = (((1664, 300), "float32"), ((16, 32, 32, 30), "float64"), ((8, 70000), "bfloat16"))
    for level, (shape, dtype) in itertools.product(levels(), kinds):
        case, seen = Case(shape, dtype, True, 1.0), []
        for threads in (1, 2, 5, 5):
            monkeypatch.setenv(THREADS_VARIABLE, str(threads))
            found = run(case, True)
            seen.append([found[name].tobytes() for name in sorted(found)])
        assert all(one == seen[0] for one in seen), (level, shape, dtype)


def helpers():
    """The number of threads of the library in this process; they stay for later runs."""
    names = [(task / "comm").read_text().strip() for task in pathlib.Path("/proc/self/task").iterdir()]
    return names.count("tf1bn_native")


def test_the_session_says_how_many_threads(native):
    case = Case((1024, 700), "float32", False, 0.0)
    before = helpers()
    run(case, True, 1)
    run(case, True, before + 1)
    assert helpers() == before
    run(case, True, before + 3)
    deadline = time.monotonic() + patience.SECONDS  # a thread has its name when it first runs
    while helpers() != before + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert helpers() == before + 2


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_values_that_are_not_finite_stay_in_their_channel(native, dtype):
    case = Case((50, 4), dtype, False, 0.0)
    case.x[7, 2], case.x[9, 3] = np.nan, np.inf
    found = run(case, True)
    assert np.isfinite(found["y"][:, :2].astype(np.float32)).all()
    assert np.isnan(found["y"][:, 2].astype(np.float32)).all() and np.isnan(found["mean"][2])
    assert not np.isfinite(found["mean"][3])
    given = run(case, False)
    assert np.isfinite(np.delete(given["y"].astype(np.float32), [7, 9], 0)).all()
    assert np.isfinite(given["dx"].astype(np.float32)).all(), "given moments are no function of x"


def test_relu_passes_nan_on_and_gives_it_no_gradient(native):
    case = Case((50, 4), "float32", True, 0.0)
    case.x[7, 2] = np.nan
    found = run(case, False)
    assert np.isnan(found["y"][7, 2]) and found["dx"][7, 2] == 0


@pytest.mark.parametrize("shape", ((0, 5), (3, 0, 4, 5)))
def test_nothing_gives_nothing(native, shape):
    case = Case(shape, "float32", False, 0.0)
    found = run(case, True)
    assert found["y"].shape == shape and found["dx"].shape == shape
    for name in ("mean_share", "variance_share", "dgamma", "dbeta"):
        np.testing.assert_array_equal(found[name], np.zeros(5), err_msg=name)
    assert found["kept"] == 1


def test_denormal_values_are_halves_like_any_other(levels):
    case = Case((64, 8), "float16", False, 0.0)
    case.x[:] = (np.arange(512).reshape(64, 8) * 6e-8).astype(np.float16)
    for _ in levels():
        found, wanted = run(case, True), case.wanted(True)
        np.testing.assert_allclose(found["mean"], wanted["mean"], rtol=1e-6)
        compare(found, wanted, TOLERANCE["float16"])


def test_shares_take_in_bessel_and_the_guard(native):
    x = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    with graphs.graph_mode(), tf.Session() as session:
        value, kept = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [])
        weights = tf.stack([kept, 1 - kept, 0.0])
        found = ops.normalize(
            value, tf.ones([3]), tf.zeros([3]), True, epsilon=EPSILON, weights=weights, bessel=True, guarded=True
        )
        shares = [found.mean_share, found.variance_share, found.kept]
        mean, variance, left = session.run(shares, {value: x, kept: 0.75})
        np.testing.assert_allclose(mean, x.mean(0) * 0.25, rtol=1e-5)
        np.testing.assert_allclose(variance, x.var(0, ddof=1) * 0.25, rtol=1e-5)
        assert left == 0.75
        for bad, share in ((np.where(x > 1, np.nan, x), 0.5), (x, 1.5), (x, -0.5), (x, np.nan)):
            mean, variance, left = session.run(shares, {value: bad, kept: share})
            assert left == 1 and not np.any(mean) and not np.any(variance)
            assert np.signbit(mean).all(), "-0 leaves every average as it is, also -0"


@pytest.mark.parametrize("relu", (False, True))
def test_the_gradient_of_the_gradient(native, relu):
    """By finite differences, in training and with given moments."""
    random = np.random.default_rng(2)
    x, dy, v = (random.normal(size=(6, 3)) for _ in range(3))
    with graphs.graph_mode(), tf.Session() as session:
        value, switch = tf.placeholder(tf.float64, [6, 3]), tf.placeholder(tf.bool, [])
        gamma, beta = tf.constant([1.0, 2.0, 0.5], tf.float64), tf.constant([0.3, -0.2, 0.1], tf.float64)
        averages = tf.constant([0.1, 0.2, 0.3], tf.float64), tf.constant([0.5, 1.0, 2.0], tf.float64)
        y = ops.normalize(value, gamma, beta, switch, epsilon=EPSILON, averages=averages).y
        y = ops.merge_relu(y) if relu else y
        first = tf.gradients(tf.square(y) if not relu else y * dy, [value, gamma])
        summed = tf.reduce_sum(first[0] * v) + tf.reduce_sum(tf.square(first[1]))
        second = tf.gradients(summed, value)[0]
        for training in (True, False):
            found = session.run(second, {value: x, switch: training})
            for i in range(x.size):
                moved = [x.copy(), x.copy()]
                moved[0].flat[i] += 1e-6
                moved[1].flat[i] -= 1e-6
                high, low = (session.run(summed, {value: m, switch: training}) for m in moved)
                np.testing.assert_allclose(found.flat[i], (high - low) / 2e-6, rtol=1e-5, atol=1e-6)


def call(**changes):
    given = {
        "x": tf.zeros([4, 3]), "gamma": tf.ones([3]), "beta": tf.zeros([3]), "average_mean": tf.zeros([3]),
        "average_variance": tf.ones([3]), "weights": [0.9, 0.1, 0.0], "is_training": True,
    }  # fmt: skip
    attributes = {"rank": 2, "epsilon": EPSILON, "averages": True}
    given.update({k: v for k, v in changes.items() if k in given})
    attributes.update({k: v for k, v in changes.items() if k not in given})
    # What is fed is not looked at while building.
    fed = {k: tf.placeholder_with_default(v, None) for k, v in given.items()}
    return load().tf1bn_normalize_v1(**fed, **attributes)


REFUSED = {
    "gamma": ({"gamma": np.ones(4, np.float32)}, r"gamma has shape \[4\]; expected \[3\]"),
    "beta": ({"beta": np.ones([1, 3], np.float32)}, r"beta has shape \[1, 3\]; expected \[3\]"),
    "average": ({"average_mean": np.ones(2, np.float32)}, r"average_mean has shape \[2\]; expected \[3\]"),
    "no averages": ({"averages": False}, r"average_mean has shape \[3\]; expected \[0\]"),
    "rank": ({"rank": 4}, r"x has shape \[4, 3\]; expected rank 4"),
    "weights": ({"weights": np.ones(1, np.float32)}, r"weights has shape \[1\]; expected \[3\]"),
    "switch": ({"is_training": [True]}, r"is_training has shape \[1\]; expected \[\]"),
    "nothing given": (
        {"averages": False, "average_mean": np.ones(0, np.float32), "average_variance": np.ones(0, np.float32),
         "is_training": False},
        "is_training is off, and there are no averages",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_the_op_refuses_what_does_not_go_together(native, case):
    changes, text = REFUSED[case]
    with graphs.graph_mode(), tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(call(**changes).y)


@pytest.mark.parametrize("changes", ({"dy": (4, 2)}, {"saved": (3, 3)}, {"gamma": (2,)}))
def test_the_gradient_op_refuses_what_does_not_go_together(native, changes):
    shapes = {"dy": (4, 3), "x": (4, 3), "gamma": (3,), "beta": (3,), "saved": (4, 3)} | changes
    with graphs.graph_mode(), tf.Session() as session:
        fed = {k: tf.placeholder_with_default(np.zeros(v, np.float32), None) for k, v in shapes.items()}
        found = load().tf1bn_normalize_grad_v1(**fed, rank=2, epsilon=EPSILON)
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"{next(iter(changes))} has shape .* expected "):
            session.run(found.dx)


def test_a_level_that_the_processor_does_not_run_is_refused(native, monkeypatch):
    monkeypatch.setenv(LEVEL_VARIABLE, "avx1024")
    case = Case((4, 3), "float32", False, 0.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match='TF1BN_NATIVE_LEVEL is "avx1024", which this processor'):
        run(case, True)


def test_on_constants_the_op_may_be_folded_into_the_graph(native):
    """TensorFlow then evaluates it while there is no session."""
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    with graphs.graph_mode(), tf.Session() as session:
        y = ops.normalize(tf.constant(x), tf.ones([3]), tf.zeros([3]), True, epsilon=EPSILON).y
        found = session.run(y * 2.0)
    wanted = expected(x, x, np.ones(3), np.zeros(3), False)["y"]
    np.testing.assert_allclose(found, 2 * wanted, atol=1e-5)
