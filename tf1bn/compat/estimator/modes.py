"""The three modes in which a ``model_fn`` is called, and the tags of an export in each."""

from __future__ import annotations

import tensorflow.compat.v1 as tf


class ModeKeys:
    """Names of the modes, as ``model_fn`` gets them."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "infer"


ALL = (ModeKeys.TRAIN, ModeKeys.EVAL, ModeKeys.PREDICT)

EXPORT_TAGS = {
    ModeKeys.PREDICT: (tf.saved_model.tag_constants.SERVING,),
    ModeKeys.TRAIN: (tf.saved_model.tag_constants.TRAINING,),
    ModeKeys.EVAL: ("eval",),
}
"""The tags of a SavedModel's graph, by mode."""

__all__ = ["ModeKeys"]
