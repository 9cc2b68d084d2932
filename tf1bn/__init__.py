"""Batch normalization for TensorFlow 1 graphs on today's TensorFlow.

Every public name is one row below and is imported on first use, so ``import tf1bn`` costs nothing. The packages stand
on floors, and each imports from lower ones only:

errors, exits, extras, lazy, printing, registry, terms; native; core, datasets, graph; strategies, distribute,
checkpoint; layers, population, export; compat, audit, convert, testing, examples, machine, run; benchmark; this file;
commands.

To learn how a layer works, read ``layers/batch_norm.py``, then ``strategies/base.py``; to learn what is done with
files, ``graph/model.py`` and ``checkpoint/layout.py``. The docstring of each package says what comes in, what goes
out, and in which order its files are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn import lazy

if TYPE_CHECKING:
    from tf1bn.checkpoint.restore import saver as saver
    from tf1bn.core.kernels import default_kernel as default_kernel
    from tf1bn.core.values import Averages as Averages
    from tf1bn.core.values import Moments as Moments
    from tf1bn.errors import Tf1bnError as Tf1bnError
    from tf1bn.layers.batch_norm import batch_norm as batch_norm
    from tf1bn.layers.conv2d import conv2d as conv2d
    from tf1bn.layers.dense import dense as dense
    from tf1bn.layers.merging import merged_updates as merged_updates
    from tf1bn.layers.sites import layers_of as layers_of
    from tf1bn.layers.summaries import summaries as summaries
    from tf1bn.layers.towers import batch_norm_towers as batch_norm_towers
    from tf1bn.layers.train_op import minimize as minimize
    from tf1bn.layers.train_op import with_updates as with_updates
    from tf1bn.strategies.accumulated import Accumulated as Accumulated
    from tf1bn.strategies.base import Request as Request
    from tf1bn.strategies.base import UpdatePlan as UpdatePlan
    from tf1bn.strategies.base import UpdateStrategy as UpdateStrategy
    from tf1bn.strategies.catalog import default_update_strategy as default_update_strategy
    from tf1bn.strategies.catalog import register_strategy as register_strategy
    from tf1bn.strategies.collection import Collection as Collection
    from tf1bn.strategies.ema import Ema as Ema
    from tf1bn.strategies.frozen import Frozen as Frozen
    from tf1bn.strategies.inline import Inline as Inline
    from tf1bn.strategies.per_step import PerStep as PerStep

__version__ = "0.1.0"

_ROWS = {
    "Averages": "tf1bn.core.values",
    "Moments": "tf1bn.core.values",
    "Tf1bnError": "tf1bn.errors",
    "saver": "tf1bn.checkpoint.restore",
    "batch_norm": "tf1bn.layers.batch_norm",
    "conv2d": "tf1bn.layers.conv2d",
    "dense": "tf1bn.layers.dense",
    "layers_of": "tf1bn.layers.sites",
    "merged_updates": "tf1bn.layers.merging",
    "summaries": "tf1bn.layers.summaries",
    "batch_norm_towers": "tf1bn.layers.towers",
    "minimize": "tf1bn.layers.train_op",
    "with_updates": "tf1bn.layers.train_op",
    "Accumulated": "tf1bn.strategies.accumulated",
    "Request": "tf1bn.strategies.base",
    "UpdatePlan": "tf1bn.strategies.base",
    "UpdateStrategy": "tf1bn.strategies.base",
    "Collection": "tf1bn.strategies.collection",
    "Ema": "tf1bn.strategies.ema",
    "Frozen": "tf1bn.strategies.frozen",
    "Inline": "tf1bn.strategies.inline",
    "PerStep": "tf1bn.strategies.per_step",
    "default_kernel": "tf1bn.core.kernels",
    "default_update_strategy": "tf1bn.strategies.catalog",
    "register_strategy": "tf1bn.strategies.catalog",
}

# Packages for people who want more than the layer; `tf1bn.audit` imports itself on first use, too.
_PACKAGES = (
    "audit",
    "checkpoint",
    "convert",
    "datasets",
    "distribute",
    "errors",
    "export",
    "native",
    "population",
    "progress",
    "testing",
)

__all__ = [*_ROWS, *_PACKAGES, "__version__"]

__getattr__, __dir__ = lazy.attributes(__name__, _ROWS, _PACKAGES)
