"""The import-line facade: names, paths, absent names, registration."""

import contextlib
import importlib
import sys
import types

import pytest
import tensorflow.compat.v1 as real_tf

import tf1bn.compat.v1 as tf
from tf1bn import errors
from tf1bn.compat import namespace, usage
from tf1bn.compat.names import PATHS, REPLACEMENTS


def test_importing_it_gives_graph_mode_with_old_shapes_and_variables() -> None:
    x = tf.placeholder(tf.float32, [None, 4, 3])
    assert not tf.executing_eagerly()
    assert x.shape[1].value == 4 and x.get_shape()[1] * x.get_shape()[2] == 12
    assert tf.Dimension(7) // 2 == tf.Dimension(3)
    assert tf.get_variable("v", [2]).dtype.name == "float32_ref"
    assert not real_tf.control_flow_v2_enabled()


def test_names_that_nothing_is_said_about_are_those_of_tensorflow() -> None:
    assert tf.matmul is real_tf.matmul
    assert tf.train.AdamOptimizer is real_tf.train.AdamOptimizer
    assert tf.gfile is real_tf.gfile and tf.keras is real_tf.keras
    assert tf.__version__ == real_tf.__version__
    assert tf.compat.v1 is tf and tf.compat.as_bytes("a") == b"a"


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_row_of_the_table_leads_to_something(path: str) -> None:
    for name in PATHS[path].own:
        with contextlib.suppress(errors.MissingExtraError):  # of a package that is optional
            assert namespace.look_up(path, name) is not None, name
    for name in namespace.names(path) if path else ():
        with contextlib.suppress(errors.MissingExtraError):
            namespace.look_up(path, name)
    module = importlib.import_module(f"tf1bn.compat.v1.{path}".rstrip("."))
    assert set(namespace.names(path)) <= set(dir(module))


@pytest.mark.parametrize("path", sorted(REPLACEMENTS))
def test_no_replacement_is_offered_for_what_is_served(path: str) -> None:
    served = {"contrib", "contrib.learn", "models", "python", "estimator"}
    served |= {"contrib.estimator", "contrib.tpu", "python.estimator", "python.tensorflow_estimator"}
    served |= {"contrib.distributions", "contrib.eager", "contrib.keras", "contrib.tensorboard"}  # in part
    assert path in served or not namespace.is_module(path)


STATEMENTS = """
import tensorflow as tf
import tensorflow.contrib.slim as slim
import tensorflow.contrib.layers as layers
import tensorflow.contrib.rnn
from tensorflow.contrib import layers, slim, framework, rnn
from tensorflow.contrib.framework import arg_scope, add_arg_scope, get_or_create_global_step
from tensorflow.contrib.framework.python.ops import add_arg_scope as q
from tensorflow.contrib.framework.python.ops.arg_scope import arg_scope as q
from tensorflow.contrib.layers import batch_norm, conv2d, fully_connected, xavier_initializer, l2_regularizer
from tensorflow.contrib.layers.python.layers import batch_norm as q
from tensorflow.contrib.layers.python.layers import utils, layers as q
from tensorflow.contrib.layers.python.layers.layers import batch_norm
from tensorflow.contrib.rnn import BasicLSTMCell, LSTMStateTuple, static_rnn
from tensorflow.contrib.rnn.python.ops.core_rnn_cell import _linear
from tensorflow.contrib.slim import conv2d as q
from tensorflow.contrib.slim.python.slim import learning
from tensorflow.contrib.learn.python.learn.datasets.mnist import read_data_sets, DataSet
from tensorflow.examples.tutorials.mnist import input_data
from tensorflow.examples.tutorials.mnist.input_data import read_data_sets
import tensorflow.examples.tutorials.mnist.input_data as q
from tensorflow.models.rnn import rnn, rnn_cell
from tensorflow.python.framework import ops, dtypes, tensor_shape, constant_op
from tensorflow.python.framework.ops import Tensor, GraphKeys, convert_to_tensor, add_to_collection
from tensorflow.python.ops import array_ops, math_ops, nn, nn_ops, init_ops, state_ops, random_ops, clip_ops
from tensorflow.python.ops import control_flow_ops, variable_scope as vs, variables, embedding_ops, rnn, rnn_cell
from tensorflow.python.ops.math_ops import sigmoid, tanh, reduce_mean
from tensorflow.python.ops.control_flow_ops import cond, with_dependencies, group, while_loop
from tensorflow.python.ops.rnn_cell import RNNCell, BasicLSTMCell, GRUCell
from tensorflow.python.ops.rnn_cell_impl import _linear
from tensorflow.python.platform import gfile, flags, app, tf_logging as logging
from tensorflow.python.training import moving_averages, optimizer, saver, learning_rate_decay
from tensorflow.python.training.moving_averages import assign_moving_average, ExponentialMovingAverage
from tensorflow.python.util import nest
from tensorflow.python.client.session import Session
from tensorflow.python import pywrap_tensorflow
from tensorflow.python.pywrap_tensorflow import NewCheckpointReader
from tensorflow.contrib.framework.python.framework.checkpoint_utils import list_variables
from tensorflow.python.layers import base, core
from tensorflow.python.layers.normalization import BatchNormalization
import tensorflow.gfile
import tensorflow.compat.v1 as q
"""


@pytest.mark.parametrize("statement", [line for line in STATEMENTS.splitlines() if line])
def test_old_import_lines_work_under_the_facade(statement: str) -> None:
    scope: dict[str, object] = {}
    exec(statement.replace("tensorflow", "tf1bn.compat.v1", 1), scope)
    assert all(value is not None for value in scope.values())


def test_private_modules_give_public_things() -> None:
    from tf1bn.compat.v1.python.framework import ops, tensor_shape
    from tf1bn.compat.v1.python.ops import control_flow_ops, variables

    assert ops.Tensor is real_tf.Tensor and variables.Variable is real_tf.Variable
    assert control_flow_ops.cond is real_tf.cond
    with real_tf.name_scope("a"):
        assert ops.get_name_scope() == "a"
    assert tensor_shape.as_shape([None, 3]).as_list() == [None, 3]
    assert tensor_shape.scalar().ndims == 0 and tensor_shape.unknown_shape().ndims is None
    assert tensor_shape.unknown_shape(2).as_list() == [None, None]
    assert tensor_shape.vector(3).as_list() == [3] and tensor_shape.matrix(3, 4).as_list() == [3, 4]


def test_an_absent_name_says_so_with_its_nearest_replacement() -> None:
    with pytest.raises(errors.AbsentError, match=r"^tf.contrib.graph_editor: .*import_graph_def.*register\("):
        tf.contrib.graph_editor  # noqa: B018
    with pytest.raises(AttributeError, match="Did you mean 'moments'"):
        tf.nn.momemts  # noqa: B018
    with pytest.raises(AttributeError, match="Use the optimizer alone"):
        tf.contrib.opt.AGNOptimizer  # noqa: B018
    assert not hasattr(tf, "never_heard_of") and not hasattr(tf.nn, "__wrapped__")


def test_an_absent_module_says_so_when_imported() -> None:
    with pytest.raises(errors.AbsentModuleError, match=r"^tf.contrib.boosted_trees: .*xgboost"):
        import tf1bn.compat.v1.contrib.boosted_trees  # noqa: F401
    with pytest.raises(ImportError, match="tf.contrib.graph_editor: .*import_graph_def"):
        from tf1bn.compat.v1.contrib import graph_editor  # noqa: F401
    with pytest.raises(ImportError, match="tf.nn.no_such: "):
        from tf1bn.compat.v1.nn import no_such  # noqa: F401


def test_a_program_registers_its_missing_symbol() -> None:
    decode = object()
    try:
        tf.register("contrib.boosted_trees.decoded", decode)
        assert tf.contrib.boosted_trees.decoded is decode and "decoded" in dir(tf.contrib.boosted_trees)
        from tf1bn.compat.v1.contrib import boosted_trees
        from tf1bn.compat.v1.contrib.boosted_trees import decoded

        assert decoded is decode and boosted_trees.decoded is decode
    finally:
        namespace.unregister("contrib.boosted_trees.decoded")
    del sys.modules["tf1bn.compat.v1.contrib.boosted_trees"], vars(tf.contrib)["boosted_trees"]
    assert not hasattr(tf.contrib, "boosted_trees")


def test_a_registered_module_is_imported_like_one() -> None:
    nets = types.ModuleType("nets")
    nets.vgg = "network"  # type: ignore[attr-defined]
    try:
        tf.register("contrib.slim.nasnets", nets)
        assert tf.contrib.slim.nasnets.vgg == "network"
        import tf1bn.compat.v1.contrib.slim.nasnets as imported

        assert imported.vgg == "network"
        assert not hasattr(imported, "resnet")
    finally:
        namespace.unregister("contrib.slim.nasnets")
        vars(tf.contrib.slim).pop("nasnets", None)


def test_what_exists_is_replaced_only_on_request() -> None:
    with pytest.raises(errors.ArgumentError, match="register: tf.nn.moments exists. .*replace=True"):
        tf.register("nn.moments", max)
    try:
        tf.register("nn.moments", max, replace=True)
        assert tf.nn.moments is max
    finally:
        namespace.unregister("nn.moments")
    assert tf.nn.moments is not max


def test_a_registration_needs_a_dotted_name() -> None:
    with pytest.raises(errors.ArgumentTypeError, match="register: `name` must be a string. Got 3"):
        tf.register(3, 3)  # type: ignore[arg-type]
    with pytest.raises(errors.ArgumentError, match="register: `name` must be a dotted name. Got 'a b'"):
        tf.register("a b", 3)


def test_a_program_that_insists_on_a_version_gets_one() -> None:
    try:
        tf.register("__version__", "1.15.0", replace=True)
        assert tf.__version__ == "1.15.0"
    finally:
        namespace.unregister("__version__")
    assert tf.__version__ == real_tf.__version__


def test_importing_it_again_adds_no_second_finder() -> None:
    importlib.reload(sys.modules["tf1bn.compat.v1"])
    assert sum(isinstance(finder, namespace.Finder) for finder in sys.meta_path) == 1
    assert namespace.Finder().find_spec("json.decoder") is None


def test_what_is_used_is_observed_with_its_origin() -> None:
    with usage.observed() as seen:
        tf.mul(1.0, 2.0)
        tf.mul(1.0, 2.0)
        tf.constant(1.0)
    tf.negative(1.0)
    assert dict(seen.names) == {"emulated": {"mul": 2}, "TensorFlow": {"constant": 1}}
    text = seen.text(lambda graph: f"{len(graph.get_operations())} ops were audited")
    assert "tf.mul x2" in text and "graph 1 of 1" in text and "ops were audited" in text
    assert "audit: not possible, ZeroDivisionError" in seen.text(lambda graph: str(1 / 0))
    assert "audit" not in seen.text()


def test_the_compat_module_leads_back_to_the_facade() -> None:
    import tf1bn.compat.v1.compat.v1 as again
    import tf1bn.compat.v1.compat.v1.nn as nn
    from tf1bn.compat.v1.compat import v1

    assert again is tf and v1 is tf and nn is tf.nn


def test_star_import_gives_the_names_of_a_module() -> None:
    scope: dict[str, object] = {}
    exec("from tf1bn.compat.v1.nn.rnn_cell import *", scope)
    assert {"BasicLSTMCell", "GRUCell", "MultiRNNCell"} <= set(scope)


def test_the_profiler_of_contrib_counts_parameters_and_operations() -> None:
    import tensorflow.compat.v1 as real_tf

    analyzer = tf.contrib.tfprof.model_analyzer
    with real_tf.Graph().as_default() as graph:
        weights = real_tf.get_variable("w", [8, 16], initializer=real_tf.zeros_initializer())
        real_tf.matmul(real_tf.zeros([4, 8]), weights)
        quiet = {"output": "none"}
        options = {**analyzer.TRAINABLE_VARS_PARAMS_STAT_OPTIONS, **quiet}
        assert analyzer.print_model_analysis(graph, tfprof_options=options).total_parameters == 8 * 16
        counted = analyzer.print_model_analysis(
            graph, tfprof_cmd="op", tfprof_options={**analyzer.FLOAT_OPS_OPTIONS, **quiet}
        )
    assert counted.total_float_ops == 2 * 4 * 8 * 16


def test_staging_areas_and_old_paths_of_decoders_are_found() -> None:
    area = tf.contrib.staging.StagingArea([tf.float32], shapes=[[2]])
    with tf.Session() as session:
        session.run(area.put([tf.constant([1.0, 2.0])]))
        assert session.run(area.get())[0].tolist() == [1.0, 2.0]
    decode = tf.contrib.legacy_seq2seq.rnn_decoder
    assert tf.nn.seq2seq.rnn_decoder is decode and tf.models.rnn.seq2seq.rnn_decoder is decode
    assert tf.contrib.legacy_seq2seq.python.ops.seq2seq.rnn_decoder is decode
