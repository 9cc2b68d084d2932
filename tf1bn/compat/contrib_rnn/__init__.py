"""``tf.contrib.rnn``: the cells and wrappers of 1.15 that TensorFlow no longer has, and those of ``tf.nn.rnn_cell``.

In come inputs ``[batch, features]`` and a state; out come an output and the next state, so every cell goes with
``tf.nn.dynamic_rnn`` and its relatives. Variables have the names and shapes of 1.15.

To read, in this order: :mod:`simple`, :mod:`memory`, :mod:`sized`, :mod:`independent`, :mod:`phased`, :mod:`grid` and
:mod:`convolutional` (cells by what they are made of), :mod:`fused` (whole sequences), :mod:`wrappers`, :mod:`stacking`.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat import absent
from tf1bn.compat.contrib_rnn.convolutional import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell, ConvLSTMCell
from tf1bn.compat.contrib_rnn.fused import (
    FusedRNNCell,
    FusedRNNCellAdaptor,
    GRUBlockCell,
    GRUBlockCellV2,
    LSTMBlockCell,
    LSTMBlockFusedCell,
    LSTMBlockWrapper,
    TimeReversedFusedRNN,
)
from tf1bn.compat.contrib_rnn.grid import BidirectionalGridLSTMCell, GridLSTMCell, TimeFreqLSTMCell
from tf1bn.compat.contrib_rnn.independent import IndRNNCell, IndyGRUCell, IndyLSTMCell
from tf1bn.compat.contrib_rnn.memory import (
    CoupledInputForgetGateLSTMCell,
    GLSTMCell,
    LayerNormBasicLSTMCell,
    NASCell,
)
from tf1bn.compat.contrib_rnn.phased import PhasedLSTMCell
from tf1bn.compat.contrib_rnn.simple import CFNCell, IntersectionRNNCell, MinimalRNNCell, SRUCell, UGRNNCell
from tf1bn.compat.contrib_rnn.sized import LayerRNNCell
from tf1bn.compat.contrib_rnn.stacking import (
    best_effort_input_batch_size,
    stack_bidirectional_dynamic_rnn,
    stack_bidirectional_rnn,
    transpose_batch_time,
)
from tf1bn.compat.contrib_rnn.wrappers import (
    AttentionCellWrapper,
    CompiledWrapper,
    EmbeddingWrapper,
    HighwayWrapper,
    InputProjectionWrapper,
    OutputProjectionWrapper,
)
from tf1bn.compat.rnn_base import LSTMStateTuple, RNNCell
from tf1bn.compat.rnn_cell import BasicLSTMCell, BasicRNNCell, GRUCell, LSTMCell
from tf1bn.compat.rnn_wrappers import DeviceWrapper, DropoutWrapper, MultiRNNCell, ResidualWrapper

static_rnn = tf.nn.static_rnn
static_bidirectional_rnn = tf.nn.static_bidirectional_rnn
static_state_saving_rnn = tf.nn.static_state_saving_rnn

__all__ = [
    "AttentionCellWrapper",
    "BasicLSTMCell",
    "BasicRNNCell",
    "BidirectionalGridLSTMCell",
    "CFNCell",
    "CompiledWrapper",
    "Conv1DLSTMCell",
    "Conv2DLSTMCell",
    "Conv3DLSTMCell",
    "ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "EmbeddingWrapper",
    "FusedRNNCell",
    "FusedRNNCellAdaptor",
    "GLSTMCell",
    "GRUBlockCell",
    "GRUBlockCellV2",
    "GRUCell",
    "GridLSTMCell",
    "HighwayWrapper",
    "IndRNNCell",
    "IndyGRUCell",
    "IndyLSTMCell",
    "InputProjectionWrapper",
    "IntersectionRNNCell",
    "LSTMBlockCell",
    "LSTMBlockFusedCell",
    "LSTMBlockWrapper",
    "LSTMCell",
    "LSTMStateTuple",
    "LayerNormBasicLSTMCell",
    "LayerRNNCell",
    "MinimalRNNCell",
    "MultiRNNCell",
    "NASCell",
    "OutputProjectionWrapper",
    "PhasedLSTMCell",
    "RNNCell",
    "ResidualWrapper",
    "SRUCell",
    "TimeFreqLSTMCell",
    "TimeReversedFusedRNN",
    "UGRNNCell",
    "best_effort_input_batch_size",
    "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "transpose_batch_time",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.rnn", name, __all__)
