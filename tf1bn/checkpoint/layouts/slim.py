"""tf.contrib.layers.batch_norm and slim.batch_norm.

gamma is off by default, so none is made when this layout is written. ``zero_debias_moving_mean`` leaves two
helper tensors below a doubled scope; the moving mean beside them is already debiased.
"""

from tf1bn.checkpoint.layout import Layout, Leaf, plain_leaves
from tf1bn.checkpoint.layouts.tf_layers import RENORM

LAYOUT = Layout(
    name="slim",
    title="tf.contrib.layers.batch_norm and slim.batch_norm",
    leaves=(
        *plain_leaves(gamma=""),
        *RENORM,
        Leaf("biased", "{scope}/{scope}/moving_mean/biased", (r"(?P<scope>.+)/(?P=scope)/moving_mean/biased",)),
        Leaf(
            "local_step",
            "{scope}/{scope}/moving_mean/local_step",
            (r"(?P<scope>.+)/(?P=scope)/moving_mean/local_step",),
        ),
    ),
    default_scope="BatchNorm",
    automatic=True,
    epsilon=1e-3,
    sample={
        "conv1/BatchNorm/beta": "beta",
        "conv1/BatchNorm/moving_mean": "moving_mean",
        "conv1/BatchNorm/moving_variance": "moving_variance",
        "conv1/BatchNorm/conv1/BatchNorm/moving_mean/biased": "biased",
        "conv1/BatchNorm/conv1/BatchNorm/moving_mean/local_step": "local_step",
    },
    site_scope="conv1/BatchNorm",
)
