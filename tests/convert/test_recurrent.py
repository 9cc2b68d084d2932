"""Fused and spelled-out LSTM cells: what they become computes what TensorFlow's own ops compute, step by step."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import convert, errors
from tf1bn.compat import rnn_cell
from tf1bn.convert import facts
from tf1bn.testing.graphs import graph_mode

INPUTS, UNITS, STEPS, BATCH = 3, 4, 5, 2


def _variables(inputs=INPUTS):
    return tf.get_variable("kernel", [inputs + UNITS, 4 * UNITS]), tf.get_variable("bias", [4 * UNITS])


def _zeros():
    return tf.zeros([BATCH, UNITS])


def _peeps():
    return {name: tf.zeros([UNITS]) for name in ("wci", "wcf", "wco")}


def block_cell(x):
    """One fused op per step."""
    kernel, bias = _variables()
    h = c = _zeros()
    for step in range(STEPS):
        out = tf.raw_ops.LSTMBlockCell(x=x[:, step], cs_prev=c, h_prev=h, w=kernel, b=bias, forget_bias=0.75,
                                       cell_clip=-1.0, **_peeps())  # fmt: skip
        h, c = out.h, out.cs
    return h


def _block(op, **options):
    def build(x):
        kernel, bias = _variables()
        out = op(seq_len_max=tf.constant(STEPS, tf.int64), x=tf.transpose(x, [1, 0, 2]), cs_prev=_zeros(),
                 h_prev=_zeros(), w=kernel, b=bias, cell_clip=-1.0, **_peeps(), **options)  # fmt: skip
        return out.h[-1]

    return build


def spelled(x):
    cell = rnn_cell.BasicLSTMCell(UNITS)
    state = cell.zero_state(BATCH, tf.float32)
    for step in range(STEPS):
        y, state = cell(x[:, step], state)
    return y


CELLS = {
    "LSTMBlockCell": block_cell,
    "BlockLSTM": _block(tf.raw_ops.BlockLSTM, forget_bias=1.0),
    "BlockLSTMV2": _block(tf.raw_ops.BlockLSTMV2),
    "BasicLSTMCell": spelled,
}


def _torch_lstm(state, x, prefix):
    """The equations of ``torch.nn.LSTM`` as its documentation has them: gates i, f, g, o, two biases."""
    w, u, b, d = (
        state[f"{prefix}{word}_l0"].astype(np.float64) for word in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = c = np.zeros((len(x), UNITS))
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w.T + b + h @ u.T + d, 4, 1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
    return h


def _keras_lstm(state, x, prefix):
    """The equations of Keras's LSTM: gates i, f, c, o, one bias."""
    w, u, b = (state[f"{prefix}{word}"].astype(np.float64) for word in ("kernel", "recurrent_kernel", "bias"))
    return _torch_lstm({"weight_ih_l0": w.T, "weight_hh_l0": u.T, "bias_ih_l0": b, "bias_hh_l0": 0 * b}, x, "")


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_elsewhere_computes_what_tensorflow_s_op_does(name):
    x = np.random.default_rng(1).normal(size=(BATCH, STEPS, INPUTS)).astype(np.float32)
    with graph_mode() as graph, tf.Session(graph=graph) as session:
        y = CELLS[name](tf.constant(x))
        numbers = np.random.default_rng(2)
        session.run(tf.global_variables_initializer())
        values = {v.op.name: numbers.normal(size=v.shape).astype(np.float32) for v in tf.global_variables()}
        for variable in tf.global_variables():
            session.run(variable.initializer, {variable.initializer.inputs[1]: values[variable.op.name]})
        expected = session.run(y)
        for to, run in (("torch", _torch_lstm), ("keras", _keras_lstm)):
            plan = convert.plan_conversion(values, to, graph=graph)
            assert not plan.doubts and [layer.kind for layer in plan.layers] == ["lstm"]
            state = {entry.target.name: entry.target.value(values.__getitem__) for entry in plan.entries}
            prefix = plan.entries[0].target.name.rpartition("weight" if to == "torch" else "kernel")[0]
            np.testing.assert_allclose(run(state, x, prefix), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_a_cell_state_that_is_cut_off_is_told(fused):
    with graph_mode() as graph:
        x = tf.placeholder(tf.float32, [BATCH, INPUTS])
        if fused:
            kernel, bias = _variables()
            tf.raw_ops.LSTMBlockCell(
                x=x, cs_prev=_zeros(), h_prev=_zeros(), w=kernel, b=bias, cell_clip=2.5, **_peeps()
            )
        else:
            cell = rnn_cell.LSTMCell(UNITS, cell_clip=2.5)
            cell(x, cell.zero_state(BATCH, tf.float32))
        values = {v.op.name: np.ones(v.shape, np.float32) for v in tf.global_variables()}
        text = facts.as_text(convert.plan_conversion(values, graph=graph))
    assert "its cell state is cut off at +-2.5" in text


# cuDNN: the graph has an opaque vector; the checkpoint has what its Saver writes for each cell.
_CELL = "cudnn_lstm/rnn/multi_rnn_cell/cell_{}/cudnn_compatible_lstm_cell"
_BOTH = "cudnn_lstm/stack_bidirectional_rnn/cell_0/bidirectional_rnn/{}/cudnn_compatible_lstm_cell"


def _canonical(*scopes):
    numbers, values = np.random.default_rng(3), {}
    for place, scope in enumerate(scopes):
        inputs = UNITS if "cell_1" in scope else INPUTS
        values[f"{scope}/kernel"] = numbers.normal(size=(inputs + UNITS, 4 * UNITS)).astype(np.float32)
        values[f"{scope}/bias"] = numbers.normal(size=4 * UNITS).astype(np.float32) + place
    return values


def _cudnn_graph(mode="lstm", direction="unidirectional"):
    x = tf.placeholder(tf.float32, [STEPS, BATCH, INPUTS], "x")
    with tf.variable_scope("cudnn_lstm"):
        params = tf.get_variable("opaque_kernel", [300])
    zero = tf.zeros([2, BATCH, UNITS])
    return tf.raw_ops.CudnnRNNV2(
        input=x, input_h=zero, input_c=zero, params=params, rnn_mode=mode, direction=direction, is_training=False
    ).output


def _compatible(values, scope, x):
    """The equations of ``CudnnCompatibleLSTMCell``: gates i, j, f, o, and nothing is added to the forget gate."""
    kernel, bias = (values[f"{scope}/{leaf}"].astype(np.float64) for leaf in ("kernel", "bias"))
    h = c = np.zeros((len(x), UNITS))
    for step in range(x.shape[1]):
        i, j, f, o = np.split(np.concatenate([x[:, step], h], 1) @ kernel + bias, 4, 1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(j)
        h = o * np.tanh(c)
    return h


@pytest.mark.parametrize("with_graph", [True, False], ids=["graph", "names"])
def test_cells_that_cudnn_saved_are_lstms(with_graph):
    scopes = [_CELL.format(0), _CELL.format(1)]
    values = _canonical(*scopes)
    with graph_mode() as graph:
        _cudnn_graph()
        plan = convert.plan_conversion(values, graph=graph if with_graph else None)
    assert not plan.doubts and [layer.scope for layer in plan.layers] == scopes
    state = {entry.target.name: entry.target.value(values.__getitem__) for entry in plan.entries}
    for scope, width in zip(scopes, (INPUTS, UNITS), strict=True):
        x = np.random.default_rng(4).normal(size=(BATCH, STEPS, width))
        found = _torch_lstm(state, x, scope.replace("/", ".") + ".")
        np.testing.assert_allclose(found, _compatible(values, scope, x), rtol=1e-6)


def test_cells_on_each_other_are_matched_by_their_order():
    values = _canonical(_CELL.format(0), _CELL.format(1), _CELL.format(2).replace("cell_2", "cell_2"))
    values[f"{_CELL.format(2)}/kernel"] = values[f"{_CELL.format(1)}/kernel"] + 1  # of one shape with the second
    like = {}
    for number, width in enumerate((INPUTS, UNITS, UNITS)):
        like |= {f"rnn.weight_ih_l{number}": (16, width), f"rnn.weight_hh_l{number}": (16, UNITS)}
        like |= {f"rnn.bias_ih_l{number}": (16,), f"rnn.bias_hh_l{number}": (16,)}
    with graph_mode() as graph:
        _cudnn_graph()
        plan = convert.plan_conversion(values, graph=graph, like=like)
    assert not plan.doubts
    sources = {entry.target.name: entry.target.text().partition(",")[0] for entry in plan.entries}
    assert sources["rnn.weight_hh_l2"] == f"{_CELL.format(2)}/kernel[3:7]".replace("[3:7]", "[4:8]")
    assert sources["rnn.weight_ih_l1"] == f"{_CELL.format(1)}/kernel[0:4]"


def test_directions_of_cudnn_are_cells_of_their_own():
    values = _canonical(_BOTH.format("fw"), _BOTH.format("bw"))
    with graph_mode() as graph:
        _cudnn_graph(direction="bidirectional")
        plan = convert.plan_conversion(values, graph=graph)
    assert not plan.doubts and [layer.scope for layer in plan.layers] == [_BOTH.format("fw"), _BOTH.format("bw")]


@pytest.mark.parametrize(
    ("values", "mode", "text"),
    [
        ({"cudnn_lstm/opaque_kernel": np.ones(300, np.float32)}, "lstm", "opaque parameters alone"),
        ({"other": np.ones(3, np.float32)}, "lstm", "no tensor cudnn_lstm/.../cudnn_compatible_lstm_cell/kernel"),
        ({"cudnn_lstm/opaque_kernel": np.ones(300, np.float32)}, "gru", "a GRU of cuDNN"),
        ({"cudnn_lstm/opaque_kernel": np.ones(300, np.float32)}, "rnn_tanh", "a layer of cuDNN of the mode 'rnn_tanh'"),
    ],
)
def test_what_cudnn_keeps_to_itself_is_asked(values, mode, text):
    with graph_mode() as graph:
        _cudnn_graph(mode)
        plan = convert.plan_conversion(values, graph=graph)
    assert len(plan.doubts) == 1 and text in plan.doubts[0].text
    with pytest.raises(errors.ConvertError, match="questions are open, nothing was written"):
        plan.require()


def test_a_gru_that_cudnn_saved_is_asked_without_a_graph():
    cell = "cudnn_gru/rnn/multi_rnn_cell/cell_0/cudnn_compatible_gru_cell"
    shapes = {"gates/kernel": (7, 8), "gates/bias": (8,)}
    for part, rows in (("input", INPUTS), ("hidden", UNITS)):
        shapes |= {f"candidate/{part}_projection/kernel": (rows, 4), f"candidate/{part}_projection/bias": (4,)}
    plan = convert.plan_conversion({f"{cell}/{name}": np.ones(shape, np.float32) for name, shape in shapes.items()})
    assert plan.doubts and all("a GRU of cuDNN" in doubt.text for doubt in plan.doubts)
