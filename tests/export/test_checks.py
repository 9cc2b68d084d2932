"""The checks see what they are there for: each is shown a wrong export."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.export import programs
from tf1bn import errors, export
from tf1bn.export import inference_graph, variables
from tf1bn.graph import rewriting


def refused(reason, graph, values, outputs, tmp_path, error=errors.ExportError, **arguments):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=f"export: .*{reason}"):
        export.export(graph, values, outputs, tmp_path / "new", to="frozen", **arguments)
    assert sorted(tmp_path.iterdir()) == before


def test_another_value_than_that_of_the_source_is_seen(trained, tmp_path, monkeypatch):
    freeze = variables.freeze
    monkeypatch.setattr(
        variables, "freeze", lambda draft, values: freeze(draft, values | {"hidden": values["hidden"] + 0.001})
    )
    refused("output 'logits' differs from the source by", f"{trained}.meta", trained, ["logits"], tmp_path)


def test_statistics_of_the_batch_that_are_no_batch_norm_are_seen(graph, tmp_path):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    tf.subtract(x, tf.reduce_mean(x, 0), "y")
    refused("the first row of 'y' changes by .* with the other rows", graph, {}, ["y"], tmp_path)


def test_a_dependence_on_the_number_of_rows_is_seen(graph, tmp_path):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    tf.multiply(x, tf.cast(tf.shape(x)[0], tf.float32), "y")
    refused("the first row of 'y' changes", graph, {}, ["y"], tmp_path)


def test_outputs_without_rows_are_said_not_to_be_checked(graph, tmp_path):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    tf.reduce_sum(x, name="total"), tf.identity(x, "y")
    done = export.export(graph, {}, ["total", "y"], tmp_path / "new", to="frozen", feed={"x": np.ones((3, 3))})
    assert done.checks[1:3] == (
        "a row of y does not depend on the others",
        "not checked: whether rows depend on each other in total, which have no rows",
    )


def test_a_batch_norm_that_is_rewritten_wrongly_is_seen(graph, tmp_path, monkeypatch):
    programs.forward(programs.centred, True)
    prefix = programs.save(tmp_path)
    read = rewriting.Readers.of
    other = {"bn/moving_mean": "bn/moving_variance", "bn/moving_variance": "bn/moving_mean"}

    def swapped(self, item):
        return read(self, SimpleNamespace(name=other[item.name], node=item.node))

    monkeypatch.setattr(rewriting.Readers, "of", swapped)
    refused("'bn' differs by .* from .x - mean. / sqrt", f"{prefix}.meta", prefix, ["logits"], tmp_path)


def test_a_batch_norm_without_averages_is_refused(graph):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    beta = tf.get_variable("beta", [3])
    tf.identity(tf.nn.batch_normalization(x, *tf.nn.moments(x, [0]), beta, None, 1e-3), "y")
    with pytest.raises(
        errors.ExportError, match="keeps no averages that it could read.*Estimate population statistics"
    ):
        inference_graph(graph, ["y"])


def test_a_switch_that_is_computed_from_data_is_refused(graph):
    x = tf.placeholder(tf.float32, [None, programs.HIDDEN], "x")
    step = tf.placeholder(tf.int32, [], "step")
    for name, switch in (("far", tf.reduce_any(x > 3.0, name="any")), ("late", tf.less(step, 10))):
        with tf.variable_scope(name):
            tf.identity(programs.in_branches(x, switch), "y")
    with pytest.raises(errors.ExportError, match="is switched by the Any 'any'.*--switch=any=VALUE"):
        inference_graph(graph, ["far/y"])
    with pytest.raises(errors.ExportError, match="is switched by the Placeholder 'step'.*--switch=step=VALUE"):
        inference_graph(graph, ["late/y"])
    assert inference_graph(graph, ["late/y"], switches={"step": 10}).sites == 1
    assert inference_graph(graph, ["far/y"], switches={"any": False}).sites == 1


def test_a_switch_that_is_fed_stays_open_and_is_refused(graph):
    x = tf.placeholder(tf.float32, [None, programs.HIDDEN], "x")
    tf.identity(programs.in_branches(x, tf.placeholder(tf.bool, [], "flag")), "y")
    with pytest.raises(errors.ExportError, match="'bn' are switched by 'flag'.*--switch=flag=VALUE"):
        inference_graph(graph, ["y"], inputs=["x", "flag"])


def test_statistics_that_are_mixed_by_arithmetic_are_refused(graph):
    x = tf.placeholder(tf.float32, [None, 1, 1, programs.HIDDEN], "x")
    gamma, beta, mean, variance = (tf.get_variable(leaf, [programs.HIDDEN]) for leaf in programs.LEAVES)
    batch = tf.nn.moments(x, [0, 1, 2])
    share = tf.placeholder(tf.float32, [], "share")
    used = [a * share + b * (1.0 - share) for a, b in zip(batch, (mean, variance), strict=True)]
    tf.identity(tf.nn.fused_batch_norm(x, gamma, beta, *used, is_training=False)[0], "y")
    with pytest.raises(errors.ExportError, match="chosen between averages and batch in a way that is not understood"):
        inference_graph(graph, ["y"])


def test_switches_that_contradict_each_other_are_refused(graph):
    x = tf.placeholder(tf.float32, [None, programs.HIDDEN], "x")
    flag = tf.placeholder(tf.bool, [], "flag")
    for name, switch in (("one", flag), ("other", tf.logical_not(flag))):
        with tf.variable_scope(name):
            x = programs.in_branches(x, switch)
    tf.identity(x, "y")
    with pytest.raises(
        errors.ExportError, match="no setting of the switches makes all batch norms read .*'flag': True"
    ):
        inference_graph(graph, ["y"])


def test_an_output_of_training_alone_is_refused(mode):
    x = tf.placeholder(tf.float32, [None, programs.HIDDEN], "x")
    training = tf.placeholder(tf.bool, [], "is_training")
    inside = []

    def train():
        inside.append(tf.identity(x * 2.0, "inside"))
        return inside[0]

    tf.identity(tf.cond(training, train, lambda: x), "y")
    if inside[0].graph is mode:
        with pytest.raises(errors.ExportError, match="only in a branch that the switch turns off"):
            inference_graph(mode, [inside[0].name], switches={"is_training": False})
    assert inference_graph(mode, ["y"], switches={"is_training": False}).switches == {"is_training": False}


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda x: tf.assign(tf.get_variable("v", [], use_resource=False), 1.0) * x, "a value that is written"),
        (lambda x: x + tf.random_normal([3]), "random numbers: the RandomStandardNormal"),
        (lambda x: tf.py_func(np.abs, [x], tf.float32), "a Python function, which no file holds: the PyFunc"),
        (
            lambda x: tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [2.0]), 0.0).lookup(
                tf.cast(x, tf.int32)
            ),
            "a lookup table",
        ),
    ],
)
def test_what_has_no_place_in_inference_is_refused(graph, build, reason):
    tf.identity(build(tf.placeholder(tf.float32, [None, 3], "x")), "y")
    with pytest.raises(errors.ExportError, match=f"the outputs need {reason}"):
        inference_graph(graph, ["y"])


def test_inputs_that_cannot_be_made_up_are_asked_for(graph, tmp_path):
    tf.strings.length(tf.placeholder(tf.string, [None], "x"), name="y")
    refused(r"numbers for the check cannot be made up. Got \['x'\]", graph, {}, ["y"], tmp_path, errors.RunError)
    feed = {"x": np.array([b"a", b"bc"])}
    done = export.export(graph, {}, ["y"], tmp_path / "new", to="frozen", feed=feed)
    assert "a row of y does not depend on the others" in done.checks
    with pytest.raises(errors.ArgumentError, match=r"`feed` names no input. Got \['z'\]"):
        export.export(graph, {}, ["y"], tmp_path / "other", to="frozen", feed={"z": 1})


def test_a_source_that_cannot_run_is_refused(graph, tmp_path):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    tf.reshape(x, [5, 3], name="y")
    refused("cannot be run for the check", graph, {}, ["y"], tmp_path, errors.RunError)
    done = export.export(graph, {}, ["y"], tmp_path / "new", to="frozen", feed={"x": np.ones((5, 3))})
    assert "not checked: a row alone, because the graph does not run with one" in done.checks
