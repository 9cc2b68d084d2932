"""``tf.contrib.opt``: optimizers beside those of ``tf.train``, each the formula of its paper.

In come gradients, dense or sparse, of reference or resource variables; out comes the op that trains. Slots have the
names under which TensorFlow 1.15 saved them, so checkpoints restore. Optimizers for many workers are absent.

To read, in this order: :mod:`rules` (one formula for dense and sparse gradients), :mod:`adams`, :mod:`signs` and
:mod:`layerwise`, which are such formulas; :mod:`weight_decay`; :mod:`ggt` and :mod:`shampoo` with
:mod:`matrix_roots`; :mod:`wrappers`, around other optimizers; :mod:`external`, for SciPy.
"""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.contrib_opt.adams import (
    AdaMaxOptimizer,
    AdamGSOptimizer,
    LazyAdamGSOptimizer,
    LazyAdamOptimizer,
    NadamOptimizer,
)
from tf1bn.compat.contrib_opt.external import ExternalOptimizerInterface, ScipyOptimizerInterface
from tf1bn.compat.contrib_opt.ggt import GGTOptimizer
from tf1bn.compat.contrib_opt.layerwise import LARSOptimizer, RegAdagradOptimizer
from tf1bn.compat.contrib_opt.shampoo import ShampooOptimizer
from tf1bn.compat.contrib_opt.signs import AddSignOptimizer, PowerSignOptimizer
from tf1bn.compat.contrib_opt.weight_decay import (
    AdamWOptimizer,
    DecoupledWeightDecayExtension,
    MomentumWOptimizer,
    extend_with_decoupled_weight_decay,
)
from tf1bn.compat.contrib_opt.wrappers import (
    MovingAverageOptimizer,
    MultitaskOptimizerWrapper,
    VariableClippingOptimizer,
    clip_gradients_by_global_norm,
)

__all__ = [
    "AdaMaxOptimizer",
    "AdamGSOptimizer",
    "AdamWOptimizer",
    "AddSignOptimizer",
    "DecoupledWeightDecayExtension",
    "ExternalOptimizerInterface",
    "GGTOptimizer",
    "LARSOptimizer",
    "LazyAdamGSOptimizer",
    "LazyAdamOptimizer",
    "MomentumWOptimizer",
    "MovingAverageOptimizer",
    "MultitaskOptimizerWrapper",
    "NadamOptimizer",
    "PowerSignOptimizer",
    "RegAdagradOptimizer",
    "ScipyOptimizerInterface",
    "ShampooOptimizer",
    "VariableClippingOptimizer",
    "clip_gradients_by_global_norm",
    "extend_with_decoupled_weight_decay",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.opt", name, __all__)
