"""``tf.contrib``: layers, framework, losses, metrics, rnn, training and slim, each on its own and reached from here.

In comes a call with contrib's arguments, in contrib's order; out come the tensors, names, collections and numbers of
the original, so its checkpoints restore by name. ``tf.contrib.slim`` is made of the same functions.

To read: :mod:`scoping` (``arg_scope``); :mod:`normalization` (``batch_norm``) with :mod:`zero_debias`; :mod:`affine`
(what layers with weights share), :mod:`linear`, :mod:`convolution`, :mod:`separable`, :mod:`shaping` and the other
layers; :mod:`layers`, which lists them. Beside them :mod:`framework` with :mod:`variables` and :mod:`restoring`;
:mod:`training` with :mod:`optimizing`, :mod:`learning` and :mod:`training_loop`; :mod:`evaluation` with
:mod:`evaluation_hooks`; :mod:`losses`; :mod:`metrics`.
"""

from __future__ import annotations

import importlib
from typing import Any

from tf1bn.compat import absent

_MODULES = {
    "data": "tf1bn.compat.contrib_data",
    "crf": "tf1bn.compat.contrib_crf",
    "framework": "tf1bn.compat.contrib.framework",
    "image": "tf1bn.compat.contrib_image",
    "layers": "tf1bn.compat.contrib.layers",
    "lookup": "tf1bn.compat.contrib_lookup",
    "losses": "tf1bn.compat.contrib.losses",
    "metrics": "tf1bn.compat.contrib.metrics",
    "opt": "tf1bn.compat.contrib_opt",
    "nn": "tf1bn.compat.contrib_nn",
    "rnn": "tf1bn.compat.contrib_rnn",
    "seq2seq": "tf1bn.compat.contrib_seq2seq",
    "slim": "tf1bn.compat.slim",
    "summary": "tf1bn.compat.contrib_summary",
    "training": "tf1bn.compat.contrib.training",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        absent.refuse("tf.contrib", name, _MODULES)
    return importlib.import_module(_MODULES[name])
