"""``tf.contrib.layers``."""

from __future__ import annotations

from typing import Any

from tf1bn.compat import absent
from tf1bn.compat.contrib import feature_columns as feature_column
from tf1bn.compat.contrib import summaries
from tf1bn.compat.contrib.adaptive import adaptive_clipping_fn
from tf1bn.compat.contrib.convolution import (
    conv1d,
    conv2d,
    conv2d_transpose,
    conv3d,
    conv3d_transpose,
    convolution,
    convolution1d,
    convolution2d,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
)
from tf1bn.compat.contrib.embeddings import (
    bow_encoder,
    embed_sequence,
    embedding_lookup_unique,
    safe_embedding_lookup_sparse,
)
from tf1bn.compat.contrib.feature_columns import (
    SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY,
    bucketized_column,
    check_feature_columns,
    create_feature_spec_for_parsing,
    crossed_column,
    embedding_column,
    infer_real_valued_columns,
    one_hot_column,
    real_valued_column,
    shared_embedding_columns,
    sparse_column_with_hash_bucket,
    sparse_column_with_integerized_feature,
    sparse_column_with_keys,
    sparse_column_with_vocabulary_file,
    weighted_sparse_column,
)
from tf1bn.compat.contrib.feature_inputs import (
    input_from_feature_columns,
    joint_weighted_sum_from_feature_columns,
    make_place_holder_tensors_for_base_features,
    parse_feature_columns_from_examples,
    parse_feature_columns_from_sequence_examples,
    weighted_sum_from_feature_columns,
)
from tf1bn.compat.contrib.feature_norms import instance_norm, layer_norm
from tf1bn.compat.contrib.gdn import GDN, gdn
from tf1bn.compat.contrib.group_norm import group_norm
from tf1bn.compat.contrib.in_plane import conv2d_in_plane, convolution2d_in_plane
from tf1bn.compat.contrib.initializers import (
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)
from tf1bn.compat.contrib.legacy import legacy_fully_connected, legacy_linear, legacy_relu
from tf1bn.compat.contrib.linear import bias_add, elu, fully_connected, linear, relu, relu6
from tf1bn.compat.contrib.normalization import batch_norm
from tf1bn.compat.contrib.optimizing import OPTIMIZER_CLS_NAMES, OPTIMIZER_SUMMARIES, optimize_loss
from tf1bn.compat.contrib.regularizers import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
)
from tf1bn.compat.contrib.reshaping import (
    maxout,
    scale_gradient,
    spatial_softmax,
    unit_norm,
)
from tf1bn.compat.contrib.reversible import RevBlock, recompute_grad, rev_block
from tf1bn.compat.contrib.scattered import scattered_embedding_column
from tf1bn.compat.contrib.separable import separable_conv2d, separable_convolution2d
from tf1bn.compat.contrib.sequence_inputs import sequence_input_from_feature_columns
from tf1bn.compat.contrib.sequences import (
    dense_to_sparse,
    images_to_sequence,
    poincare_normalize,
    pool,
    sequence_to_images,
)
from tf1bn.compat.contrib.shaping import (
    avg_pool2d,
    avg_pool3d,
    dropout,
    flatten,
    max_pool2d,
    max_pool3d,
    one_hot_encoding,
    repeat,
    softmax,
    stack,
)
from tf1bn.compat.contrib.summaries import *  # noqa: F403
from tf1bn.compat.contrib.target_column import multi_class_target, regression_target
from tf1bn.compat.contrib.transforming import transform_features

__all__ = [
    "GDN",
    "OPTIMIZER_CLS_NAMES",
    "OPTIMIZER_SUMMARIES",
    "RevBlock",
    "SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY",
    "adaptive_clipping_fn",
    "apply_regularization",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bias_add",
    "bow_encoder",
    "bucketized_column",
    "check_feature_columns",
    "conv1d",
    "conv2d",
    "conv2d_in_plane",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "convolution",
    "convolution1d",
    "convolution2d",
    "convolution2d_in_plane",
    "convolution2d_transpose",
    "convolution3d",
    "convolution3d_transpose",
    "create_feature_spec_for_parsing",
    "crossed_column",
    "dense_to_sparse",
    "dropout",
    "elu",
    "embed_sequence",
    "embedding_column",
    "embedding_lookup_unique",
    "feature_column",
    "flatten",
    "fully_connected",
    "gdn",
    "group_norm",
    "images_to_sequence",
    "infer_real_valued_columns",
    "input_from_feature_columns",
    "instance_norm",
    "joint_weighted_sum_from_feature_columns",
    "l1_l2_regularizer",
    "l1_regularizer",
    "l2_regularizer",
    "layer_norm",
    "legacy_fully_connected",
    "legacy_linear",
    "legacy_relu",
    "linear",
    "make_place_holder_tensors_for_base_features",
    "max_pool2d",
    "max_pool3d",
    "maxout",
    "multi_class_target",
    "one_hot_column",
    "one_hot_encoding",
    "optimize_loss",
    "parse_feature_columns_from_examples",
    "parse_feature_columns_from_sequence_examples",
    "poincare_normalize",
    "pool",
    "real_valued_column",
    "recompute_grad",
    "regression_target",
    "relu",
    "relu6",
    "repeat",
    "rev_block",
    "safe_embedding_lookup_sparse",
    "scale_gradient",
    "scattered_embedding_column",
    "separable_conv2d",
    "separable_convolution2d",
    "sequence_input_from_feature_columns",
    "sequence_to_images",
    "shared_embedding_columns",
    "softmax",
    "sparse_column_with_hash_bucket",
    "sparse_column_with_integerized_feature",
    "sparse_column_with_keys",
    "sparse_column_with_vocabulary_file",
    "spatial_softmax",
    "stack",
    "sum_regularizer",
    "summaries",
    "transform_features",
    "unit_norm",
    "variance_scaling_initializer",
    "weighted_sparse_column",
    "weighted_sum_from_feature_columns",
    "xavier_initializer",
    "xavier_initializer_conv2d",
    *summaries.__all__,
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.layers", name, __all__)
