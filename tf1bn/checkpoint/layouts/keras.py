"""Keras and tf_keras BatchNormalization inside a TF1 graph: names as tf.layers, some with a version in the scope."""

from tf1bn.checkpoint.layout import Layout, plain_leaves
from tf1bn.checkpoint.layouts.tf_layers import RENORM

LAYOUT = Layout(
    name="keras",
    title="Keras BatchNormalization in a TF1 graph",
    leaves=(*plain_leaves(twin=False), *RENORM),
    default_scope="batch_normalization_v1",
    automatic=True,
    epsilon=1e-3,
    sample={
        "batch_normalization_v1_2/gamma": "gamma",
        "batch_normalization_v1_2/beta": "beta",
        "batch_normalization_v1_2/moving_mean": "moving_mean",
        "batch_normalization_v1_2/moving_variance": "moving_variance",
    },
    site_scope="batch_normalization_v1_2",
)
