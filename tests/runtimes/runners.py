"""What runs an exported network elsewhere: each returns y for x, and what ops it made of the network."""

from __future__ import annotations

import collections
import functools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

from tests.runtimes import coreml, networks
from tests.runtimes.elsewhere import HERE, ROOT, Elsewhere

TFJS = Path(os.environ.get("TF1BN_TFJS") or ROOT / ".venv-tfjs")
"""The environment of the converter to TensorFlow.js, with the packages of Node.js below `node`; see the Makefile."""

Ran = tuple[Any, "collections.Counter[str]"]


def onnx_runtime(path: str, x: Any) -> Ran:
    """tf2onnx, then ONNX Runtime."""
    runtime, model = pytest.importorskip("onnxruntime"), _onnx(path)
    [y] = runtime.InferenceSession(model.SerializeToString()).run(None, {"x:0": x})
    return y, collections.Counter(node.op_type for node in model.graph.node)


def onnx_file(path: str, x: Any) -> Ran:
    """ONNX Runtime on a file of ONNX."""
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    [y] = session.run(None, {session.get_inputs()[0].name: x})
    return y, collections.Counter(node.op_type for node in pytest.importorskip("onnx").load(path).graph.node)


def openvino(path: str, x: Any) -> Ran:
    """OpenVINO on the frozen graph, in the precision of the graph: some processors take half of it otherwise."""
    os.environ.setdefault("CI", "true")  # else its import sends statistics, and waits for a network that may be none
    library = pytest.importorskip("openvino")
    model = library.compile_model(library.convert_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [op.get_rt_info()["layerType"] for op in model.get_runtime_model().get_ops()]
    names = [str(getattr(kind, "value", kind)) for kind in kinds]
    # How often it turns data around differs with the processor, and is no op of the network.
    [y] = [out for out in model.outputs if "y:0" in out.names] or model.outputs[:1]  # an open end is one, too
    return model(x)[y], collections.Counter(name for name in names if name != "Reorder")


def opencv(path: str, x: Any) -> Ran:
    """The reader of OpenCV's dnn module, whose images are channels first, as they come in and out."""
    net = pytest.importorskip("cv2").dnn.readNetFromTensorflow(path)
    net.setInput(np.transpose(x, (0, 3, 1, 2)) if x.ndim == 4 else x)
    y = net.forward()
    return np.transpose(y, (0, 2, 3, 1)) if y.ndim == 4 else y, collections.Counter(
        net.getLayer(name).type for name in net.getLayerNames()
    )


def litert(path: str, x: Any) -> Ran:
    """TensorFlow's converter, then LiteRT."""
    return _litert(_converter(path).convert(), x)


def tflite_file(path: str, x: Any) -> Ran:
    """LiteRT on a TFLite file."""
    return _litert(Path(path).read_bytes(), x)


def litert_int8(path: str, x: Any) -> Ran:
    """The same, quantised to integers of 8 bits for the range of x."""
    converter = _converter(path)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter([[x]])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return _litert(converter.convert(), x)


def saved_model(path: str, x: Any) -> Ran:
    """A SavedModel of the frozen graph, loaded by TensorFlow 2."""
    loaded = tf2.saved_model.load(_as_saved_model(path))
    serve = loaded.signatures["serving_default"]
    return _both(serve(x=tf2.constant(x)), serve.graph)


def keras_layer(path: str, x: Any) -> Ran:
    """The same as a layer of Keras 3."""
    folder, name = _as_saved_model(path), "serving_default"
    layer = pytest.importorskip("keras").layers.TFSMLayer(folder, call_endpoint=name)
    return _both(layer(tf2.constant(x)), tf2.saved_model.load(folder).signatures[name].graph)


def xla(path: str, x: Any) -> Ran:
    """The SavedModel's function, compiled by XLA."""
    serve = tf2.saved_model.load(_as_saved_model(path)).signatures["serving_default"]
    compiled = tf2.function(lambda given: serve(x=given), jit_compile=True)
    return _both(compiled(tf2.constant(x)), serve.graph)


def jit_scope(path: str, x: Any) -> Ran:
    """A session on a graph that was built in a `jit_scope`; what is compiled is one op of what it makes of it.

    Grappler would put the convolutions into ops of oneDNN before, which are not compiled (findings/).
    """
    record, config = tf.RunMetadata(), tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        tf.import_graph_def(networks.load(path), name="")
        y = session.run("y:0", {"x:0": x}, tf.RunOptions(output_partition_graphs=True), record)
    return y, collections.Counter(node.op for graph in record.partition_graphs for node in graph.node)


def tvm(path: str, x: Any) -> Ran:
    """tf2onnx, then TVM for this processor."""
    compiler = pytest.importorskip("tvm")
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    module, found = from_onnx(_onnx(path)), []
    relax.analysis.post_order_visit(module["main"], found.append)
    calls = [part.op.name for part in found if isinstance(part, relax.Call) and hasattr(part.op, "name")]
    machine = relax.VirtualMachine(compiler.compile(module, target="llvm"), compiler.cpu())
    return machine["main"](compiler.runtime.tensor(x)).numpy(), collections.Counter(calls)


def core_ml(path: str, x: Any) -> Ran:
    """Core ML Tools, and the program that it makes in NumPy."""
    library = pytest.importorskip("coremltools")
    program = library.convert(
        _as_saved_model(path),
        source="tensorflow",
        convert_to="milinternal",
        compute_precision=library.precision.FLOAT32,
    )
    kinds = [op.op_type for function in program.functions.values() for op in function.operations]
    return coreml.run(program, x), collections.Counter(kind for kind in kinds if kind != "const")


def tensorflow_js(path: str, x: Any) -> Ran:
    """The converter to TensorFlow.js, and Node.js."""
    convert, run = _tensorflow_js()
    folder = str(Path(path).with_suffix("")) + "_js"
    convert.ask(frozen=path, output="y", folder=folder)
    model = json.loads(Path(folder, "model.json").read_text())
    y = run.ask(folder=folder, input="x", output="y", x=x.tolist())["y"]
    return np.array(y), collections.Counter(node["op"] for node in model["modelTopology"]["node"])


@functools.cache
def _tensorflow_js() -> tuple[Elsewhere, Elsewhere]:
    """The converter, which needs an older TensorFlow, and what runs its models; each is started once."""
    python, node = TFJS / "bin" / "python", shutil.which("node")
    if not python.exists() or node is None:
        pytest.skip("there is no converter to TensorFlow.js or no Node.js; `make test-runtimes` makes an environment")
    return (
        Elsewhere(str(python), str(HERE / "programs" / "convert_to_tfjs.py")),
        Elsewhere(node, str(HERE / "programs" / "run_tfjs.js"), NODE_PATH=str(TFJS / "node" / "node_modules")),
    )


RUNNERS: dict[str, Callable[[str, Any], Ran]] = {
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": openvino,
    "OpenCV": opencv,
    "LiteRT": litert,
    "LiteRT int8": litert_int8,
    "SavedModel": saved_model,
    "TFSMLayer": keras_layer,
    "XLA": xla,
    "XLA jit_scope": jit_scope,
    "Core ML Tools": core_ml,
    "TensorFlow.js": tensorflow_js,
    "TVM": tvm,
}


def _onnx(path: str) -> Any:
    ends = {"input_names": ["x:0"], "output_names": ["y:0"]}
    return pytest.importorskip("tf2onnx").convert.from_graph_def(networks.load(path), **ends, opset=17)[0]


def _converter(path: str) -> Any:
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(networks.load(path), name="")
    ends = [graph.get_tensor_by_name(name) for name in ("x:0", "y:0")]
    return tf.lite.TFLiteConverter.from_session(tf.Session(graph=graph), ends[:1], ends[1:])


def _litert(model: bytes, x: Any) -> Ran:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return y, collections.Counter(detail["op_name"] for detail in interpreter._get_ops_details())


def _as_saved_model(path: str) -> str:
    folder = str(Path(path).with_suffix("")) + "_saved"
    if os.path.isdir(folder):
        return folder
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(networks.load(path), name="")
        x, y = (graph.get_tensor_by_name(name) for name in ("x:0", "y:0"))
        tf.saved_model.simple_save(session, folder, {"x": x}, {"y": y})
    return folder


def _both(given: Any, graph: Any) -> Ran:
    return given["y"].numpy(), _kinds(graph)


def _kinds(graph: Any) -> collections.Counter[str]:
    return collections.Counter(op.type for op in graph.get_operations())
