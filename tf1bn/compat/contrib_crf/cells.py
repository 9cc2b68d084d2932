"""Single steps of a linear chain as recurrent cells, for programs that run them by ``tf.nn.dynamic_rnn``."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib_crf import decoding, scores
from tf1bn.compat.rnn_base import RNNCell


class _ChainCell(RNNCell):
    """A cell whose state and output are a number for each tag."""

    def __init__(self, transition_params: Any) -> None:
        super().__init__()
        self._transitions = tf.convert_to_tensor(transition_params)

    @property
    def state_size(self) -> Any:
        """The number of tags."""
        return self._transitions.shape.as_list()[0]

    @property
    def output_size(self) -> Any:
        """The number of tags."""
        return self._transitions.shape.as_list()[0]


class CrfForwardRnnCell(_ChainCell):
    """State: the logarithm of the sum over all sequences that end in each tag. The output is the new state.

    Args:
      transition_params: ``[tags, tags]``.
    """

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Returns the new state twice."""
        moved = scores.forward(inputs, state, self._transitions)
        return moved, moved


class CrfDecodeForwardRnnCell(_ChainCell):
    """State: the best score of all sequences that end in each tag. The output is the best tag before each.

    Args:
      transition_params: ``[tags, tags]``.
    """

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Returns the tags before, int32, and the new state."""
        return decoding.best_before(inputs, state, self._transitions)


class CrfDecodeBackwardRnnCell(RNNCell):
    """State: the tag after, ``[batch, 1]``. Its input are the best tags before each; the output is the new state."""

    def __init__(self, num_tags: int) -> None:
        super().__init__()
        self._num_tags = num_tags

    @property
    def state_size(self) -> Any:
        """One tag."""
        return 1

    @property
    def output_size(self) -> Any:
        """One tag."""
        return 1

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Returns the tag before twice."""
        before = tf.gather(inputs, state, axis=1, batch_dims=1)
        return before, before
