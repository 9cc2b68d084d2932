"""``tf.layers`` of TensorFlow 1.15: its functions and classes, names, collections and numbers.

Use it as ``from tf1bn.compat import tf_layers``; every function has the argument order and defaults of its original.
In comes such a call; out come the original's output, variables and collections. The batch norm moves its averages in
UPDATE_OPS, or as an enclosing ``tf1bn.default_update_strategy`` says.

To read, in this order: :mod:`base` (a layer object: named at its first call, shared by later ones) with
:mod:`inspection` and :mod:`specs`; :mod:`signatures` (the arguments, each list once); :mod:`words` and
:mod:`windows` (what callers may say); :mod:`weighted` and :mod:`core`, the plainest layers; :mod:`normalization`;
:mod:`convolutional`, :mod:`transposed`, :mod:`separable`, :mod:`pooling`.
"""

from tf1bn.compat.tf_layers.base import Layer
from tf1bn.compat.tf_layers.convolutional import (
    Conv1D,
    Conv2D,
    Conv3D,
    conv1d,
    conv2d,
    conv3d,
)
from tf1bn.compat.tf_layers.core import (
    Dense,
    Dropout,
    Flatten,
    dense,
    dropout,
    flatten,
)
from tf1bn.compat.tf_layers.normalization import BatchNormalization, batch_normalization
from tf1bn.compat.tf_layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    average_pooling1d,
    average_pooling2d,
    average_pooling3d,
    max_pooling1d,
    max_pooling2d,
    max_pooling3d,
)
from tf1bn.compat.tf_layers.separable import SeparableConv1D, SeparableConv2D, separable_conv1d, separable_conv2d
from tf1bn.compat.tf_layers.specs import InputSpec
from tf1bn.compat.tf_layers.transposed import Conv2DTranspose, Conv3DTranspose, conv2d_transpose, conv3d_transpose

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "Dropout",
    "Flatten",
    "InputSpec",
    "Layer",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "SeparableConv1D",
    "SeparableConv2D",
    "average_pooling1d",
    "average_pooling2d",
    "average_pooling3d",
    "batch_normalization",
    "conv1d",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "dense",
    "dropout",
    "flatten",
    "max_pooling1d",
    "max_pooling2d",
    "max_pooling3d",
    "separable_conv1d",
    "separable_conv2d",
]
