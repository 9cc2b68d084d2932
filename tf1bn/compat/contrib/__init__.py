"""``tf.contrib``: layers, framework, losses, metrics, rnn, training and slim, each on its own and reached from here.

Every layer has the names, collections and numbers of the original, so its checkpoints restore by name.
"""

from __future__ import annotations

import importlib
from typing import Any

from tf1bn.compat import absent

_MODULES = {
    "framework": "tf1bn.compat.contrib.framework",
    "layers": "tf1bn.compat.contrib.layers",
    "losses": "tf1bn.compat.contrib.losses",
    "metrics": "tf1bn.compat.contrib.metrics",
    "rnn": "tf1bn.compat.contrib_rnn",
    "slim": "tf1bn.compat.slim",
    "training": "tf1bn.compat.contrib.training",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        absent.refuse("tf.contrib", name, _MODULES)
    return importlib.import_module(_MODULES[name])
