"""The arguments of tf.layers with weights: each list stands here once, for a class and for its functions.

A class takes its list and, by keyword only, what all classes take. A function takes ``inputs``, the same list and
``reuse``: the class's dataclass under :class:`Called`. How dataclasses make signatures is told in
:mod:`tf1bn.compat.calls`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tf1bn.compat.calls import given


@dataclass(frozen=True)
class Made:
    """What every class takes by keyword only; the inputs come when the layer is called."""

    inputs: Any = field(init=False)
    dtype: Any = field(default=None, kw_only=True)
    _reuse: Any = field(default=None, kw_only=True)
    _scope: Any = field(default=None, kw_only=True)

    def of_layer(self) -> dict[str, Any]:
        """Returns the arguments of ``Layer``."""
        names = ("trainable", "name", "activity_regularizer", "dtype", "_reuse", "_scope")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Called(Made):
    """What every function takes beside the list of its class; the scope follows from ``name``."""

    inputs: Any
    dtype: Any = field(default=None, init=False)
    _reuse: Any = field(default=None, init=False)
    _scope: Any = field(default=None, init=False)
    reuse: Any = None

    def layer(self, kind: Any, **more: Any) -> Any:
        """Returns the layer of the call, not yet applied; ``more`` are keywords of its class."""
        arguments = given(self, "inputs", "training", "reuse")
        return kind(**arguments, _scope=arguments["name"], _reuse=self.reuse, **more)


@dataclass(frozen=True)
class Weights(Made):
    """The arguments behind the sizes: separable convolutions have two kernels in place of one."""

    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = None
    depthwise_initializer: Any = field(default=None, init=False)
    pointwise_initializer: Any = field(default=None, init=False)
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    depthwise_regularizer: Any = field(default=None, init=False)
    pointwise_regularizer: Any = field(default=None, init=False)
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    depthwise_constraint: Any = field(default=None, init=False)
    pointwise_constraint: Any = field(default=None, init=False)
    bias_constraint: Any = None
    trainable: bool = True
    name: Any = None


@dataclass(frozen=True)
class Units(Made):
    """The size of a dense layer."""

    units: int


@dataclass(frozen=True)
class Dense(Weights, Units):
    """What ``Dense`` takes."""


@dataclass(frozen=True)
class DenseCall(Called, Dense):
    """What ``dense`` takes."""


@dataclass(frozen=True)
class Window(Made):
    """The sizes of a convolution; only separable ones have a ``depth_multiplier``."""

    filters: int
    kernel_size: Any
    strides: Any = 1
    padding: str = "valid"
    data_format: str = "channels_last"
    dilation_rate: Any = 1
    depth_multiplier: int = field(default=1, init=False)


@dataclass(frozen=True)
class Convolution(Weights, Window):
    """What ``Conv1D`` to ``Conv3D`` take."""


@dataclass(frozen=True)
class Conv1DCall(Called, Convolution):
    """What ``conv1d`` takes."""


@dataclass(frozen=True)
class Conv2DCall(Called, Convolution):
    """What ``conv2d`` takes."""

    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)


@dataclass(frozen=True)
class Conv3DCall(Called, Convolution):
    """What ``conv3d`` takes."""

    strides: Any = (1, 1, 1)
    dilation_rate: Any = (1, 1, 1)


@dataclass(frozen=True)
class Transposed(Convolution):
    """What ``Conv2DTranspose`` and ``Conv3DTranspose`` take."""

    dilation_rate: Any = field(default=1, init=False)


@dataclass(frozen=True)
class Transposed2DCall(Called, Transposed):
    """What ``conv2d_transpose`` takes."""

    strides: Any = (1, 1)


@dataclass(frozen=True)
class Transposed3DCall(Called, Transposed):
    """What ``conv3d_transpose`` takes."""

    strides: Any = (1, 1, 1)


@dataclass(frozen=True)
class Separable(Convolution):
    """What ``SeparableConv1D`` and ``SeparableConv2D`` take."""

    depth_multiplier: int = 1
    kernel_initializer: Any = field(default=None, init=False)
    depthwise_initializer: Any = None
    pointwise_initializer: Any = None
    kernel_regularizer: Any = field(default=None, init=False)
    depthwise_regularizer: Any = None
    pointwise_regularizer: Any = None
    kernel_constraint: Any = field(default=None, init=False)
    depthwise_constraint: Any = None
    pointwise_constraint: Any = None


@dataclass(frozen=True)
class Separable1DCall(Called, Separable):
    """What ``separable_conv1d`` takes."""


@dataclass(frozen=True)
class Separable2DCall(Called, Separable):
    """What ``separable_conv2d`` takes."""

    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)


@dataclass(frozen=True)
class Affine(Made):
    """The first arguments of a batch norm, which its class and its function have in the same order."""

    axis: Any = -1
    momentum: Any = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = "zeros"
    gamma_initializer: Any = "ones"
    moving_mean_initializer: Any = "zeros"
    moving_variance_initializer: Any = "ones"
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None


@dataclass(frozen=True)
class Normalization(Affine):
    """What ``BatchNormalization`` takes."""

    renorm: bool = False
    renorm_clipping: Any = None
    renorm_momentum: Any = 0.99
    fused: Any = None
    trainable: bool = True
    virtual_batch_size: int | None = None
    adjustment: Any = None
    name: Any = None
    activity_regularizer: Any = field(default=None, kw_only=True)


@dataclass(frozen=True)
class SwitchedAffine(Affine):
    """The arguments of the function up to ``reuse``."""

    training: Any = False
    trainable: bool = True
    name: Any = None


@dataclass(frozen=True)
class NormalizationCall(Called, SwitchedAffine):
    """What ``batch_normalization`` takes."""

    renorm: bool = False
    renorm_clipping: Any = None
    renorm_momentum: Any = 0.99
    fused: Any = None
    virtual_batch_size: int | None = None
    adjustment: Any = None
