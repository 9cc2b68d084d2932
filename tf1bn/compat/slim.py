"""``tf.contrib.slim``, which is tf_slim: contrib's layers and framework under one name, with its own train op.

>>> from tf1bn.compat import slim
>>> with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params={"is_training": is_training}):
...     net = slim.conv2d(images, 32, [3, 3])
"""

from __future__ import annotations

import types
from typing import Any

from tf1bn.compat import absent
from tf1bn.compat import slim_nets as nets
from tf1bn.compat.contrib import evaluation as train_eval
from tf1bn.compat.contrib import (
    framework,
    layers,
    learning,
    losses,
    metrics,
    model_analyzer,
    queues,
    slim_summaries,
    training,
)
from tf1bn.compat.contrib import named_outputs as utils
from tf1bn.compat.contrib import scoping as arg_scope_lib
from tf1bn.compat.contrib import slim_evaluation as evaluation
from tf1bn.compat.contrib.framework import *  # noqa: F403
from tf1bn.compat.contrib.layers import *  # noqa: F403
from tf1bn.compat.slim_data import (
    data_decoder,
    data_provider,
    dataset,
    dataset_data_provider,
    parallel_reader,
    prefetch_queue,
    tfexample_decoder,
)

summaries: types.ModuleType = slim_summaries  # type: ignore[no-redef]  # not those of contrib.layers, which has a module of that name, too

__all__ = [
    *framework.__all__,
    *layers.__all__,
    "arg_scope_lib",
    "data_decoder",
    "data_provider",
    "dataset",
    "dataset_data_provider",
    "evaluation",
    "learning",
    "losses",
    "metrics",
    "model_analyzer",
    "nets",
    "parallel_reader",
    "prefetch_queue",
    "queues",
    "summaries",
    "tfexample_decoder",
    "train_eval",
    "training",
    "utils",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("slim", name, __all__)
