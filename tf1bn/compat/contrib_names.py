"""The paths of ``tf.contrib`` that the facade serves, and of ``tf_slim``, whose root is ``contrib.slim``."""

from __future__ import annotations

from tf1bn.compat.paths import MNIST, SUMMARIES, Path, taken

_RNN_OWN = (
    "core_rnn",
    "core_rnn_cell",
    "core_rnn_cell_impl",
    "fused_rnn_cell",
    "gru_ops",
    "lstm_ops",
    "rnn",
    "rnn_cell",
)
"""Modules of the original that tf.contrib.rnn gathered."""

_LAYERS = (
    *("layers", "initializers", "normalization", "optimizers", "regularizers", "rev_block_lib"),
    *("sparse_ops", "bucketization_op", "feature_column", "embedding_ops", "target_column"),
)
"""Modules of the original that tf.contrib.layers gathered; all serve its names."""

_SLIM_OWN = ("evaluation", "learning", "model_analyzer", "queues", "summaries")


_NETS = (
    *("alexnet", "overfeat", "vgg", "inception", "inception_v1", "inception_v2", "inception_v3"),
    *("resnet_utils", "resnet_v1", "resnet_v2"),
)


_DATA = (
    *("data_decoder", "data_provider", "dataset", "dataset_data_provider"),
    *("parallel_reader", "prefetch_queue", "tfexample_decoder"),
)


def _slim_paths(root: str) -> dict[str, Path]:
    """Returns the modules below ``slim``: those of 1.15 and of the package tf_slim."""
    layers = {f"{root}.layers.{name}": Path(also=("contrib.layers",)) for name in _LAYERS}
    framework = {f"{root}.ops.{name}": Path(also=("contrib.framework",)) for name in ("arg_scope", "variables")}
    return {
        f"{root}.layers": Path(also=("contrib.layers",)),
        **layers,
        f"{root}.layers.layers": Path({"_inner_flatten": "contrib.sequences:inner_flatten"}, also=("contrib.layers",)),
        f"{root}.layers.utils": Path(also=("contrib.slim.utils",)),
        f"{root}.layers.sparse_ops": Path(modules=("contrib.sparse_ops",)),
        f"{root}.layers.bucketization_op": Path({"bucketize": "contrib.bucketization:bucketize"}),
        f"{root}.layers.summaries": Path(modules=("contrib.summaries",)),
        f"{root}.initializers": Path(also=("contrib.layers",)),
        f"{root}.regularizers": Path(also=("contrib.layers",)),
        f"{root}.ops": Path(),
        **framework,
        f"{root}.ops.framework_ops": Path(
            {
                **taken("private_names", "get_name_scope"),
                "get_graph_from_inputs": "contrib.checks:get_graph_from_inputs",
            },
            also=("python.framework.ops",),
        ),
        f"{root}.arg_scope_lib": Path(also=("contrib.framework",)),
        f"{root}.evaluation": Path(modules=("contrib.slim_evaluation",)),
        f"{root}.train_eval": Path(modules=("contrib.slim_evaluation",)),
        f"{root}.learning": Path(modules=("contrib.learning",)),
        **_slim_losses_and_metrics(root),
        f"{root}.model_analyzer": Path(modules=("contrib.model_analyzer",)),
        f"{root}.queues": Path(modules=("contrib.queues",)),
        f"{root}.summaries": Path(modules=("contrib.slim_summaries",)),
        f"{root}.training": Path(also=("contrib.training",)),
        f"{root}.training.training": Path(also=("contrib.training",)),
        f"{root}.training.evaluation": Path(also=("contrib.training",)),
        **_slim_nets_and_data(root),
        f"{root}.utils": Path(modules=("contrib.named_outputs", "contrib.choosing")),
    }


def _slim_losses_and_metrics(root: str) -> dict[str, Path]:
    return {
        f"{root}.losses": Path(also=("contrib.losses",)),
        f"{root}.losses.loss_ops": Path(also=("contrib.losses",)),
        f"{root}.losses.metric_learning": Path(modules=("contrib.metric_learning",)),
        f"{root}.metrics": Path(also=("contrib.metrics",)),
        f"{root}.metrics.metric_ops": Path(
            {"_next_array_size": "contrib.metric_areas:next_array_size"}, also=("contrib.metrics",)
        ),
        f"{root}.metrics.classification": Path(also=("contrib.metrics",)),
        f"{root}.metrics.histogram_ops": Path(
            {"_strict_1d_cumsum": "contrib.metric_areas:strict_cumsum"}, also=("contrib.metrics",)
        ),
    }


def _slim_nets_and_data(root: str) -> dict[str, Path]:
    return {
        f"{root}.nets": Path(modules=("slim_nets",)),
        f"{root}.data": Path(),
        **{f"{root}{place}.{name}": Path(modules=(f"slim_data.{name}",)) for name in _DATA for place in ("", ".data")},
        **{f"{root}.nets.{name}": Path(modules=(f"slim_nets.{name}",)) for name in _NETS},
    }


_SEQ2SEQ = {
    "attention_wrapper": {
        "_BaseAttentionMechanism": "contrib_seq2seq.mechanisms:MemoryAttention",
        "_BaseMonotonicAttentionMechanism": "contrib_seq2seq.monotonic:MonotonicAttention",
        "_bahdanau_score": "contrib_seq2seq.mechanisms:bahdanau_score",
        "_compute_attention": "contrib_seq2seq.attention_wrapper:compute_attention",
        "_luong_score": "contrib_seq2seq.mechanisms:luong_score",
        "_maybe_mask_score": "contrib_seq2seq.mechanisms:masked_score",
        "_prepare_memory": "contrib_seq2seq.mechanisms:prepared_memory",
    },
    "basic_decoder": {},
    "beam_search_decoder": taken("contrib_seq2seq.beams", "gather_tree_from_array"),
    "beam_search_ops": {},
    "decoder": {},
    "helper": {},
    "loss": {},
}
"""Modules of the original that tf.contrib.seq2seq gathered, with names of theirs that programs derived from."""

_DATA_OWN = (
    *("batching", "counter", "dataset_ops", "enumerate_ops", "error_ops", "get_single_element", "grouping"),
    *("interleave_ops", "iterator_ops", "optional_ops", "prefetching_ops", "random_ops", "readers", "resampling"),
    *("scan_ops", "shuffle_ops", "sliding", "unique", "writers"),
)
"""Modules of the original that tf.contrib.data gathered."""

_EAGER = {
    "defun": "=function",
    **{name: f"={name}" for name in ("custom_gradient", "executing_eagerly", "function", "GradientTape", "py_func")},
    "Checkpoint": "=train.Checkpoint",
}
"""Names of tf.contrib.eager that mean something in a graph."""

_TRAINING = ("hparam", "evaluation", "training", "bucket_ops", "resample", "sampling_ops", "device_setter")

CONTRIB: dict[str, Path] = {
    "contrib": Path(real=False),
    "contrib.deprecated": Path(SUMMARIES),
    "contrib.distributions": Path(
        {"bijectors": "contrib.distributions:bijectors"}, modules=("contrib.distributions",), real=False
    ),
    "contrib.eager": Path(_EAGER, real=False),
    "contrib.eager.python.tfe": Path(also=("contrib.eager",)),
    "contrib.layers": Path(
        {"xavier_initializer_conv2d": "contrib.layers:xavier_initializer"}, modules=("contrib.layers",)
    ),
    "contrib.layers.initializers": Path(also=("contrib.layers",)),
    "contrib.layers.regularizers": Path(also=("contrib.layers",)),
    "contrib.layers.python.layers": Path(also=("contrib.layers",)),
    **{f"contrib.layers.python.layers.{name}": Path(also=("contrib.layers",)) for name in _LAYERS},
    "contrib.layers.summaries": Path(modules=("contrib.summaries",)),
    "contrib.layers.feature_column": Path(modules=("contrib.feature_columns",)),
    "contrib.layers.python.layers.feature_column": Path(modules=("contrib.feature_columns",)),
    "contrib.layers.python.layers.feature_column_ops": Path(
        taken("contrib.feature_columns", "check_feature_columns", "infer_real_valued_columns"),
        modules=("contrib.feature_inputs", "contrib.sequence_inputs", "contrib.transforming"),
    ),
    "contrib.layers.python.layers.embedding_ops": Path(
        taken("contrib.scattered", "scattered_embedding_lookup", "scattered_embedding_lookup_sparse"),
        also=("contrib.layers",),
    ),
    "contrib.layers.python.layers.target_column": Path(modules=("contrib.target_column",)),
    "contrib.layers.python.ops.sparse_feature_cross_op": Path(
        {"SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY": "contrib.feature_columns:SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY"},
        modules=("contrib.crossing",),
    ),
    "contrib.layers.python.ops.sparse_ops": Path(modules=("contrib.sparse_ops",)),
    "contrib.layers.python.ops.bucketization_op": Path({"bucketize": "contrib.bucketization:bucketize"}),
    "contrib.layers.python.layers.summaries": Path(modules=("contrib.summaries",)),
    "contrib.metrics": Path(modules=("contrib.metrics",)),
    "contrib.metrics.python.ops.metric_ops": Path(also=("contrib.metrics",)),
    "contrib.layers.python.layers.utils": Path(also=("contrib.slim.utils",)),
    "contrib.framework": Path(taken("private_names", "with_dependencies"), modules=("contrib.framework",)),
    "contrib.framework.python.ops": Path(also=("contrib.framework",)),
    "contrib.framework.python.ops.arg_scope": Path(also=("contrib.framework",)),
    "contrib.framework.python.ops.variables": Path(also=("contrib.framework",)),
    "contrib.framework.python.framework.checkpoint_utils": Path(also=("contrib.framework", "train")),
    "contrib.framework.nest": Path(also=("nest", "python.util.nest")),
    "contrib.losses": Path(modules=("contrib.losses",)),
    "contrib.losses.python.losses": Path(also=("contrib.losses",)),
    "contrib.losses.python.losses.loss_ops": Path(also=("contrib.losses",)),
    "contrib.training": Path(modules=("contrib.training",)),
    **{f"contrib.training.python.training.{name}": Path(also=("contrib.training",)) for name in _TRAINING},
    "contrib.losses.metric_learning": Path(modules=("contrib.metric_learning",)),
    "contrib.losses.python.metric_learning": Path(modules=("contrib.metric_learning",)),
    "contrib.losses.python.metric_learning.metric_loss_ops": Path(modules=("contrib.metric_learning",)),
    "contrib.slim": Path(modules=("slim",)),
    **_slim_paths("contrib.slim"),
    "contrib.slim.python.slim": Path(also=("contrib.slim",)),
    **{f"contrib.slim.python.slim.{name}": Path(also=(f"contrib.slim.{name}",)) for name in _SLIM_OWN},
    "contrib.slim.python.slim.data": Path(),
    **{f"contrib.slim.python.slim.data.{name}": Path(also=(f"contrib.slim.{name}",)) for name in _DATA},
    "contrib.slim.python.slim.nets": Path(also=("contrib.slim.nets",)),
    **{f"contrib.slim.python.slim.nets.{name}": Path(also=(f"contrib.slim.nets.{name}",)) for name in _NETS},
    "contrib.rnn": Path(taken("rnn_cell", "_linear"), modules=("contrib_rnn",)),
    **{f"contrib.rnn.python.ops.{name}": Path(also=("contrib.rnn",)) for name in _RNN_OWN},
    "contrib.seq2seq": Path(modules=("contrib_seq2seq",)),
    **{f"contrib.seq2seq.python.ops.{name}": Path(own, also=("contrib.seq2seq",)) for name, own in _SEQ2SEQ.items()},
    "contrib.lookup": Path(modules=("contrib_lookup",)),
    "contrib.lookup.lookup_ops": Path(also=("contrib.lookup",)),
    "contrib.data": Path(modules=("contrib_data",)),
    **{f"contrib.data.python.ops.{name}": Path(also=("contrib.data",)) for name in _DATA_OWN},
    "contrib.learn.datasets.mnist": Path(MNIST),
    "contrib.learn.python.learn.datasets.mnist": Path(MNIST),
}
