"""``tf.contrib.distributions``: TensorFlow Probability, as which it went on, or else those that TensorFlow has kept.

Classes of both keep the arguments of 1.15: ``Normal(loc, scale)``, ``Categorical(logits, probs)``,
``MultivariateNormalDiag(loc, scale_diag)``. TensorFlow Probability is looked for at the first use of a name.
"""

from __future__ import annotations

import importlib
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_NEEDED = "tensorflow_probability"


def __getattr__(name: str) -> Any:
    if name == "bijectors":
        return _bijectors()
    found = _distributions()
    return (
        [public for public in dir(found) if not public.startswith("_")] if name == "__all__" else getattr(found, name)
    )


def _distributions() -> Any:
    try:
        return importlib.import_module(_NEEDED).distributions
    except ImportError:
        return tf.distributions


def _bijectors() -> Any:
    try:
        return importlib.import_module(_NEEDED).bijectors
    except ImportError as error:
        text = f"bijectors need the package {_NEEDED!r}, which cannot be imported ({error})"
        fix = "Run: pip install tensorflow-probability tf_keras"
        raise errors.MissingExtraError(
            errors.explain(text, fix=fix), where="tf.contrib.distributions.bijectors"
        ) from error
