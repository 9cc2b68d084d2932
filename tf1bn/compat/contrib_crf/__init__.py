"""``tf.contrib.crf``: linear chains of tags, as in taggers that put a CRF on top of a recurrent network.

In come scores of each tag at each step, ``[batch, steps, tags]``, the lengths of the sequences, and a matrix of scores
of each tag after each other, which is made as the variable ``transitions`` unless given. Out come scores of tags
that are given, the logarithm of the sum over all sequences of tags, and the best sequence. Everything is one loop over
the steps; tensors may be float32 or float64.

To read, in this order: :mod:`scores` (what sequences score, and all of them together), :mod:`decoding` (the best
sequence), :mod:`cells` (single steps, for programs that run them by ``tf.nn.dynamic_rnn``).
"""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.contrib_crf.cells import CrfDecodeBackwardRnnCell, CrfDecodeForwardRnnCell, CrfForwardRnnCell
from tf1bn.compat.contrib_crf.decoding import crf_decode, viterbi_decode
from tf1bn.compat.contrib_crf.scores import (
    crf_binary_score,
    crf_log_likelihood,
    crf_log_norm,
    crf_multitag_sequence_score,
    crf_sequence_score,
    crf_unary_score,
)

__all__ = [
    "CrfDecodeBackwardRnnCell",
    "CrfDecodeForwardRnnCell",
    "CrfForwardRnnCell",
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_multitag_sequence_score",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.crf", name, __all__)
