"""What TensorFlow Serving asks of a SavedModel: its tag, a method that it knows, messages that fit the signatures."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

predict_pb2 = pytest.importorskip(
    "tensorflow_serving.apis.predict_pb2", reason="run by `make test-neighbours`, with tensorflow-serving-api"
)
from tensorflow_serving.apis import classification_pb2, get_model_metadata_pb2, regression_pb2  # noqa: E402

import tf1bn  # noqa: E402
from tf1bn.compat import estimator  # noqa: E402
from tf1bn.compat.estimator import export as exports  # noqa: E402
from tf1bn.testing import reference  # noqa: E402
from tf1bn.testing.graphs import graph_mode  # noqa: E402

OUTPUTS = {
    "predict": lambda y: exports.PredictOutput({"y": y}),
    "classify": lambda y: exports.ClassificationOutput(scores=y),
    "regress": lambda y: exports.RegressionOutput(y[:, 0]),
}


def opened(folder):
    """Loads by the tag that the server asks for, into the default session, and returns its signatures."""
    return tf.saved_model.loader.load(tf.get_default_session(), ["serve"], str(folder)).signature_def


def test_an_export_answers_a_predict_request(values, tmp_path):
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4], "x")
        tf.identity(tf1bn.batch_norm(x, tf.placeholder_with_default(False, []), scope="bn"), "y")
        session.run(tf.global_variables_initializer())
        tf1bn.export.export(graph, session, "y", str(tmp_path / "1"), to="saved_model")
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "serving_default"
    with tf.Graph().as_default(), tf.Session() as session:
        signature = opened(tmp_path / "1")[request.model_spec.signature_name]
        assert signature.method_name == "tensorflow/serving/predict" and tf.saved_model.is_valid_signature(signature)
        for key in signature.inputs:
            request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
        sent = predict_pb2.PredictRequest.FromString(request.SerializeToString()).inputs
        feed = {signature.inputs[key].name: tf.make_ndarray(value) for key, value in sent.items()}
        [y] = session.run([info.name for info in signature.outputs.values()], feed)
    start = reference.Statistics(np.zeros(4), np.ones(4))
    np.testing.assert_allclose(y, reference.normalize(values.astype(np.float64), start), 1e-5, 1e-6)


@pytest.mark.parametrize("method", OUTPUTS)
def test_an_estimator_exports_signatures_of_each_method(method, tmp_path):
    def model_fn(features, labels, mode):
        y = tf1bn.batch_norm(features["x"], mode == "train", scope="bn")
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        with tf.control_dependencies([y]):
            loss = tf.reduce_sum(y) * 0.0
        outputs = {"serving_default": OUTPUTS[method](y)}
        return estimator.EstimatorSpec(mode, {"y": y}, loss, tf.group(step), export_outputs=outputs)

    def rows():
        return tf.data.Dataset.from_tensors(({"x": np.ones((8, 2), np.float32)}, np.zeros(8, np.float32)))

    model = estimator.Estimator(model_fn, str(tmp_path / "run")).train(rows, steps=1)
    receiver = exports.build_parsing_serving_input_receiver_fn({"x": tf.FixedLenFeature([2], tf.float32)})
    folder = model.export_saved_model(str(tmp_path / "out"), receiver).decode()
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.extend([1.0, 2.0])
    with tf.Graph().as_default(), tf.Session() as session:
        signature = opened(folder)["serving_default"]
        assert signature.method_name == f"tensorflow/serving/{method}" and tf.saved_model.is_valid_signature(signature)
        [taken] = signature.inputs.values()
        fetched = {key: info.name for key, info in signature.outputs.items()}
        given = session.run(fetched, {taken.name: [example.SerializeToString()]})
        described = get_model_metadata_pb2.SignatureDefMap()
        described.signature_def["serving_default"].CopyFrom(signature)
    assert described.signature_def["serving_default"].method_name == signature.method_name
    if method == "classify":
        kinds = classification_pb2.Classifications(classes=[{"score": float(score)} for score in given["scores"][0]])
        assert len(kinds.classes) == 2
    elif method == "regress":
        assert np.isfinite(regression_pb2.Regression(value=float(np.ravel(given["outputs"])[0])).value)
    else:
        assert given["y"].shape == (1, 2)
