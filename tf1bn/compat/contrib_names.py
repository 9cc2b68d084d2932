"""The paths of ``tf.contrib`` that the facade serves, and of ``tf_slim``, whose root is ``contrib.slim``."""

from __future__ import annotations

from tf1bn.compat.paths import CELLS, MNIST, SUMMARIES, Path, taken

_RNN = {
    **CELLS,
    "static_rnn": "=nn.static_rnn",
    "static_bidirectional_rnn": "=nn.static_bidirectional_rnn",
    "static_state_saving_rnn": "=nn.static_state_saving_rnn",
}

CONTRIB: dict[str, Path] = {
    "contrib": Path(real=False),
    "contrib.deprecated": Path(SUMMARIES),
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
    "contrib.training.python.training.training": Path(also=("contrib.training",)),
    "contrib.slim": Path(modules=("slim",)),
    "contrib.slim.learning": Path(modules=("contrib.learning",)),
    "contrib.slim.losses": Path(modules=("contrib.losses",)),
    "contrib.slim.utils": Path(modules=("contrib.named_outputs",)),
    "contrib.slim.python.slim": Path(also=("contrib.slim",)),
    "contrib.slim.python.slim.learning": Path(also=("contrib.slim.learning",)),
    "contrib.rnn": Path(_RNN),
    "contrib.rnn.python.ops.core_rnn_cell": Path(also=("contrib.rnn",)),
    "contrib.rnn.python.ops.core_rnn": Path(also=("contrib.rnn",)),
    "contrib.rnn.python.ops.core_rnn_cell_impl": Path(also=("contrib.rnn",)),
    "contrib.util": Path({"constant_value": "=get_static_value", "make_tensor_proto": "=make_tensor_proto"}),
    "contrib.learn.datasets.mnist": Path(MNIST),
    "contrib.learn.python.learn.datasets.mnist": Path(MNIST),
}
