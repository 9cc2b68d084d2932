"""Drawn shapes, axes, dtypes, strategies, switches and kinds against the oracle and finite differences."""

import numpy as np
import tensorflow.compat.v1 as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tf1bn
from tests.layers import trial
from tests.layers.trial import Case
from tf1bn.testing import graphs

SEEDED = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@st.composite
def cases(draw):
    rank = draw(st.integers(2, 5))
    rows = draw(st.integers(1, 3)) * (size := draw(st.integers(1, 3)))
    shape = (rows, *(draw(st.integers(1, 4)) for _ in range(rank - 1)))
    axes = draw(st.lists(st.integers(1, rank - 1), min_size=1, max_size=rank - 1, unique=True))
    options = {"axis": axes[0] - rank if len(axes) == 1 else axes, "epsilon": draw(st.sampled_from((1e-3, 1e-2)))}
    options["bessel_correction"] = draw(st.booleans())
    options["zero_debias"] = draw(st.booleans())
    if draw(st.booleans()):
        options["virtual_batch_size"] = size
    if draw(st.booleans()):
        options |= {"renorm": True, "renorm_decay": 0.6, "renorm_clipping": {"rmax": 1.5, "dmax": 0.7}}
    seed = draw(st.integers(0, 99))
    weights = np.random.default_rng(seed).integers(0, 3, (3, rows)).astype(np.float32)
    mask = np.random.default_rng(seed + 1).uniform(size=(3, rows)) < 0.8
    return Case(
        shape,
        options,
        weights=(lambda i: weights[i]) if draw(st.booleans()) else None,
        mask=(lambda i: mask[i]) if draw(st.booleans()) else None,
        num_updates=(0, 2, 9) if draw(st.booleans()) else None,
    )


@settings(max_examples=60, **SEEDED)
@given(
    case=cases(),
    strategy=st.sampled_from(sorted(trial.STRATEGIES)),
    dynamic=st.booleans(),
    mode=st.sampled_from(graphs.MODES),
    dtype=st.sampled_from((tf.float32, tf.float64)),
    seed=st.integers(0, 99),
)
def test_whatever_is_drawn_agrees_with_the_oracle(case, strategy, dynamic, mode, dtype, seed):
    with graphs.graph_mode(mode), trial.session() as session:
        switch = tf.placeholder(tf.bool, []) if dynamic else True
        built = trial.Built(case, trial.Data.of(case, seed=seed), trial.STRATEGIES[strategy], switch, "bn", dtype)
        session.run(tf.global_variables_initializer())
        (found,) = trial.run([built], session, switch)
        exact = trial.expected(case, built.data, moves=strategy != "frozen")
        tolerance = 1e-5 if dtype == tf.float64 else 2e-3
        for got, want in zip(found, exact, strict=True):
            for part in ("y", "dx", "dgamma", "dbeta", "read"):
                value, target = np.asarray(getattr(got, part)), np.asarray(getattr(want, part))
                scale = max(1.0, np.abs(target).max(initial=0))
                np.testing.assert_allclose(value / scale, target / scale, atol=tolerance, err_msg=part)


@settings(max_examples=30, **SEEDED)
@given(case=cases(), dynamic=st.booleans(), seed=st.integers(0, 99))
def test_gradients_are_those_of_finite_differences(case, dynamic, seed):
    # Without renorm, whose correction carries no gradient on purpose.
    options = {name: value for name, value in case.options.items() if "renorm" not in name}
    case = Case(case.shape, options, case.weights, case.mask, case.scaled, case.num_updates)
    with graphs.graph_mode(), trial.session() as session:
        switch = tf.placeholder(tf.bool, []) if dynamic else True
        built = trial.Built(case, trial.Data.of(case, count=1, seed=seed), "frozen", switch, "bn")
        session.run(tf.global_variables_initializer())
        loss = session.make_callable(
            tf.reduce_sum(built.y * built.dy), [built.x, *(key for key in _rest(built, switch))]
        )
        rest = list(_rest(built, switch).values())
        x, direction = built.data.x[0], np.random.default_rng(seed + 1).normal(size=case.shape)
        (dx,) = session.run([built.gradients[0]], {built.x: x, **_rest(built, switch)})
        slope = (loss(x + 1e-5 * direction, *rest) - loss(x - 1e-5 * direction, *rest)) / 2e-5
        np.testing.assert_allclose(np.sum(dx * direction), slope, rtol=1e-4, atol=1e-4)


@settings(max_examples=20, **SEEDED)
@given(
    is_training=st.sampled_from((True, False, np.bool_(True), 0, 1)),
    use_batch=st.sampled_from((None, True, False)),
    trainable=st.booleans(),
    strategy=st.sampled_from(("inline", "collection", "ema", "frozen")),
)
def test_layers_of_names_the_state_of_every_pair_of_switches(is_training, use_batch, trainable, strategy):
    with graphs.graph_mode():
        x = tf.zeros([4, 2])
        tf1bn.batch_norm(x, is_training, use_batch_statistics=use_batch, trainable=trainable, update_strategy=strategy)
        moves = bool(is_training) and strategy != "frozen"
        batch = bool(is_training) if use_batch is None else use_batch
        expected = {
            (True, True): "train" if trainable else "statistics-only",
            (True, False): "tracking",
            (False, True): "local",
            (False, False): "affine-only" if trainable else "frozen",
        }[moves, batch]
        assert tf1bn.layers_of()[0].state == expected


def _rest(built, switch):
    feed = {key: value for key, value in built.feed(0).items() if key is not built.x}
    return feed | ({switch: True} if tf.is_tensor(switch) else {})
