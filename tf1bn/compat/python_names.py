"""The paths of TensorFlow's private modules, ``tensorflow.python``, of which the facade knows some names.

A name that no row has is looked for in the module itself, and then where it moved to.
"""

from __future__ import annotations

from tf1bn.compat.paths import CELLS, SUMMARIES, Path, taken

_ALL_OPS = ("", "nn", "train", "image", "linalg", "math", "summary")

_CONTROL_FLOW = {**taken("private_names", "with_dependencies", "switch", "merge")}

_PRIVATE: dict[str, Path] = {
    "pywrap_tensorflow": Path(also=("pywrap_tensorflow",)),
    "framework": Path(),
    "framework.ops": Path(taken("private_names", "get_name_scope"), also=("",)),
    "framework.dtypes": Path(also=("", "dtypes")),
    "framework.constant_op": Path(also=("",)),
    "framework.tensor_shape": Path(
        taken("private_names", "as_shape", "scalar", "vector", "matrix", "unknown_shape"), also=("",)
    ),
    "framework.tensor_util": Path({"constant_value": "=get_static_value"}, also=("",)),
    "framework.random_seed": Path(also=("random", "")),
    "framework.errors": Path(also=("errors",)),
    "framework.graph_util": Path(also=("graph_util",)),
    "framework.importer": Path(also=("",)),
    "client": Path(),
    "client.session": Path(also=("",)),
    "ops": Path(),
    "ops.control_flow_ops": Path(_CONTROL_FLOW, also=("",)),
    "ops.variables": Path(also=("",)),
    "ops.variable_scope": Path(also=("",)),
    "ops.rnn": Path(also=("nn",)),
    "ops.rnn_cell": Path(CELLS),
    "ops.seq2seq": Path(also=("contrib.legacy_seq2seq",), real=False),
    "ops.rnn_cell_impl": Path(CELLS),
    "ops.nn": Path(also=("nn", "")),
    "ops.nn_ops": Path(also=("nn", "")),
    "ops.init_ops": Path(also=("", "initializers")),
    "ops.image_ops": Path(also=("image",)),
    "ops.random_ops": Path(also=("", "random")),
    "ops.logging_ops": Path(SUMMARIES, also=("", "summary")),
    **{
        f"ops.{name}": Path(also=_ALL_OPS)
        for name in (
            "array_ops",
            "check_ops",
            "clip_ops",
            "data_flow_ops",
            "embedding_ops",
            "gradients",
            "gradients_impl",
            "io_ops",
            "linalg_ops",
            "math_ops",
            "nn_impl",
            "parsing_ops",
            "partitioned_variables",
            "script_ops",
            "sparse_ops",
            "standard_ops",
            "state_ops",
            "string_ops",
            "template",
            "tensor_array_ops",
        )
    },
    "ops.losses": Path(),
    "ops.losses.losses": Path(also=("losses",)),
    "training": Path(),
    "training.moving_averages": Path(taken("private_names", "assign_moving_average"), also=("train",)),
    "training.training_util": Path(also=("train",)),
    "training.checkpoint_utils": Path(also=("train",)),
    **{
        f"training.{name}": Path(also=("train",))
        for name in (
            "adagrad",
            "adam",
            "coordinator",
            "ftrl",
            "gradient_descent",
            "input",
            "learning_rate_decay",
            "momentum",
            "monitored_session",
            "optimizer",
            "queue_runner",
            "queue_runner_impl",
            "rmsprop",
            "saver",
            "session_run_hook",
            "supervisor",
            "training",
        )
    },
    "platform": Path(),
    "platform.app": Path(also=("app",)),
    "platform.flags": Path(also=("app.flags",)),
    "platform.gfile": Path(also=("gfile",)),
    "platform.tf_logging": Path(also=("logging",)),
    "platform.test": Path(also=("test",)),
    "platform.resource_loader": Path(also=("resource_loader",)),
    "summary": Path(),
    "summary.summary": Path(also=("summary",)),
    "util": Path(),
    "util.nest": Path(also=("nest",)),
    "layers": Path(),
    "layers.layers": Path(also=("layers",)),
    "layers.base": Path(also=("layers",)),
    "layers.convolutional": Path(also=("layers",)),
    "layers.core": Path(also=("layers",)),
    "layers.normalization": Path(also=("layers",)),
    "layers.pooling": Path(also=("layers",)),
}

PYTHON: dict[str, Path] = {"python": Path(), **{f"python.{path}": row for path, row in _PRIVATE.items()}}
