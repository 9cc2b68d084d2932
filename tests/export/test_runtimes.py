"""Exports for one reader: what is put in other words, what is refused, and that numbers stay."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.export import programs
from tf1bn import errors, export
from tf1bn.core import onednn
from tf1bn.export.runtimes import catalog
from tf1bn.export.runtimes.runtime import Runtime

X = np.random.RandomState(3).normal(0.2, 1, (2, 6, 4, 3)).astype(np.float32)
KERNEL = np.random.RandomState(4).normal(size=(1, 1, 3, 3)).astype(np.float32)
C = np.array([0.5, -1.5, 2.0], np.float32)
CONVOLVED = np.einsum("bhwc,cd->bhwd", X.astype(np.float64), KERNEL[0, 0])


def exported(after, folder, shape=(2, 6, 4, 3), **options):
    """Exports a convolution followed by `after`; returns the export and the types of its ops."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, shape, "x")
        tf.identity(after(tf.nn.conv2d(x, KERNEL, [1, 1, 1, 1], "SAME")), "y")
        done = export.export(graph, {}, "y", folder / "file", feed={"x": X}, **options)
    return done, [node.op for node in done.graph.graph_def.node]


SAME = {
    "EnsureShape": lambda y: tf.ensure_shape(y, [2, 6, 4, 3]),
    "StopGradient": tf.stop_gradient,
    "PreventGradient": lambda y: tf.raw_ops.PreventGradient(input=y),
    "CheckNumerics": lambda y: tf.check_numerics(y, "finite"),
    "Snapshot": lambda y: tf.raw_ops.Snapshot(input=y),
}


@pytest.mark.parametrize("runtime", ["opencv", "openvino"])
def test_what_hands_on_its_input_is_left_out(runtime, tmp_path, run_frozen):
    def all_of_them(y):
        for op in SAME.values():
            y = op(y)
        return tf.nn.relu(y)

    done, ops = exported(all_of_them, tmp_path, runtime=runtime)
    assert done.form == "frozen" and not set(SAME) & set(ops) and "Relu" in ops
    assert f"in other words for {runtime}: {', '.join(sorted(SAME))}" in done.notes
    found = run_frozen(done.path, "y:0", {"x:0": X})
    np.testing.assert_allclose(found, np.maximum(CONVOLVED, 0), rtol=1e-5, atol=1e-5)


OTHER_WORDS = {
    "Neg": (tf.negative, -CONVOLVED),
    "Sub": (lambda y: 1.5 - y, 1.5 - CONVOLVED),
    "AddV2": (lambda y: tf.nn.relu(y) + C, np.maximum(CONVOLVED, 0) + C),
    "BiasAdd": (lambda y: tf.nn.bias_add(tf.nn.relu(y), C), np.maximum(CONVOLVED, 0) + C),
    "Rsqrt": (lambda y: tf.rsqrt(tf.square(y) + 1.0), 1 / np.sqrt(CONVOLVED**2 + 1)),
    "SquaredDifference": (lambda y: tf.squared_difference(C, y), (C - CONVOLVED) ** 2),
    "PadV2": (
        lambda y: tf.pad(y, [[0, 0], [1, 2], [0, 1], [0, 0]], constant_values=0.0 * tf.ones([])),
        np.pad(CONVOLVED, [(0, 0), (1, 2), (0, 1), (0, 0)]),
    ),
}


@pytest.mark.parametrize("op", OTHER_WORDS)
def test_what_opencv_lacks_is_put_in_other_words(op, tmp_path, run_frozen):
    after, wanted = OTHER_WORDS[op]
    done, ops = exported(after, tmp_path, runtime="opencv")
    assert op not in ops and f"in other words for opencv: {op}" in done.notes
    np.testing.assert_allclose(run_frozen(done.path, "y:0", {"x:0": X}), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [[3], [1, 1, 1, 3]], ids=str)
def test_one_value_per_channel_is_taken_away_behind_a_factor(shape, tmp_path, run_frozen):
    """OpenCV knows a shift per channel behind a scale per channel only."""
    done, ops = exported(lambda y: C.reshape(shape) - tf.nn.relu(y - C.reshape(shape)), tmp_path, runtime="opencv")
    assert ops.count("Mul") == ops.count("Add") == 2 and "Sub" not in ops
    wanted = C - np.maximum(CONVOLVED - C, 0)
    np.testing.assert_allclose(run_frozen(done.path, "y:0", {"x:0": X}), wanted, rtol=1e-5, atol=1e-5)


def test_a_scale_and_shift_and_the_bias_of_a_convolution_stay(tmp_path):
    _, ops = exported(lambda y: tf.nn.bias_add(y, C) * C + C, tmp_path, runtime="opencv")
    assert ops.count("BiasAdd") == ops.count("Mul") == ops.count("AddV2") == 1


def test_a_convolution_between_batches_of_pixels_stays(tmp_path):
    def dilated(y):
        inner = tf.space_to_batch_nd(y, [2, 2], [[0, 0], [0, 0]])
        return tf.batch_to_space_nd(tf.nn.conv2d(inner, KERNEL, 1, "VALID"), [2, 2], [[0, 0], [0, 0]])

    assert {"SpaceToBatchND", "BatchToSpaceND"} <= set(exported(dilated, tmp_path, runtime="opencv")[1])


def test_a_difference_from_a_constant_as_second_and_a_leaky_relu_stay(tmp_path, run_frozen):
    done, ops = exported(lambda y: tf.maximum(0.5 * y, y) - 2.0, tmp_path, runtime="opencv")
    assert {"Sub", "Maximum"} <= set(ops)
    wanted = np.maximum(CONVOLVED, 0.5 * CONVOLVED) - 2
    np.testing.assert_allclose(run_frozen(done.path, "y:0", {"x:0": X}), wanted, rtol=1e-5, atol=1e-5)


def grown(y):
    """A transposed convolution whose output is twice the input, by the shape of the input."""
    height, width = tf.shape(y)[1], tf.shape(y)[2]
    sizes = tf.stack([tf.shape(y)[0], height * 2, width * 2, 5])
    return tf.nn.conv2d_transpose(y, np.ones((2, 2, 5, 3), np.float32), sizes, [1, 2, 2, 1])


def test_the_output_shape_of_a_transposed_convolution_is_a_constant_where_it_is_known(tmp_path, run_frozen):
    done, ops = exported(grown, tmp_path, runtime="opencv")
    assert "Shape" not in ops and "Pack" not in ops
    [node] = [node for node in done.graph.graph_def.node if node.op == "Conv2DBackpropInput"]
    [sizes] = [item for item in done.graph.graph_def.node if item.name == node.input[0]]
    assert tf.make_ndarray(sizes.attr["value"].tensor).tolist() == [2, 12, 8, 5]
    wanted = np.repeat(np.repeat(CONVOLVED.sum(-1, keepdims=True), 2, 1), 2, 2) * np.ones(5)
    np.testing.assert_allclose(run_frozen(done.path, "y:0", {"x:0": X}), wanted, rtol=1e-5, atol=1e-5)
    with pytest.raises(errors.ExportError, match="output shape depends on the input.*State the batch size"):
        exported(grown, tmp_path, shape=[None, 6, 4, 3], runtime="opencv", overwrite=True)


def test_a_chain_of_known_shapes_is_settled_one_after_the_other(tmp_path):
    _, ops = exported(lambda y: grown(grown(y)[:, :, :, :3]), tmp_path, runtime="opencv")
    assert set(ops) <= {"Placeholder", "Const", "Conv2D", "Conv2DBackpropInput", "StridedSlice", "Identity"}


REFUSED = {
    "cond": (lambda y: tf.cond(tf.reduce_max(y) > 0, lambda: y, lambda: -y), "it has no (If|Greater|Switch)"),
    "dilated": (
        lambda y: tf.nn.conv2d(y, np.ones((2, 2, 3, 3), np.float32), [1, 1, 1, 1], "SAME", dilations=[1, 2, 2, 1]),
        "Conv2D 'Conv2D_1': its `dilations` are overlooked.*with_space_to_batch",
    ),
    "padding": (
        lambda y: tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC"),
        "MirrorPad 'MirrorPad': it pads symmetrically as by reflection",
    ),
    "padding with ones": (
        lambda y: tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1),
        "it has no PadV2.*Pad with zeros",
    ),
    "softmax": (tf.nn.softmax, "Softmax 'Softmax': it is taken over another axis"),
    "division": (lambda y: 1.0 / (y + 9.0), "RealDiv 'truediv': a constant is divided. .*tf.reciprocal"),
    "axis": (lambda y: y[:, 0], "StridedSlice 'strided_slice': it drops or adds an axis"),
    "backwards": (lambda y: y[:, :, :, ::-1], "StridedSlice 'strided_slice': it goes backwards"),
    "some axes": (
        lambda y: y[:, 1:3],
        r"StridedSlice 'strided_slice': it does not say all axes.*Write y\[:, a:b, :, :\]",
    ),
    "batches": (
        lambda y: tf.batch_to_space_nd(y, [2, 1], [[0, 0], [0, 0]]),
        "BatchToSpaceND 'BatchToSpaceND': it is known around a convolution only",
    ),
    "space": (
        lambda y: tf.space_to_batch_nd(y, [2, 1], [[0, 0], [0, 0]]),
        "SpaceToBatchND 'SpaceToBatchND': it is known around a convolution only",
    ),
    "depthwise": (
        lambda y: tf.nn.depthwise_conv2d_native(
            y, np.ones((2, 2, 3, 1), np.float32), [1] * 4, "SAME", dilations=[1, 2, 2, 1]
        ),
        "DepthwiseConv2dNative 'DepthwiseConv2dNative': its `dilations` are overlooked",
    ),
    "squeeze": (lambda y: tf.squeeze(tf.nn.avg_pool2d(y, [6, 4], 1, "VALID")), "Squeeze 'Squeeze': it does not name"),
    "all": (lambda y: tf.reduce_sum(y, [1, 2, 3]), "Sum 'Sum': it reduces other axes than the height"),
    "many numbers": (lambda y: y * np.ones((6, 4, 3), np.float32), "Mul 'mul': a constant of several axes"),
    "rows": (lambda y: tf.reshape(tf.reshape(y, [12, 12]), [2, 4, 6, 3]), "Reshape 'Reshape_1': it makes images"),
    "turned": (
        lambda y: tf.matmul(tf.reshape(y, [2, 72]), np.ones((5, 72), np.float32), transpose_b=True),
        "MatMul 'MatMul': it turns a matrix",
    ),
    "bias of rows": (
        lambda y: tf.matmul(tf.reshape(y, [2, 72]), np.ones((72, 72), np.float32)) + tf.reshape(y, [2, 72]),
        "AddV2 'add': it is read as the bias of a product of matrices.*tf.add_n",
    ),
    "order": (lambda y: tf.transpose(y, [0, 2, 1, 3]), "Transpose 'transpose': it turns axes otherwise"),
    "smaller": (lambda y: tf.minimum(y, C), "it has no Minimum: 'Minimum'.*c - tf.nn.relu"),
    "larger": (lambda y: tf.maximum(y, 0.5), "Maximum 'Maximum': it is known as a leaky ReLU only.*tf.nn.relu"),
    "no leak": (lambda y: tf.maximum(y, 1.5 * y), "Maximum 'Maximum': it is known as a leaky ReLU only"),
    "sort": (lambda y: tf.nn.top_k(y, 2)[0], "it has no TopKV2: 'TopKV2'"),
    "many": (
        lambda y: tf.erfc(tf.math.expm1(tf.erfc(tf.math.log1p(tf.math.expm1(y))))),
        "it has no Expm1: 'Expm1'; it has no Log1p: 'Log1p'; it has no Erfc: 'Erfc'; and 2 more",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_opencv_cannot_compute_is_refused_with_op_place_and_way_out(what, tmp_path):
    if what == "depthwise" and not onednn.used():
        pytest.skip("without oneDNN TensorFlow does not compute dilations of this op, so there is nothing to export")
    after, text = REFUSED[what]
    with pytest.raises(
        errors.ExportError, match=f"(?s)OpenCV 5.* cannot run the graph: .*{text}.*Or export without `runtime`"
    ):
        exported(after, tmp_path, runtime="opencv")
    assert list(tmp_path.iterdir()) == []


def test_a_size_that_depends_on_the_input_is_refused_for_opencv(tmp_path):
    for resize in (tf.image.resize_bilinear, tf.image.resize_nearest_neighbor):
        with pytest.raises(errors.ExportError, match="Resize.*: its size depends on the input"):
            exported(lambda y: resize(y, tf.shape(y)[1:3] * 2), tmp_path, (2, None, None, 3), runtime="opencv")  # noqa: B023


@pytest.mark.parametrize("op", ["LogSoftmax", "Tile"])
def test_what_openvino_takes_along_another_axis_is_refused_for_images_and_not_for_rows(op, tmp_path):
    after = {"LogSoftmax": tf.nn.log_softmax, "Tile": lambda y: tf.tile(y, [1] * (y.shape.rank - 1) + [2])}[op]
    with pytest.raises(errors.ExportError, match=f"OpenVINO .* {op} '.*': .* along another axis behind a convolution"):
        exported(after, tmp_path, runtime="openvino")
    assert op in exported(lambda y: after(tf.reshape(y, [48, 3])), tmp_path, runtime="openvino")[1]


def test_a_normalisation_over_near_channels_is_refused_for_openvino(tmp_path):
    with pytest.raises(errors.ExportError, match="OpenVINO .* LRN 'LRN': its radius is taken for the whole width"):
        exported(lambda y: tf.nn.lrn(y, 1), tmp_path, runtime="openvino")


@pytest.mark.parametrize("op", ["bicubic", "area"])
def test_a_resize_that_tf2onnx_turns_into_another_is_refused(op, tmp_path):
    resize = {"bicubic": tf.image.resize_bicubic, "area": tf.image.resize_area}[op]
    with pytest.raises(errors.ExportError, match="tf2onnx .* it has no Resize(Bicubic|Area): .* (bilinearly|averages)"):
        exported(lambda y: resize(y, [3, 2]), tmp_path, runtime="onnx", to="frozen")


def test_images_without_an_op_that_knows_their_channels_are_refused_for_opencv(graph, tmp_path):
    x = tf.placeholder(tf.float32, [2, 6, 4, 3], "x")
    tf.reduce_mean(x * 2.0, [1, 2], name="y")
    with pytest.raises(errors.ExportError, match="no op tells the order of the axes of 'x'"):
        export.export(graph, {}, "y", tmp_path / "file", runtime="opencv")
    assert export.export(graph, {}, "y", tmp_path / "file", runtime="openvino").form == "frozen"


@pytest.mark.parametrize("runtime, to", [("tflite", "frozen"), ("opencv", "saved_model"), ("openvino", "meta")])
def test_a_file_that_the_runtime_does_not_read_is_refused(runtime, to, trained, tmp_path):
    text = f"export: a file of the form '{to}' is not for '{runtime}'.* Expected one of .*Leave out `to`"
    with pytest.raises(errors.ArgumentError, match=text):
        export.export(f"{trained}.meta", trained, "logits", tmp_path / "file", to=to, runtime=runtime)


def test_an_unknown_runtime_is_refused(trained, tmp_path):
    with pytest.raises(errors.UnknownNameError, match="unknown runtime 'opencvs'.* Did you mean 'opencv'"):
        export.export(f"{trained}.meta", trained, "logits", tmp_path / "file", runtime="opencvs")


@pytest.mark.parametrize("runtime, to", [("opencv", "frozen"), ("openvino", "saved_model"), ("tflite", "saved_model")])
def test_a_trained_network_is_fitted_and_holds_no_variable(runtime, to, mode, tmp_path):
    programs.train(programs.forward(programs.own("inline"), programs.SWITCHES["placeholder"]()))
    prefix = programs.save(tmp_path)
    done = export.export(f"{prefix}.meta", prefix, "logits", tmp_path / "file", to=to, runtime=runtime)
    ops = {node.op for node in done.graph.graph_def.node}
    assert not ops & {"VarHandleOp", "VariableV2", "Switch", "If", "Rsqrt"} and done.variables == 6
    rows = programs.rows()
    with tf.Graph().as_default() as graph, tf.Session() as session:
        if to == "frozen":
            tf.import_graph_def(done.graph.graph_def, name="")
        else:
            tf.saved_model.load(session, ["serve"], done.path)
        logits = session.run(graph.get_tensor_by_name("logits:0"), {"x:0": rows})
    np.testing.assert_allclose(logits, programs.expected(prefix, rows), rtol=1e-5, atol=1e-5)
    assert ("it passes the same checks as a file of the form tflite" in done.checks) == (runtime == "tflite")


def test_a_saved_model_for_tflite_is_refused_where_the_converter_refuses_it(tmp_path):
    with pytest.raises(errors.ExportError, match="(?s)TFLite cannot convert the graph.* It has no Erf: 'Erf'"):
        exported(tf.erf, tmp_path, runtime="tflite", to="saved_model")
    assert list(tmp_path.iterdir()) == []


def test_a_batch_norm_is_two_ops_on_constants(graph, tmp_path):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    tf.identity(tf1bn.batch_norm(x, False, kernel="plain"), "y")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        done = export.export(graph, session, "y", tmp_path / "file", runtime="openvino")
    ops = sorted(node.op for node in done.graph.graph_def.node if node.op != "Const")
    assert len(ops) <= 5 and "Rsqrt" not in ops
    assert any(note.endswith("ops on constants are constants now") for note in done.notes)


def test_a_large_result_stays_an_op(tmp_path, monkeypatch):
    monkeypatch.setattr("tf1bn.export.runtimes.settling._LARGEST", 100)
    _, ops = exported(lambda y: y + tf.fill([6, 4, 3], 2.0), tmp_path, runtime="openvino")
    assert "Fill" in ops
    monkeypatch.undo()
    _, ops = exported(lambda y: y + tf.fill([6, 4, 3], 2.0), tmp_path, runtime="openvino", overwrite=True)
    assert "Fill" not in ops


def test_every_row_names_forms_and_rewrites_that_it_then_reads():
    for runtime in catalog.ROWS.values():
        assert isinstance(runtime, Runtime) and runtime.forms and runtime.reader
        assert runtime.reads is None or set(runtime.limits) <= runtime.reads
        assert runtime.reads is None or {"Placeholder", "Const", "Identity"} <= runtime.reads
