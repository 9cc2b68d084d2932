"""SavedModels of an Estimator: folders, signatures, assets, modes."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator
from tf1bn.compat.estimator import folders, predictors

export = estimator.export


@pytest.fixture
def model(folder):
    return estimator.Estimator(small.make_model_fn(), folder).train(small.batches(), steps=3)


def loaded(path: bytes, tag: str = "serve"):
    with tf.Graph().as_default(), tf.Session() as session:
        return tf.saved_model.loader.load(session, [tag], path.decode())


def signatures(path: bytes, tag: str = "serve"):
    definitions = loaded(path, tag).signature_def.items()
    return {name: (d.method_name.split("/")[-1], sorted(d.inputs), sorted(d.outputs)) for name, d in definitions}


def test_an_export_has_a_folder_of_its_time_and_no_trace_of_its_making(model, tmp_path):
    paths = [model.export_saved_model(str(tmp_path / "out"), small.receiver) for _ in range(2)]
    names = sorted(os.listdir(tmp_path / "out"))
    assert [os.path.basename(path.decode()) for path in paths] == names and all(name.isdigit() for name in names)
    assert sorted(os.listdir(paths[0].decode())) == ["saved_model.pb", "variables"]
    assert folders.exports(str(tmp_path / "out")) == [path.decode() for path in paths]


def test_an_export_that_fails_leaves_nothing(model, tmp_path):
    with pytest.raises(ZeroDivisionError):
        model.export_saved_model(str(tmp_path / "out"), lambda: 1 / 0)
    assert not os.path.exists(tmp_path / "out") or os.listdir(tmp_path / "out") == []


def test_text_and_assets(model, tmp_path):
    source = tmp_path / "words.txt"
    source.write_text("a b")
    path = model.export_savedmodel(str(tmp_path), small.receiver, {"sub/w.txt": str(source)}, as_text=True)
    assert pathlib.Path(path.decode(), "assets.extra", "sub", "w.txt").read_text() == "a b"
    assert os.path.exists(os.path.join(path.decode(), "saved_model.pbtxt"))


def test_an_older_checkpoint_is_exported_on_request(model, tmp_path):
    old = model.latest_checkpoint()
    model.train(small.batches(), steps=5)
    path = model.export_saved_model(str(tmp_path), small.receiver, checkpoint_path=old)
    reader = tf.train.load_checkpoint(os.path.join(path.decode(), "variables", "variables"))
    assert reader.get_tensor("global_step") == 3


def with_outputs(make):
    def model_fn(features, labels, mode):
        spec = small.make_model_fn()(features, labels, mode)
        return spec._replace(export_outputs=make(spec.predictions)) if mode == "infer" else spec

    return model_fn


def examples():
    return export.build_parsing_serving_input_receiver_fn({"x": tf.FixedLenFeature([3], tf.float32)})


def test_each_kind_of_output_becomes_a_signature_of_examples(folder, tmp_path):
    def outputs(predictions):
        y = predictions["y"][:, None]
        return {
            "serving_default": export.RegressionOutput(y),
            "classes": export.ClassificationOutput(y, tf.as_string(y)),
            "scores": export.ClassificationOutput(scores=y),
            "all": export.PredictOutput(predictions),
            "one": export.PredictOutput(y),
        }

    model = estimator.Estimator(with_outputs(outputs), folder).train(small.batches(), steps=1)
    assert signatures(model.export_saved_model(str(tmp_path / "a"), examples())) == {
        "serving_default": ("regress", ["inputs"], ["outputs"]),
        "classes": ("classify", ["inputs"], ["classes", "scores"]),
        "scores": ("classify", ["inputs"], ["scores"]),
        "all": ("predict", ["examples"], ["x", "y"]),
        "one": ("predict", ["examples"], ["output"]),
    }
    # Features that are fed fit predictions alone.
    assert set(signatures(model.export_saved_model(str(tmp_path / "b"), small.receiver))) == {"all", "one"}


def test_serialized_examples_give_the_reference(model, tmp_path):
    path = model.export_saved_model(str(tmp_path), examples())
    rows = small.X[:4]
    serialized = [
        tf.train.Example(
            features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=row))})
        ).SerializeToString()
        for row in rows
    ]
    with tf.Graph().as_default(), tf.Session() as session:
        definition = tf.saved_model.loader.load(session, ["serve"], path.decode()).signature_def["serving_default"]
        y = session.run(definition.outputs["y"].name, {definition.inputs["examples"].name: serialized})
    np.testing.assert_allclose(y, small.reference_output(model, rows, small.reference_averages(3)), rtol=1e-4)


def test_other_tensors_can_be_fed_instead(model, tmp_path):
    def receiver():
        text = tf.placeholder(tf.string, [None], name="text")
        x = tf.reshape(tf.decode_raw(text, tf.float32), [-1, 3])
        return export.ServingInputReceiver({"x": x}, text, {"parsed": {"x": x}, "bare": x})

    found = signatures(model.export_saved_model(str(tmp_path), receiver))
    assert found["serving_default"][1] == ["input"] and found["parsed:serving_default"][1] == ["x"]
    assert found["bare:serving_default"][1] == ["input"]


def test_an_output_that_needs_more_than_the_inputs_is_left_out(folder, tmp_path):
    def outputs(predictions):
        extra = tf.placeholder(tf.float32, [], name="extra")
        return {
            "serving_default": export.PredictOutput(predictions),
            "more": export.PredictOutput({"y": predictions["y"] * extra}),
        }

    model = estimator.Estimator(with_outputs(outputs), folder).train(small.batches(), steps=1)
    assert set(signatures(model.export_saved_model(str(tmp_path), small.receiver))) == {"serving_default"}


def test_an_export_that_serves_nothing_warns(folder, tmp_path):
    outputs = lambda predictions: {"r": export.RegressionOutput(predictions["y"])}  # noqa: E731
    model = estimator.Estimator(with_outputs(outputs), folder).train(small.batches(), steps=1)
    with pytest.warns(errors.Tf1bnWarning, match="can serve none of its outputs.*one string tensor"):
        model.export_saved_model(str(tmp_path), small.receiver)


def test_one_export_of_all_modes_shares_its_variables(model, tmp_path):
    def supervised():
        build = estimator.experimental.build_raw_supervised_input_receiver_fn
        return build({"x": tf.placeholder(tf.float32, [None, 3], "x")}, tf.placeholder(tf.float32, [None], "y"))()

    receivers = {"train": supervised, "eval": supervised, "infer": small.receiver}
    path = model.experimental_export_all_saved_models(str(tmp_path), receivers)
    outputs = ["loss", "metrics/error/update_op", "metrics/error/value", "predictions/x", "predictions/y"]
    assert signatures(path, "train") == {"train": ("training", ["label", "x"], outputs)}
    assert signatures(path, "eval") == {"eval": ("eval", ["label", "x"], outputs)}
    assert signatures(path)["serving_default"] == ("predict", ["x"], ["x", "y"])


def test_a_tensor_alone_is_the_features(folder, tmp_path):
    def receiver():
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        return export.TensorServingInputReceiver(x, x)

    model = estimator.Estimator(small.make_model_fn(), folder)
    model.train(lambda: (tf.constant(small.X), tf.constant(small.Y)), steps=1)
    assert signatures(model.export_saved_model(str(tmp_path), receiver))["serving_default"][1] == ["input"]


def test_a_raw_receiver_keeps_dtype_shape_and_name():
    with tf.Graph().as_default():
        given = {"x": tf.zeros([7, 3], tf.float64, name="scope/x"), "n": tf.zeros([7], tf.int32, name="n")}
        made = export.build_raw_serving_input_receiver_fn(given, default_batch_size=2)().receiver_tensors
        assert made["x"].shape.as_list() == [2, 3] and made["x"].dtype == tf.float64
        assert made["n"].shape.as_list() == [2] and made["n"].op.type == "Placeholder"


def test_a_checkpoint_without_a_variable_of_the_graph_is_refused(model, tmp_path):
    def other(features, labels, mode):
        tf.get_variable("another", [])
        return small.make_model_fn()(features, labels, mode)

    with pytest.raises(errors.ExportError, match="the graph of mode 'infer' has variables that .*model.ckpt-3 has not"):
        estimator.Estimator(other, model.model_dir).export_saved_model(str(tmp_path), small.receiver)


def test_nothing_is_exported_before_training(folder, tmp_path):
    with pytest.raises(errors.CheckpointMissingError, match="Estimator.export_saved_model: there is no checkpoint"):
        estimator.Estimator(small.make_model_fn(), folder).export_saved_model(str(tmp_path), small.receiver)


def test_a_name_that_is_taken_is_waited_for_and_then_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folders.time, "time", lambda: 5.5)
    waited = []
    monkeypatch.setattr(folders.time, "sleep", waited.append)
    (tmp_path / "5").mkdir()
    with pytest.raises(errors.ExportError, match="no free name"):
        folders.new_export(str(tmp_path))
    assert waited == [1] * 10


def test_a_predictor_answers_arrays(model, tmp_path):
    path = model.export_saved_model(str(tmp_path), small.receiver)
    y = small.reference_output(model, small.X[:4], small.reference_averages(3))
    served = predictors.from_saved_model(path)
    names = {name: tensor.name for name, tensor in served.feed_tensors.items()}
    for predictor in (
        served,
        predictors.from_saved_model(path.decode(), "serving_default", tags="serve"),
        predictors.from_saved_model(path, input_names=names, output_names={"y": served.fetch_tensors["y"].name}),
        predictors.from_saved_model(path, signature_def=loaded(path).signature_def["serving_default"], tags=["serve"]),
        predictors.from_estimator(model, small.receiver),
    ):
        for _ in range(2):
            np.testing.assert_allclose(predictor({"x": small.X[:4]})["y"], y, rtol=1e-4)
        predictor.session.close()


def test_predictors_refuse(model, tmp_path):
    path = model.export_saved_model(str(tmp_path), small.receiver)
    for call, text in (
        (
            lambda: predictors.from_saved_model(path, "a", input_names={}),
            "from_saved_model: pass one of `signature_def",
        ),
        (
            lambda: predictors.from_saved_model(path, input_names={}),
            "from_saved_model: pass one of `signature_def_key`",
        ),
        (
            lambda: predictors.from_saved_model(path, "other"),
            "no such signature. Got 'other'; expected one of .'serving",
        ),
        (lambda: predictors.from_estimator(3, small.receiver), "from_estimator: `estimator` has another type"),
        (lambda: predictors.from_estimator(model, small.receiver, "other"), "there is no such output. Got 'other'"),
        (lambda: predictors.from_saved_model(path)({"z": 1}), "Predictor: there are no such inputs. Got .'z'."),
    ):
        with pytest.raises(errors.Tf1bnError, match=text):
            call()
