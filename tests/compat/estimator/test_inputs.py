"""``numpy_input_fn`` and ``pandas_input_fn``, and predictions from all kinds of input."""

from __future__ import annotations

import collections
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator

numpy_input_fn = estimator.inputs.numpy_input_fn
ROWS = np.arange(10)


def read(input_fn, most: int = 100):
    """All batches of an input, in a session with its queue."""
    found = []
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        tensors = input_fn()
        with tf.train.MonitoredSession() as session:
            while not session.should_stop() and len(found) < most:
                found.append(session.run(tensors))
    return found


def test_rows_come_in_order_and_the_last_batch_is_short():
    batches = read(numpy_input_fn(ROWS, ROWS * 2, batch_size=4, shuffle=False))
    assert [x.tolist() for x, _ in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert all((y == 2 * x).all() for x, y in batches)


def test_epochs_follow_each_other_within_a_batch():
    batches = read(numpy_input_fn(ROWS, batch_size=8, num_epochs=3, shuffle=False, queue_capacity=16))
    assert np.concatenate(batches).tolist() == [*ROWS, *ROWS, *ROWS] and len(batches[0]) == 8


def test_without_epochs_there_is_no_end_and_a_static_shape():
    with tf.Graph().as_default():
        assert numpy_input_fn(ROWS, batch_size=4, num_epochs=None, shuffle=False)().shape == [4]
    batches = read(numpy_input_fn(ROWS, batch_size=4, num_epochs=None, shuffle=False), most=20)
    assert np.concatenate(batches).tolist() == (np.arange(80) % 10).tolist()


@pytest.mark.parametrize("threads", [1, 3])
def test_shuffled_rows_are_all_rows_in_another_order(threads):
    x = np.arange(200)
    batches = read(numpy_input_fn({"x": x}, {"y": -x}, 16, shuffle=True, queue_capacity=64, num_threads=threads))
    got = np.concatenate([features["x"] for features, _ in batches])
    assert sorted(got) == x.tolist() and got.tolist() != x.tolist()
    assert all((features["x"] == -labels["y"]).all() for features, labels in batches)


def test_dtypes_shapes_and_texts_are_kept():
    given = collections.OrderedDict(
        b=np.array(["ab", "c"]), a=np.zeros([2, 3, 4], np.float64), n=np.array([1, 2], np.int32)
    )
    (batch,) = read(numpy_input_fn(given, shuffle=False))
    assert batch["b"].tolist() == [b"ab", b"c"] and batch["a"].shape == (2, 3, 4)
    assert (batch["a"].dtype, batch["n"].dtype) == (np.float64, np.int32)


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({}, "`shuffle` must be given as a bool. Expected True or False"),
        ({"shuffle": 1}, "`shuffle` must be given as a bool"),
        ({"shuffle": False, "batch_size": 0}, "`batch_size` must be at least 1"),
        ({"shuffle": False, "num_epochs": 0}, "`num_epochs` must be at least 1, or None"),
        ({"shuffle": False, "num_threads": 0}, "`num_threads` must be at least 1"),
        ({"shuffle": False, "x": {}}, "`x` must not be empty"),
        ({"shuffle": False, "x": [1]}, "`x`. Got .1.; expected a NumPy array"),
        ({"shuffle": False, "x": {"a": 3}}, "`x` 'a'. Got 3; expected a NumPy array"),
        ({"shuffle": False, "y": ROWS[:3]}, "all arrays must have the same length"),
        ({"shuffle": False, "x": ROWS[:0]}, "all arrays must have the same length, above 0"),
    ],
)
def test_impossible_inputs(arguments, text):
    with pytest.raises(errors.Tf1bnError, match=f"numpy_input_fn: {text}"):
        numpy_input_fn(**{"x": ROWS, **arguments})


class TestPandas:
    """With the package, where it is installed."""

    @pytest.fixture
    def pandas(self):
        return pytest.importorskip("pandas")

    def test_each_column_is_a_feature(self, pandas):
        x = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}, index=[5, 6, 7])
        y = pandas.Series([0.5, 1.5, 2.5], index=x.index)
        batches = read(estimator.inputs.pandas_input_fn(x, y, batch_size=2, shuffle=False))
        assert [features["b"].tolist() for features, _ in batches] == [[b"x", b"y"], [b"z"]]
        assert np.concatenate([labels for _, labels in batches]).tolist() == [0.5, 1.5, 2.5]
        assert [sorted(features) for features, _ in batches] == [["a", "b"]] * 2 and batches[0][1].shape == (2,)

    def test_labels_of_several_columns_and_none(self, pandas):
        x = pandas.DataFrame({"a": [1, 2]})
        ((_, labels),) = read(estimator.inputs.pandas_input_fn(x, x.rename(columns={"a": "c"}), shuffle=False))
        assert {name: value.tolist() for name, value in labels.items()} == {"c": [1, 2]}
        (features,) = read(estimator.inputs.pandas_input_fn(x, shuffle=False))
        assert features["a"].tolist() == [1, 2]

    def test_refusals(self, pandas):
        x = pandas.DataFrame({"a": [1, 2]})
        for arguments, text in (
            ({"x": ROWS}, "`x` must be a pandas.DataFrame"),
            ({"x": x, "y": ROWS[:2]}, "`y` must be a pandas.Series or"),
            ({"x": x, "y": pandas.Series([1, 2], index=[1, 2])}, "`x` and `y` must have the same index"),
            ({"x": x, "y": x["a"], "target_column": "a"}, "`x` has a column 'a'"),
        ):
            with pytest.raises(errors.Tf1bnError, match=f"pandas_input_fn: {text}"):
                estimator.inputs.pandas_input_fn(shuffle=False, **arguments)


def test_without_pandas_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(errors.MissingExtraError, match="needs the package 'pandas'.*pip install pandas"):
        estimator.inputs.pandas_input_fn(None, shuffle=False)


@pytest.fixture
def model(folder):
    return estimator.Estimator(small.make_model_fn(), folder).train(small.batches(), steps=1)


def test_predictions_are_chosen_and_may_come_in_batches(model):
    rows = list(model.predict(small.batches(repeat=False), predict_keys="y"))
    assert len(rows) == 60 and set(rows[0]) == {"y"}
    batches = list(model.predict(small.batches(repeat=False), yield_single_examples=False))
    assert [batch["y"].shape for batch in batches] == [(20,)] * 3
    np.testing.assert_array_equal(np.concatenate([b["y"] for b in batches]), [row["y"] for row in rows])
    np.testing.assert_array_equal(
        [entry["x"] for entry in model.predict(lambda: tf.constant(small.X[:2]), hooks=[Once()])], small.X[:2]
    )
    with pytest.raises(errors.ArgumentError, match="no such predictions. Got .'z'.; expected some of .'x', 'y'."):
        next(model.predict(small.batches(), ["z"]))


class Once(tf.train.SessionRunHook):
    def after_run(self, run_context, run_values):
        run_context.request_stop()


def test_a_prediction_that_is_left_halfway_leaves_no_graph_behind(model):
    before = tf.get_default_graph()
    rows = model.predict(small.batches())
    next(rows)
    assert tf.get_default_graph() is before
    with tf.Graph().as_default() as own:
        next(rows)
        assert tf.get_default_graph() is own
    rows.close()


def test_predictions_without_a_batch_in_common(folder):
    def model_fn(features, mode):
        return estimator.EstimatorSpec(mode, predictions={"a": tf.zeros([2]), "b": tf.zeros([3])})

    model = estimator.Estimator(model_fn, folder)
    with pytest.raises(errors.ArgumentError, match="predictions have no batch in common"):
        next(model.predict(lambda: tf.zeros([2])))
    batch = next(model.predict(lambda: tf.zeros([2]), yield_single_examples=False))
    assert batch["b"].shape == (3,)
    scalar = estimator.Estimator(lambda features, mode: estimator.EstimatorSpec(mode, tf.constant([4, 5])), folder)
    rows = scalar.predict(lambda: tf.zeros([2]))
    assert [next(rows), next(rows)] == [4, 5]
    with pytest.raises(errors.ArgumentError, match="`predict_keys` are given, but the predictions are one tensor"):
        next(scalar.predict(lambda: tf.zeros([2]), ["a"]))
