"""Cells and networks of contrib.rnn: two steps of each."""
import tensorflow as tf
from values import normal, sequence

R = tf.contrib.rnn
flatten = tf.contrib.framework.nest.flatten

_BLOCKS = dict(feature_size=2, frequency_skip=1, num_frequency_blocks=[3])


def steps(cell, inputs=None):
    """Outputs of two steps, and the last state."""
    inputs = [normal(3, 4, seed=number) for number in range(2)] if inputs is None else inputs
    outputs, state = tf.nn.static_rnn(cell, inputs, dtype=tf.float32)
    return list(outputs) + flatten(state)


def phased():
    cell, outputs = R.PhasedLSTMCell(4), []
    state, time = cell.zero_state(3, tf.float32), tf.constant([[0.1], [0.5], [2.0]])
    for number in range(2):
        with tf.variable_scope("rnn", reuse=number > 0 or None):
            output, state = cell((time + number, normal(3, 4, seed=number)), state)
        outputs.append(output)
    return outputs + flatten(state)


CASES = {
    "BasicLSTMCell": lambda: steps(R.BasicLSTMCell(4)),
    "LSTMCell": lambda: steps(R.LSTMCell(4, use_peepholes=True, num_proj=3, cell_clip=1.0)),
    "GRUCell": lambda: steps(R.GRUCell(4)),
    "BasicRNNCell": lambda: steps(R.BasicRNNCell(4)),
    "LayerNormBasicLSTMCell": lambda: steps(R.LayerNormBasicLSTMCell(4)),
    "LSTMBlockCell": lambda: steps(R.LSTMBlockCell(4, use_peephole=True)),
    "GRUBlockCell": lambda: steps(R.GRUBlockCell(4)),
    "GRUBlockCellV2": lambda: steps(R.GRUBlockCellV2(num_units=4)),
    "CoupledInputForgetGateLSTMCell": lambda: steps(R.CoupledInputForgetGateLSTMCell(4, use_peepholes=True)),
    "NASCell": lambda: steps(R.NASCell(4, use_bias=True)),
    "UGRNNCell": lambda: steps(R.UGRNNCell(4)),
    "IntersectionRNNCell": lambda: steps(R.IntersectionRNNCell(4)),
    "PhasedLSTMCell": phased,
    "GLSTMCell": lambda: steps(R.GLSTMCell(4, number_of_groups=2)),
    "SRUCell": lambda: steps(R.SRUCell(4)),
    "IndyLSTMCell": lambda: steps(R.IndyLSTMCell(4)),
    "IndyGRUCell": lambda: steps(R.IndyGRUCell(4)),
    "IndRNNCell": lambda: steps(R.IndRNNCell(4)),
    "GridLSTMCell": lambda: steps(R.GridLSTMCell(4, **_BLOCKS)),
    "BidirectionalGridLSTMCell": lambda: steps(R.BidirectionalGridLSTMCell(4, **_BLOCKS)),
    "Conv1DLSTMCell": lambda: steps(
        R.Conv1DLSTMCell(input_shape=[5, 2], output_channels=3, kernel_shape=[3]),
        [normal(3, 5, 2, seed=number) for number in range(2)]),
    "HighwayWrapper": lambda: steps(R.HighwayWrapper(R.GRUCell(4))),
    "HighwayWrapper, gates apart": lambda: steps(
        R.HighwayWrapper(R.BasicLSTMCell(4), couple_carry_transform_gates=False)),
    "AttentionCellWrapper": lambda: steps(R.AttentionCellWrapper(R.BasicLSTMCell(4), 3, state_is_tuple=True)),
    "InputProjectionWrapper": lambda: steps(R.InputProjectionWrapper(R.GRUCell(4), 6)),
    "OutputProjectionWrapper": lambda: steps(R.OutputProjectionWrapper(R.GRUCell(4), 3)),
    "MultiRNNCell": lambda: steps(R.MultiRNNCell([R.BasicLSTMCell(4), R.GRUCell(3)])),
    "ResidualWrapper": lambda: steps(R.ResidualWrapper(R.GRUCell(4))),
    "EmbeddingWrapper": lambda: steps(
        R.EmbeddingWrapper(R.GRUCell(4), 5, 3), [tf.constant([[1], [2], [0]])] * 2),
    "stack_bidirectional_dynamic_rnn": lambda: R.stack_bidirectional_dynamic_rnn(
        [R.GRUCell(3)], [R.GRUCell(3)], sequence(), dtype=tf.float32)[0],
    "static_bidirectional_rnn": lambda: R.static_bidirectional_rnn(
        R.GRUCell(3), R.GRUCell(3), [normal(3, 4), normal(3, 4, seed=1)], dtype=tf.float32)[0],
    "LSTMBlockFusedCell": lambda: R.LSTMBlockFusedCell(4)(normal(5, 3, 4), dtype=tf.float32)[0],
    "FusedRNNCellAdaptor": lambda: R.FusedRNNCellAdaptor(R.GRUCell(4))(normal(5, 3, 4), dtype=tf.float32)[0],
    "TimeReversedFusedRNN": lambda: R.TimeReversedFusedRNN(R.LSTMBlockFusedCell(4))(
        normal(5, 3, 4), dtype=tf.float32)[0],
}
