"""The names of old TensorFlow that the import-line facade serves: which path, which name, from where.

One table of paths, as data. A row's target is written as

* ``"=a.b"``: ``tensorflow.compat.v1.a.b``, today's name of the same function;
* ``"module:name"``: ``name`` of ``tf1bn.compat.module``;
* ``"@a.b"``: the facade's own path ``a.b``.
"""

from __future__ import annotations

from typing import NamedTuple


class Path(NamedTuple):
    """What one module path of the facade holds.

    Attributes:
      own: name -> target, searched first.
      modules: modules of ``tf1bn.compat`` whose public names are served, searched next.
      also: other paths of the facade, searched in order after those.
      real: whether today's public names of the same path are served last.
    """

    own: dict[str, str] = {}
    modules: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    real: bool = True


def _from(module: str, *names: str) -> dict[str, str]:
    return {name: f"{module}:{name}" for name in names}


_SUMMARIES = {
    **_from("old_summaries", "scalar_summary", "histogram_summary", "image_summary", "audio_summary"),
    "merge_summary": "=summary.merge",
    "merge_all_summaries": "=summary.merge_all",
}

_RENAMED = {
    "mul": "=multiply",
    "neg": "=negative",
    "sub": "=subtract",
    "inv": "=reciprocal",
    "pack": "=stack",
    "unpack": "=unstack",
    "select": "=where",
    "complex_abs": "=abs",
    "listdiff": "=setdiff1d",
    "list_diff": "=setdiff1d",
    "batch_cholesky": "=cholesky",
    "batch_cholesky_solve": "=cholesky_solve",
    "batch_fft": "=fft",
    "batch_fft2d": "=fft2d",
    "batch_fft3d": "=fft3d",
    "batch_ifft": "=ifft",
    "batch_ifft2d": "=ifft2d",
    "batch_ifft3d": "=ifft3d",
    "batch_matrix_band_part": "=matrix_band_part",
    "batch_matrix_determinant": "=matrix_determinant",
    "batch_matrix_diag": "=matrix_diag",
    "batch_matrix_diag_part": "=matrix_diag_part",
    "batch_matrix_inverse": "=matrix_inverse",
    "batch_matrix_set_diag": "=matrix_set_diag",
    "batch_matrix_solve": "=matrix_solve",
    "batch_matrix_solve_ls": "=matrix_solve_ls",
    "batch_matrix_transpose": "=matrix_transpose",
    "batch_matrix_triangular_solve": "=matrix_triangular_solve",
    "batch_self_adjoint_eig": "=self_adjoint_eig",
    "batch_self_adjoint_eigvals": "=self_adjoint_eigvals",
    "batch_svd": "=svd",
}

_CELLS = {
    **_from("rnn_base", "LSTMStateTuple", "RNNCell"),
    **_from("rnn_cell", "BasicLSTMCell", "BasicRNNCell", "GRUCell", "LSTMCell", "_linear"),
    **_from("rnn_wrappers", "DeviceWrapper", "DropoutWrapper", "MultiRNNCell", "ResidualWrapper"),
}

_STATIC_RNN = {
    "rnn": "=nn.static_rnn",
    "bidirectional_rnn": "=nn.static_bidirectional_rnn",
    "state_saving_rnn": "=nn.static_state_saving_rnn",
}

_CONTRIB_RNN = {
    **_CELLS,
    "static_rnn": "=nn.static_rnn",
    "static_bidirectional_rnn": "=nn.static_bidirectional_rnn",
    "static_state_saving_rnn": "=nn.static_state_saving_rnn",
}

_MNIST = _from(
    "input_data", "DataSet", "Datasets", "read_data_sets", "dense_to_one_hot", "extract_images", "extract_labels"
)

PATHS: dict[str, Path] = {
    "": Path(
        {
            **_RENAMED,
            **_SUMMARIES,
            **_from("reordered", "concat", "split", "reverse", "batch_matmul"),
        }
    ),
    "app": Path(),
    "app.flags": Path(
        _from("old_flags", *(f"DEFINE_{kind}" for kind in ("string", "integer", "float", "boolean", "bool")), "FLAGS")
    ),
    "flags": Path(also=("app.flags",)),
    "nn": Path(
        {
            **_STATIC_RNN,
            **_from(
                "reordered",
                "moments",
                "softmax_cross_entropy_with_logits",
                "sparse_softmax_cross_entropy_with_logits",
                "sigmoid_cross_entropy_with_logits",
                "nce_loss",
                "sampled_softmax_loss",
            ),
            "deconv2d": "=nn.conv2d_transpose",
        }
    ),
    "nn.rnn_cell": Path(_CELLS, real=False),
    "image": Path({"per_image_whitening": "=image.per_image_standardization", **_from("reordered", "resize_images")}),
    "train": Path({"SummaryWriter": "=summary.FileWriter"}),
    "layers": Path(modules=("tf_layers",), real=False),
    "contrib": Path(real=False),
    "contrib.deprecated": Path(_SUMMARIES),
    "contrib.layers": Path(
        {"xavier_initializer_conv2d": "contrib.layers:xavier_initializer"}, modules=("contrib.layers",)
    ),
    "contrib.layers.initializers": Path(also=("contrib.layers",)),
    "contrib.layers.regularizers": Path(also=("contrib.layers",)),
    "contrib.layers.python.layers": Path(also=("contrib.layers",)),
    "contrib.layers.python.layers.layers": Path(also=("contrib.layers",)),
    "contrib.layers.python.layers.initializers": Path(also=("contrib.layers",)),
    "contrib.layers.python.layers.regularizers": Path(also=("contrib.layers",)),
    "contrib.layers.python.layers.optimizers": Path(also=("contrib.layers",)),
    "contrib.layers.python.layers.utils": Path(also=("contrib.slim.utils",)),
    "contrib.framework": Path(_from("private_names", "with_dependencies"), modules=("contrib.framework",)),
    "contrib.framework.python.ops": Path(also=("contrib.framework",)),
    "contrib.framework.python.ops.arg_scope": Path(also=("contrib.framework",)),
    "contrib.framework.python.ops.variables": Path(also=("contrib.framework",)),
    "contrib.framework.python.framework.checkpoint_utils": Path(also=("contrib.framework", "train")),
    "contrib.framework.nest": Path(also=("nest",)),
    "contrib.losses": Path(modules=("contrib.losses",)),
    "contrib.losses.python.losses": Path(also=("contrib.losses",)),
    "contrib.losses.python.losses.loss_ops": Path(also=("contrib.losses",)),
    "contrib.training": Path(modules=("contrib.training",)),
    "contrib.training.python.training.training": Path(also=("contrib.training",)),
    "contrib.slim": Path(modules=("slim",)),
    "contrib.slim.learning": Path(modules=("contrib.learning",)),
    "contrib.slim.losses": Path(modules=("contrib.losses",)),
    "contrib.slim.utils": Path(modules=("contrib.named_outputs",)),
    "contrib.slim.python.slim": Path(also=("contrib.slim",)),
    "contrib.slim.python.slim.learning": Path(also=("contrib.slim.learning",)),
    "contrib.rnn": Path(_CONTRIB_RNN),
    "contrib.rnn.python.ops.core_rnn_cell": Path(also=("contrib.rnn",)),
    "contrib.rnn.python.ops.core_rnn": Path(also=("contrib.rnn",)),
    "contrib.rnn.python.ops.core_rnn_cell_impl": Path(also=("contrib.rnn",)),
    "contrib.util": Path({"constant_value": "=get_static_value", "make_tensor_proto": "=make_tensor_proto"}),
    "contrib.learn.datasets.mnist": Path(_MNIST),
    "contrib.learn.python.learn.datasets.mnist": Path(_MNIST),
    "examples.tutorials.mnist.input_data": Path(_MNIST),
    "models.rnn.rnn_cell": Path(_CELLS),
    "models.rnn.rnn": Path(also=("nn",)),
    "compat": Path({"v1": "@"}),
    "ops": Path(also=("",)),
    "pywrap_tensorflow": Path({"NewCheckpointReader": "=train.NewCheckpointReader"}),
}

_ALL_OPS = ("", "nn", "train", "image", "linalg", "math", "summary")

_CONTROL_FLOW = {**_from("private_names", "with_dependencies", "switch", "merge")}

_PRIVATE: dict[str, Path] = {
    "pywrap_tensorflow": Path(also=("pywrap_tensorflow",)),
    "framework": Path(),
    "framework.ops": Path(_from("private_names", "get_name_scope"), also=("",)),
    "framework.dtypes": Path(also=("", "dtypes")),
    "framework.constant_op": Path(also=("",)),
    "framework.tensor_shape": Path(
        _from("private_names", "as_shape", "scalar", "vector", "matrix", "unknown_shape"), also=("",)
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
    "ops.rnn_cell": Path(_CELLS),
    "ops.rnn_cell_impl": Path(_CELLS),
    "ops.nn": Path(also=("nn", "")),
    "ops.nn_ops": Path(also=("nn", "")),
    "ops.init_ops": Path(also=("", "initializers")),
    "ops.image_ops": Path(also=("image",)),
    "ops.random_ops": Path(also=("", "random")),
    "ops.logging_ops": Path(_SUMMARIES, also=("", "summary")),
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
    "training.moving_averages": Path(_from("private_names", "assign_moving_average"), also=("train",)),
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
    "util.nest": Path(also=("contrib.framework.nest",)),
    "layers": Path(),
    "layers.layers": Path(also=("layers",)),
    "layers.base": Path(also=("layers",)),
    "layers.convolutional": Path(also=("layers",)),
    "layers.core": Path(also=("layers",)),
    "layers.normalization": Path(also=("layers",)),
    "layers.pooling": Path(also=("layers",)),
}

PATHS.update({"python": Path(), **{f"python.{path}": row for path, row in _PRIVATE.items()}})

REPLACEMENTS = {
    "contrib": "Most of tf.contrib is gone from TensorFlow; contrib.layers, framework, losses, training, slim, rnn "
    "and learn.datasets.mnist are served here.",
    "contrib.crf": "The package tensorflow-addons had tfa.text.crf_*.",
    "contrib.data": "Use tf.data, for example tf.data.Dataset.",
    "contrib.distributions": "Use the package tensorflow-probability, or tf.distributions.",
    "contrib.eager": "This facade is graph mode; eager execution needs `import tensorflow` itself.",
    "contrib.estimator": "Estimators left TensorFlow with 2.16; write the loop with tf.Session.",
    "contrib.image": "Use tf.image, or tf.raw_ops.ImageProjectiveTransformV3.",
    "contrib.keras": "Use tf.keras.",
    "contrib.learn": "Write the loop with tf.Session; contrib.learn.datasets.mnist is served here.",
    "contrib.legacy_seq2seq": "Write the decoder's loop with tf.nn.raw_rnn or tf.while_loop.",
    "contrib.lookup": "Use tf.lookup.",
    "contrib.metrics": "Use tf.metrics.",
    "contrib.opt": "Use the optimizers of tf.train.",
    "contrib.seq2seq": "Write the decoder's loop with tf.nn.raw_rnn or tf.while_loop.",
    "contrib.slim.nets": "Put the network's source beside the program; it needs only slim's layers.",
    "contrib.summary": "Use tf.summary.",
    "contrib.tensorboard": "Use the package tensorboard.",
    "contrib.tpu": "TPU training of graphs is not served here.",
    "estimator": "Estimators left TensorFlow with 2.16; write the loop with tf.Session.",
    "examples.tutorials.mnist.mnist": "Put the tutorial's mnist.py beside the program.",
    "models": "The model garden is not part of TensorFlow; put the module's source beside the program.",
    "nn.seq2seq": "Write the decoder's loop with tf.nn.raw_rnn or tf.while_loop.",
    "nn.sparse_softmax": "Use tf.sparse.softmax.",
    "python": "A private module of TensorFlow; use the public name of what the program needs.",
    "merge": "Use tf.raw_ops.Merge, or tf.cond.",
}
"""Path of an absent name, or of a beginning of it -> what to use instead."""
