"""The cells of tf.contrib.rnn against the equations of their papers, in NumPy; names and shapes as in 1.15."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat import rnn_reference as reference
from tf1bn import errors
from tf1bn.compat import contrib_rnn as rnn

RANDOM = np.random.RandomState(5)
STEPS, BATCH = 4, 3


class Case(NamedTuple):
    """A cell, its reference, and the names and shapes of its variables below the scope of the network."""

    make: Callable[[], Any]
    step: Callable[..., Any]
    variables: dict[str, list[int]]
    scope: str = ""
    x: Any = (4,)
    extra: dict[str, Any] = {}


def named(scope: str, **shapes: list[int]) -> dict[str, list[int]]:
    return {f"{scope}/{name.replace('__', '/')}": shape for name, shape in shapes.items()}


PEEPHOLES = {"w_i_diag": [3], "w_f_diag": [3], "w_o_diag": [3]}
NORMS = {
    f"{scope}__{leaf}": [3]
    for scope in ("input", "transform", "forget", "output", "state")
    for leaf in ("gamma", "beta")
}
BASIC = {"basic_rnn_cell/kernel": [7, 3], "basic_rnn_cell/bias": [3]}
DIAGONALS = {f"W_{g}_diag_{d}{at}_0": [3] for g in "FIO" for d in ("freq", "time") for at in "ft"}
WIDE = {"feature_size": 2, "frequency_skip": 1}
ONE, TWO = {"directions": [("", list)]}, {"directions": [("fwd/", list), ("bwd/", lambda r: list(r)[::-1])]}

CASES = {
    "block lstm": Case(
        lambda: rnn.LSTMBlockCell(3), reference.lstm, named("lstm_cell", kernel=[7, 12], bias=[12]), "lstm_cell"
    ),
    "block lstm with peepholes": Case(
        lambda: rnn.LSTMBlockCell(3, use_peephole=True, cell_clip=0.3),
        reference.lstm,
        named("lstm_cell", kernel=[7, 12], bias=[12], **PEEPHOLES),
        "lstm_cell",
        extra={"clip": 0.3},
    ),
    "block gru": Case(
        lambda: rnn.GRUBlockCell(3),
        reference.gru,
        named("gru_cell", w_ru=[7, 6], b_ru=[6], w_c=[7, 3], b_c=[3]),
        "gru_cell",
    ),
    "block gru, second form": Case(
        lambda: rnn.GRUBlockCellV2(cell_size=3),
        reference.gru_v2,
        named("gru_cell", gates__kernel=[7, 6], gates__bias=[6], candidate__kernel=[7, 3], candidate__bias=[3]),
        "gru_cell",
    ),
    "coupled": Case(
        lambda: rnn.CoupledInputForgetGateLSTMCell(3),
        reference.coupled,
        named("coupled_input_forget_gate_lstm_cell", W_0=[7, 9], B=[9]),
        "coupled_input_forget_gate_lstm_cell",
    ),
    "coupled, in shards, projected, with peepholes": Case(
        lambda: rnn.CoupledInputForgetGateLSTMCell(3, True, None, 2, 0.2, 2, 3),
        reference.coupled,
        named(
            "coupled_input_forget_gate_lstm_cell",
            W_0=[3, 9],
            W_1=[3, 9],
            B=[9],
            W_F_diag=[3],
            W_O_diag=[3],
            W_P_0=[1, 2],
            W_P_1=[1, 2],
            W_P_2=[1, 2],
        ),
        "coupled_input_forget_gate_lstm_cell",
    ),
    "coupled, normalised": Case(
        lambda: rnn.CoupledInputForgetGateLSTMCell(3, layer_norm=True, norm_gain=0.5),
        reference.coupled,
        named(
            "coupled_input_forget_gate_lstm_cell",
            W_0=[7, 9],
            B=[9],
            **{k: v for k, v in NORMS.items() if not k.startswith("input")},
        ),
        "coupled_input_forget_gate_lstm_cell",
    ),
    "layer norm": Case(
        lambda: rnn.LayerNormBasicLSTMCell(3),
        reference.layer_norm_lstm,
        named("layer_norm_basic_lstm_cell", kernel=[7, 12], **NORMS),
        "layer_norm_basic_lstm_cell",
    ),
    "layer norm, left out": Case(
        lambda: rnn.LayerNormBasicLSTMCell(3, layer_norm=False),
        reference.lstm,
        named("layer_norm_basic_lstm_cell", kernel=[7, 12], bias=[12]),
        "layer_norm_basic_lstm_cell",
    ),
    "ugrnn": Case(
        lambda: rnn.UGRNNCell(3), reference.ugrnn, named("ugrnn_cell", kernel=[7, 6], bias=[6]), "ugrnn_cell"
    ),
    "intersection": Case(
        lambda: rnn.IntersectionRNNCell(4),
        reference.intersection,
        named("intersection_rnn_cell", kernel=[8, 16], bias=[16]),
        "intersection_rnn_cell",
    ),
    "intersection, projected": Case(
        lambda: rnn.IntersectionRNNCell(3, 3),
        reference.intersection,
        named(
            "intersection_rnn_cell", in_projection__kernel=[4, 3], in_projection__bias=[3], kernel=[6, 12], bias=[12]
        ),
        "intersection_rnn_cell",
    ),
    "sru": Case(lambda: rnn.SRUCell(3), reference.sru, named("sru_cell", kernel=[4, 12], bias=[6]), "sru_cell"),
    "minimal": Case(
        lambda: rnn.MinimalRNNCell(3),
        reference.minimal,
        named("minimal_rnn_cell", kernel=[10, 3], bias=[3]),
        "minimal_rnn_cell",
    ),
    "chaos-free": Case(
        lambda: rnn.CFNCell(3),
        reference.chaos_free,
        named("cfn_cell", kernel=[4, 9], recurrent_kernel=[3, 6], bias=[6]),
        "cfn_cell",
    ),
    "indrnn": Case(
        lambda: rnn.IndRNNCell(3),
        reference.indrnn,
        named("ind_rnn_cell", kernel_w=[4, 3], kernel_u=[1, 3], bias=[3]),
        "ind_rnn_cell",
    ),
    "indy gru": Case(
        lambda: rnn.IndyGRUCell(3),
        reference.indy_gru,
        named(
            "indy_gru_cell",
            gates__kernel_w=[4, 6],
            gates__kernel_u=[1, 6],
            gates__bias=[6],
            candidate__kernel=[4, 3],
            candidate__kernel_u=[1, 3],
            candidate__bias=[3],
        ),
        "indy_gru_cell",
    ),
    "indy lstm": Case(
        lambda: rnn.IndyLSTMCell(3),
        reference.indy_lstm,
        named("indy_lstm_cell", kernel_w=[4, 12], kernel_u=[1, 12], bias=[12]),
        "indy_lstm_cell",
    ),
    "groups": Case(
        lambda: rnn.GLSTMCell(6, number_of_groups=2),
        reference.grouped,
        named(
            "glstm_cell",
            group0__kernel=[5, 12],
            group1__kernel=[5, 12],
            bias_i=[6],
            bias_j=[6],
            bias_f=[6],
            bias_o=[6],
        ),
        "glstm_cell",
    ),
    "groups, projected": Case(
        lambda: rnn.GLSTMCell(6, num_proj=4, number_of_groups=2),
        reference.grouped,
        named(
            "glstm_cell",
            group0__kernel=[4, 12],
            group1__kernel=[4, 12],
            bias_i=[6],
            bias_j=[6],
            bias_f=[6],
            bias_o=[6],
            projection__kernel=[6, 4],
        ),
        "glstm_cell",
    ),
    "nas": Case(
        lambda: rnn.NASCell(3), reference.nas, named("nas_cell", recurrent_kernel=[3, 24], kernel=[4, 24]), "nas_cell"
    ),
    "nas, projected": Case(
        lambda: rnn.NASCell(3, 2, use_bias=True),
        reference.nas,
        named("nas_cell", recurrent_kernel=[2, 24], kernel=[4, 24], bias=[24], projection_weights=[3, 2]),
        "nas_cell",
    ),
    "convolutional": Case(
        lambda: rnn.Conv1DLSTMCell(input_shape=[5, 2], output_channels=3, kernel_shape=[3]),
        reference.conv_lstm,
        named("conv_1d_lstm_cell", kernel=[3, 5, 12], biases=[12]),
        "conv_1d_lstm_cell",
        (5, 2),
    ),
    "grid": Case(
        lambda: rnn.GridLSTMCell(3, num_frequency_blocks=[3], **WIDE),
        reference.grid,
        named("grid_lstm_cell", W_f_0_0=[8, 12], B_f_0=[12], W_t_0_0=[8, 12], B_t_0=[12]),
        "grid_lstm_cell",
        extra={**ONE, "ranges": [(0, 3)]},
    ),
    "grid with peepholes": Case(
        lambda: rnn.GridLSTMCell(3, True, num_frequency_blocks=[3], **WIDE),
        reference.grid,
        named("grid_lstm_cell", W_f_0_0=[8, 12], B_f_0=[12], W_t_0_0=[8, 12], B_t_0=[12], **DIAGONALS),
        "grid_lstm_cell",
        extra={**ONE, "ranges": [(0, 3)]},
    ),
    "grid, coupled, shared, of two blocks": Case(
        lambda: rnn.GridLSTMCell(
            3,
            share_time_frequency_weights=True,
            couple_input_forget_gates=True,
            num_frequency_blocks=[1, 2],
            start_freqindex_list=[0, 1],
            end_freqindex_list=[2, 4],
            **WIDE,
        ),
        reference.grid,
        named("grid_lstm_cell", W_f_0_0=[8, 9], B_f_0=[9], W_f_1_0=[8, 9], B_f_1=[9]),
        "grid_lstm_cell",
        extra={**ONE, "ranges": [(0, 1), (1, 2)]},
    ),
    "grid in both directions": Case(
        lambda: rnn.BidirectionalGridLSTMCell(3, num_frequency_blocks=[3], **WIDE),
        reference.grid,
        {
            f"bidirectional_grid_lstm_cell/{way}/{name}": shape
            for way in ("fwd", "bwd")
            for name, shape in {"W_f_0_0": [8, 12], "B_f_0": [12], "W_t_0_0": [8, 12], "B_t_0": [12]}.items()
        },
        "bidirectional_grid_lstm_cell",
        extra={**TWO, "ranges": [(0, 3)]},
    ),
    "attention": Case(
        lambda: rnn.AttentionCellWrapper(rnn.LSTMCell(3), 3, attn_size=5, attn_vec_size=2),
        reference.attention,
        named(
            "attention_cell_wrapper",
            kernel=[9, 4],
            bias=[4],
            lstm_cell__kernel=[7, 12],
            lstm_cell__bias=[12],
            attention__attn_w=[1, 1, 5, 2],
            attention__attn_v=[2],
            attention__kernel=[6, 2],
            attention__bias=[2],
            attn_output_projection__kernel=[8, 5],
            attn_output_projection__bias=[5],
        ),
        "attention_cell_wrapper",
    ),
    "highway": Case(
        lambda: rnn.HighwayWrapper(rnn.BasicRNNCell(4)),
        reference.highway,
        {"basic_rnn_cell/kernel": [8, 4], "basic_rnn_cell/bias": [4], "carry_w": [4, 4], "carry_b": [4]},
    ),
    "highway, not coupled": Case(
        lambda: rnn.HighwayWrapper(rnn.BasicRNNCell(4), False),
        reference.highway,
        {
            "basic_rnn_cell/kernel": [8, 4],
            "basic_rnn_cell/bias": [4],
            "carry_w": [4, 4],
            "carry_b": [4],
            "transform_w": [4, 4],
            "transform_b": [4],
        },
    ),
    "projected inputs": Case(
        lambda: rnn.InputProjectionWrapper(rnn.BasicRNNCell(3), 2, tf.nn.relu),
        reference.projected_inputs,
        named(
            "input_projection_wrapper", kernel=[4, 2], bias=[2], basic_rnn_cell__kernel=[5, 3], basic_rnn_cell__bias=[3]
        ),
        "input_projection_wrapper",
    ),
    "projected outputs": Case(
        lambda: rnn.OutputProjectionWrapper(rnn.BasicRNNCell(3), 2, tf.nn.relu),
        reference.projected_outputs,
        named(
            "output_projection_wrapper",
            basic_rnn_cell__kernel=[7, 3],
            basic_rnn_cell__bias=[3],
            kernel=[3, 2],
            bias=[2],
        ),
        "output_projection_wrapper",
    ),
}


def unroll(case: Case, inputs: list[Any], state: Any, values: dict[str, Any]) -> tuple[list[Any], Any]:
    """Returns the reference's outputs and last state."""
    prefix = f"rnn/{case.scope}/" if case.scope else "rnn/"
    below = {name.removeprefix(prefix): np.asarray(value, np.float64) for name, value in values.items()}
    outputs = []
    for x in inputs:
        output, state = case.step({**below, **case.extra}, x, state)
        outputs.append(output)
    return outputs, state


def loaded(run: Any) -> dict[str, Any]:
    """Gives every variable random values, and returns them by name."""
    run(tf.no_op())
    session = run.__closure__[0].cell_contents[0]
    values = {}
    for variable in tf.global_variables():
        values[variable.op.name] = RANDOM.randn(*variable.shape.as_list()) * 0.5
        variable.load(values[variable.op.name], session)
    return values


@pytest.mark.parametrize("name", CASES)
def test_a_cell_is_its_equations(graph: tf.Graph, run: Any, name: str) -> None:
    case = CASES[name]
    x = RANDOM.randn(BATCH, STEPS, *case.x)
    cell = case.make()
    inputs = tf.placeholder_with_default(x, [None, STEPS, *case.x])
    outputs, state = tf.nn.dynamic_rnn(cell, inputs, dtype=tf.float64)
    made = {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}
    assert made == {f"rnn/{leaf}": shape for leaf, shape in case.variables.items()}
    values = loaded(run)
    zeros = run(cell.zero_state(BATCH, tf.float64))
    wanted, last = unroll(case, list(np.swapaxes(x, 0, 1)), zeros, values)
    got, final = run([outputs, state])
    np.testing.assert_allclose(got, np.stack(wanted, 1), rtol=1e-9, atol=1e-9)
    for part, other in zip(tf.nest.flatten(final), tf.nest.flatten(last), strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_every_variable_and_are_right(graph: tf.Graph, run: Any, name: str) -> None:
    """One directional derivative against a central difference of the loss."""
    case = CASES[name]
    if "coupled, normalised" in name:
        case = case._replace(variables={k: v for k, v in case.variables.items() if not k.endswith("/B")})
    inputs = tf.constant(RANDOM.randn(BATCH, STEPS, *case.x))
    outputs, _ = tf.nn.dynamic_rnn(case.make(), inputs, dtype=tf.float64)
    loss = tf.reduce_sum(tf.square(outputs))
    variables = [v for v in tf.trainable_variables() if v.op.name.removeprefix("rnn/") in case.variables]
    gradients = tf.gradients(loss, variables)
    values = loaded(run)
    session = run.__closure__[0].cell_contents[0]
    got = run(gradients)
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in got)
    direction = [RANDOM.randn(*v.shape.as_list()) for v in variables]
    losses = []
    for sign in (1, -1):
        for variable, move in zip(variables, direction, strict=True):
            variable.load(values[variable.op.name] + sign * 1e-5 * move, session)
        losses.append(run(loss))
    slope = sum(float((g * move).sum()) for g, move in zip(got, direction, strict=True))
    np.testing.assert_allclose((losses[0] - losses[1]) / 2e-5, slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("peepholes", [False, True])
def test_phased_units_open_in_turns(graph: tf.Graph, run: Any, peepholes: bool) -> None:
    times = np.cumsum(RANDOM.rand(BATCH, STEPS, 1) * 3, 1)
    x = RANDOM.randn(BATCH, STEPS, 4).astype(np.float32)
    cell = rnn.PhasedLSTMCell(3, use_peepholes=peepholes, ratio_on=0.5, trainable_ratio_on=False)
    outputs, state = tf.nn.dynamic_rnn(cell, (tf.constant(times), tf.constant(x)), dtype=tf.float32)
    gradients = tf.gradients(outputs, tf.trainable_variables())
    run(tf.no_op())
    first = {v.op.name.removeprefix("rnn/phased_lstm_cell/"): run(v) for v in tf.global_variables()}
    assert set(first) == {
        *(f"{name}/{leaf}" for name in ("mask_gates", "new_input", "output_gate") for leaf in ("kernel", "bias")),
        *("period", "phase", "ratio_on"),
    }
    assert (first["period"] >= 1).all() and (first["period"] <= 1000).all()
    assert (first["phase"] >= 0).all() and (first["phase"] <= first["period"]).all()
    np.testing.assert_array_equal(first["ratio_on"], 0.5)
    assert "rnn/phased_lstm_cell/ratio_on" not in [v.op.name for v in tf.trainable_variables()]
    session = run.__closure__[0].cell_contents[0]
    given = {**first, "period": np.array([2.0, 3.0, 5.0]), "phase": np.array([0.3, 1.0, 2.5])}
    for variable in tf.global_variables():
        variable.load(given[variable.op.name.removeprefix("rnn/phased_lstm_cell/")], session)
    values = {name: np.asarray(value, np.float64) for name, value in given.items()}
    expected, last = np.zeros((BATCH, STEPS, 3)), (np.zeros((BATCH, 3)), np.zeros((BATCH, 3)))
    for step in range(STEPS):
        expected[:, step], last = reference.phased(values, (times[:, step], x[:, step].astype(np.float64)), last)
    got, final = run([outputs, state])
    np.testing.assert_allclose(got, expected, atol=2e-5)
    np.testing.assert_allclose(final.c, last[0], atol=2e-5)
    assert all(np.isfinite(g).all() for g in run(gradients))


def test_time_frequency_windows_feed_one_another(graph: tf.Graph, run: Any) -> None:
    x, first = RANDOM.randn(BATCH, 3), RANDOM.randn(BATCH, 12)
    cell = rnn.TimeFreqLSTMCell(3, use_peepholes=True, feature_size=2)
    output, state = cell(tf.constant(x), tf.constant(first))
    values = {name.removeprefix("time_freq_lstm_cell/"): value for name, value in loaded(run).items()}
    assert {name: value.shape for name, value in values.items()} == {
        "W_0": (8, 12),
        "B": (12,),
        "W_F_diag": (3,),
        "W_I_diag": (3,),
        "W_O_diag": (3,),
    }
    wanted, last = reference.time_freq(values, x, first)
    np.testing.assert_allclose(run(output), wanted, atol=1e-9)
    np.testing.assert_allclose(run(state), last, atol=1e-9)
    assert all(np.isfinite(g).all() for g in run(tf.gradients(output, tf.trainable_variables())))


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("lengths", [None, [4, 0, 2]])
def test_the_fused_lstm_is_the_cell_at_every_step(
    graph: tf.Graph, run: Any, peepholes: bool, lengths: list[int] | None
) -> None:
    x, c, h = RANDOM.randn(STEPS, BATCH, 4), RANDOM.randn(BATCH, 3), RANDOM.randn(BATCH, 3)
    cell = rnn.LSTMBlockFusedCell(3, use_peephole=peepholes)
    outputs, state = cell(tf.constant(x), (tf.constant(c), tf.constant(h)), sequence_length=lengths)
    gradients = tf.gradients(outputs, tf.trainable_variables())
    shapes = {"kernel": (7, 12), "bias": (12,)} | ({f"w_{g}_diag": (3,) for g in "ifo"} if peepholes else {})
    values = {name.removeprefix("lstm_fused_cell/"): value for name, value in loaded(run).items()}
    assert {name: value.shape for name, value in values.items()} == shapes
    expected, last = np.zeros((STEPS, BATCH, 3)), (c.copy(), h.copy())
    for step in range(STEPS):
        new, (new_c, new_h) = reference.lstm(values, x[step], last)
        alive = np.array([step < (lengths or [STEPS] * BATCH)[row] for row in range(BATCH)])[:, None]
        expected[step] = np.where(alive, new, 0)
        last = (np.where(alive, new_c, last[0]), np.where(alive, new_h, last[1]))
    got, final = run([outputs, state])
    np.testing.assert_allclose(got, expected, atol=1e-9)
    np.testing.assert_allclose(final.c, last[0], atol=1e-9)
    np.testing.assert_allclose(final.h, last[1], atol=1e-9)
    assert all(np.isfinite(g).all() for g in run(gradients))


def test_the_fused_lstm_shares_its_variables_and_takes_lists(graph: tf.Graph, run: Any) -> None:
    cell = rnn.LSTMBlockFusedCell(3)
    x = tf.constant(RANDOM.randn(STEPS, BATCH, 4))
    outputs, _ = cell(x, dtype=tf.float64)
    listed, _ = cell(tf.unstack(x), dtype=tf.float64)
    assert len(tf.global_variables()) == 2 and len(listed) == STEPS
    first, second = run([outputs, tf.stack(listed)])
    np.testing.assert_array_equal(first, second)
    rnn.LSTMBlockFusedCell(3)(x, dtype=tf.float64)
    assert tf.global_variables()[-1].op.name == "lstm_fused_cell_1/bias"
    with pytest.raises(errors.ArgumentError, match="one of `initial_state` and `dtype` is needed"):
        cell(x)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("lengths", [None, [4, 1, 2]])
def test_a_reversed_fused_network_reads_each_sequence_backwards(
    graph: tf.Graph, run: Any, dynamic: bool, lengths: list[int] | None
) -> None:
    x = RANDOM.randn(STEPS, BATCH, 4)
    fused = rnn.TimeReversedFusedRNN(rnn.FusedRNNCellAdaptor(rnn.BasicRNNCell(3), use_dynamic_rnn=dynamic))
    outputs, state = fused(tf.constant(x), dtype=tf.float64, sequence_length=lengths)
    values = loaded(run)
    kernel, bias = (values[f"rnn/basic_rnn_cell/{leaf}"] for leaf in ("kernel", "bias"))
    expected, last = np.zeros((STEPS, BATCH, 3)), np.zeros((BATCH, 3))
    for row in range(BATCH):
        for step in range((lengths or [STEPS] * BATCH)[row])[::-1]:
            last[row] = np.tanh(np.concatenate([x[step, row], last[row]]) @ kernel + bias)
            expected[step, row] = last[row]
    got, final = run([outputs, state])
    np.testing.assert_allclose(got, expected, atol=1e-9)
    np.testing.assert_allclose(final, last, atol=1e-9)


@pytest.mark.parametrize("dynamic", [False, True])
def test_layers_of_both_directions_see_both_below(graph: tf.Graph, run: Any, dynamic: bool) -> None:
    x = RANDOM.randn(BATCH, STEPS, 4)
    forward, backward = ([rnn.BasicRNNCell(3), rnn.BasicRNNCell(2)] for _ in range(2))
    if dynamic:
        outputs, fw, bw = rnn.stack_bidirectional_dynamic_rnn(forward, backward, tf.constant(x), dtype=tf.float64)
        place = "stack_bidirectional_rnn/cell_{}/bidirectional_rnn/{}/basic_rnn_cell"
    else:
        steps = tf.unstack(tf.constant(x), axis=1)
        listed, fw, bw = rnn.stack_bidirectional_rnn(forward, backward, steps, dtype=tf.float64)
        outputs = tf.stack(listed, 1)
        place = "stack_bidirectional_rnn/cell_{}/{}/basic_rnn_cell"
    values = loaded(run)
    below, lasts = x, []
    for layer in range(2):
        ways = []
        for way, order in (("fw", range(STEPS)), ("bw", range(STEPS)[::-1])):
            kernel, bias = (values[f"{place.format(layer, way)}/{leaf}"] for leaf in ("kernel", "bias"))
            h, seen = np.zeros((BATCH, len(bias))), {}
            for step in order:
                h = seen[step] = np.tanh(np.hstack([below[:, step], h]) @ kernel + bias)
            ways.append(np.stack([seen[step] for step in range(STEPS)], 1))
            lasts.append(h)
        below = np.concatenate(ways, 2)
    assert len(values) == 8
    got, last_fw, last_bw = run([outputs, fw, bw])
    np.testing.assert_allclose(got, below, atol=1e-9)
    for got_last, wanted in zip((last_fw[0], last_bw[0], last_fw[1], last_bw[1]), lasts, strict=True):
        np.testing.assert_allclose(got_last, wanted, atol=1e-9)


def test_embedded_symbols(graph: tf.Graph, run: Any) -> None:
    ids = np.array([[1, 0, 3, 3], [2, 2, 1, 0], [0, 3, 1, 2]])
    cell = rnn.EmbeddingWrapper(rnn.BasicRNNCell(3), 4, 2)
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.constant(ids[..., None]), dtype=tf.float32)
    run(tf.no_op())
    assert np.abs(run(tf.global_variables()[0])).max() < 3**0.5
    values = {name.removeprefix("rnn/embedding_wrapper/"): value for name, value in loaded(run).items()}
    assert {name: value.shape for name, value in values.items()} == {
        "embedding": (4, 2),
        "basic_rnn_cell/kernel": (5, 3),
        "basic_rnn_cell/bias": (3,),
    }
    h = np.zeros((3, 3))
    for step in range(4):
        x = values["embedding"][ids[:, step]]
        h = np.tanh(np.hstack([x, h]) @ values["basic_rnn_cell/kernel"] + values["basic_rnn_cell/bias"])
        np.testing.assert_allclose(run(outputs)[:, step], h, atol=1e-5)


@pytest.mark.parametrize(("axes", "kind"), [(2, rnn.Conv2DLSTMCell), (3, rnn.Conv3DLSTMCell)])
def test_convolutions_along_more_axes(graph: tf.Graph, run: Any, axes: int, kind: Any) -> None:
    """A kernel of one cell is a product with a matrix, at every place by itself."""
    space = [3, 2, 2][:axes]
    x = RANDOM.randn(BATCH, STEPS, *space, 2)
    cell = kind(input_shape=[*space, 2], output_channels=3, kernel_shape=[1] * axes, skip_connection=True)
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.constant(x), dtype=tf.float64)
    values = {name.rpartition("/")[2]: value for name, value in loaded(run).items()}
    assert {v.op.name for v in tf.global_variables()} == {
        f"rnn/conv_{axes}d_lstm_cell/{leaf}" for leaf in ("kernel", "biases")
    }
    flat = {"kernel": values["kernel"].reshape(5, 12), "bias": values["biases"]}
    state = (np.zeros((BATCH, *space, 3)), np.zeros((BATCH, *space, 3)))
    for step in range(STEPS):
        h, state = reference.lstm(flat, x[:, step], state)
        wanted = np.concatenate([h, x[:, step]], -1)
        np.testing.assert_allclose(run(outputs)[:, step], wanted, atol=1e-9)


def test_a_state_of_one_tensor_is_the_same(graph: tf.Graph, run: Any) -> None:
    for make in (
        lambda joined: rnn.CoupledInputForgetGateLSTMCell(3, state_is_tuple=joined),
        lambda joined: rnn.GridLSTMCell(3, num_frequency_blocks=[3], state_is_tuple=joined, **WIDE),
        lambda joined: rnn.AttentionCellWrapper(rnn.BasicRNNCell(3), 2, state_is_tuple=joined),
    ):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.constant(RANDOM.randn(BATCH, STEPS, 4))
            found = []
            for joined in (True, False):
                with tf.variable_scope("shared", reuse=tf.AUTO_REUSE, initializer=tf.ones_initializer()):
                    found.append(tf.nn.dynamic_rnn(make(joined), x, dtype=tf.float64))
            session.run(tf.global_variables_initializer())
            (first, parts), (second, whole) = session.run(found)
            np.testing.assert_allclose(first, second, atol=1e-12)
            np.testing.assert_allclose(np.concatenate(tf.nest.flatten(parts), 1), whole, atol=1e-12)


def test_compiled_ops_are_marked_and_random_ones_are_not(plain_graph: tf.Graph) -> None:
    for everything in (False, True):
        cell = rnn.DropoutWrapper(rnn.BasicRNNCell(3), 0.5)
        with tf.variable_scope(f"all_{everything}"):
            rnn.CompiledWrapper(cell, everything)(tf.ones([2, 4]), tf.zeros([2, 3]))
        ops = [op for op in plain_graph.get_operations() if op.name.startswith(f"all_{everything}/")]
        marked = {op.type for op in ops if op.node_def.attr["_XlaCompile"].b}
        assert "MatMul" in marked and ("RandomUniform" in marked) is everything


class Squared(rnn.LayerRNNCell):
    """A cell of a program: variables in ``build``."""

    state_size = output_size = 3

    def build(self, inputs_shape: Any) -> None:
        self.kernel = self.add_variable("kernel", [inputs_shape.as_list()[1], 3])

    def call(self, inputs: Any, state: Any) -> Any:
        new = tf.square(tf.matmul(inputs, self.kernel)) + state
        return new, new


def test_a_cell_of_a_program_builds_once(graph: tf.Graph, run: Any) -> None:
    x = RANDOM.randn(BATCH, STEPS, 4).astype(np.float32)
    outputs, _ = tf.nn.static_rnn(Squared(), tf.unstack(tf.constant(x), axis=1), dtype=tf.float32)
    [kernel] = loaded(run).values()
    assert [v.op.name for v in tf.global_variables()] == ["rnn/squared/kernel"]
    np.testing.assert_allclose(run(outputs[-1]), ((x @ kernel) ** 2).sum(1), rtol=1e-4)


def test_dropout_of_the_new_memory_is_drawn_and_keeps_the_mean(plain_graph: tf.Graph, run: Any) -> None:
    x = tf.ones([4000, 2])
    cell = rnn.LayerNormBasicLSTMCell(2, layer_norm=False, dropout_keep_prob=0.5, dropout_prob_seed=1)
    zero = cell.zero_state(4000, tf.float32)
    _, state = cell(x, zero)
    whole = rnn.LayerNormBasicLSTMCell(2, layer_norm=False, reuse=True)(x, zero, scope="layer_norm_basic_lstm_cell")
    kept, full = run([state.c, whole[1].c])
    assert 0.45 < (kept == 0).mean() < 0.55
    np.testing.assert_allclose(kept.mean(0), full.mean(0), rtol=0.1)


REFUSALS = {
    "units of groups": (lambda: rnn.GLSTMCell(5, number_of_groups=2), "`num_units` must be divisible"),
    "gru without units": (lambda: rnn.GRUBlockCell(), "exactly one of `num_units` and `cell_size`"),
    "no blocks": (lambda: rnn.GridLSTMCell(3), "`num_frequency_blocks` is needed"),
    "no starts": (
        lambda: rnn.GridLSTMCell(3, num_frequency_blocks=[1, 2]),
        "several blocks need `start_freqindex_list`",
    ),
    "no ends": (
        lambda: rnn.GridLSTMCell(3, num_frequency_blocks=[1], start_freqindex_list=[0]),
        "the lists of blocks differ in length",
    ),
    "blocks in one tensor": (
        lambda: rnn.GridLSTMCell(
            3, num_frequency_blocks=[1, 1], start_freqindex_list=[0, 1], end_freqindex_list=[1, 2], state_is_tuple=False
        ),
        "several blocks need `state_is_tuple`",
    ),
    "windows": (
        lambda: rnn.GridLSTMCell(3, num_frequency_blocks=[2], **WIDE)(tf.ones([2, 4]), [tf.ones([2, 3])] * 4),
        "`num_frequency_blocks` does not fit the inputs",
    ),
    "no window": (
        lambda: rnn.TimeFreqLSTMCell(3)(tf.ones([2, 4]), tf.ones([2, 6])),
        "`feature_size` and `frequency_skip` do not fit the features",
    ),
    "depth of an intersection": (
        lambda: rnn.IntersectionRNNCell(3)(tf.ones([2, 4]), tf.ones([2, 3])),
        "the depth of the inputs must be `num_units`",
    ),
    "shards": (
        lambda: rnn.CoupledInputForgetGateLSTMCell(3, num_unit_shards=9)(
            tf.ones([2, 4]), (tf.ones([2, 3]), tf.ones([2, 3]))
        ),
        "the number of shards does not fit",
    ),
    "shape of a convolution": (
        lambda: rnn.Conv2DLSTMCell(input_shape=[3, 2], output_channels=1, kernel_shape=[1, 1]),
        "do not fit `conv_ndims`",
    ),
    "window of attention": (
        lambda: rnn.AttentionCellWrapper(rnn.GRUCell(3), 0),
        "`attn_length` must be above 0",
    ),
    "tuple of states": (
        lambda: rnn.AttentionCellWrapper(rnn.LSTMCell(3), 2, state_is_tuple=False),
        "a tuple of states needs `state_is_tuple`",
    ),
    "classes": (lambda: rnn.EmbeddingWrapper(rnn.GRUCell(3), 0, 2), "must be above 0"),
    "output size": (lambda: rnn.OutputProjectionWrapper(rnn.GRUCell(3), 0), "`output_size` must be above 0"),
    "shape of a highway": (
        lambda: rnn.HighwayWrapper(rnn.GRUCell(3))(tf.ones([2, 4]), tf.ones([2, 3])),
        "inputs and outputs must have the same shape",
    ),
    "activation": (lambda: rnn.CFNCell(3, "sinus"), "no activation of this name"),
    "layers": (
        lambda: rnn.stack_bidirectional_rnn([rnn.GRUCell(3)], [], [tf.ones([2, 4])], dtype=tf.float32),
        "`cells_bw` must be a list with one entry for each layer",
    ),
    "first states": (
        lambda: rnn.stack_bidirectional_dynamic_rnn([rnn.GRUCell(3)], [rnn.GRUCell(3)], tf.ones([2, 4, 1]), []),
        "`initial_states_fw` must be a list with one entry for each layer",
    ),
    "rank": (lambda: rnn.transpose_batch_time(tf.placeholder(tf.float32)), "`x` has undefined rank"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    act, text = REFUSALS[name]
    with pytest.raises(errors.Tf1bnError, match=text):
        act()


def test_time_and_batch_change_places_and_a_known_batch_is_a_number(plain_graph: tf.Graph, run: Any) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(run(rnn.transpose_batch_time(tf.constant(x))), x.transpose(1, 0, 2))
    assert run(rnn.transpose_batch_time(tf.constant([1.0, 2.0]))).tolist() == [1.0, 2.0]
    unknown = tf.placeholder(tf.float32, [None, None, 4])
    assert rnn.best_effort_input_batch_size([unknown, tf.constant(x)]) == 3
    assert run(rnn.best_effort_input_batch_size([unknown]), {unknown: x}) == 3
