"""tf.contrib.legacy_seq2seq against NumPy in float64: decoders, attention, losses, buckets; names as in 1.15."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat import rnn_reference as reference
from tf1bn import errors
from tf1bn.compat import contrib_legacy_seq2seq as legacy
from tf1bn.compat import rnn_base, rnn_cell, rnn_wrappers

RANDOM = np.random.RandomState(6)
BATCH, UNITS, SYMBOLS, SIZE = 2, 4, 5, 3
INPUTS = RANDOM.randn(3, BATCH, SIZE)
FIRST = RANDOM.randn(BATCH, UNITS)
MEMORY = RANDOM.randn(BATCH, 6, UNITS)
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def tensors(steps: np.ndarray, dtype: tf.DType = tf.float32) -> list[tf.Tensor]:
    return [tf.constant(step, dtype) for step in steps]


def random_start() -> Any:
    return tf.variable_scope(tf.get_variable_scope(), initializer=tf.random_uniform_initializer(-1, 1, seed=2))


def held(run: Any) -> dict[str, np.ndarray]:
    variables = tf.global_variables()
    return {v.op.name: value.astype(np.float64) for v, value in zip(variables, run(variables), strict=True)}


def below(values: dict[str, np.ndarray], scope: str) -> dict[str, np.ndarray]:
    return {name[len(scope) + 1 :]: value for name, value in values.items() if name.startswith(scope + "/")}


def test_a_decoder_runs_a_cell_over_its_inputs(graph, run) -> None:
    with random_start():
        outputs, last = legacy.rnn_decoder(tensors(INPUTS), tf.constant(FIRST, tf.float32), rnn_cell.GRUCell(UNITS))
    got, end = run([outputs, last])
    values, state = below(held(run), "rnn_decoder/gru_cell"), FIRST
    for step, x in enumerate(INPUTS):
        joined = np.concatenate([x, state], 1)
        r, u = np.split(reference.s(joined @ values["gates/kernel"] + values["gates/bias"]), 2, 1)
        joined = np.concatenate([x, r * state], 1)
        state = u * state + (1 - u) * np.tanh(joined @ values["candidate/kernel"] + values["candidate/bias"])
        np.testing.assert_allclose(got[step], state, **TOLERANCE)
    np.testing.assert_allclose(end, state, **TOLERANCE)


def test_a_loop_function_gives_all_inputs_but_the_first(graph, run) -> None:
    seen = []

    def loop(last: Any, number: int) -> Any:
        seen.append((tf.get_variable_scope().name, tf.get_variable_scope().reuse, number))
        return last[:, :SIZE]

    cell = rnn_cell.BasicRNNCell(UNITS)
    with random_start():
        outputs, _ = legacy.rnn_decoder(tensors(INPUTS), tf.constant(FIRST, tf.float32), cell, loop, scope="mine")
    got = run(outputs)
    assert seen == [("mine/loop_function", True, 1), ("mine/loop_function", True, 2)]
    values, state, x = held(run), FIRST, INPUTS[0]
    for output in got:
        state = np.tanh(np.concatenate([x, state], 1) @ values["mine/basic_rnn_cell/kernel"])
        np.testing.assert_allclose(output, state, **TOLERANCE)
        x = state[:, :SIZE]


def attended(values: dict[str, np.ndarray], query: np.ndarray, head: int) -> np.ndarray:
    features = MEMORY @ values[f"AttnW_{head}"][0, 0]
    asked = query @ values[f"Attention_{head}/kernel"] + values[f"Attention_{head}/bias"]
    scores = np.sum(values[f"AttnV_{head}"] * np.tanh(features + asked[:, None]), -1)
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return np.einsum("bt,btu->bu", shares, MEMORY)


@pytest.mark.parametrize("from_first", [False, True])
def test_attention_follows_its_equations_under_the_names_of_1_15(graph, run, from_first: bool) -> None:
    cell = rnn_cell.BasicRNNCell(UNITS)
    with random_start():
        outputs, _ = legacy.attention_decoder(
            tensors(INPUTS),
            tf.constant(FIRST, tf.float32),
            tf.constant(MEMORY, tf.float32),
            cell,
            output_size=7,
            num_heads=2,
            initial_state_attention=from_first,
        )
    got = run(outputs)
    values, state = below(held(run), "attention_decoder"), FIRST
    heads = [f"Attn{kind}_{head}" for head in range(2) for kind in "WV"]
    scopes = ("Attention_0", "Attention_1", "AttnOutputProjection", "basic_rnn_cell")
    linear = [f"{scope}{leaf}" for scope in ("", *(f"{s}/" for s in scopes)) for leaf in ("kernel", "bias")]
    assert sorted(values) == sorted(heads + linear)
    seen = [attended(values, state, head) if from_first else np.zeros([BATCH, UNITS]) for head in range(2)]
    for x, output in zip(INPUTS, got, strict=True):
        mixed = np.concatenate([x, *seen], 1) @ values["kernel"] + values["bias"]
        joined = np.concatenate([mixed, state], 1)
        state = np.tanh(joined @ values["basic_rnn_cell/kernel"] + values["basic_rnn_cell/bias"])
        seen = [attended(values, state, head) for head in range(2)]
        joined = np.concatenate([state, *seen], 1)
        expected = joined @ values["AttnOutputProjection/kernel"] + values["AttnOutputProjection/bias"]
        np.testing.assert_allclose(output, expected, **TOLERANCE)


NETWORKS = {
    "embedding_rnn_seq2seq": lambda *given, **more: legacy.embedding_rnn_seq2seq(*given, SYMBOLS, SYMBOLS, 3, **more),
    "embedding_tied_rnn_seq2seq": lambda *given, **more: legacy.embedding_tied_rnn_seq2seq(*given, SYMBOLS, 4, **more),
    "embedding_attention_seq2seq": lambda *given, **more: legacy.embedding_attention_seq2seq(
        *given, SYMBOLS, SYMBOLS, 3, **more
    ),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_decoder_that_is_fed_goes_on_with_its_largest_logit(plain_graph, run, network: str) -> None:
    symbols = tensors(RANDOM.randint(0, SYMBOLS, (3, BATCH)), tf.int32)
    told, rest = tf.placeholder(tf.bool, []), [tf.placeholder(tf.int32, [BATCH]) for _ in range(2)]
    cell = rnn_wrappers.MultiRNNCell([rnn_cell.BasicLSTMCell(UNITS), rnn_cell.GRUCell(UNITS)])
    with random_start():
        outputs, state = NETWORKS[network](symbols, [symbols[0], *rest], cell, feed_previous=told)
    assert isinstance(state[0], rnn_base.LSTMStateTuple) and outputs[0].shape.as_list() == [BATCH, SYMBOLS]
    zeros = dict.fromkeys(rest, np.zeros(BATCH, int))
    fed = run(outputs, {told: True, **zeros})
    # The same symbols, given: the second input is the largest logit of the first step, and so on.
    same = {placeholder: np.argmax(logits, 1) for placeholder, logits in zip(rest, fed, strict=False)}
    np.testing.assert_allclose(run(outputs, {told: False, **same}), fed, **TOLERANCE)


def test_losses_weigh_steps_and_average_as_they_say(plain_graph, run) -> None:
    logits, targets = RANDOM.randn(2, BATCH, SYMBOLS), RANDOM.randint(0, SYMBOLS, (2, BATCH))
    weights = np.array([[1.0, 0.5], [0.25, 0.0]])
    log = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    each = -np.take_along_axis(log, targets[..., None], -1)[..., 0] * weights
    given = tensors(logits), tensors(targets, tf.int32), tensors(weights)
    by_example = legacy.sequence_loss_by_example(*given)
    summed = legacy.sequence_loss_by_example(*given, average_across_timesteps=False)
    np.testing.assert_allclose(run(by_example), each.sum(0) / weights.sum(0), rtol=1e-5)
    np.testing.assert_allclose(run(summed), each.sum(0), rtol=1e-5)
    np.testing.assert_allclose(run(legacy.sequence_loss(*given)), np.mean(each.sum(0) / weights.sum(0)), rtol=1e-5)
    total = legacy.sequence_loss(*given, average_across_timesteps=False, average_across_batch=False)
    np.testing.assert_allclose(run(total), each.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    "function",
    [
        lambda labels, logits: logits[:, 0] * tf.cast(labels, tf.float32),
        lambda inputs, labels: inputs[:, 0] * tf.cast(labels, tf.float32),
        lambda labels, inputs: inputs[:, 0] * tf.cast(labels, tf.float32),
        lambda given, scores: scores[:, 0] * tf.cast(given, tf.float32),
    ],
)
def test_a_loss_of_the_program_gets_labels_and_logits_whatever_its_order(plain_graph, run, function) -> None:
    logits, targets, ones = [tf.constant([[3.0, 1.0]])], [tf.constant([2])], [tf.constant([1.0])]
    loss = legacy.sequence_loss_by_example(logits, targets, ones, softmax_loss_function=function)
    np.testing.assert_allclose(run(loss), [6.0])


def test_buckets_share_variables_also_with_one_cell_for_all(plain_graph, run) -> None:
    cell = rnn_wrappers.MultiRNNCell([rnn_cell.GRUCell(UNITS) for _ in range(2)])
    symbols, ones = tensors(RANDOM.randint(0, SYMBOLS, (4, BATCH)), tf.int32), tensors(np.ones([4, BATCH]))

    def network(encoded: list[Any], decoded: list[Any]) -> Any:
        return legacy.embedding_attention_seq2seq(encoded, decoded, cell, SYMBOLS, SYMBOLS, 3)

    outputs, losses = legacy.model_with_buckets(symbols, symbols, symbols, ones, [(2, 1), (2, 2), (4, 3)], network)
    assert list(map(len, outputs)) == [1, 2, 3] and all(loss.shape.rank == 0 for loss in losses)
    first, second, _ = run(outputs)
    np.testing.assert_allclose(second[0], first[0], rtol=1e-6)
    names = {v.op.name for v in tf.global_variables()}
    encoder = "embedding_attention_seq2seq/rnn/embedding_wrapper"
    assert f"{encoder}/embedding" in names and f"{encoder}/multi_rnn_cell/cell_1/gru_cell/gates/kernel" in names
    assert len([name for name in names if name.endswith("embedding")]) == 2


def test_a_copied_cell_makes_variables_of_its_own(plain_graph) -> None:
    cell, state = rnn_cell.GRUCell(UNITS, kernel_initializer=tf.ones_initializer()), tf.constant(FIRST, tf.float32)
    with tf.variable_scope("a"):
        cell(tensors(INPUTS)[0], state)
    other = copy.deepcopy(cell)
    assert other.variables == [] and len(cell.variables) == 4
    with tf.variable_scope("b"):
        other(tensors(INPUTS)[0], state)
    assert [v.op.name.split("/")[0] for v in (*cell.variables, *other.variables)] == ["a"] * 4 + ["b"] * 4


def test_what_cannot_be_is_refused(plain_graph) -> None:
    cell, state, steps = rnn_cell.GRUCell(UNITS), tf.constant(FIRST, tf.float32), tensors(INPUTS)
    memory, symbols = tf.constant(MEMORY, tf.float32), tensors(np.zeros([2, BATCH]), tf.int32)
    with pytest.raises(errors.ArgumentError, match="attention_decoder: `num_heads` must be at least 1. Got 0"):
        legacy.attention_decoder(steps, state, memory, cell, num_heads=0)
    with pytest.raises(errors.ArgumentError, match="attention_decoder: `decoder_inputs` is empty"):
        legacy.attention_decoder([], state, memory, cell)
    with pytest.raises(errors.ShapeError, match="attention_decoder: `attention_states` has another rank"):
        legacy.attention_decoder(steps, state, state, cell)
    with pytest.raises(errors.ShapeError, match="last dimension of `attention_states` must be known"):
        legacy.attention_decoder(steps, state, tf.placeholder(tf.float32, [BATCH, 3, None]), cell)
    with pytest.raises(errors.ShapeError, match="a state of another rank"):
        legacy.attention_decoder(steps, memory, memory, cell, initial_state_attention=True)
    pair = (tf.zeros([UNITS, 2]), tf.zeros([SYMBOLS]))
    with pytest.raises(errors.ArgumentError, match=r"embedding_rnn_decoder: `output_projection` has other shapes"):
        legacy.embedding_rnn_decoder(symbols, state, cell, SYMBOLS, 3, output_projection=pair)
    with pytest.raises(errors.ArgumentError, match="need one tensor for each step. Got .1, 2, 1."):
        legacy.sequence_loss(steps[:1], symbols, steps[:1])
    with pytest.raises(errors.ArgumentError, match="model_with_buckets: `targets` has fewer steps.*Got 2; expected 3"):
        legacy.model_with_buckets(steps, steps, symbols, steps, [(2, 3)], lambda *_: ([], None))
