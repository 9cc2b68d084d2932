"""Recurrent cells: formulas in NumPy, names of TensorFlow 1.15, and its own cells where they still exist."""

import numpy as np
import pytest
import tensorflow.compat.v1 as real_tf

import tf1bn.compat.v1 as tf
from tf1bn import errors

cells = tf.nn.rnn_cell
RANDOM = np.random.RandomState(3)
X = RANDOM.randn(5, 4, 2).astype(np.float32)  # batch, time, depth


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def run(cell: object, x: np.ndarray = X) -> tuple[np.ndarray, object, dict[str, np.ndarray]]:
    """Returns outputs, final state and variables of a dynamic network with random variables."""
    outputs, state = tf.nn.dynamic_rnn(cell, tf.constant(x), dtype=tf.float32)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for number, variable in enumerate(tf.global_variables()):
            shape = variable.shape.as_list()
            variable.load(np.random.RandomState(number).randn(*shape).astype(np.float32) * 0.5, session)
        outputs, state, values = session.run([outputs, state, tf.global_variables()])
    return outputs, state, dict(zip((v.op.name for v in tf.global_variables()), values, strict=True))


def test_the_basic_cell_is_its_formula() -> None:
    outputs, state, made = run(cells.BasicRNNCell(3))
    h = np.zeros([5, 3])
    for step in range(4):
        h = np.tanh(np.hstack([X[:, step], h]) @ made["rnn/basic_rnn_cell/kernel"] + made["rnn/basic_rnn_cell/bias"])
        np.testing.assert_allclose(outputs[:, step], h, atol=1e-5)
    np.testing.assert_allclose(state, h, atol=1e-5)
    assert len(made) == 2


@pytest.mark.parametrize("forget_bias", [1.0, 0.0])
def test_the_lstm_is_its_formula(forget_bias: float) -> None:
    outputs, state, made = run(cells.BasicLSTMCell(3, forget_bias=forget_bias))
    kernel, bias = made["rnn/basic_lstm_cell/kernel"], made["rnn/basic_lstm_cell/bias"]
    c, h = np.zeros([5, 3]), np.zeros([5, 3])
    for step in range(4):
        i, j, f, o = np.split(np.hstack([X[:, step], h]) @ kernel + bias, 4, axis=1)
        c = sigmoid(f + forget_bias) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        np.testing.assert_allclose(outputs[:, step], h, atol=1e-5)
    assert isinstance(state, cells.LSTMStateTuple)
    np.testing.assert_allclose(state.c, c, atol=1e-5)
    np.testing.assert_allclose(state.h, h, atol=1e-5)


def test_the_gru_is_its_formula() -> None:
    outputs, _, made = run(cells.GRUCell(3))
    names = ["gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"]
    gates, gate_bias, candidate, candidate_bias = (made[f"rnn/gru_cell/{name}"] for name in names)
    h = np.zeros([5, 3])
    for step in range(4):
        r, u = np.split(sigmoid(np.hstack([X[:, step], h]) @ gates + gate_bias), 2, axis=1)
        h = u * h + (1 - u) * np.tanh(np.hstack([X[:, step], r * h]) @ candidate + candidate_bias)
        np.testing.assert_allclose(outputs[:, step], h, atol=1e-5)
    assert list(made) == [f"rnn/gru_cell/{name}" for name in names]


def test_the_gates_of_a_gru_begin_open_and_all_other_biases_at_zero() -> None:
    x = tf.constant(X)
    tf.nn.dynamic_rnn(cells.GRUCell(2), x, dtype=tf.float32)
    tf.nn.dynamic_rnn(cells.LSTMCell(2), x, dtype=tf.float32, scope="lstm")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            if variable.op.name.endswith("bias"):
                expected = 1 if "gates" in variable.op.name else 0
                np.testing.assert_array_equal(session.run(variable), expected)


FULL = {
    "use_peepholes": True,
    "cell_clip": 0.4,
    "num_proj": 2,
    "proj_clip": 0.3,
    "forget_bias": 0.5,
}


def test_peepholes_projection_and_clips_are_their_formulas() -> None:
    outputs, _, made = run(cells.LSTMCell(3, **FULL))
    v = {name.removeprefix("rnn/lstm_cell/"): value for name, value in made.items()}
    c, m = np.zeros([5, 3]), np.zeros([5, 2])
    for step in range(4):
        i, j, f, o = np.split(np.hstack([X[:, step], m]) @ v["kernel"] + v["bias"], 4, axis=1)
        c = sigmoid(f + 0.5 + v["w_f_diag"] * c) * c + sigmoid(i + v["w_i_diag"] * c) * np.tanh(j)
        c = np.clip(c, -0.4, 0.4)
        m = np.clip(sigmoid(o + v["w_o_diag"] * c) * np.tanh(c) @ v["projection/kernel"], -0.3, 0.3)
        np.testing.assert_allclose(outputs[:, step], m, atol=1e-5)
    assert list(v) == ["kernel", "bias", "w_f_diag", "w_i_diag", "w_o_diag", "projection/kernel"]


MAKERS = {
    "basic": lambda c: c.BasicRNNCell(3),
    "basic_lstm": lambda c: c.BasicLSTMCell(3),
    "lstm": lambda c: c.LSTMCell(3, **FULL),
    "gru": lambda c: c.GRUCell(3),
    "relu": lambda c: c.GRUCell(3, activation=tf.nn.relu),
    "multi": lambda c: c.MultiRNNCell([c.BasicLSTMCell(3), c.GRUCell(4), c.BasicRNNCell(2)]),
    "residual": lambda c: c.ResidualWrapper(c.GRUCell(2)),
    "device": lambda c: c.DeviceWrapper(c.BasicRNNCell(2), "/cpu:0"),
    "kept": lambda c: c.DropoutWrapper(c.BasicLSTMCell(3), 1.0, 1.0),
}


@pytest.mark.skipif(not hasattr(real_tf.nn.rnn_cell, "BasicLSTMCell"), reason="this TensorFlow has no cells of its own")
@pytest.mark.parametrize("kind", MAKERS)
def test_the_originals_have_the_same_names_and_numbers(kind: str) -> None:
    seen = []
    for module in (cells, real_tf.nn.rnn_cell):
        with tf.Graph().as_default():
            outputs, _, made = run(MAKERS[kind](module))
            seen.append((outputs, list(made), [value.shape for value in made.values()]))
    np.testing.assert_allclose(seen[0][0], seen[1][0], atol=1e-6)
    assert seen[0][1:] == seen[1][1:]


def test_one_scope_per_cell_of_a_stack() -> None:
    _, state, made = run(MAKERS["multi"](cells))
    assert list(made) == [
        "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel",
        "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias",
        "rnn/multi_rnn_cell/cell_1/gru_cell/gates/kernel",
        "rnn/multi_rnn_cell/cell_1/gru_cell/gates/bias",
        "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/kernel",
        "rnn/multi_rnn_cell/cell_1/gru_cell/candidate/bias",
        "rnn/multi_rnn_cell/cell_2/basic_rnn_cell/kernel",
        "rnn/multi_rnn_cell/cell_2/basic_rnn_cell/bias",
    ]
    assert state[0].c.shape == (5, 3) and state[1].shape == (5, 4) and state[2].shape == (5, 2)


def test_static_and_dynamic_networks_share_by_scope_and_agree() -> None:
    with tf.variable_scope("net"):
        dynamic, _ = tf.nn.dynamic_rnn(cells.BasicLSTMCell(3), tf.constant(X), dtype=tf.float32)
    with tf.variable_scope("net", reuse=True):
        static, _ = tf.nn.static_rnn(cells.BasicLSTMCell(3), tf.unstack(tf.constant(X), axis=1), dtype=tf.float32)
    assert len(tf.global_variables()) == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        dynamic, static = session.run([dynamic, static])
    np.testing.assert_allclose(dynamic, np.stack(static, 1), atol=1e-6)


def test_two_cells_of_one_kind_in_one_scope_are_numbered() -> None:
    x, state = tf.zeros([2, 3]), tf.zeros([2, 4])
    cells.GRUCell(4)(x, state)
    cells.GRUCell(4)(x, state)
    own = cells.BasicRNNCell(4, name="mine")
    own(x, state)
    own(x, state)
    scopes = {variable.op.name.split("/")[0] for variable in tf.global_variables()}
    assert scopes == {"gru_cell", "gru_cell_1", "mine"}
    assert [variable.op.name for variable in own.variables] == ["mine/kernel", "mine/bias"]
    assert own.trainable_variables == own.weights == own.variables and own.name == "mine"


def test_a_cell_reuses_when_told() -> None:
    x, state = tf.zeros([2, 3]), tf.zeros([2, 4])
    cells.GRUCell(4)(x, state)
    cells.GRUCell(4, reuse=True)(x, state)
    assert len(tf.global_variables()) == 4


def test_states_without_tuples_are_joined() -> None:
    stack = cells.MultiRNNCell([cells.LSTMCell(3, state_is_tuple=False)] * 1, state_is_tuple=False)
    assert stack.state_size == 6 and stack.output_size == 3
    outputs, state, _ = run(stack)
    assert state.shape == (5, 6)
    np.testing.assert_allclose(state[:, 3:], outputs[:, -1], atol=1e-6)


def test_zero_states_follow_the_sizes() -> None:
    state = MAKERS["multi"](cells).zero_state(tf.constant(4), tf.float32)
    assert [part.shape.as_list()[-1] for part in (state[0].c, state[0].h, state[1], state[2])] == [3, 3, 4, 2]
    assert cells.ResidualWrapper(cells.GRUCell(2)).zero_state(3, tf.float32).shape == (3, 2)
    assert state[0].dtype == tf.float32


def test_dropout_spares_the_memory_of_an_lstm() -> None:
    cell = cells.DropoutWrapper(cells.LSTMCell(50), output_keep_prob=0.5, state_keep_prob=0.5, seed=1)
    output, state = cell(tf.ones([2, 3]), cell.zero_state(2, tf.float32))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        output, state = session.run([output, state])
    for dropped in (output, state.h):
        assert 0.2 < (dropped == 0).mean() < 0.8
    assert (state.c != 0).all() and cell.output_size == 50 and cell.variables


def test_dropout_of_inputs_takes_a_tensor() -> None:
    keep = tf.placeholder(tf.float32, [])
    cell = cells.DropoutWrapper(cells.BasicRNNCell(3), input_keep_prob=keep)
    output, _ = cell(tf.ones([1, 2]), tf.zeros([1, 3]))
    plain, _ = cells.BasicRNNCell(3, reuse=True)(tf.ones([1, 2]), tf.zeros([1, 3]))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        output, plain = session.run([output, plain], {keep: 1.0})
    np.testing.assert_allclose(output, plain, atol=1e-6)


class OldCell(cells.RNNCell):
    """A cell of a program, as they were written before 1.2."""

    def __init__(self, units: int) -> None:
        self.units = units

    @property
    def state_size(self) -> int:
        return self.units

    @property
    def output_size(self) -> int:
        return self.units

    def __call__(self, x, state, scope=None):
        with tf.variable_scope(scope or type(self).__name__):
            new = tf.tanh(cells._linear([x, state], self.units, True))
        return new, new


class NewCell(OldCell):
    """The same with ``call`` and a variable that is fetched again at each step."""

    __call__ = cells.RNNCell.__call__

    def call(self, x, state):
        weights = tf.get_variable("w", [x.shape[-1].value + self.units, self.units])
        new = tf.tanh(tf.matmul(tf.concat([x, state], 1), weights))
        return new, new


@pytest.mark.parametrize(("kind", "names"), [(OldCell, ["kernel", "bias"]), (NewCell, ["w"])])
def test_a_program_subclasses_the_base_class(kind: type, names: list[str]) -> None:
    outputs, _, made = run(kind(3))
    scope = "OldCell" if kind is OldCell else "new_cell"
    assert list(made) == [f"rnn/{scope}/{name}" for name in names]
    h = np.zeros([5, 3])
    for step in range(4):
        h = np.tanh(np.hstack([X[:, step], h]) @ made[f"rnn/{scope}/{names[0]}"] + made.get(f"rnn/{scope}/bias", 0))
    np.testing.assert_allclose(outputs[:, -1], h, atol=1e-5)


def test_refusals() -> None:
    with pytest.raises(errors.ArgumentError, match="LSTMCell: `num_proj_shards` is not served. Got 2"):
        cells.LSTMCell(3, num_proj_shards=2)
    with pytest.raises(errors.ArgumentError, match=r"MultiRNNCell: `cells` is empty. Got \[\]"):
        cells.MultiRNNCell([])
    with pytest.raises(errors.ArgumentError, match="DropoutWrapper: `variational_recurrent`"):
        cells.DropoutWrapper(cells.GRUCell(2), variational_recurrent=True)
    with pytest.raises(errors.ShapeError, match="GRUCell: the last dimension of the inputs must be known"):
        cells.GRUCell(2)(tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.float32, [None, None]))
    with pytest.raises(errors.ArgumentTypeError, match="LSTMStateTuple: the parts of a state differ in dtype"):
        cells.LSTMStateTuple(tf.zeros([1]), tf.zeros([1], tf.float64)).dtype  # noqa: B018
    bare = cells.RNNCell()
    for attribute in ("state_size", "output_size"):
        with pytest.raises(NotImplementedError, match=f"RNNCell has no `{attribute}`"):
            getattr(bare, attribute)
    with pytest.raises(NotImplementedError, match="has neither `call` nor a `__call__`"):
        bare(tf.zeros([1, 1]), tf.zeros([1, 1]))
