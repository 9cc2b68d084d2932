"""``tf.contrib.seq2seq``: decoders, helpers, attention and beam search of TensorFlow 1.15.

In come a recurrent cell, its first state, and what a decoder reads: given inputs, or its own choices; out come the
outputs of all steps, the last state, and lengths, from one ``tf.while_loop`` of stock ops. Variables have the names and
shapes of 1.15, so its checkpoints restore.

To read, in this order: :mod:`decoding` (the loop), :mod:`outputs`, :mod:`inputs` (helpers) with :mod:`draws` and
:mod:`scheduled`, :mod:`basic` (a decoder); :mod:`signatures` of the attention in :mod:`mechanisms` and
:mod:`monotonic`, and :mod:`attention_wrapper`; :mod:`beams`, :mod:`beam_scores` and :mod:`beam_search`; :mod:`losses`.
"""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.contrib_seq2seq.attention_wrapper import AttentionWrapper, AttentionWrapperState
from tf1bn.compat.contrib_seq2seq.basic import BasicDecoder, BasicDecoderOutput
from tf1bn.compat.contrib_seq2seq.beam_search import (
    BeamSearchDecoder,
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    FinalBeamSearchDecoderOutput,
)
from tf1bn.compat.contrib_seq2seq.beams import gather_tree, tile_batch
from tf1bn.compat.contrib_seq2seq.decoding import Decoder, dynamic_decode
from tf1bn.compat.contrib_seq2seq.inputs import (
    CustomHelper,
    GreedyEmbeddingHelper,
    Helper,
    InferenceHelper,
    SampleEmbeddingHelper,
    TrainingHelper,
)
from tf1bn.compat.contrib_seq2seq.losses import sequence_loss
from tf1bn.compat.contrib_seq2seq.mechanisms import AttentionMechanism, BahdanauAttention, LuongAttention, hardmax
from tf1bn.compat.contrib_seq2seq.monotonic import (
    BahdanauMonotonicAttention,
    LuongMonotonicAttention,
    monotonic_attention,
    safe_cumprod,
)
from tf1bn.compat.contrib_seq2seq.scheduled import ScheduledEmbeddingTrainingHelper, ScheduledOutputTrainingHelper

__all__ = [
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "BasicDecoder",
    "BasicDecoderOutput",
    "BeamSearchDecoder",
    "BeamSearchDecoderOutput",
    "BeamSearchDecoderState",
    "CustomHelper",
    "Decoder",
    "FinalBeamSearchDecoderOutput",
    "GreedyEmbeddingHelper",
    "Helper",
    "InferenceHelper",
    "LuongAttention",
    "LuongMonotonicAttention",
    "SampleEmbeddingHelper",
    "ScheduledEmbeddingTrainingHelper",
    "ScheduledOutputTrainingHelper",
    "TrainingHelper",
    "dynamic_decode",
    "gather_tree",
    "hardmax",
    "monotonic_attention",
    "safe_cumprod",
    "sequence_loss",
    "tile_batch",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.seq2seq", name, __all__)
