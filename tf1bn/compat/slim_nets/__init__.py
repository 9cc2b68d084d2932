"""``slim.nets``: the networks that came with slim; the variables have the names of the published checkpoints."""

from __future__ import annotations

from tf1bn.compat.slim_nets import alexnet, inception, overfeat, resnet_utils, resnet_v1, resnet_v2, vgg

__all__ = ["alexnet", "inception", "overfeat", "resnet_utils", "resnet_v1", "resnet_v2", "vgg"]
