"""The paths of the packages of ``tf.contrib`` that stand on their own: crf and the like."""

from __future__ import annotations

from tf1bn.compat.paths import Path


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

PACKAGES: dict[str, Path] = {
    f"{_PROJECTOR}.projector": Path(modules=("projector",), real=False),
    f"{_PROJECTOR}.projector.projector_config_pb2": Path(also=(f"{_PROJECTOR}.projector",), real=False),
    **_own("image", "contrib_image", *(f"ops.{name}" for name in _IMAGE)),
    **_own("crf", "contrib_crf", "ops.crf"),
    **_own("opt", "contrib_opt", *(f"training.{name}" for name in _OPTIMIZERS)),
}
"""Path -> what it holds; see ``names.py`` for the notation."""
