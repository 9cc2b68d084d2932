"""tf.contrib.seq2seq against NumPy in float64: helpers, the loop of decoders, attention, losses; names as in 1.15."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import contrib_seq2seq as seq2seq
from tf1bn.compat import rnn_cell, rnn_wrappers, tf_layers
from tf1bn.compat.contrib_seq2seq.attention_wrapper import AttentionWrapperState

RANDOM = np.random.RandomState(3)
BATCH, TIME, ENTRIES, UNITS, SYMBOLS = 2, 3, 4, 5, 6
MEMORY = RANDOM.randn(BATCH, ENTRIES, UNITS)
ENTRIES_OF = np.array([4, 2])
INPUTS = RANDOM.randn(BATCH, TIME, UNITS)
LENGTHS = np.array([3, 2])


def memory() -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(MEMORY, tf.float32), tf.constant(ENTRIES_OF, tf.int32)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def held(run) -> dict[str, np.ndarray]:
    """The variables of the graph by the end of their names that matters, in float64."""
    variables = tf.global_variables()
    return {v.op.name: value.astype(np.float64) for v, value in zip(variables, run(variables), strict=True)}


def start(**values: float) -> tf.random_uniform_initializer:
    return tf.random_uniform_initializer(-1, 1, seed=4, **values)


# Values of scores for MEMORY behind the ends of its sequences are minus infinity, and keys there are 0.
def masked_memory() -> tuple[np.ndarray, np.ndarray]:
    inside = np.arange(ENTRIES) < ENTRIES_OF[:, None]
    return MEMORY * inside[..., None], np.where(inside, 0, -np.inf)


def luong(v: dict[str, np.ndarray], query: np.ndarray, scope: str = "luong_attention") -> np.ndarray:
    values, mask = masked_memory()
    score = np.einsum("bu,beu->be", query, values @ v["memory_layer/kernel"])
    return v.get(f"{scope}/attention_g", 1) * score + v.get(f"{scope}/attention_score_bias", 0) + mask


def bahdanau(v: dict[str, np.ndarray], query: np.ndarray, scope: str = "bahdanau_attention") -> np.ndarray:
    values, mask = masked_memory()
    inner = values @ v["memory_layer/kernel"] + (query @ v[f"{scope}/query_layer/kernel"])[:, None]
    weights = v[f"{scope}/attention_v"]
    if f"{scope}/attention_g" in v:
        weights = v[f"{scope}/attention_g"] * weights / np.sqrt((weights**2).sum())
        inner = inner + v[f"{scope}/attention_b"]
    return np.tanh(inner) @ weights + v.get(f"{scope}/attention_score_bias", 0) + mask


def monotonic(p: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """The recurrence of the paper, entry by entry."""
    q, attention = np.zeros(len(p)), np.zeros_like(p)
    for i in range(p.shape[1]):
        q = (q * (1 - p[:, i - 1]) if i else q) + previous[:, i]
        attention[:, i] = p[:, i] * q
    return attention


MECHANISMS = {
    "luong": (seq2seq.LuongAttention, {}, luong, ["memory_layer/kernel"]),
    "luong, scaled": (
        seq2seq.LuongAttention,
        {"scale": True},
        luong,
        ["memory_layer/kernel", "luong_attention/attention_g"],
    ),
    "bahdanau": (
        seq2seq.BahdanauAttention,
        {},
        bahdanau,
        ["memory_layer/kernel", "bahdanau_attention/query_layer/kernel", "bahdanau_attention/attention_v"],
    ),
    "bahdanau, normalised": (
        seq2seq.BahdanauAttention,
        {"normalize": True},
        bahdanau,
        [
            "memory_layer/kernel",
            *(f"bahdanau_attention/{leaf}" for leaf in ("query_layer/kernel", "attention_v", "attention_g")),
            "bahdanau_attention/attention_b",
        ],
    ),
}
QUERY = RANDOM.randn(BATCH, UNITS)


@pytest.mark.parametrize("case", MECHANISMS)
def test_attention_has_the_scores_and_the_variables_of_its_paper(graph, run, case):
    kind, options, score, names = MECHANISMS[case]
    with tf.variable_scope(tf.get_variable_scope(), initializer=start()):
        mechanism = kind(UNITS, *memory(), **options)
        alignments, state = mechanism(tf.constant(QUERY, tf.float32), mechanism.initial_state(BATCH, tf.float32))
    assert [v.op.name for v in tf.global_variables()] == names
    assert state is alignments and (mechanism.batch_size, mechanism.alignments_size) == (BATCH, ENTRIES)
    found, kept = run([alignments, mechanism.values])
    v = held(run)
    np.testing.assert_allclose(found, softmax(score(v, QUERY)), atol=1e-6)
    np.testing.assert_allclose(kept, masked_memory()[0], atol=1e-6)
    wanted = {"attention_g": UNITS**-0.5 if kind is seq2seq.BahdanauAttention else 1.0, "attention_b": 0.0}
    for name, value in v.items():
        np.testing.assert_allclose(value, wanted.get(name.rpartition("/")[2], value))


MONOTONIC = {
    "bahdanau": (seq2seq.BahdanauMonotonicAttention, {"normalize": True}, bahdanau, "bahdanau_monotonic_attention"),
    "luong": (seq2seq.LuongMonotonicAttention, {"scale": True}, luong, "luong_monotonic_attention"),
}


@pytest.mark.parametrize("mode", ["recursive", "parallel", "hard"])
@pytest.mark.parametrize("case", MONOTONIC)
def test_monotonic_attention_moves_forward_by_the_papers_recurrence(plain_graph, run, case, mode):
    kind, options, score, scope = MONOTONIC[case]
    with tf.variable_scope(tf.get_variable_scope(), initializer=start()):
        mechanism = kind(UNITS, *memory(), score_bias_init=-0.25, mode=mode, **options)
        first = mechanism.initial_state(BATCH, tf.float32)
        alignments, _ = mechanism(tf.constant(QUERY, tf.float32), first)
    found, begun = run([alignments, first])
    np.testing.assert_array_equal(begun, np.eye(ENTRIES)[[0, 0]])
    v = held(run)
    assert v[f"{scope}/attention_score_bias"] == -0.25
    scores = score(v, QUERY, scope)
    p = (scores > 0).astype(float) if mode == "hard" else 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(found, monotonic(p, begun), atol=1e-6)


@pytest.mark.parametrize("mode", ["recursive", "parallel", "hard"])
def test_monotonic_attention_of_any_step_before(plain_graph, run, mode):
    previous = np.array([[0.5, 0.25, 0.25, 0.0], [0.0, 1.0, 0.0, 0.0]])
    p = np.array([[0.5, 0.25, 0.75, 0.5], [0.25, 0.5, 0.5, 0.125]])
    if mode == "hard":
        previous, p = np.eye(ENTRIES)[[0, 1]], np.array([[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]])
    given = [tf.constant(value, tf.float32) for value in (p, previous)]
    np.testing.assert_allclose(run(seq2seq.monotonic_attention(*given, mode)), monotonic(p, previous), atol=1e-6)


def test_products_in_logarithms_and_the_hardest_of_softmaxes(plain_graph, run):
    x = np.array([[0.5, 0.25, 0.0, 0.5], [1.0, 2.0, 0.5, 0.5]])
    wanted = np.cumprod(np.minimum(x, 1), 1)
    given = tf.constant(x, tf.float32)
    y = seq2seq.safe_cumprod(given, axis=1)
    np.testing.assert_allclose(run(y), wanted, atol=1e-6)
    assert np.isfinite(run(tf.gradients(y, given)[0])).all()
    logits = tf.placeholder_with_default(x.astype(np.float32), [None, None])
    np.testing.assert_array_equal(run(seq2seq.hardmax(logits)), np.eye(4)[[0, 1]])


def wrapped(**options) -> tuple[seq2seq.AttentionWrapper, tf_layers.Dense]:
    mechanisms = [
        seq2seq.BahdanauAttention(UNITS, *memory()),
        seq2seq.LuongAttention(UNITS, *memory(), scale=True),
    ]
    cells = rnn_wrappers.MultiRNNCell([rnn_cell.BasicRNNCell(UNITS), rnn_cell.BasicRNNCell(UNITS)])
    cell = seq2seq.AttentionWrapper(cells, mechanisms, [4, 3], alignment_history=True, **options)
    return cell, tf_layers.Dense(SYMBOLS, use_bias=False)


# As 1.15 named and shaped them in the same program.
OF_1_15 = {
    "memory_layer/kernel": [5, 5],
    "memory_layer_1/kernel": [5, 5],
    "decoder/attention_wrapper/multi_rnn_cell/cell_0/basic_rnn_cell/kernel": [17, 5],
    "decoder/attention_wrapper/multi_rnn_cell/cell_0/basic_rnn_cell/bias": [5],
    "decoder/attention_wrapper/multi_rnn_cell/cell_1/basic_rnn_cell/kernel": [10, 5],
    "decoder/attention_wrapper/multi_rnn_cell/cell_1/basic_rnn_cell/bias": [5],
    "decoder/attention_wrapper/bahdanau_attention/query_layer/kernel": [5, 5],
    "decoder/attention_wrapper/bahdanau_attention/attention_v": [5],
    "decoder/attention_wrapper/attention_layer/kernel": [10, 4],
    "decoder/attention_wrapper/luong_attention/attention_g": [],
    "decoder/attention_wrapper/attention_layer_1/kernel": [10, 3],
    "decoder/dense/kernel": [7, 6],
}


def attended(v: dict[str, np.ndarray], inputs: np.ndarray, lengths: np.ndarray) -> dict[str, np.ndarray]:
    """What the decoder of OF_1_15 gives, step by step."""
    short = {name.removeprefix("decoder/attention_wrapper/"): value for name, value in v.items()}
    second = {**short, "memory_layer/kernel": v["memory_layer_1/kernel"]}
    values, _ = masked_memory()
    states, attention = [np.zeros((BATCH, UNITS))] * 2, np.zeros((BATCH, 7))
    logits, history = np.zeros((BATCH, TIME, SYMBOLS)), []
    for time in range(TIME):
        x = np.concatenate([inputs[:, time], attention], 1)
        new = []
        for number, state in enumerate(states):
            scope = f"multi_rnn_cell/cell_{number}/basic_rnn_cell"
            x = np.tanh(np.concatenate([x, state], 1) @ short[f"{scope}/kernel"] + short[f"{scope}/bias"])
            new.append(x)
        alignments = [softmax(bahdanau(short, x)), softmax(luong(second, x))]
        contexts = [np.einsum("be,beu->bu", a, values) for a in alignments]
        layers = (short["attention_layer/kernel"], short["attention_layer_1/kernel"])
        parts = [np.concatenate([x, c], 1) @ k for c, k in zip(contexts, layers, strict=True)]
        going = (time < lengths)[:, None]
        states = [np.where(going, after, before) for before, after in zip(states, new, strict=True)]
        logits[:, time] = np.where(going, np.concatenate(parts, 1) @ v["decoder/dense/kernel"], 0)
        attention = np.where(going, np.concatenate(parts, 1), attention)
        history.append(alignments[0])
    return {"logits": logits, "attention": attention, "state": states[1], "history": np.stack(history)}


def test_a_decoder_with_attention_follows_its_equations_under_the_names_of_1_15(graph, run):
    with tf.variable_scope(tf.get_variable_scope(), initializer=start()):
        cell, layer = wrapped()
        helper = seq2seq.TrainingHelper(tf.constant(INPUTS, tf.float32), tf.constant(LENGTHS))
        decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32), layer)
        outputs, state, lengths = seq2seq.dynamic_decode(decoder, impute_finished=True)
    assert {v.op.name: v.shape.as_list() for v in tf.global_variables()} == OF_1_15
    assert [v.op.name for v in cell.variables] == [n for n in OF_1_15 if "multi" in n or "attention_layer" in n]
    assert outputs.rnn_output.shape.as_list() == [BATCH, None, SYMBOLS]
    assert outputs.sample_id.shape.as_list() == [BATCH, None]
    targets = tf.constant([[1, 2, 3], [2, 1, 0]])
    loss = seq2seq.sequence_loss(outputs.rnn_output, targets, tf.sequence_mask(LENGTHS, TIME, tf.float32))
    name = "decoder/attention_wrapper/bahdanau_attention/query_layer/kernel"
    variable = next(v for v in tf.global_variables() if v.op.name == name)
    (gradient,) = tf.gradients(loss, variable)
    fetched = (outputs, state.attention, state.cell_state[1], state.alignment_history[0].stack(), lengths, state.time)
    found, attention, last, history, steps, time = run(fetched)
    wanted = attended(held(run), INPUTS, LENGTHS)
    np.testing.assert_allclose(found.rnn_output, wanted["logits"], atol=1e-5)
    np.testing.assert_array_equal(found.sample_id[0], wanted["logits"][0].argmax(-1))
    np.testing.assert_array_equal(found.sample_id[1], [*wanted["logits"][1, :2].argmax(-1), 0])
    np.testing.assert_allclose(attention, wanted["attention"], atol=1e-5)
    np.testing.assert_allclose(last, wanted["state"], atol=1e-5)
    np.testing.assert_allclose(history[:, 0], wanted["history"][:, 0], atol=1e-5)
    np.testing.assert_array_equal(steps, LENGTHS)
    assert time == TIME
    check_gradient(run, loss, gradient, variable)


def check_gradient(run, loss, gradient, variable):
    """Compares the derivative along one direction with a difference of losses."""
    direction = np.random.RandomState(0).randn(*variable.shape.as_list())
    given = run(gradient)
    before = run(variable)
    ends = []
    for sign in (1, -1):
        run(tf.assign(variable, before + sign * 1e-2 * direction))
        ends.append(run(loss))
    np.testing.assert_allclose((given * direction).sum(), (ends[0] - ends[1]) / 2e-2, rtol=2e-2, atol=1e-4)


def test_a_wrapper_gives_the_cells_output_and_begins_with_a_given_state(plain_graph, run):
    first = tf.constant(RANDOM.randn(BATCH, UNITS), tf.float32)
    cell = seq2seq.AttentionWrapper(
        rnn_cell.BasicRNNCell(UNITS),
        seq2seq.LuongAttention(UNITS, *memory(), probability_fn=seq2seq.hardmax),
        output_attention=False,
        initial_cell_state=first,
        cell_input_fn=lambda inputs, attention: inputs - attention,
    )
    state = cell.zero_state(BATCH, tf.float32)
    assert cell.output_size == UNITS and state.alignment_history == ()
    output, after = cell(tf.ones([BATCH, UNITS]), state)
    again, _ = cell(tf.ones([BATCH, UNITS]), after)
    found, attention, alignments, second, begun = run(
        [output, after.attention, after.alignments, again, state.cell_state]
    )
    v = {name.removeprefix("attention_wrapper/"): value for name, value in held(run).items()}
    kernel, bias = v["basic_rnn_cell/kernel"], v["basic_rnn_cell/bias"]
    np.testing.assert_array_equal(begun, run(first))
    np.testing.assert_allclose(found, np.tanh(np.concatenate([np.ones((2, 5)), begun], 1) @ kernel + bias), atol=1e-6)
    chosen = luong(v, found.astype(np.float64)).argmax(-1)
    np.testing.assert_array_equal(alignments, np.eye(ENTRIES)[chosen])
    np.testing.assert_allclose(attention, MEMORY[[0, 1], chosen], atol=1e-6)
    wanted = np.tanh(np.concatenate([1 - attention, found], 1) @ kernel + bias)
    np.testing.assert_allclose(second, wanted, atol=1e-6)
    assert len(tf.global_variables()) == 3


def test_a_state_is_cloned_with_values_of_the_same_shape(plain_graph, run):
    cell = seq2seq.AttentionWrapper(rnn_cell.BasicRNNCell(UNITS), seq2seq.LuongAttention(UNITS, *memory()))
    state = cell.zero_state(BATCH, tf.float32)
    other = state.clone(cell_state=tf.ones([BATCH, UNITS]))
    assert isinstance(other, AttentionWrapperState) and other.time is not None
    np.testing.assert_array_equal(run(other.cell_state), np.ones((BATCH, UNITS)))
    with pytest.raises(ValueError, match="shape"):
        state.clone(cell_state=tf.ones([BATCH, UNITS + 1]))
    dropped = rnn_wrappers.DropoutWrapper(cell, output_keep_prob=0.5)
    assert isinstance(dropped(tf.ones([BATCH, 1]), dropped.zero_state(BATCH, tf.float32))[1], AttentionWrapperState)


def test_a_cell_begins_with_zeros_for_given_inputs(plain_graph, run):
    cell = rnn_cell.BasicLSTMCell(UNITS)
    states = [cell.get_initial_state(tf.ones([2, 3])), cell.get_initial_state(batch_size=2, dtype=tf.float32)]
    for state in run(states):
        np.testing.assert_array_equal(state, np.zeros((2, 2, UNITS)))
    with pytest.raises(ValueError, match="BasicLSTMCell.get_initial_state: `batch_size` and `dtype` are needed"):
        cell.get_initial_state(batch_size=2)


def test_keys_and_values_may_be_made_by_the_program(plain_graph, run):
    mechanism = seq2seq.LuongAttention(
        UNITS, tf.ones([1, 2, 3]), custom_key_value_fn=lambda keys, values: (keys + 1, values * 2)
    )
    keys, values = run([mechanism.keys, mechanism.values])
    np.testing.assert_allclose(keys, np.ones((1, 2, 3)) @ held(run)["memory_layer/kernel"] + 1, rtol=1e-6)
    np.testing.assert_array_equal(values, np.full((1, 2, 3), 2.0))
    assert mechanism.query_layer is None and mechanism.memory_layer.units == UNITS


class Echo(rnn_cell.RNNCell):
    """A cell without variables: gives ``inputs @ table``, counts its steps."""

    table: np.ndarray

    def __init__(self, table: np.ndarray) -> None:
        super().__init__()
        self.table = table

    state_size = 1

    @property
    def output_size(self) -> int:
        return self.table.shape[1]

    def call(self, inputs, state):
        return tf.matmul(inputs, tf.constant(self.table, tf.float32)), state + 1


# Symbol 0 ends; 1 -> 3 -> 2 -> 0 and 4 -> 4.
CHAIN = np.full((SYMBOLS, SYMBOLS), -20.0)
CHAIN[[1, 3, 2, 4, 0, 5], [3, 2, 0, 4, 0, 0]] = 20.0
EMBEDDING = np.eye(SYMBOLS)


def decoded(helper, **options):
    cell = Echo(CHAIN)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(helper.batch_size, tf.float32))
    return seq2seq.dynamic_decode(decoder, **options)


def table() -> tf.Tensor:
    return tf.constant(EMBEDDING, tf.float32)


CHOOSERS = {
    "greedy": lambda: seq2seq.GreedyEmbeddingHelper(table(), [1, 4, 2], 0),
    "greedy, by a function": lambda: seq2seq.GreedyEmbeddingHelper(lambda ids: tf.one_hot(ids, SYMBOLS), [1, 4, 2], 0),
    "drawn": lambda: seq2seq.SampleEmbeddingHelper(table(), [1, 4, 2], 0, seed=1),
    "drawn, cold": lambda: seq2seq.SampleEmbeddingHelper(table(), [1, 4, 2], 0, softmax_temperature=0.1, seed=1),
    "inference": lambda: seq2seq.InferenceHelper(
        lambda outputs: tf.argmax(outputs, -1, output_type=tf.int32),
        [],
        tf.int32,
        tf.one_hot([1, 4, 2], SYMBOLS),
        lambda ids: tf.equal(ids, 0),
        lambda ids: tf.one_hot(ids, SYMBOLS),
    ),
    "custom": lambda: seq2seq.CustomHelper(
        lambda: (tf.fill([3], False), tf.one_hot([1, 4, 2], SYMBOLS)),
        lambda time, outputs, state: tf.argmax(outputs, -1, output_type=tf.int32),
        lambda time, outputs, state, sample_ids: (tf.equal(sample_ids, 0), tf.one_hot(sample_ids, SYMBOLS), state),
    ),
}


@pytest.mark.parametrize("case", CHOOSERS)
def test_a_helper_feeds_what_it_chose_until_the_end(graph, run, case):
    helper = CHOOSERS[case]()
    if case == "custom":
        with pytest.raises(errors.ArgumentError, match="not known before `initialize`"):
            helper.batch_size  # noqa: B018
        helper.initialize()
    outputs, state, lengths = decoded(helper, maximum_iterations=5, impute_finished=True)
    ids, ends, steps = run([outputs.sample_id, state, lengths])
    np.testing.assert_array_equal(ids, [[3, 2, 0, 0, 0], [4, 4, 4, 4, 4], [0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(steps, [3, 5, 1])
    np.testing.assert_array_equal(ends, [[3], [5], [1]])


def test_inference_feeds_choices_themselves_without_a_function(plain_graph, run):
    helper = seq2seq.InferenceHelper(
        lambda outputs: tf.nn.softmax(outputs), [SYMBOLS], tf.float32, tf.one_hot([1], SYMBOLS), lambda x: x[:, 0] > 0.5
    )
    outputs, _, lengths = decoded(helper, output_time_major=True)
    chosen, steps = run([outputs.sample_id, lengths])
    np.testing.assert_allclose(chosen, np.eye(SYMBOLS)[[3, 2, 0]][:, None], atol=1e-6)
    assert steps == [3]


def test_states_and_outputs_behind_an_end_go_on_unless_they_are_imputed(plain_graph, run):
    helper = seq2seq.TrainingHelper(tf.one_hot([[1, 3, 2], [2, 5, 4]], SYMBOLS), [3, 1])
    outputs, state, lengths = decoded(helper)
    ids, ends, steps = run([outputs.sample_id, state, lengths])
    np.testing.assert_array_equal(ids, [[3, 2, 0], [0, 0, 4]])
    np.testing.assert_array_equal(ends, [[3], [3]])
    np.testing.assert_array_equal(steps, [3, 1])


def test_given_inputs_may_be_time_major_and_a_structure(plain_graph, run):
    helper = seq2seq.TrainingHelper((tf.ones([3, 2, 1]), tf.zeros([3, 2, 4])), [3, 1], time_major=True)
    assert helper.inputs[0].shape.as_list() == [3, 2, 1] and helper.sequence_length.shape.as_list() == [2]
    finished, (x, y) = helper.initialize()
    assert (x.shape.as_list(), y.shape.as_list()) == ([2, 1], [2, 4])
    ended, (last, _), state = helper.next_inputs(tf.constant(2), None, "state")
    assert state == "state"
    found = run([finished, x, ended, last])
    np.testing.assert_array_equal(np.concatenate([found[0], found[2]]), [False, False, True, True])
    np.testing.assert_array_equal(np.concatenate([found[1], found[3]], 1), [[1, 0], [1, 0]])


def scheduled(probability, **options):
    inputs = tf.one_hot([[1, 5, 5], [4, 5, 5]], SYMBOLS)
    return seq2seq.ScheduledEmbeddingTrainingHelper(inputs, [3, 3], table(), probability, seed=1, **options)


SCHEDULES = {
    "never": (0.0, [[-1, -1, -1], [-1, -1, -1]], [[3, 0, 0], [4, 0, 0]]),
    "always": (1.0, [[3, 2, 0], [4, 4, 4]], [[3, 2, 0], [4, 4, 4]]),
    "one of two": ([1.0, 0.0], [[3, 2, 0], [-1, -1, -1]], [[3, 2, 0], [4, 0, 0]]),
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_scheduled_sampling_feeds_drawn_symbols_where_it_says_so(graph, run, case):
    probability, ids, best = SCHEDULES[case]
    outputs, _, _ = decoded(scheduled(probability, scheduling_seed=2))
    found = run(outputs)
    np.testing.assert_array_equal(found.sample_id, ids)
    np.testing.assert_array_equal(found.rnn_output.argmax(-1), best)


@pytest.mark.parametrize("case", SCHEDULES)
def test_scheduled_outputs_are_fed_where_it_says_so(graph, run, case):
    probability, _, best = SCHEDULES[case]
    inputs = tf.one_hot([[1, 5, 5], [4, 5, 5]], SYMBOLS)
    helper = seq2seq.ScheduledOutputTrainingHelper(
        inputs, [3, 3], probability, seed=1, next_inputs_fn=lambda y: tf.cast(y > 0, tf.float32)
    )
    found = run(decoded(helper)[0])
    np.testing.assert_array_equal(found.rnn_output.argmax(-1), best)
    np.testing.assert_array_equal(found.sample_id, np.broadcast_to(np.reshape(probability, [-1, 1]), (2, 3)))


def test_scheduled_outputs_have_auxiliary_inputs_beside_them(plain_graph, run):
    cell = Echo(np.concatenate([np.eye(2), np.full((1, 2), 10.0)]))
    auxiliary = np.array([[[1.0], [2.0], [3.0]]])
    helper = seq2seq.ScheduledOutputTrainingHelper(
        tf.ones([1, 3, 2]), [3], 1.0, auxiliary_inputs=tf.constant(auxiliary, tf.float32)
    )
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(1, tf.float32))
    found = run(seq2seq.dynamic_decode(decoder)[0].rnn_output)
    # 1 + 10 * 1, then what was given plus 10 times the auxiliary input of the step
    np.testing.assert_allclose(found[0], [[11, 11], [31, 31], [61, 61]])


class Counting(seq2seq.Decoder):
    """A decoder that gives its step's number, says how it ends, and has no ``finalize``."""

    batch_size, output_size, output_dtype = 2, tf.TensorShape([1]), tf.int32

    def initialize(self, name=None):
        return tf.fill([2], False), tf.zeros([2, 1], tf.int32), ()

    def step(self, time, inputs, state, name=None):
        return inputs, state, inputs + 1, tf.stack([time >= 1, time >= 3])

    def finalize(self, outputs, final_state, sequence_lengths):
        raise NotImplementedError


def test_a_decoder_of_ones_own_is_run(graph, run):
    outputs, state, lengths = seq2seq.dynamic_decode(Counting())
    assert state == () and outputs.shape.as_list() == [2, None, 1]
    found, steps = run([outputs, lengths])
    np.testing.assert_array_equal(found[..., 0], [[0, 1, 2, 3]] * 2)
    np.testing.assert_array_equal(steps, [2, 4])


LOGITS = RANDOM.randn(2, 3, 4)
TARGETS = np.array([[0, 1, 2], [3, 0, 1]])
WEIGHTS = np.array([[1.0, 0.5, 0.0], [2.0, 0.0, 0.0]])
CROSS = -np.log(softmax(LOGITS))[np.arange(2)[:, None], np.arange(3), TARGETS] * WEIGHTS
OFF = {"average_across_timesteps": False, "average_across_batch": False}


def ratio(a, b):
    return np.divide(a, b, out=np.zeros_like(np.asarray(a, float)), where=np.asarray(b) != 0)


LOSSES = {
    "averages": ({}, CROSS.sum() / WEIGHTS.sum()),
    "sums": ({**OFF, "sum_over_timesteps": True, "sum_over_batch": True}, CROSS.sum() / 3),
    "as it is": (OFF, CROSS),
    "average over time": ({"average_across_batch": False}, ratio(CROSS.sum(1), WEIGHTS.sum(1))),
    "average over the batch": ({"average_across_timesteps": False}, ratio(CROSS.sum(0), WEIGHTS.sum(0))),
    "sum over time": ({**OFF, "sum_over_timesteps": True}, ratio(CROSS.sum(1), (WEIGHTS != 0).sum(1))),
    "sum over the batch": ({**OFF, "sum_over_batch": True}, ratio(CROSS.sum(0), (WEIGHTS != 0).sum(0))),
    "an average and a sum": (
        {"average_across_batch": False, "sum_over_batch": True},
        ratio(CROSS.sum(1), WEIGHTS.sum(1)),
    ),
}


@pytest.mark.parametrize("case", LOSSES)
def test_the_loss_of_a_sequence_is_reduced_as_asked(plain_graph, run, case):
    options, wanted = LOSSES[case]
    given = tf.constant(LOGITS, tf.float32), tf.constant(TARGETS), tf.constant(WEIGHTS, tf.float32)
    np.testing.assert_allclose(run(seq2seq.sequence_loss(*given, **options)), wanted, rtol=1e-5, atol=1e-6)


def test_the_loss_may_be_another(plain_graph, run):
    def halves(labels, logits):
        return tf.cast(labels, tf.float32) / 2

    given = tf.constant(LOGITS, tf.float32), tf.constant(TARGETS), tf.ones([2, 3])
    np.testing.assert_allclose(run(seq2seq.sequence_loss(*given, softmax_loss_function=halves)), TARGETS.mean() / 2)


def plain_cell():
    return rnn_cell.BasicRNNCell(UNITS)


def attention():
    return seq2seq.LuongAttention(UNITS, *memory())


class Sizeless(seq2seq.AttentionMechanism):
    pass


REFUSED = {
    "no decoder": (lambda: seq2seq.dynamic_decode("x"), TypeError, "dynamic_decode: `decoder` is no Decoder"),
    "a limit with axes": (
        lambda: seq2seq.dynamic_decode(Counting(), maximum_iterations=[1]),
        ValueError,
        "`maximum_iterations` must be a scalar",
    ),
    "no cell": (lambda: seq2seq.BasicDecoder("x", None, ()), TypeError, "`cell` is no recurrent cell"),
    "no helper": (lambda: seq2seq.BasicDecoder(plain_cell(), "x", ()), TypeError, "`helper` is no Helper"),
    "no layer": (
        lambda: seq2seq.BasicDecoder(plain_cell(), None, (), lambda x: x),
        TypeError,
        "BasicDecoder: `output_layer` is no layer",
    ),
    "lengths": (lambda: seq2seq.TrainingHelper(tf.ones([1, 1, 1]), 1), ValueError, "`sequence_length` must be a vec"),
    "start": (lambda: seq2seq.GreedyEmbeddingHelper(table(), 1, 0), ValueError, "`start_tokens` must be a vector"),
    "end": (lambda: seq2seq.GreedyEmbeddingHelper(table(), [1], [0]), ValueError, "`end_token` must be a scalar"),
    "outputs": (
        lambda: CHOOSERS["greedy"]().sample(0, (tf.ones([3, 6]), tf.ones([3, 6])), ()),
        TypeError,
        "outputs must be one tensor",
    ),
    "a probability with axes": (lambda: scheduled([[0.5]]), ValueError, "must be a scalar or a vector"),
    "logits": (
        lambda: seq2seq.sequence_loss(tf.ones([2, 3]), tf.ones([2, 3]), tf.ones([2, 3])),
        ValueError,
        r"sequence_loss: `logits` has another rank.*\[batch, time, symbols\]",
    ),
    "twice over time": (
        lambda: seq2seq.sequence_loss(tf.ones([1, 1, 2]), tf.ones([1, 1]), tf.ones([1, 1]), sum_over_timesteps=True),
        ValueError,
        "`average_across_timesteps` and `sum_over_timesteps` are both on",
    ),
    "twice over the batch": (
        lambda: seq2seq.sequence_loss(tf.ones([1, 1, 2]), tf.ones([1, 1]), tf.ones([1, 1]), sum_over_batch=True),
        ValueError,
        "`average_across_batch` and `sum_over_batch` are both on",
    ),
    "a memory of unknown depth": (
        lambda: seq2seq.LuongAttention(2, tf.placeholder(tf.float32, [1, 2, None])),
        ValueError,
        "LuongAttention: inner dimensions of `memory` must be known",
    ),
    "no probabilities": (
        lambda: seq2seq.LuongAttention(2, tf.ones([1, 2, 2]), probability_fn="x"),
        TypeError,
        "`probability_fn` cannot be called",
    ),
    "another depth": (
        lambda: attention()(tf.ones([BATCH, 2]), None),
        ValueError,
        "queries and keys must have one and the same known depth",
    ),
    "another mode": (
        lambda: seq2seq.monotonic_attention([[0.5]], [[1.0]], "soft"),
        ValueError,
        "`mode` is not known. Got 'soft'; expected 'recursive' or 'parallel' or 'hard'",
    ),
    "no mechanism": (
        lambda: seq2seq.AttentionWrapper(plain_cell(), [attention(), "x"]),
        TypeError,
        "`attention_mechanism` is no AttentionMechanism",
    ),
    "no function of inputs": (
        lambda: seq2seq.AttentionWrapper(plain_cell(), attention(), cell_input_fn=3),
        TypeError,
        "`cell_input_fn` cannot be called",
    ),
    "size and layer": (
        lambda: seq2seq.AttentionWrapper(plain_cell(), attention(), 3, attention_layer=tf_layers.Dense(3)),
        ValueError,
        "`attention_layer_size` and `attention_layer` are both given",
    ),
    "too many sizes": (
        lambda: seq2seq.AttentionWrapper(plain_cell(), attention(), [3, 3]),
        ValueError,
        "`attention_layer_size` must have one entry for each mechanism. Got 2; expected 1",
    ),
    "too many layers": (
        lambda: seq2seq.AttentionWrapper(plain_cell(), attention(), attention_layer=[tf_layers.Dense(3)] * 2),
        ValueError,
        "`attention_layer` must have one entry",
    ),
    "another state": (
        lambda: seq2seq.AttentionWrapper(plain_cell(), attention())(tf.ones([BATCH, 1]), tf.ones([BATCH, UNITS])),
        TypeError,
        "the state is no AttentionWrapperState.*zero_state",
    ),
    "a mechanism without sizes": (lambda: Sizeless().alignments_size, NotImplementedError, "has no `alignments_size`"),
    "a mechanism without a state": (lambda: Sizeless().state_size, NotImplementedError, "has no `state_size`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_decoding_refuses(plain_graph, case):
    call, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        call()


def test_memory_and_states_of_another_batch_are_refused(plain_graph, run):
    cell = seq2seq.AttentionWrapper(plain_cell(), attention())
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="differ in batch size.*tile_batch"):
        cell.zero_state(3, tf.float32)
    rows = tf.placeholder_with_default(3, [])
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ in batch size"):
        run(cell.zero_state(rows, tf.float32).cell_state)


def test_a_memory_without_entries_is_refused_when_it_is_read(plain_graph, run):
    mechanism = seq2seq.LuongAttention(UNITS, tf.ones([1, 2, 3]), tf.placeholder_with_default([0], [1]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive everywhere"):
        run(mechanism(tf.ones([1, UNITS]), None)[0])
