"""Several calls on the same variables: frozen, ordered, or merged into one update."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import fingerprint, refused
from tests.layers.trial import Named
from tf1bn import errors
from tf1bn.testing import graphs, reference
from tf1bn.testing.reference import Statistics

RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(1, 2, (6, 2)), RNG.normal(-3, 1, (4, 2))
START = Statistics(np.zeros(2), np.ones(2))
STRATEGIES = {"inline": "inline", "collection": "collection", "ema": "ema", "user": Named()}


@pytest.fixture(autouse=True, params=graphs.MODES, ids=str)
def _graph(request):
    with graphs.graph_mode(request.param), tf.Session():
        yield


def _run(fetch, feed=None):
    return tf.get_default_session().run(fetch, feed)


def _bn(x, is_training=True, **options):
    options = {"decay": 0.7, "reuse": tf.AUTO_REUSE, "scope": "bn", **options}
    return tf1bn.batch_norm(tf.convert_to_tensor(x), is_training, **options)


def _read(strategy):
    """Returns what inference normalises with, from its outputs for 0 and 1."""
    options = {"scale": False, "center": False, "update_strategy": strategy}
    zero, one = (_bn(np.full((1, 2), value), False, **options)[0] for value in (0.0, 1.0))
    slope = one - zero
    return [-zero / slope, 1 / tf.square(slope) - 1e-3]


def _pooled(*batches):
    return reference.moments(np.concatenate(batches))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_merged_update_takes_in_all_inputs_together(strategy):
    strategy = STRATEGIES[strategy]
    with tf1bn.merged_updates():
        real = _bn(REAL, update_strategy=strategy)
        fake = _bn(FAKE, update_strategy=strategy)
    read = _read(strategy)
    step = tf1bn.with_updates(tf.no_op())
    _run(tf.global_variables_initializer())
    for found, x in zip(_run([real, fake]), (REAL, FAKE), strict=True):
        np.testing.assert_allclose(found, reference.batch_norm(x), rtol=1e-9)
    np.testing.assert_allclose(_run(read), START)
    for count in (1, 2):
        _run(step)
        exact = reference.averages_of([_pooled(REAL, FAKE)] * count, 0.7, START)
        np.testing.assert_allclose(_run(read), exact, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("options", [{"bessel_correction": True}, {"zero_debias": True}, {"num_updates": 4}], ids=str)
def test_the_merged_update_keeps_the_rule_of_its_calls(options):
    with tf1bn.merged_updates("mine"):
        _bn(REAL, **options)
        _bn(FAKE, **options)
    step = tf1bn.with_updates(tf.no_op())
    _run(tf.global_variables_initializer())
    _run(step)
    moments = reference.moments(np.concatenate([REAL, FAKE]), bessel="bessel_correction" in options)
    exact = reference.averages_of(
        [moments],
        0.7,
        START,
        zero_debias="zero_debias" in options,
        num_updates=[4] if "num_updates" in options else None,
    )
    np.testing.assert_allclose(_run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)), exact)
    assert [site.placement for site in tf1bn.layers_of()] == ["mine", "mine"]
    assert [site.record["merged"] for site in tf1bn.layers_of()] == [2, 2]


def test_a_call_whose_switch_is_off_or_whose_batch_is_empty_has_no_part():
    switches = [tf.placeholder(tf.bool, []) for _ in range(2)]
    inputs = tf.placeholder(tf.float64, [None, 2])
    with tf1bn.merged_updates():
        _bn(inputs, switches[0])
        _bn(FAKE, switches[1])
    step = tf1bn.with_updates(tf.no_op())
    averages = tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)
    _run(tf.global_variables_initializer())
    for on, x, seen in [
        ((True, False), REAL, [REAL]),
        ((False, True), np.full((3, 2), np.nan), [FAKE]),
        ((True, True), REAL[:0], [FAKE]),
        ((True, True), REAL, [REAL, FAKE]),
        ((False, False), np.full((3, 2), np.nan), []),
        ((True, False), REAL[:0], []),
    ]:
        before = Statistics(*_run(averages))
        _run(step, {inputs: x, **dict(zip(switches, on, strict=True))})
        exact = reference.averages_of([_pooled(*seen)] if seen else [], 0.7, before)
        np.testing.assert_allclose(_run(averages), exact, rtol=1e-9)


def test_weighted_calls_are_merged_by_their_weights():
    weights = [np.array([1.0, 0, 2, 0, 0, 3]), np.array([0.0, 4, 0, 1])]
    with tf1bn.merged_updates():
        _bn(REAL, batch_weights=weights[0])
        _bn(FAKE, batch_weights=weights[1])
    _run(tf.global_variables_initializer())
    _run(tf1bn.with_updates(tf.no_op()))
    both = reference.Variant(weights=np.concatenate(weights)[:, None])
    exact = reference.averages_of([reference.train(np.concatenate([REAL, FAKE]), variant=both).moments], 0.7, START)
    np.testing.assert_allclose(_run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)), exact)


def test_under_renorm_the_merged_update_waits_until_every_call_has_read_its_references():
    options = {"renorm": True, "renorm_decay": 0.5}
    with tf1bn.merged_updates():
        outputs = [_bn(x, **options) for x in (REAL, FAKE)]
    step = tf1bn.with_updates(tf.no_op())
    found = [*outputs, step]
    _run(tf.global_variables_initializer())
    start = np.zeros(2), np.ones(2)
    for y, x in zip(_run(found), (REAL, FAKE), strict=False):
        variant = reference.Variant(correction=lambda _, batch: reference.renorm_correction(batch, start))
        np.testing.assert_allclose(y, reference.train(x, variant=variant).y)
    pooled = _pooled(REAL, FAKE)
    leaves = {v.op.name: v for v in tf.global_variables()}
    stddev = np.sqrt(pooled.variance + 1e-3)
    np.testing.assert_allclose(_run(leaves["bn/renorm_mean"]), pooled.mean / 2)
    np.testing.assert_allclose(_run(leaves["bn/renorm_stddev"]), (1 + stddev) / 2, rtol=1e-3)
    np.testing.assert_allclose(_run(leaves["bn/moving_mean"]), 0.3 * pooled.mean)


def test_layers_of_other_scopes_in_the_block_move_by_themselves():
    with tf1bn.merged_updates():
        _bn(REAL, scope="one")
        _bn(FAKE, scope="two")
    _run(tf.global_variables_initializer())
    _run(tf1bn.with_updates(tf.no_op(), "two"))
    found = _run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))
    exact = reference.averages_of([_pooled(FAKE)], 0.7, START)
    np.testing.assert_allclose(found, [*START, *exact])


def test_only_the_chosen_call_moves_the_averages():
    real = _bn(REAL)
    fake = _bn(FAKE, update_strategy="frozen")
    loss = tf.reduce_sum(tf.square(real)) + tf.reduce_sum(tf.square(fake) * FAKE)
    step = tf1bn.minimize(tf.train.GradientDescentOptimizer(0.0), loss)
    _run(tf.global_variables_initializer())
    _run(step)
    exact = reference.averages_of([_pooled(REAL)], 0.7, START)
    np.testing.assert_allclose(_run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)), exact)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_merging_each_training_call_moves_once(strategy):
    strategy = STRATEGIES[strategy]
    ys = [_bn(x, update_strategy=strategy) for x in (REAL, FAKE)]
    read = _read(strategy)
    step = tf1bn.with_updates(ys)
    initialize = tf.global_variables_initializer()
    orders = [reference.averages_of([_pooled(x) for x in order], 0.7, START) for order in ((REAL, FAKE), (FAKE, REAL))]
    for _ in range(5):
        with tf.Session() as session:
            session.run(initialize)
            session.run(step)
            for mine, *wanted in zip(session.run(read), *orders, strict=True):
                near = min(wanted, key=lambda one: np.abs(one - mine).max())
                np.testing.assert_allclose(mine, near, rtol=1e-6, atol=1e-7)


def test_calls_that_differ_in_how_averages_move_are_refused():
    counter = tf.placeholder(tf.int64, [])
    x = tf.constant(FAKE)
    share = tf.placeholder(tf.float64, [])
    with tf1bn.merged_updates():
        _bn(REAL, decay=share)
        for other in (
            {"decay": 0.9},
            {"decay": share, "update_strategy": "collection"},
            {"decay": share, "bessel_correction": True},
            {"decay": share, "zero_debias": True},
            {"decay": share, "num_updates": counter},
            {"decay": share, "renorm": True},
            {"decay": share, "update_strategy": tf1bn.Ema(zero_debias=True)},
        ):
            with refused(
                errors.ArgumentError,
                "in one merged_updates block differ in how averages move. Got '(inline|collection|ema), decay",
            ):
                _bn(x, **other)
        _bn(x, decay=share)


@pytest.mark.parametrize(
    "options", [{"numeric_guard": "skip"}, {"use_batch_statistics": True}, {"virtual_batch_size": 2}], ids=str
)
def test_what_cannot_be_pooled_is_refused(options):
    x = tf.constant(REAL)
    with tf1bn.merged_updates():
        with refused(errors.ArgumentError, f"`{next(iter(options))}`.* (do not go|and `virtual_batch_size` do not go)"):
            _bn(x, **options)


def test_blocks_at_a_wrong_place_are_refused():
    switch = tf.placeholder(tf.bool, [])
    x = tf.constant(REAL)
    with tf1bn.merged_updates():
        with refused(errors.PlacementError, "merged_updates: the block is inside another merged_updates block"):
            with tf1bn.merged_updates():
                pass
    found = []

    def branch():
        for block in (lambda: tf1bn.merged_updates().__enter__(), lambda: _bn(x)):
            try:
                block()
            except errors.PlacementError as error:
                found.append(str(error))
        return tf.constant(0)

    with tf1bn.merged_updates():
        _bn(x, scope="other")
        tf.cond(switch, branch, lambda: tf.constant(0))
    assert "the block is inside a tf.cond branch" in found[0]
    assert "the call is inside a tf.cond branch, its merged_updates block is not" in found[1]
    assert len(found) == 2


@pytest.mark.parametrize("name", ("", "output", "nowhere", 3))
def test_the_collection_must_have_a_name_of_its_own(name):
    with refused(errors.ArgumentTypeError, "`collection` must be the name of a collection"):
        with tf1bn.merged_updates(name):
            pass


def test_an_error_inside_the_block_makes_no_update():
    before = None
    with pytest.raises(KeyError), tf1bn.merged_updates():
        _bn(REAL)
        before = fingerprint(tf.get_default_graph())
        raise KeyError
    assert fingerprint(tf.get_default_graph()) == before
    _bn(FAKE, scope="after")
    assert [site.scope for site in tf1bn.layers_of()] == ["after"]
