"""``slim.nets``: the networks that came with slim; the variables have the names of the published checkpoints.

In come images ``[batch, height, width, 3]``; out come logits and a dict of what each block gives, by name.

To read, in this order: :mod:`stacked` (lists of layers) with :mod:`alexnet`, :mod:`overfeat` and :mod:`vgg`;
:mod:`recipes` (how tables of branches are written) and :mod:`towers` with :mod:`inception_v1`, :mod:`inception_v2`,
:mod:`inception_v3` and :mod:`inception`; :mod:`resnet_utils` with :mod:`resnet_v1` and :mod:`resnet_v2`.
"""

from __future__ import annotations

from tf1bn.compat.slim_nets import alexnet, inception, overfeat, resnet_utils, resnet_v1, resnet_v2, vgg

__all__ = ["alexnet", "inception", "overfeat", "resnet_utils", "resnet_v1", "resnet_v2", "vgg"]
