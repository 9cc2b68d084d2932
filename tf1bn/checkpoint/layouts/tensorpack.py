"""tensorpack BatchNorm: averages under ``mean/EMA`` and ``variance/EMA``; old files have keys that end in ``:0``."""

from tf1bn.checkpoint.layout import Layout, Leaf

LAYOUT = Layout(
    name="tensorpack",
    title="tensorpack BatchNorm",
    leaves=(
        Leaf("gamma", "{scope}/gamma", make="ones"),
        Leaf("beta", "{scope}/beta", make="zeros"),
        Leaf("moving_mean", "{scope}/mean/EMA"),
        Leaf("moving_variance", "{scope}/variance/EMA"),
    ),
    default_scope="bn",
    epsilon=1e-5,
    sample={
        "group0/block1/bn/gamma": "gamma",
        "group0/block1/bn/beta": "beta",
        "group0/block1/bn/mean/EMA:0": "moving_mean",
        "group0/block1/bn/variance/EMA:0": "moving_variance",
    },
    site_scope="group0/block1/bn",
)
