"""The names of old TensorFlow that the import-line facade serves: which path, which name, from where.

One table of paths, as data. A row's target is written as

* ``"=a.b"``: ``tensorflow.compat.v1.a.b``, today's name of the same function;
* ``"module:name"``: ``name`` of ``tf1bn.compat.module``;
* ``"@a.b"``: the facade's own path ``a.b``.
"""

from __future__ import annotations

from tf1bn.compat.contrib_names import CONTRIB
from tf1bn.compat.contrib_packages import PACKAGES
from tf1bn.compat.estimator_names import ESTIMATOR, ESTIMATOR_REPLACEMENTS
from tf1bn.compat.paths import CELLS, MNIST, SUMMARIES, Path, taken
from tf1bn.compat.python_names import PYTHON

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

_STATIC_RNN = {
    "rnn": "=nn.static_rnn",
    "bidirectional_rnn": "=nn.static_bidirectional_rnn",
    "state_saving_rnn": "=nn.static_state_saving_rnn",
}

PATHS: dict[str, Path] = {
    "": Path(
        {
            **_RENAMED,
            **SUMMARIES,
            **taken("reordered", "concat", "split", "reverse", "batch_matmul"),
        }
    ),
    "app": Path(),
    "app.flags": Path(
        taken("old_flags", *(f"DEFINE_{kind}" for kind in ("string", "integer", "float", "boolean", "bool")), "FLAGS")
    ),
    "flags": Path(also=("app.flags",)),
    "nn": Path(
        {
            **_STATIC_RNN,
            **taken(
                "reordered",
                "moments",
                "softmax_cross_entropy_with_logits",
                "sparse_softmax_cross_entropy_with_logits",
                "sigmoid_cross_entropy_with_logits",
                "nce_loss",
                "sampled_softmax_loss",
            ),
            **taken("transposed", "conv1d_transpose", "conv2d_transpose", "conv2d_backprop_input"),
            **taken("transposed", "atrous_conv2d_transpose"),
            "deconv2d": "transposed:conv2d_transpose",
        }
    ),
    "nn.rnn_cell": Path(CELLS, real=False),
    "nn.seq2seq": Path(also=("contrib.legacy_seq2seq",), real=False),
    "image": Path({"per_image_whitening": "=image.per_image_standardization", **taken("reordered", "resize_images")}),
    "train": Path({"SummaryWriter": "=summary.FileWriter"}),
    "layers": Path(modules=("tf_layers",), real=False),
    "examples.tutorials.mnist.input_data": Path(MNIST),
    "models.rnn.rnn_cell": Path(CELLS),
    "models.rnn.rnn": Path(also=("nn",)),
    "models.rnn.seq2seq": Path(also=("contrib.legacy_seq2seq",), real=False),
    "compat": Path({"v1": "@"}),
    "ops": Path(also=("",)),
    "pywrap_tensorflow": Path({"NewCheckpointReader": "=train.NewCheckpointReader"}),
}

PATHS.update({**CONTRIB, **PACKAGES, **PYTHON, **ESTIMATOR})

REPLACEMENTS = {
    "contrib": "Most of tf.contrib is gone from TensorFlow; contrib.layers, framework, losses, metrics, training, "
    "slim, rnn, seq2seq, legacy_seq2seq, lookup, data, distributions, crf, opt, image, summary, estimator, learn and "
    "tpu are served here.",
    "contrib.boosted_trees": "Use a package of boosted trees, such as xgboost.",
    "contrib.copy_graph": "Use tf.import_graph_def(graph.as_graph_def(), input_map=...).",
    "contrib.cudnn_rnn": "Use contrib.rnn.LSTMBlockFusedCell, or contrib.rnn.LSTMBlockCell with forget_bias=0; weights "
    "that cuDNN packed into one tensor must be unpacked first.",
    "contrib.distributions": "Install the packages tensorflow-probability and tf_keras, whose names are served "
    "here; without them there are those of tf.distributions.",
    "contrib.eager": "This facade is graph mode; eager execution needs `import tensorflow` itself.",
    "contrib.ffmpeg": "Its op is gone. Use tf.audio.decode_wav, or ffmpeg outside of the graph.",
    "contrib.graph_editor": "Use tf.import_graph_def(input_map=...) to put other tensors into a graph, or edit "
    "its GraphDef.",
    "contrib.keras": "It is tf.keras of the TensorFlow that is installed.",
    "contrib.memory_stats": "Its ops are gone. Use tf.config.experimental.get_memory_info(device).",
    "contrib.quantize": "It rewrote graphs. Convert the trained graph with tf.lite.TFLiteConverter and "
    "optimizations=[tf.lite.Optimize.DEFAULT]; to train with quantization, put "
    "tf.quantization.fake_quant_with_min_max_vars around weights and activations.",
    "contrib.tensorboard": "plugins.projector is served here. For the rest use the package tensorboard.",
    "examples.tutorials.mnist.mnist": "Put the tutorial's mnist.py beside the program.",
    "models": "The model garden is not part of TensorFlow; put the module's source beside the program.",
    "nn.sparse_softmax": "Use tf.sparse.softmax.",
    "python": "A private module of TensorFlow; use the public name of what the program needs.",
    "merge": "Use tf.raw_ops.Merge, or tf.cond.",
    **ESTIMATOR_REPLACEMENTS,
}
"""Path of an absent name, or of a beginning of it -> what to use instead."""
