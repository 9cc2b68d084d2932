"""The paths of the packages of ``tf.contrib`` that stand on their own: crf and the like."""

from __future__ import annotations

from tf1bn.compat.paths import Path, taken


def _own(package: str, module: str, *private: str) -> dict[str, Path]:
    """Returns the paths of a package: itself, and modules of the original that old programs import from below it."""
    root = f"contrib.{package}"
    below = {f"{root}.python.{name}": Path(also=(root,), real=False) for name in private}
    return {root: Path(modules=(module,), real=False), **below}


_OPTIMIZERS = (
    *("adamax", "adam_gs_optimizer", "addsign", "external_optimizer", "ggt", "lars_optimizer", "lazy_adam_optimizer"),
    *("lazy_adam_gs_optimizer", "moving_average_optimizer", "multitask_optimizer_wrapper", "nadam_optimizer"),
    *("powersign", "reg_adagrad_optimizer", "shampoo", "variable_clipping_optimizer", "weight_decay_optimizers"),
)

_IMAGE = ("image_ops", "dense_image_warp", "sparse_image_warp", "interpolate_spline", "distort_image_ops")
_PROJECTOR = "contrib.tensorboard.plugins"

_KERAS = (
    *("activations", "applications", "backend", "callbacks", "constraints", "datasets", "initializers", "layers"),
    *("losses", "metrics", "models", "optimizers", "preprocessing", "regularizers", "utils"),
)
_UTIL = {
    "constant_value": "=get_static_value",
    "make_ndarray": "=make_ndarray",
    "make_tensor_proto": "=make_tensor_proto",
    **taken("graph_ops_used", "ops_used_by_graph_def", "stripped_op_list_for_graph"),
}
_STATELESS = {
    **{
        f"stateless_random_{kind}": f"=random.stateless_{kind}"
        for kind in ("normal", "uniform", "binomial", "gamma", "poisson")
    },
    "stateless_multinomial": "=random.stateless_multinomial",
    "stateless_truncated_normal": "=random.stateless_truncated_normal",
}

PACKAGES: dict[str, Path] = {
    f"{_PROJECTOR}.projector": Path(modules=("projector",), real=False),
    f"{_PROJECTOR}.projector.projector_config_pb2": Path(also=(f"{_PROJECTOR}.projector",), real=False),
    "contrib.autograph": Path(also=("autograph",), real=False),
    "contrib.keras": Path(also=("keras",), real=False),
    **{f"contrib.keras.{name}": Path(also=(f"keras.{name}",), real=False) for name in _KERAS},
    "contrib.lite": Path(also=("lite",), real=False),
    "contrib.signal": Path(also=("signal",), real=False),
    "contrib.stateless": Path(_STATELESS, real=False),
    "contrib.tfprof": Path(also=("profiler",), real=False),
    "contrib.tfprof.model_analyzer": Path(modules=("tfprof",), also=("profiler",), real=False),
    "contrib.util": Path(_UTIL, real=False),
    **_own("legacy_seq2seq", "contrib_legacy_seq2seq", "ops.seq2seq"),
    "contrib.staging": Path(also=("python.ops.data_flow_ops",), real=False),
    **_own("nn", "contrib_nn"),
    **_own("summary", "contrib_summary"),
    "contrib.summary.summary": Path(also=("contrib.summary",), real=False),
    **_own("image", "contrib_image", *(f"ops.{name}" for name in _IMAGE)),
    **_own("crf", "contrib_crf", "ops.crf"),
    **_own("opt", "contrib_opt", *(f"training.{name}" for name in _OPTIMIZERS)),
}
"""Path -> what it holds; see ``names.py`` for the notation."""
