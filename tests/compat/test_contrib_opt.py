"""contrib.opt's optimizers over several steps, against the formulas of their papers in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_opt as opt

STEPS = 4
RANDOM = np.random.RandomState(5)
START = RANDOM.randn(4, 3)
DENSE = RANDOM.randn(STEPS, 4, 3)
ROWS = RANDOM.randn(STEPS, 3, 3)
INDICES = np.array([[0, 2, 2], [1, 1, 1], [2, 0, 1], [3, 2, 3]])

State = dict[str, Any]
Formula = Callable[[np.ndarray, np.ndarray, np.ndarray, State, int], np.ndarray]


def moments(g: np.ndarray, state: State, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both averages of Adam, in the rows that move."""
    m, v = state.setdefault("m", np.zeros_like(g)), state.setdefault("v", np.zeros_like(g))
    state["m"] = np.where(moving, 0.8 * m + 0.2 * g, m)
    state["v"] = np.where(moving, 0.9 * v + 0.1 * g**2, v)
    return state["m"], state["v"]


def adam_rate(t: int) -> float:
    return 0.1 * np.sqrt(1 - 0.9**t) / (1 - 0.8**t)


def adam(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    m, v = moments(g, state, np.True_)
    return w - adam_rate(t) * m / (np.sqrt(v) + 0.01)


def lazy_adam(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    m, v = moments(g, state, rows)
    return np.where(rows, w - adam_rate(t) * m / (np.sqrt(v) + 0.01), w)


def nadam(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    m, v = moments(g, state, np.True_)
    return np.where(rows, w - adam_rate(t) * (0.8 * m + 0.2 * g) / (np.sqrt(v) + 0.01), w)


def adamax(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    m, v = state.get("m", 0 * g), state.get("v", 0 * g)
    state["m"] = np.where(rows, 0.8 * m + 0.2 * g, m)
    state["v"] = np.where(rows, np.maximum(0.9 * v, abs(g)), v)
    return np.where(rows, w - 0.1 / (1 - 0.8**t) * state["m"] / (state["v"] + 0.01), w)


def signs(factor: Callable[[Any, int], Any]) -> Formula:
    def step(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
        state["m"] = 0.7 * state.get("m", 0 * g) + 0.3 * g
        return w - 0.1 * factor(np.sign(g) * np.sign(state["m"]), t) * g

    return step


def lars(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    size, slope = np.linalg.norm(w), np.linalg.norm(g)
    ratio = 0.02 * size / (slope + 0.3 * size + 0.1)
    m = state.get("m", 0 * g)
    if not rows.all():  # as tf.train.MomentumOptimizer does it
        state["m"] = np.where(rows, 0.6 * m + g, m)
        return np.where(rows, w - 0.5 * state["m"], w)
    state["m"] = 0.6 * m + 0.5 * ratio * g
    return w - state["m"]


def lars_ahead(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    m = state.get("m", 0 * g)
    state["m"] = np.where(rows, 0.6 * m + g, m)
    return np.where(rows, w - 0.5 * (g + 0.6 * state["m"]), w)


def adagrad(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    state["a"] = state.get("a", 0.2) + g**2
    return w - 0.1 * g / np.sqrt(state["a"])


def adamw(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    return adam(np.where(rows, w - 0.05 * w, w), g, rows, state, t)


def momentumw(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    m = state.get("m", 0 * g)
    state["m"] = np.where(rows, 0.6 * m + g, m)
    return np.where(rows, 0.95 * w - 0.1 * state["m"], w)


def ggt(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
    state["m"] = m = 0.8 * state.get("m", np.zeros(g.size)) + 0.2 * g.ravel()
    state.setdefault("rows", np.zeros([3, g.size]))[(t - 1) % 3] = m
    big = state["rows"].T / np.sqrt(min(t, 3))
    u, s, _ = np.linalg.svd(big.T @ big + 1e-3 * np.eye(3))
    seen = u.T @ big.T @ m
    step = big @ u @ (seen / (np.sqrt(s) + 0.05) ** 3)
    least = np.sqrt(s).min()
    if least > state["eps"]:
        step = step + (m - big @ u @ (seen / s)) / least
    return w - 0.1 * step.reshape(w.shape)


def ggt_with(eps: float) -> Formula:
    def step(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
        state["eps"] = eps
        return ggt(w, g, rows, state, t)

    return step


def powered(matrix: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**exponent) @ vectors.T


def shampoo(interval: int = 1, largest: int = 9) -> Formula:
    def step(w: Any, g: Any, rows: Any, state: State, t: int) -> Any:
        state["g"] = 0.5 * state.get("g", 0 * g) + 0.7 * g
        left, right = state.get("left", np.zeros([4, 4])), state.get("right", np.zeros([3, 3]))
        state["left"], state["right"] = 0.9 * left + 1.1 * g @ g.T, 0.9 * right + 1.1 * g.T @ g
        sums = state["left"], state["right"]
        powers = [powered(total / len(total) + 0.2 * np.eye(len(total)), -0.25) for total in sums]
        if largest < 4:
            sums = np.diag(state["left"]) / 4
            powers[0] = np.diag(np.where(sums > 0, np.where(sums > 0, sums, 1.0) ** -0.25, 0.0))
        if t % interval == 0 or interval == 1:
            state["first"], state["second"] = powers
        first, second = state.get("first", np.eye(4)), state.get("second", np.eye(3))
        return w - 0.3 * first @ state["g"] @ second

    return step


ADAM = {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.01}
SHAMPOO = {
    "gbar_decay": 0.5,
    "gbar_weight": lambda t: 0.7 + 0 * t,
    "mat_gbar_decay": 0.9,
    "mat_gbar_weight": 1.1,
    "learning_rate": 0.3,
    "epsilon": 0.2,
}
GGT = {"learning_rate": 0.1, "beta1": 0.8, "window": 3, "svd_eps": 1e-3, "sigma_eps": 0.05}


def steps() -> Any:
    return tf.train.get_or_create_global_step()


Case = tuple[Callable[[], Any], Formula, list[str]]
POWERS = ["beta1_power", "beta2_power"]
RULES: dict[str, Case] = {
    "AdaMax": (lambda: opt.AdaMaxOptimizer(**ADAM), adamax, ["beta1_power", "w/AdaMax", "w/AdaMax_1"]),
    "Nadam": (lambda: opt.NadamOptimizer(**ADAM), nadam, [*POWERS, "w/Adam", "w/Adam_1"]),
    "LazyAdam": (lambda: opt.LazyAdamOptimizer(**ADAM), lazy_adam, [*POWERS, "w/Adam", "w/Adam_1"]),
    "AdamGS": (lambda: opt.AdamGSOptimizer(steps(), **ADAM), adam, ["w/Adam", "w/Adam_1"]),
    "LazyAdamGS": (lambda: opt.LazyAdamGSOptimizer(steps(), **ADAM), lazy_adam, ["w/Adam", "w/Adam_1"]),
    "AddSign": (
        lambda: opt.AddSignOptimizer(0.1, 0.9, 0.7, lambda step: 1 / (1 + tf.cast(step, tf.float64))),
        signs(lambda same, t: 0.9 + same / t),
        ["w/AddSignOptimizer"],
    ),
    "PowerSign": (
        lambda: opt.PowerSignOptimizer(0.1, 2.0, 0.7),
        signs(lambda same, t: 2.0**same),
        ["w/PowerSignOptimizer"],
    ),
    "LARS": (lambda: opt.LARSOptimizer(lambda: 0.5, 0.6, 0.3, 0.02, 0.1), lars, ["w/LARSOptimizer"]),
    "LARS, skipped": (
        lambda: opt.LARSOptimizer(0.5, 0.6, skip_list=["w"], use_nesterov=True),
        lars_ahead,
        ["w/LARSOptimizer"],
    ),
    "RegAdagrad": (lambda: opt.RegAdagradOptimizer(0.1, 0.2), adagrad, ["w/RegAdagrad"]),
    "AdamW": (lambda: opt.AdamWOptimizer(0.05, **ADAM), adamw, [*POWERS, "w/AdamW", "w/AdamW_1"]),
    "MomentumW": (lambda: opt.MomentumWOptimizer(lambda: 0.05, 0.1, 0.6), momentumw, ["w/MomentumW"]),
    "extended": (
        lambda: opt.extend_with_decoupled_weight_decay(tf.train.MomentumOptimizer)(0.05, 0.1, 0.6, name="M"),
        momentumw,
        ["w/M"],
    ),
    "GGT": (
        lambda: opt.GGTOptimizer(**GGT, eps=1e-4),
        ggt_with(1e-4),
        ["flat_grad", "global_step_1", "grad_buffer", "moment1"],
    ),
    "GGT, degenerate": (
        lambda: opt.GGTOptimizer(**GGT, eps=10.0),
        ggt_with(10.0),
        ["flat_grad", "global_step_1", "grad_buffer", "moment1"],
    ),
    "Shampoo": (
        lambda: opt.ShampooOptimizer(steps(), **SHAMPOO),
        shampoo(),
        ["w/Shampoo", "w/Shampoo_1", "w/Shampoo_2"],
    ),
    "Shampoo by iteration": (
        lambda: opt.ShampooOptimizer(steps(), **SHAMPOO, use_iterative_root=True),
        shampoo(),
        ["w/Shampoo", "w/Shampoo_1", "w/Shampoo_2"],
    ),
    "Shampoo, seldom": (
        lambda: opt.ShampooOptimizer(steps(), **SHAMPOO, svd_interval=2),
        shampoo(2),
        ["w/Shampoo", *(f"w/Shampoo_{number}" for number in range(1, 5))],
    ),
    "Shampoo, diagonal": (
        lambda: opt.ShampooOptimizer(steps(), 3, **SHAMPOO),
        shampoo(largest=3),
        ["w/Shampoo", "w/Shampoo_1", "w/Shampoo_2"],
    ),
}


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("name", RULES)
def test_steps_are_those_of_the_formula(graph, run, name, sparse):
    make, formula, slots = RULES[name]
    step = tf.train.get_or_create_global_step()
    w = tf.get_variable("w", initializer=START)
    values = tf.placeholder(tf.float64, [3, 3] if sparse else [4, 3])
    indices = tf.placeholder(tf.int32, [3])
    grad = tf.IndexedSlices(values, indices, [4, 3]) if sparse else values
    train = make().apply_gradients([(grad, w)], step)
    assert sorted({v.op.name for v in tf.global_variables()} - {"w", "global_step"}) == sorted(slots)
    assert tf.trainable_variables() == [w]
    wanted, state = START, {}
    for t in range(STEPS):
        g, moving = DENSE[t], np.ones([4, 1], bool)
        if sparse:
            g, moving = np.zeros([4, 3]), np.isin(np.arange(4), INDICES[t])[:, None]
            np.add.at(g, INDICES[t], ROWS[t])
        wanted = formula(wanted, g, moving, state, t + 1)
        run(train, {values: ROWS[t], indices: INDICES[t]} if sparse else {values: g})
        np.testing.assert_allclose(run(w), wanted, rtol=2e-5, atol=1e-6)
    assert run(step) == STEPS


def test_two_variables_of_ggt_are_one_vector(graph, run):
    # Named so that the order of names differs from the order of the list.
    first, second = tf.get_variable("z", initializer=START[:2]), tf.get_variable("a", initializer=START[2:].ravel())
    grads = [tf.placeholder(tf.float64, [2, 3]), tf.placeholder(tf.float64, [6])]
    train = opt.GGTOptimizer(**GGT, eps=1e-4).apply_gradients(zip(grads, [first, second], strict=True))
    wanted, state = np.concatenate([START[2:].ravel(), START[:2].ravel()]), {"eps": 1e-4}
    for t in range(STEPS):
        run(train, {grads[0]: DENSE[t, :2], grads[1]: DENSE[t, 2:].ravel()})
        flat = np.concatenate([DENSE[t, 2:].ravel(), DENSE[t, :2].ravel()])
        wanted = ggt(wanted, flat, None, state, t + 1)
    np.testing.assert_allclose(np.concatenate([run(second), run(first).ravel()]), wanted, rtol=1e-8)


def test_sums_of_adagrad_stay_where_they_shall(graph, run):
    w = tf.get_variable("w", initializer=START)
    optimizer = opt.RegAdagradOptimizer(0.1, 0.2)
    first = optimizer.apply_gradients([(tf.constant(DENSE[0]), w)])
    with optimizer.avoid_updating_slots():
        second = optimizer.apply_gradients([(tf.constant(DENSE[1]), w)])
    run(first)
    total = 0.2 + DENSE[0] ** 2
    run(second)
    np.testing.assert_allclose(run(optimizer.get_slot(w, "accumulator")), total)
    np.testing.assert_allclose(run(w), START - 0.1 * (DENSE[0] + DENSE[1]) / np.sqrt(total))


@pytest.mark.parametrize("by", ["minimize", "apply_gradients"])
def test_chosen_variables_alone_decay(graph, run, by):
    a, b = tf.get_variable("a", initializer=2.0), tf.get_variable("b", initializer=2.0)
    optimizer = opt.MomentumWOptimizer(0.5, 0.1, 0.0)
    loss = a + b
    if by == "minimize":
        train = optimizer.minimize(loss, decay_var_list=[b])
    else:
        train = optimizer.apply_gradients(optimizer.compute_gradients(loss), decay_var_list=[b])
    again = optimizer.minimize(loss)
    run(train)
    np.testing.assert_allclose(run([a, b]), [1.9, 0.9])
    run(again)
    np.testing.assert_allclose(run([a, b]), [0.85, 0.35])


def test_averages_of_variables_are_saved_under_their_names(graph, run, tmp_path):
    w = tf.get_variable("w", initializer=START)
    other = tf.get_variable("other", initializer=1.0, trainable=False)
    optimizer = opt.MovingAverageOptimizer(tf.train.GradientDescentOptimizer(1.0), 0.75)
    with pytest.raises(RuntimeError, match="no averages yet. Call minimize"):
        optimizer.swapping_saver()
    train = optimizer.minimize(tf.reduce_sum(w * DENSE[0]))
    saver = optimizer.swapping_saver()
    named = optimizer.swapping_saver({"renamed": w})
    run([])
    for _ in range(2):
        run(train)
    average = 0.75 * (0.75 * START + 0.25 * (START - DENSE[0])) + 0.25 * (START - 2 * DENSE[0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            session.run(train)
        reader = tf.train.NewCheckpointReader(saver.save(session, str(tmp_path / "swapped")))
        renamed = tf.train.NewCheckpointReader(named.save(session, str(tmp_path / "named")))
    np.testing.assert_allclose(reader.get_tensor("w"), average)
    np.testing.assert_allclose(reader.get_tensor("w/ExponentialMovingAverage"), START - 2 * DENSE[0])
    np.testing.assert_allclose(renamed.get_tensor("renamed"), average)
    assert reader.get_tensor(other.op.name) == 1.0


@pytest.mark.parametrize("dims", [[1], [0, 1]])
@pytest.mark.parametrize("sparse", [False, True])
def test_norms_are_limited_after_each_step(graph, run, dims, sparse):
    w = tf.get_variable("w", initializer=5 * START)
    grad = tf.IndexedSlices(tf.constant(ROWS[0]), tf.constant(INDICES[0]), [4, 3]) if sparse else tf.constant(DENSE[0])
    inner = tf.train.MomentumOptimizer(1.0, 0.9)
    optimizer = opt.VariableClippingOptimizer(inner, {w.ref(): dims}, 2.0, colocate_clip_ops_with_vars=sparse)
    run(optimizer.apply_gradients([(grad, w)]))
    g = DENSE[0].copy()
    if sparse:
        g[:] = 0
        np.add.at(g, INDICES[0], ROWS[0])
    moved = 5 * START - g
    norms = np.sqrt((moved**2).sum(tuple(dims), keepdims=True))
    limited = moved * np.minimum(1, 2 / norms)
    if sparse and 0 not in dims:
        limited[[1, 3]] = moved[[1, 3]]
    np.testing.assert_allclose(run(w), limited)
    assert optimizer.get_slot_names() == ["momentum"] and optimizer.get_slot(w, "momentum") is not None


@pytest.mark.parametrize("sparse", [False, True])
def test_an_absent_part_of_a_loss_moves_nothing(graph, run, sparse):
    w = tf.get_variable("w", initializer=START)
    values = tf.placeholder(tf.float64, [4, 3])
    grad = tf.IndexedSlices(values, tf.range(4), [4, 3]) if sparse else values
    optimizer = opt.MultitaskOptimizerWrapper(tf.train.MomentumOptimizer(0.1, 0.9))
    train = optimizer.apply_gradients([(grad, w)])
    for g in (DENSE[0], 0 * DENSE[0], 0 * DENSE[0], DENSE[1]):
        run(train, {values: g})
    np.testing.assert_allclose(run(w), START - 0.1 * DENSE[0] - 0.1 * (0.9 * DENSE[0] + DENSE[1]))
    with pytest.raises(TypeError, match="`opt` is no optimizer. Got 3"):
        opt.MultitaskOptimizerWrapper(3)


def test_gradients_are_clipped_by_the_norm_of_those_that_are_there(plain_graph, run):
    pairs, norm = opt.clip_gradients_by_global_norm(
        [(tf.constant([3.0, 4.0]), "a"), (None, "b"), (tf.zeros([2]), "c")], 1
    )
    assert [name for _, name in pairs] == ["a", "b", "c"] and pairs[1][0] is None
    found, size = run([[pairs[0][0], pairs[2][0]], norm])
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert size == 5


REFUSED = {
    "momentum": (lambda: opt.LARSOptimizer(0.1, -1.0), ValueError, "`momentum` must not be negative. Got -1.0"),
    "decay": (lambda: opt.LARSOptimizer(0.1, 0.9, -0.5), ValueError, "`weight_decay` must not be negative. Got -0.5"),
    "a root": (
        lambda: opt.ShampooOptimizer(alpha=0.3, use_iterative_root=True).apply_gradients(
            [(tf.constant(DENSE[0]), tf.get_variable("w", initializer=START))]
        ),
        ValueError,
        "`alpha` / rank must be a number, 1 over a whole one",
    ),
    "workers": (lambda: opt.ElasticAverageOptimizer, AttributeError, "workers that share variables of a parameter"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(plain_graph, case):
    call, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        call()
