"""``tf.contrib.framework``."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat import absent
from tf1bn.compat.contrib import checks
from tf1bn.compat.contrib.bounded_specs import BoundedTensorSpec
from tf1bn.compat.contrib.checks import *  # noqa: F403
from tf1bn.compat.contrib.fusing import fuse_op
from tf1bn.compat.contrib.orthogonal import (
    convolutional_delta_orthogonal,
    convolutional_orthogonal_1d,
    convolutional_orthogonal_2d,
    convolutional_orthogonal_3d,
)
from tf1bn.compat.contrib.placing import (
    VariableDeviceChooser,
    assert_or_get_global_step,
    get_variable_full_name,
    global_variable,
)
from tf1bn.compat.contrib.reading import init_from_checkpoint, list_variables, load_checkpoint, load_variable
from tf1bn.compat.contrib.record_input import RecordInput
from tf1bn.compat.contrib.remapping import (
    load_and_remap_matrix_initializer,
    load_embedding_initializer,
    load_linear_multiclass_bias_initializer,
    load_variable_slot_initializer,
)
from tf1bn.compat.contrib.restoring import (
    assign_from_checkpoint,
    assign_from_checkpoint_fn,
    assign_from_values,
    assign_from_values_fn,
)
from tf1bn.compat.contrib.scoping import (
    add_arg_scope,
    arg_scope,
    arg_scope_func_key,
    arg_scoped_arguments,
    current_arg_scope,
    has_arg_scope,
)
from tf1bn.compat.contrib.variables import (
    add_model_variable,
    assert_global_step,
    create_global_step,
    filter_variables,
    get_global_step,
    get_local_variables,
    get_model_variables,
    get_or_create_global_step,
    get_trainable_variables,
    get_unique_variable,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    local_variable,
    model_variable,
    variable,
)

is_tensor = tf.is_tensor
nest = tf.nest
TensorSpec = tf.TensorSpec
argsort, sort = tf.argsort, tf.sort
assert_same_float_dtype = tf.debugging.assert_same_float_dtype
assert_scalar = tf.debugging.assert_scalar
convert_to_tensor_or_sparse_tensor = tf.convert_to_tensor_or_sparse_tensor

__all__ = [
    *checks.__all__,
    "BoundedTensorSpec",
    "RecordInput",
    "convolutional_delta_orthogonal",
    "convolutional_orthogonal_1d",
    "convolutional_orthogonal_2d",
    "convolutional_orthogonal_3d",
    "fuse_op",
    "load_and_remap_matrix_initializer",
    "load_embedding_initializer",
    "load_linear_multiclass_bias_initializer",
    "load_variable_slot_initializer",
    "TensorSpec",
    "VariableDeviceChooser",
    "argsort",
    "assert_same_float_dtype",
    "assert_scalar",
    "convert_to_tensor_or_sparse_tensor",
    "sort",
    "assert_or_get_global_step",
    "get_variable_full_name",
    "global_variable",
    "add_arg_scope",
    "add_model_variable",
    "arg_scope",
    "arg_scope_func_key",
    "arg_scoped_arguments",
    "assert_global_step",
    "assign_from_checkpoint",
    "assign_from_checkpoint_fn",
    "assign_from_values",
    "assign_from_values_fn",
    "create_global_step",
    "current_arg_scope",
    "filter_variables",
    "get_global_step",
    "get_local_variables",
    "get_model_variables",
    "get_or_create_global_step",
    "get_trainable_variables",
    "get_unique_variable",
    "get_variables",
    "get_variables_by_name",
    "get_variables_by_suffix",
    "get_variables_to_restore",
    "has_arg_scope",
    "init_from_checkpoint",
    "is_tensor",
    "list_variables",
    "load_checkpoint",
    "load_variable",
    "local_variable",
    "model_variable",
    "nest",
    "variable",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.framework", name, __all__)
