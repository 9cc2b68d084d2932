"""Converters that start from a frozen graph or a session: TFLite, and where they are installed ONNX and OpenVINO."""

import contextlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

import tf1bn
from tests.portability import programs, table
from tests.portability.programs import IN_PLACE, LAYERS, MODES, Case, X, moves
from tf1bn.testing.graphs import graph_mode

FEEDS = {np.dtype(np.float32): X, np.dtype(bool): np.array(False)}


def _frozen(mode: str, layer: str, switch: str) -> tuple[tf.GraphDef, Any]:
    graph_def, outputs = programs.freeze(Case(mode, layer, switch, cut=moves(layer, switch)))
    return graph_def, outputs["off"]


def _lite(session: Any, inputs: list[Any], output: Any) -> Any:
    """Converts what a session holds, as programs of TensorFlow 1 do, and runs it."""
    model = tf.lite.TFLiteConverter.from_session(session, inputs, [output]).convert()
    interpreter = tf2.lite.Interpreter(model_content=model)
    details = interpreter.get_input_details()
    for detail in details:
        if detail["dtype"] == np.float32:
            interpreter.resize_tensor_input(detail["index"], X.shape)
    interpreter.allocate_tensors()
    for detail in details:
        interpreter.set_tensor(detail["index"], FEEDS[np.dtype(detail["dtype"])])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.exhaustive
@pytest.mark.parametrize("switch", ["placeholder", "default", "variable", "False", "True"])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("mode", MODES)
def test_tflite_converts_a_session(mode, layer, switch):
    assert table.cell(layer, "TFLite") == ("cut" if layer in IN_PLACE else "yes")
    with contextlib.ExitStack() as stack:
        if switch == "True":
            stack.enter_context(tf1bn.default_kernel("plain"))
        if moves(layer, switch):  # from_session takes the session's whole graph: one of what is left has to be made
            graph_def, wanted = _frozen(mode, layer, switch)
            graph = stack.enter_context(tf.Graph().as_default())
            tf.import_graph_def(graph_def, name="")
            session = stack.enter_context(tf.Session())
        else:
            graph = stack.enter_context(graph_mode(MODES[mode]))
            session = stack.enter_context(programs.network(layer, switch))
            wanted = session.run("y:0", programs.feeds(switch, False))
        names = ["x:0"] + ["switch:0"] * (switch == "placeholder")
        got = _lite(session, list(map(graph.get_tensor_by_name, names)), graph.get_tensor_by_name("y:0"))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.exhaustive
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("mode", MODES)
def test_onnx_runtime_runs_a_frozen_graph(mode, layer):
    converter = pytest.importorskip("tf2onnx", reason="tf2onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    graph_def, wanted = _frozen(mode, layer, "placeholder")
    model, _ = converter.convert.from_graph_def(
        graph_def, input_names=["x:0", "switch:0"], output_names=["y:0"], opset=17
    )
    session = runtime.InferenceSession(model.SerializeToString())
    (got,) = session.run(None, {"x:0": X, "switch:0": np.array(False)})
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    assert table.cell(layer, "ONNX") == ("cut" if layer in IN_PLACE else "yes")


@pytest.mark.exhaustive
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("mode", MODES)
def test_openvino_runs_a_frozen_graph(mode, layer, tmp_path):
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    graph_def, wanted = _frozen(mode, layer, "placeholder")
    path = tmp_path / "frozen.pb"
    path.write_bytes(graph_def.SerializeToString())
    # On some processors it computes in half precision unless told otherwise.
    model = openvino.compile_model(openvino.convert_model(str(path)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    fed = {item.any_name: FEEDS[np.dtype(item.element_type.to_dtype())] for item in model.inputs}
    np.testing.assert_allclose(model(fed)[model.output(0)], wanted, rtol=1e-5, atol=1e-5)
    assert table.cell(layer, "OpenVINO") == ("cut" if layer in IN_PLACE else "yes")
