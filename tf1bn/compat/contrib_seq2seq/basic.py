"""A decoder that makes one choice at each step."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_seq2seq.decoding import Decoder
from tf1bn.compat.contrib_seq2seq.inputs import Helper
from tf1bn.compat.contrib_seq2seq.outputs import output_size, require_cell, require_layer


class BasicDecoderOutput(NamedTuple):
    """What a :class:`BasicDecoder` gives.

    Attributes:
      rnn_output: output of the cell, or of the layer upon it.
      sample_id: what the helper chose.
    """

    rnn_output: Any
    sample_id: Any


class BasicDecoder(Decoder):
    """Runs a cell, lets a helper choose from its output, and feeds what the helper says next.

    Raises:
      ArgumentTypeError: no cell, no helper, or no layer.
    """

    def __init__(self, cell: Any, helper: Any, initial_state: Any, output_layer: Any = None) -> None:
        require_cell("BasicDecoder", cell)
        require_layer("BasicDecoder", "output_layer", output_layer)
        if not isinstance(helper, Helper):
            raise errors.ArgumentTypeError(
                errors.explain("`helper` is no Helper", got=helper, expected="for example a TrainingHelper"),
                where="BasicDecoder",
            )
        self._cell, self._helper = cell, helper
        self._initial_state, self._output_layer = initial_state, output_layer

    @property
    def batch_size(self) -> Any:
        """That of the helper."""
        return self._helper.batch_size

    def _rnn_output_size(self) -> Any:
        return output_size(self._cell, self._output_layer)

    @property
    def output_size(self) -> BasicDecoderOutput:
        """Sizes of the output and of a choice."""
        return BasicDecoderOutput(self._rnn_output_size(), self._helper.sample_ids_shape)

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        """The dtype of the state, and that of a choice."""
        dtype = tf.nest.flatten(self._initial_state)[0].dtype
        kinds = tf.nest.map_structure(lambda _: dtype, self._rnn_output_size())
        return BasicDecoderOutput(kinds, self._helper.sample_ids_dtype)

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Returns what the helper begins with, and the first state."""
        finished, inputs = self._helper.initialize()
        return finished, inputs, self._initial_state

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> tuple[Any, Any, Any, Any]:
        """Returns outputs, state, next inputs and ends of one step."""
        with tf.name_scope(name, "BasicDecoderStep"):
            outputs, state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            chosen = self._helper.sample(time=time, outputs=outputs, state=state)
            finished, inputs, state = self._helper.next_inputs(
                time=time, outputs=outputs, state=state, sample_ids=chosen
            )
        return BasicDecoderOutput(outputs, chosen), state, inputs, finished
