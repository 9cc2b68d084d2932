"""Values of the variables: from a checkpoint, a session, arrays, moving averages; what is missing or damaged."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.export import programs
from tf1bn import checkpoint, errors, export

X = programs.rows()


def test_a_live_graph_and_its_session_are_exported_as_they_are(mode, tmp_path, run_frozen):
    programs.train(programs.forward(programs.own("inline"), programs.SWITCHES["variable"]()))
    prefix = programs.save(tmp_path)
    with tf.Session() as session:
        with pytest.raises(errors.ExportError, match="a variable has no value in the session"):
            export.export(mode, session, ["logits"], tmp_path / "f.pb", to="frozen")
        tf.train.Saver().restore(session, prefix)
        done = export.export(mode, session, ["logits"], tmp_path / "f.pb", to="frozen")
    logits = run_frozen(done.path, "logits:0", {"x:0": X})
    np.testing.assert_allclose(logits, programs.expected(prefix, X), rtol=1e-5, atol=1e-5)


def test_moving_averages_of_weights_take_their_place(graph, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    w = tf.get_variable("w", [programs.WIDTH, 2])
    b = tf.get_variable("b", [2], trainable=False)
    tf.add(x @ w, b, "y")
    tf.train.ExponentialMovingAverage(0.9).apply([w])
    prefix = programs.save(tmp_path)
    values = {name: tf.train.load_variable(prefix, name) for name in ("w", "w/ExponentialMovingAverage", "b")}
    for ema, name in ((False, "w"), (True, "w/ExponentialMovingAverage")):
        done = export.export(graph, prefix, ["y"], tmp_path / f"{ema}.pb", to="frozen", ema=ema)
        y = run_frozen(done.path, "y:0", {"x:0": X})
        np.testing.assert_allclose(y, X @ values[name] + values["b"], rtol=1e-5, atol=1e-5)
    assert done.notes == ("1 of 2 variables have their moving average",)
    arrays = {"w": values["w"], "b": values["b"]}
    with pytest.raises(errors.ExportError, match="has no moving average of a variable"):
        export.export(graph, arrays, ["y"], tmp_path / "no.pb", to="frozen", ema=True)
    with tf.Session() as session, pytest.raises(errors.ArgumentError, match="`ema` needs a checkpoint"):
        export.export(graph, session, ["y"], tmp_path / "no.pb", to="frozen", ema=True)


def test_parts_of_a_partitioned_variable_are_found_in_the_whole(mode, tmp_path, run_frozen):
    x = tf.placeholder(tf.float32, [None, programs.WIDTH], "x")
    parts = tf.get_variable("w", [programs.WIDTH, 4], partitioner=tf.fixed_size_partitioner(2, axis=1))
    tf.matmul(x, tf.convert_to_tensor(parts), name="y")
    prefix = programs.save(tmp_path)
    done = export.export(f"{prefix}.meta", prefix, ["y"], tmp_path / "f.pb", to="frozen")
    y = run_frozen(done.path, "y:0", {"x:0": X})
    np.testing.assert_allclose(y, X @ tf.train.load_variable(prefix, "w"), rtol=1e-5, atol=1e-5)


def test_an_embedding_is_frozen(mode, tmp_path, run_frozen):
    ids = tf.placeholder(tf.int32, [None], "ids")
    table = tf.get_variable("table", [7, 3])
    tf.identity(tf.nn.embedding_lookup(table, ids), "y")
    prefix = programs.save(tmp_path)
    feed = {"ids": np.array([6, 1, 3])}
    done = export.export(f"{prefix}.meta", prefix, ["y"], tmp_path / "f.pb", to="frozen", feed=feed)
    y = run_frozen(done.path, "y:0", {"ids:0": [2, 5]})
    np.testing.assert_array_equal(y, tf.train.load_variable(prefix, "table")[[2, 5]])


def test_half_precision_survives_each_form(graph, tmp_path):
    x = tf.placeholder(tf.bfloat16, [None, 2], "x")
    tf.multiply(x, tf.get_variable("w", [2], tf.bfloat16, tf.constant_initializer(1.5)), name="y")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for to in ("meta", "frozen", "saved_model"):
            assert export.export(graph, session, ["y"], tmp_path / to, to=to).variables == 1


def damage(prefix, tmp_path, name, change, **arguments):
    value = tf.train.load_variable(prefix, name)
    return checkpoint.replace(prefix, tmp_path / "damaged", {name: change(value)}, **arguments).target


def test_missing_and_damaged_values_are_refused(trained, tmp_path):
    def refused(values, reason):
        with pytest.raises(errors.ExportError, match=f"export: .*{reason}"):
            export.export(f"{trained}.meta", values, ["logits"], tmp_path / "new")
        assert not (tmp_path / "new").exists()

    values = {name: tf.train.load_variable(trained, name) for name, _ in tf.train.list_variables(trained)}
    without = {name: value for name, value in values.items() if name != "bn/moving_mean"}
    refused(without, r"no value for 1 variables. Got \['bn/moving_mean'\]. Did you mean")
    refused(values | {"hidden": np.ones((2, 2))}, r"'hidden' has another shape.*Got \(2, 2\); expected \(6, 5\)")
    refused(values | {"bn/moving_variance": -np.ones(5)}, "variance 'bn/moving_variance' holds NaN, infinity or a neg")
    refused(values | {"bn/moving_mean": np.full(5, np.nan)}, "mean 'bn/moving_mean' holds NaN")


def test_averages_that_never_moved_are_noted(trained, tmp_path):
    moved = {"bn/moving_mean": np.zeros(5, np.float32), "bn/moving_variance": np.ones(5, np.float32)}
    prefix = checkpoint.replace(trained, tmp_path / "initial", moved).target
    done = export.export(f"{trained}.meta", prefix, ["logits"], tmp_path / "new", dry_run=True)
    assert done.notes == ("the averages of 1 batch norms are still 0 and 1: bn",)
