"""``tf.contrib.image``: projective transforms, warps, colours, regions and matches, on TensorFlow's own ops.

In come images, ``[batch, rows, columns, channels]`` or fewer dimensions; out come images of the same dtype. What had an
op of its own in tf.contrib is a loop or a matrix here, with the same results.

To read, in this order: :mod:`transforms`; :mod:`splines` and :mod:`warping`; :mod:`colors`; :mod:`matching`;
:mod:`stereograms`.
"""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.contrib_image.colors import adjust_hsv_in_yiq, random_hsv_in_yiq
from tf1bn.compat.contrib_image.matching import bipartite_match, connected_components
from tf1bn.compat.contrib_image.splines import interpolate_spline
from tf1bn.compat.contrib_image.stereograms import single_image_random_dot_stereograms
from tf1bn.compat.contrib_image.transforms import (
    angles_to_projective_transforms,
    compose_transforms,
    flat_transforms_to_matrices,
    matrices_to_flat_transforms,
    rotate,
    transform,
    translate,
    translations_to_projective_transforms,
)
from tf1bn.compat.contrib_image.warping import dense_image_warp, sparse_image_warp

__all__ = [
    "adjust_hsv_in_yiq",
    "angles_to_projective_transforms",
    "bipartite_match",
    "compose_transforms",
    "connected_components",
    "dense_image_warp",
    "flat_transforms_to_matrices",
    "interpolate_spline",
    "matrices_to_flat_transforms",
    "random_hsv_in_yiq",
    "rotate",
    "single_image_random_dot_stereograms",
    "sparse_image_warp",
    "transform",
    "translate",
    "translations_to_projective_transforms",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.image", name, __all__)
