"""What runs an exported network elsewhere: each returns y for the networks' X, and what ops it made of the network."""

from __future__ import annotations

import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

from tests.runtimes import networks

Ran = tuple[Any, "collections.Counter[str]"]


def onnx_runtime(path: str) -> Ran:
    """tf2onnx, then ONNX Runtime."""
    converter, runtime = pytest.importorskip("tf2onnx"), pytest.importorskip("onnxruntime")
    ends = {"input_names": ["x:0"], "output_names": ["y:0"]}
    model, _ = converter.convert.from_graph_def(networks.load(path), **ends, opset=17)
    [y] = runtime.InferenceSession(model.SerializeToString()).run(None, {"x:0": networks.X})
    return y, collections.Counter(node.op_type for node in model.graph.node)


def openvino(path: str) -> Ran:
    """OpenVINO on the frozen graph, in the precision of the graph: some processors take half of it otherwise."""
    library = pytest.importorskip("openvino")
    model = library.compile_model(library.convert_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [op.get_rt_info()["layerType"] for op in model.get_runtime_model().get_ops()]
    names = [str(getattr(kind, "value", kind)) for kind in kinds]
    # How often it turns data around differs with the processor, and is no op of the network.
    return model(networks.X)[model.output(0)], collections.Counter(name for name in names if name != "Reorder")


def opencv(path: str) -> Ran:
    """The reader of OpenCV's dnn module, whose images are channels first."""
    net = pytest.importorskip("cv2").dnn.readNetFromTensorflow(path)
    net.setInput(np.transpose(networks.X, (0, 3, 1, 2)))
    y = net.forward()
    return y.reshape(1, -1), collections.Counter(net.getLayer(name).type for name in net.getLayerNames())


def litert(path: str) -> Ran:
    """TensorFlow's converter, then LiteRT."""
    return _litert(_converter(path).convert())


def litert_int8(path: str) -> Ran:
    """The same, quantised to integers of 8 bits for the range of X."""
    converter = _converter(path)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter([[networks.X]])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return _litert(converter.convert())


def saved_model(path: str) -> Ran:
    """A SavedModel of the frozen graph, loaded by TensorFlow 2."""
    loaded = tf2.saved_model.load(_as_saved_model(path))
    serve = loaded.signatures["serving_default"]
    return _both(serve(x=tf2.constant(networks.X)), serve.graph)


def keras_layer(path: str) -> Ran:
    """The same as a layer of Keras 3."""
    folder, name = _as_saved_model(path), "serving_default"
    layer = pytest.importorskip("keras").layers.TFSMLayer(folder, call_endpoint=name)
    return _both(layer(tf2.constant(networks.X)), tf2.saved_model.load(folder).signatures[name].graph)


def xla(path: str) -> Ran:
    """The SavedModel's function, compiled by XLA."""
    serve = tf2.saved_model.load(_as_saved_model(path)).signatures["serving_default"]
    compiled = tf2.function(lambda x: serve(x=x), jit_compile=True)
    return _both(compiled(tf2.constant(networks.X)), serve.graph)


RUNNERS: dict[str, Callable[[str], Ran]] = {
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": openvino,
    "OpenCV": opencv,
    "LiteRT": litert,
    "LiteRT int8": litert_int8,
    "SavedModel": saved_model,
    "TFSMLayer": keras_layer,
    "XLA": xla,
}


def _converter(path: str) -> Any:
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(networks.load(path), name="")
    ends = [graph.get_tensor_by_name(name) for name in ("x:0", "y:0")]
    return tf.lite.TFLiteConverter.from_session(tf.Session(graph=graph), ends[:1], ends[1:])


def _litert(model: bytes) -> Ran:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], networks.X)
    interpreter.invoke()
    y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return y, collections.Counter(detail["op_name"] for detail in interpreter._get_ops_details())


def _as_saved_model(path: str) -> str:
    folder = str(Path(path).with_suffix("")) + "_saved"
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(networks.load(path), name="")
        x, y = (graph.get_tensor_by_name(name) for name in ("x:0", "y:0"))
        tf.saved_model.simple_save(session, folder, {"x": x}, {"y": y})
    return folder


def _both(given: Any, graph: Any) -> Ran:
    return given["y"].numpy(), _kinds(graph)


def _kinds(graph: Any) -> collections.Counter[str]:
    return collections.Counter(op.type for op in graph.get_operations())
