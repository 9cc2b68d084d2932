"""The kinds of use in the order in which a graph is read: a kind takes its variables before the next one looks."""

from __future__ import annotations

from tf1bn.convert.uses import (
    batch_norm,
    bias,
    conv,
    cudnn,
    dense,
    depthwise,
    embedding,
    gru,
    kind,
    lstm,
    parameter,
    separable,
    transposed,
)
from tf1bn.registry import Registry

USES: Registry[kind.Kind] = Registry("kind of use", kind.check)

ORDER = (batch_norm, cudnn, lstm, gru, conv, depthwise, transposed, dense, embedding, bias, separable, parameter)
for _module in ORDER:
    USES.register(_module.KIND.name, _module.KIND)
