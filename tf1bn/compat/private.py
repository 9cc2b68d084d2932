"""Names in TensorFlow's private modules, for programs that import them: where they are, or where they moved to.

tf1bn itself uses none of these.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator
from typing import Any

ROOT, ORIGIN = "python", "TensorFlow, private"

FOLDERS = (
    *("ops", "framework", "training", "client", "platform", "summary", "layers", "util", "lib.io"),
    *("saved_model", "feature_column", "eager", "debug", "tools"),
)
"""Folders whose modules TensorFlow 1 also had at ``tensorflow.python`` itself."""

MOVED: dict[str, tuple[str, ...]] = {
    "framework.ops": (
        *("framework.tensor", "framework.indexed_slices", "framework.tensor_conversion_registry"),
        *("framework.tensor_conversion", "framework.stack", "framework.composite_tensor", "framework.registry"),
    ),
    "framework.tensor_util": ("framework.tensor", "framework.constant_op", "framework.smart_cond"),
    "framework.tensor_spec": ("framework.tensor",),
    "framework.graph_util": ("framework.convert_to_constants", "framework.graph_util_impl"),
    "framework.errors": ("framework.errors_impl",),
    "framework.errors_impl": ("framework.errors",),
    "framework.test_util": ("framework.tensor_conversion",),
    "framework.load_library": ("platform.resource_loader",),
    "ops.control_flow_ops": (
        *("ops.cond", "ops.while_loop", "ops.control_flow_case", "ops.control_flow_assert"),
        *("ops.control_flow_switch_case", "ops.gen_control_flow_ops", "framework.smart_cond"),
    ),
    "ops.array_ops": ("ops.array_ops_stack", "ops.gen_array_ops", "ops.shape_util"),
    "ops.math_ops": ("ops.gen_math_ops", "ops.special_math_ops", "ops.clip_ops"),
    "ops.nn_ops": ("ops.gen_nn_ops", "ops.nn_impl"),
    "ops.nn": ("ops.nn_ops", "ops.nn_impl", "ops.embedding_ops", "ops.gen_nn_ops"),
    "ops.nn_impl": ("ops.nn_impl_distribute", "ops.nn_ops", "ops.gen_nn_ops"),
    "ops.gradients": ("ops.gradients_impl", "ops.gradients_util", "ops.custom_gradient"),
    "ops.gradients_impl": ("ops.gradients_util", "ops.custom_gradient"),
    "ops.state_ops": ("ops.gen_state_ops", "ops.ref_variable", "ops.variables"),
    "ops.variables": ("ops.ref_variable", "ops.variable_v1", "ops.variable_scope"),
    "ops.variable_scope": ("ops.variables", "ops.ref_variable", "ops.resource_variables_toggle"),
    "ops.resource_variable_ops": ("ops.gen_resource_variable_ops", "ops.resource_variables_toggle"),
    "ops.image_ops": ("ops.image_ops_impl", "ops.gen_image_ops"),
    "ops.linalg_ops": ("ops.gen_linalg_ops", "ops.linalg_ops_impl"),
    "ops.random_ops": ("ops.gen_random_ops", "ops.stateless_random_ops"),
    "ops.sparse_ops": ("ops.gen_sparse_ops",),
    "ops.string_ops": ("ops.gen_string_ops",),
    "ops.data_flow_ops": ("ops.gen_data_flow_ops", "ops.tensor_array_ops"),
    "ops.parsing_ops": ("ops.parsing_config", "ops.gen_parsing_ops"),
    "ops.init_ops": ("ops.init_ops_v2", "ops.linalg_ops_impl"),
    "ops.rnn": ("keras.layers.legacy_rnn.rnn_cell_impl", "ops.rnn_cell_impl"),
    "ops.metrics": ("ops.metrics_impl",),
    "ops.losses.losses": ("ops.losses.losses_impl", "ops.losses.util"),
    "training.saver": ("training.checkpoint_management", "training.saving.saveable_object_util"),
    "training.training_util": ("training.training",),
    "training.basic_session_run_hooks": ("training.session_run_hook",),
    "training.input": ("training.queue_runner_impl",),
    "training.queue_runner": ("training.queue_runner_impl",),
    "training.training": ("training.checkpoint_management", "training.basic_session_run_hooks"),
    "platform.test": ("framework.test_util",),
    "util.nest": ("util.nest_util",),
}
"""Where names of a module are to be found today, in order."""

RENAMED = {
    "util.nest.is_sequence": "util.nest.is_nested",
    "ops.array_ops.pack": "ops.array_ops_stack.stack",
    "framework.ops.set_shapes_for_outputs": "framework.ops.set_shape_and_handle_data_for_outputs",
}
"""Names of modules below ``tensorflow.python`` that have another name today."""


def is_private(path: str) -> bool:
    """Whether a path of the facade is a private module's."""
    return path == ROOT or path.startswith(ROOT + ".")


def find(path: str, name: str) -> Any:
    """Returns what a private module has under a name, or what has taken its place, or None.

    Args:
      path: of the module, from ``python`` on.
    """
    place = path[len(ROOT) + 1 :]
    renamed = RENAMED.get(f"{place}.{name}")
    if renamed is not None:
        place, _, name = renamed.rpartition(".")
    found = _of_module(place, name)
    return next(_elsewhere(place, name), None) if found is None else found


def names(path: str) -> list[str]:
    """Returns the names of a private module; none if there is no such module today, or for any other path."""
    module = _module(path[len(ROOT) + 1 :]) if is_private(path) and path != ROOT else None
    return [] if module is None else [name for name in dir(module) if vars(module).get(name) is not None]


def of_version_2(path: str) -> Any:
    """Returns what TensorFlow's version 2 has at a public path, or None."""
    found: Any = importlib.import_module("tensorflow")
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _elsewhere(place: str, name: str) -> Iterator[Any]:
    places = [f"{folder}.{name}" for folder in FOLDERS] if not place else []
    yield from (module for module in map(_module, places) if module is not None)
    others = MOVED.get(place, ())
    yield from (found for found in (_of_module(other, name) for other in others) if found is not None)


def _of_module(place: str, name: str) -> Any:
    module = _module(place)
    if module is None:
        return None
    try:
        found = getattr(module, name, None)
    except ImportError:  # a module that loads on first use, of a package that is not there
        return None
    return _module(f"{place}.{name}" if place else name) if found is None else found


def _module(place: str) -> types.ModuleType | None:
    """Returns TensorFlow's private module of a path, or None if it cannot be imported."""
    try:
        return importlib.import_module(f"tensorflow.{ROOT}.{place}" if place else f"tensorflow.{ROOT}")
    except ImportError:
        return None
