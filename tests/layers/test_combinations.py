"""Every kind of batch norm with every update strategy, in every graph mode, against the oracle.

Outputs, gradients and averages after each of three batches, in training; then outputs and averages in inference.
"""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.layers import trial
from tests.layers.trial import Case
from tf1bn.testing import graphs, reference

RNG = np.random.default_rng(1)
ROWS = RNG.integers(0, 4, (3, 8)).astype(np.float32)
STEPS = RNG.uniform(size=(3, 6, 5)) < 0.6
SCALED = RNG.uniform(0.5, 2, (8, 1)), RNG.normal(size=(8, 1))
CLIPPED = {"rmin": 0.8, "rmax": 1.3, "dmax": 0.4}
RENORM = {"renorm": True, "renorm_decay": 0.6, "renorm_clipping": CLIPPED}

CASES = {
    "ordinary": Case(),
    "bessel": Case(options={"bessel_correction": True}),
    "weights": Case(weights=lambda i: ROWS[i]),
    "mask": Case((6, 5, 2), mask=lambda i: STEPS[i]),
    "mask of nothing": Case(mask=lambda i: np.full(8, i == 1)),
    "weights and mask": Case(
        weights=lambda i: ROWS[i], mask=lambda i: ROWS[i] != 2, options={"bessel_correction": True}
    ),
    "zero_debias": Case(options={"zero_debias": True}),
    "num_updates": Case(num_updates=(0, 5, 40)),
    "zero_debias and num_updates": Case(options={"zero_debias": True}, num_updates=(0, 3, 40)),
    "renorm": Case(options=RENORM),
    "renorm without clipping": Case(options={"renorm": True, "renorm_decay": 0.6, "bessel_correction": True}),
    "renorm of weights, debiased": Case(options={**RENORM, "zero_debias": True}, weights=lambda i: ROWS[i]),
    "ghost": Case(options={"virtual_batch_size": 4}),
    "ghost images": Case((6, 2, 3, 4), options={"virtual_batch_size": 2, "bessel_correction": True}),
    "ghost of weights": Case(options={"virtual_batch_size": 4}, weights=lambda i: ROWS[i]),
    "ghost renorm": Case(options={"virtual_batch_size": 2, **RENORM}),
    "adjustment": Case(scaled=SCALED),
    "ghost adjustment": Case(options={"virtual_batch_size": 4}, scaled=SCALED),
    "channels first": Case((4, 3, 5), options={"axis": 1}),
    "two axes": Case((4, 2, 3, 3), options={"axis": [1, 2]}),
    "two axes, all kinds": Case(
        (4, 2, 3, 3),
        options={"axis": [1, -1], "virtual_batch_size": 2, "zero_debias": True, **RENORM},
        weights=lambda i: ROWS[i][:4],
    ),
}


# A bool in the mode of old programs and a tensor in that of new ones are quick. Of the other six pairs each is slow
# with two strategies in turn, so that each strategy has two pairs or more; the rest is exhaustive.
QUICK = {("static", graphs.Mode(False, False)), ("tensor", graphs.Mode(True, True))}
PAIRS = list(itertools.product(("static", "tensor"), graphs.MODES))


def marks(strategy, pair):
    if pair in QUICK:
        return ()
    turn = list(trial.STRATEGIES).index(strategy) - 2 * PAIRS.index(pair)
    return pytest.mark.slow if turn % len(trial.STRATEGIES) < 2 else pytest.mark.exhaustive


@pytest.mark.parametrize(
    ("strategy", "kind", "mode"),
    [
        pytest.param(strategy, *pair, marks=marks(strategy, pair), id=f"{strategy}-{pair[0]}-{pair[1]}")
        for strategy in trial.STRATEGIES
        for pair in PAIRS
    ],
)
def test_outputs_gradients_and_averages_are_those_of_the_oracle(strategy, kind, mode):
    with graphs.graph_mode(mode), trial.session() as session:
        switch = True if kind == "static" else tf.placeholder(tf.bool, [])
        builts = {}
        for number, (name, case) in enumerate(CASES.items()):
            data = trial.Data.of(case, seed=number)
            builts[name] = trial.Built(case, data, trial.STRATEGIES[strategy], switch, f"site{number}")
        session.run(tf.global_variables_initializer())
        seen = trial.run(list(builts.values()), session, switch)
        for (name, built), found in zip(builts.items(), seen, strict=True):
            exact = trial.expected(built.case, built.data, moves=strategy != "frozen")
            for i, (got, want) in enumerate(zip(found, exact, strict=True)):
                _compare(got, want, f"{name}, batch {i}")
        if kind == "tensor":
            for (name, built), found in zip(
                builts.items(), trial.run(list(builts.values()), session, switch, training=False), strict=True
            ):
                _compare_inference(built, found[-1], name)
                last = trial.expected(built.case, built.data, moves=strategy != "frozen")[-1].read
                _close(found[-1].read, last, f"{name}: averages after inference")


def _compare(got, want, where):
    for part in ("y", "dx", "dgamma", "dbeta", "read"):
        _close(getattr(got, part), getattr(want, part), f"{where}: {part}")


def _compare_inference(built, got, where):
    x, dy, axes = built.data.x[-1], built.data.dy[-1], built.case.axes
    parameters = *got.read, built.data.gamma, built.data.beta
    mean, variance, gamma, beta = (reference._spread(p, x, reference.Variant(axes=axes)) for p in parameters)
    xhat = (x - mean) / np.sqrt(variance + 1e-3)
    _close(got.y, xhat * gamma + beta, f"{where}: output in inference")
    _close(got.dx, dy * gamma / np.sqrt(variance + 1e-3), f"{where}: gradient of the input in inference")
    reduced = reference._reduced(x, reference.Variant(axes=axes))
    _close(np.ravel(got.dgamma), np.ravel(np.sum(dy * xhat, reduced)), f"{where}: gradient of gamma in inference")


def _close(got, want, what):
    # Averages are read through an output and an "ema" keeps its decay in float32.
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-5, atol=2e-6, err_msg=what)
