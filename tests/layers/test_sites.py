"""Every state of the two switches, what it does, and what layers_of calls it."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.layers.sites import STATES
from tf1bn.testing import graphs, reference
from tf1bn.testing.reference import Statistics

X = np.random.default_rng(0).normal(2, 3, (6, 2))
START = Statistics(np.array([1.0, -1.0]), np.array([4.0, 0.5]))

# is_training, use_batch_statistics, trainable: what normalises, whether averages move
SIX = {
    "train": (True, None, True),
    "statistics-only": (True, None, False),
    "affine-only": (False, None, True),
    "frozen": (False, None, False),
    "local": (False, True, True),
    "tracking": (True, False, True),
}


def _bn(is_training, use_batch, trainable, **options):
    return tf1bn.batch_norm(
        tf.constant(X),
        is_training,
        use_batch_statistics=use_batch,
        trainable=trainable,
        decay=0.5,
        scope="bn",
        moving_mean_initializer=tf.constant_initializer(START.mean),
        moving_variance_initializer=tf.constant_initializer(START.variance),
        **options,
    )


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
@pytest.mark.parametrize("strategy", ("inline", "collection", "ema"))
@pytest.mark.parametrize("dynamic", (False, True))
@pytest.mark.parametrize("state", SIX)
def test_each_state_normalises_moves_and_learns_as_it_says(state, strategy, dynamic, mode):
    is_training, use_batch, trainable = SIX[state]
    by_batch, moves = is_training if use_batch is None else use_batch, is_training
    with graphs.graph_mode(mode), tf.Session() as session:
        if dynamic:
            switches = [tf.placeholder_with_default(value, []) for value in (is_training, by_batch)]
            y = _bn(*switches, trainable, update_strategy=strategy)
        else:
            y = _bn(is_training, use_batch, trainable, update_strategy=strategy)
        assert [site.state for site in tf1bn.layers_of()] == ["switched" if dynamic else state]
        assert bool(tf.trainable_variables()) is trainable
        step = tf1bn.with_updates(y)
        session.run(tf.global_variables_initializer())
        for count in (1, 2):
            kept = reference.averages_of([reference.moments(X)] * (count - 1) if moves else [], 0.5, START)
            exact = reference.batch_norm(X) if by_batch else reference.normalize(X, kept)
            np.testing.assert_allclose(session.run(step), exact, rtol=1e-6)
            after = reference.averages_of([reference.moments(X)] * count if moves else [], 0.5, START)
            found = session.run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))
            np.testing.assert_allclose(found, after, rtol=1e-6)


def test_every_state_is_described():
    assert set(STATES) == {*SIX, "switched"}


def test_a_strategy_that_never_moves_makes_training_local():
    with graphs.graph_mode():
        _bn(True, None, True, update_strategy="frozen")
        (site,) = tf1bn.layers_of()
        assert (site.state, site.strategy, site.placement) == ("local", "frozen", "nowhere")


@pytest.mark.parametrize("training", (True, False))
@pytest.mark.parametrize("dynamic", (True, False))
def test_the_adjustment_applies_in_training_only(training, dynamic):
    with graphs.graph_mode(), tf.Session() as session:
        switch = tf.placeholder_with_default(training, []) if dynamic else training
        scale, offset = np.arange(1.0, 7)[:, None], np.full((6, 1), 3.0)
        y = _bn(switch, True, True, adjustment=lambda shape: (tf.constant(scale), tf.constant(offset)))
        session.run(tf.global_variables_initializer())
        normal = reference.batch_norm(X)
        np.testing.assert_allclose(session.run(y), normal * scale + offset if training else normal)


def test_the_adjustment_gets_the_dynamic_shape_and_may_be_random():
    with graphs.graph_mode(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 5, 3])
        shapes = []

        def adjust(shape):
            shapes.append(shape)
            return tf.random.uniform([shape[0], 1, 1], 0.5, 1.5, seed=1), tf.zeros([1, 1, 1])

        y = tf1bn.batch_norm(x, True, adjustment=adjust)
        assert y.shape.as_list() == [None, 5, 3]
        session.run(tf.global_variables_initializer())
        value = np.random.default_rng(0).normal(size=(4, 5, 3))
        found, shape = session.run([y, shapes[0]], {x: value})
        assert list(shape) == [4, 5, 3]
        ratio = found / reference.batch_norm(value)
        np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1, :1], ratio.shape), rtol=1e-3)
        assert ratio.min() > 0.49 and ratio.max() < 1.51 and np.ptp(ratio[:, 0, 0]) > 0.01


def test_an_adjustment_of_another_form_is_refused():
    with graphs.graph_mode():
        x = tf.constant(X)
        with refused(errors.ArgumentTypeError, "`adjustment` must be callable or None. Got 3"):
            tf1bn.batch_norm(x, True, adjustment=3)
        with pytest.raises(
            errors.ArgumentTypeError, match=r"`adjustment` returned something else.*pair \(scale, offset\)"
        ):
            tf1bn.batch_norm(x, True, adjustment=lambda shape: tf.ones([6, 1]))


def test_layers_are_listed_in_the_order_of_calls_also_from_an_imported_graph(tmp_path):
    with graphs.graph_mode() as graph:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        switch = tf.placeholder(tf.bool, [], name="switch")
        y = tf1bn.batch_norm(x, switch, scope="a", update_strategy="collection", virtual_batch_size=2)
        y = tf.cond(switch, lambda: tf1bn.batch_norm(y, True, scope="b", renorm=True), lambda: y)
        tf1bn.batch_norm(y, False, scope="c", num_updates=3)
        found = tf1bn.layers_of(graph)
        tf.train.export_meta_graph(str(tmp_path / "model.meta"))
    assert [(s.scope, s.state, s.placement) for s in found] == [
        ("a", "switched", "update_ops"),
        ("b", "train", "output"),
        ("c", "affine-only", "nowhere"),
    ]
    kinds = [(s.record["virtual_batch_size"], s.record["renorm"], s.record["num_updates"]) for s in found]
    assert kinds == [(2, False, False), (None, True, False), (None, False, True)]
    with graphs.graph_mode() as imported:
        assert tf1bn.layers_of() == []
        tf.train.import_meta_graph(str(tmp_path / "model.meta"))
        assert tf1bn.layers_of() == tf1bn.layers_of(imported) == found


def test_what_is_no_graph_is_refused():
    with pytest.raises(errors.ArgumentTypeError, match="layers_of: `graph` has the wrong type. Got 'model'"):
        tf1bn.layers_of("model")
