"""Inputs without data or end, checkpoints that are not there, a global step that stands still, odd predictions."""

from __future__ import annotations

import itertools
import os
import warnings

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator

E = estimator


@pytest.fixture
def model(tmp_path):
    return E.Estimator(small.make_model_fn(), str(tmp_path / "model"))


@pytest.fixture
def trained(model):
    return model.train(small.batches(), steps=2)


def constants():
    return {"x": tf.constant(small.X)}, tf.constant(small.Y)


def nothing():
    return small.batches(repeat=False)().take(0)


def unread():
    return small.batches(repeat=False, size=100)().unbatch().batch(100, drop_remainder=True)


@pytest.mark.parametrize("input_fn", [nothing, unread])
def test_an_evaluation_without_data_warns(trained, input_fn):
    with pytest.warns(errors.Tf1bnWarning, match="evaluate read no batch"):
        trained.evaluate(input_fn)


def test_ordinary_use_does_not_warn(model):
    once = small.batches(repeat=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", errors.Tf1bnWarning)
        model.train(small.batches(), steps=25)
        model.evaluate(once)
        model.evaluate(constants, steps=1)
        assert len(list(model.predict(once))) == 60
        numpy_input = E.inputs.numpy_input_fn({"x": small.X}, small.Y, shuffle=False)
        model.evaluate(numpy_input)
        assert len(list(model.predict(numpy_input))) == 60


def test_an_input_without_end_warns(trained):
    with pytest.warns(errors.Tf1bnWarning, match="same tensors for ever, so predict does not end"):
        assert len(list(itertools.islice(trained.predict(constants), 70))) == 70

    class Stop(tf.train.SessionRunHook):
        def after_run(self, run_context, run_values):
            run_context.request_stop()

    with warnings.catch_warnings():
        warnings.simplefilter("error", errors.Tf1bnWarning)
        assert len(list(trained.predict(constants, hooks=[Stop()]))) == 60
        trained.evaluate(constants, hooks=[Stop()])


@pytest.mark.parametrize("gone", [False, True])
def test_values_that_are_not_trained_warn(model, gone):
    if gone:  # the file "checkpoint" names one whose files are deleted
        model.train(small.batches(), steps=2)
        for name in os.listdir(model.model_dir):
            if name.startswith("model.ckpt"):
                os.remove(os.path.join(model.model_dir, name))
    once = small.batches(repeat=False)
    with pytest.warns(errors.Tf1bnWarning, match="evaluate finds no checkpoint in .*model"):
        assert model.evaluate(once)["global_step"] == 0
    with pytest.warns(errors.Tf1bnWarning, match="predict finds no checkpoint"):
        next(model.predict(once))


def test_a_named_checkpoint_must_be_there(trained, tmp_path):
    once, nowhere = small.batches(repeat=False), str(tmp_path / "model.ckpt-9")
    for path in (nowhere, trained.model_dir):
        for call in (
            lambda path=path: trained.evaluate(once, checkpoint_path=path),
            lambda path=path: next(trained.predict(once, checkpoint_path=path)),
            lambda path=path: trained.export_saved_model(str(tmp_path / "e"), small.receiver, checkpoint_path=path),
        ):
            with pytest.raises(errors.CheckpointMissingError, match="no checkpoint at `checkpoint_path`.*model"):
                call()


@pytest.mark.parametrize("form", [tf.train.SaverDef.V1, tf.train.SaverDef.V2])
@pytest.mark.parametrize("sharded", [False, True])
def test_checkpoints_of_each_format_are_found(trained, tmp_path, form, sharded):
    meta = trained.latest_checkpoint() + ".meta"
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(meta).restore(session, trained.latest_checkpoint())
        path = tf.train.Saver(write_version=form, sharded=sharded).save(session, str(tmp_path / "other"))
    once = small.batches(repeat=False)
    path = path.replace("?????", "00000").split("-00000")[0]
    if form == tf.train.SaverDef.V1 and sharded:
        path += "-?????-of-00001"  # as `Saver.save` returns it
    assert trained.evaluate(once, checkpoint_path=path) == trained.evaluate(once)


def own_step(name, runs):
    """A ``model_fn`` that moves a step of its own, or the right one with every so many runs."""

    def model_fn(features, labels, mode):
        loss = tf.square(tf.get_variable("w", []) - tf.reduce_mean(labels))
        step = tf.Variable(0, trainable=False, name=name) if name else tf.train.get_global_step()
        if runs > 1:
            count = tf.assign_add(tf.Variable(0, trainable=False), 1)
            train_op = tf.cond(tf.equal(count % runs, 0), lambda: tf.assign_add(step, 1), lambda: tf.identity(step))
        else:
            train_op = tf.train.GradientDescentOptimizer(0.1).minimize(loss, step)
        return E.EstimatorSpec(mode, loss=loss, train_op=train_op)

    return model_fn


@pytest.mark.parametrize("batch", [20, 2])  # 3 and 30 runs
@pytest.mark.parametrize("name", ["global_step", "my_step"])
def test_a_global_step_that_stands_still_warns(tmp_path, name, batch):
    model = E.Estimator(own_step(name, 1), str(tmp_path))
    runs = min(60 // batch, 20)
    with pytest.warns(errors.Tf1bnWarning, match=f"the global step stays at 0 after {runs} runs") as found:
        model.train(small.batches(repeat=False, size=batch))
    assert len(found) == 1


def test_a_global_step_that_moves_now_and_then_does_not(tmp_path):
    model = E.Estimator(own_step(None, 8), str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error", errors.Tf1bnWarning)
        model.train(small.batches(), steps=2)


def predicting(tmp_path, make):
    def model_fn(features, labels, mode):
        loss = tf.reduce_mean(features["x"]) * tf.get_variable("w", [])
        train_op = tf.assign_add(tf.train.get_global_step(), 1)
        return E.EstimatorSpec(mode, make(features["x"]), loss, train_op)

    model = E.Estimator(model_fn, str(tmp_path)).train(small.batches(), steps=1)
    return lambda **options: list(model.predict(small.batches(repeat=False), **options))


SCATTERED = {
    "scalar": (tf.reduce_sum, r"'predictions': \(\)"),
    "sparse": (lambda x: tf.SparseTensor([[0, 0]], x[0, :1], [20, 3]), "SparseTensorValue"),
    "ragged": (lambda x: tf.RaggedTensor.from_tensor(x), "RaggedTensorValue"),
    "sparse of several": (lambda x: {"a": tf.SparseTensor([[0, 0]], x[0, :1], [20, 3])}, "SparseTensorValue"),
}


@pytest.mark.parametrize("case", SCATTERED)
def test_predictions_that_have_no_rows_are_not_split(tmp_path, case):
    make, words = SCATTERED[case]
    predict = predicting(tmp_path, make)
    with pytest.raises(errors.ArgumentError, match=f"no batch in common.*{words}"):
        predict()
    assert len(predict(yield_single_examples=False)) == 3


def test_predictions_of_one_tensor_are_split(tmp_path):
    np.testing.assert_array_equal(predicting(tmp_path, lambda x: x)(), small.X)


def stranger():
    with tf.Graph().as_default():
        return constants()


def strange_data():
    with tf.Graph().as_default():
        return small.batches()()


INPUTS = {
    "tensors": (lambda: stranger(), "another graph. Got 'Const:0'. Build the whole input inside input_fn"),
    "data set": (lambda: strange_data(), "another graph.*Build the whole input inside"),
    "iterator": (lambda: tf.data.make_one_shot_iterator(small.batches()()), "returned an iterator.*get_next"),
    "generator": (lambda: (row for row in small.X), "returned an iterator.*from_generator"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_that_no_graph_can_read_are_refused(model, case):
    input_fn, words = INPUTS[case]
    with pytest.raises(errors.ArgumentError, match=f"Estimator.train: .*{words}"):
        model.train(input_fn, steps=1)


def test_arguments_of_another_type_are_refused(model):
    with pytest.raises(errors.ArgumentTypeError, match="`steps` must be a number. Got '5'"):
        model.train(small.batches(), steps="5")
    with pytest.raises(errors.ArgumentTypeError, match="`hooks` must be a list of hooks"):
        model.train(small.batches(), hooks=tf.train.SessionRunHook(), steps=1)
