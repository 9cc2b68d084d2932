"""Defaults of the layer, as data. Needs no TensorFlow."""

DEFAULT_DECAY = 0.99
DEFAULT_EPSILON = 1e-3
DEFAULT_SCOPE = "batch_norm"
DEFAULT_STRATEGY = "inline"

# What other libraries call our arguments, for errors that translate.
FOREIGN_WORDS = {
    "momentum": "decay (tf.layers and Keras: the same number; PyTorch: decay = 1 - momentum)",
    "decay_rate": "decay",
    "eps": "epsilon",
    "training": "is_training",
    "train": "is_training",
    "name": "scope",
    "offset": "center",
    "data_format": "axis (channels first: axis=1)",
    "updates_collections": 'update_strategy=Collection(name), or "inline" for updates_collections=None',
    "use_local_stat": "use_batch_statistics",
    "unbiased": "bessel_correction",
    "fused": "kernel, or nothing: the fastest one is chosen",
}
