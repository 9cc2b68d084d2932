"""Sonnet v1 BatchNorm: the four usual names; old files keep the reduced axes, ``[1, ..., C]``."""

from tf1bn.checkpoint.layout import Layout, plain_leaves

LAYOUT = Layout(
    name="sonnet_v1",
    title="Sonnet v1 BatchNorm",
    leaves=plain_leaves(gamma="", twin=False),
    default_scope="batch_norm",
    automatic=True,
    epsilon=1e-3,
    sample={
        "mlp/batch_norm/beta": "beta",
        "mlp/batch_norm/moving_mean": "moving_mean",
        "mlp/batch_norm/moving_variance": "moving_variance",
    },
    site_scope="mlp/batch_norm",
)
