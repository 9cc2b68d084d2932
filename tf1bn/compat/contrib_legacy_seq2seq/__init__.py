"""``tf.contrib.legacy_seq2seq``, and ``tf.nn.seq2seq`` before it: networks on lists of steps, unrolled while building.

In come a list of tensors, one for each step, and a recurrent cell; out come a list of outputs and the last state.
Variables have the names and shapes of 1.15, so its checkpoints restore.

To read, in this order: :mod:`decoders` (a list of inputs, or what the decoder chose itself), :mod:`attention`,
:mod:`networks` (an encoder before a decoder), :mod:`losses`, :mod:`buckets`.
"""

from __future__ import annotations

from tf1bn.compat.contrib_legacy_seq2seq.attention import (
    attention_decoder,
    embedding_attention_decoder,
    embedding_attention_seq2seq,
)
from tf1bn.compat.contrib_legacy_seq2seq.buckets import model_with_buckets
from tf1bn.compat.contrib_legacy_seq2seq.decoders import embedding_rnn_decoder, rnn_decoder
from tf1bn.compat.contrib_legacy_seq2seq.losses import sequence_loss, sequence_loss_by_example
from tf1bn.compat.contrib_legacy_seq2seq.networks import (
    basic_rnn_seq2seq,
    embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq,
    one2many_rnn_seq2seq,
    tied_rnn_seq2seq,
)

__all__ = [
    "attention_decoder",
    "basic_rnn_seq2seq",
    "embedding_attention_decoder",
    "embedding_attention_seq2seq",
    "embedding_rnn_decoder",
    "embedding_rnn_seq2seq",
    "embedding_tied_rnn_seq2seq",
    "model_with_buckets",
    "one2many_rnn_seq2seq",
    "rnn_decoder",
    "sequence_loss",
    "sequence_loss_by_example",
    "tied_rnn_seq2seq",
]
