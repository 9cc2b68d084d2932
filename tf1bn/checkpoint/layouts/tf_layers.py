"""tf.layers.batch_normalization, with the extra tensors of batch renormalization."""

from tf1bn.checkpoint.layout import Layout, Leaf, plain_leaves

RENORM = (
    Leaf("moving_stddev", "{scope}/moving_stddev{twin}"),
    Leaf("renorm_mean", "{scope}/renorm_mean{twin}"),
    Leaf("renorm_stddev", "{scope}/renorm_stddev{twin}"),
    Leaf("renorm_mean_weight", "{scope}/renorm_mean_weight{twin}"),  # until TensorFlow 1.14
    Leaf("renorm_stddev_weight", "{scope}/renorm_stddev_weight{twin}"),
)

LAYOUT = Layout(
    name="tf_layers",
    title="tf.layers.batch_normalization",
    leaves=(*plain_leaves(), *RENORM),
    default_scope="batch_normalization",
    automatic=True,
    epsilon=1e-3,
    sample={
        "net/batch_normalization_1/gamma": "gamma",
        "net/batch_normalization_1/beta": "beta",
        "net/batch_normalization_1/moving_mean": "moving_mean",
        "net/batch_normalization_1/moving_variance": "moving_variance",
        "net/batch_normalization_1/renorm_mean": "renorm_mean",
    },
    site_scope="net/batch_normalization_1",
)
