"""The networks of slim beside those of tf_slim: variables, end points, and outputs on the same values."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

NETS = {
    "alexnet.alexnet_v2": ("alexnet.alexnet_v2_arg_scope", 224),
    "overfeat.overfeat": ("overfeat.overfeat_arg_scope", 231),
    "vgg.vgg_a": ("vgg.vgg_arg_scope", 224),
    "vgg.vgg_16": ("vgg.vgg_arg_scope", 224),
    "vgg.vgg_19": ("vgg.vgg_arg_scope", 224),
    "inception_v1.inception_v1": ("inception_v1.inception_v1_arg_scope", 224),
    "inception_v2.inception_v2": ("inception_v2.inception_v2_arg_scope", 224),
    "inception_v3.inception_v3": ("inception_v3.inception_v3_arg_scope", 299),
    "resnet_v1.resnet_v1_50": ("resnet_utils.resnet_arg_scope", 224),
    "resnet_v2.resnet_v2_50": ("resnet_utils.resnet_arg_scope", 224),
}
COMPUTED = ("alexnet.alexnet_v2", "inception_v1.inception_v1", "inception_v3.inception_v3", "resnet_v2.resnet_v2_50")
"""Those small enough to be run here; the others are compared by their graphs."""


def part(package: str, name: str) -> Any:
    module, _, leaf = name.partition(".")
    return getattr(
        importlib.import_module(f"{package}.nets.{module}" if package == "tf_slim" else f"{package}.{module}"), leaf
    )


def built(package: str, name: str) -> dict[str, Any]:
    scope, size = NETS[name]
    arg_scope = importlib.import_module("tf_slim" if package == "tf_slim" else "tf1bn.compat.slim").arg_scope
    with arg_scope(part(package, scope)()):
        classes = {"num_classes": 7, "is_training": False}
        logits, end_points = part(package, name)(tf.placeholder(tf.float32, [1, size, size, 3], "images"), **classes)
    return {"logits": logits, **end_points}


@pytest.mark.parametrize("name", NETS)
def test_the_graph_has_the_same_variables_and_end_points(tf_slim: Any, name: str) -> None:
    found = []
    for package in ("tf_slim", "tf1bn.compat.slim_nets"):
        with tf.Graph().as_default():
            outputs = built(package, name)
            variables = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
            trained = [v.op.name for v in tf.trainable_variables()]
            losses = len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
            found.append((variables, trained, losses, {key: y.shape.as_list() for key, y in outputs.items()}))
    assert found[1] == found[0]


@pytest.mark.parametrize("name", COMPUTED)
def test_the_outputs_are_the_same(tf_slim: Any, name: str) -> None:
    random = np.random.RandomState(0)
    size = NETS[name][1]
    images, values, found = random.rand(1, size, size, 3), {}, []
    for package in ("tf_slim", "tf1bn.compat.slim_nets"):
        with tf.Graph().as_default() as graph, tf.Session() as session:
            outputs = built(package, name)
            for variable in tf.global_variables():
                shape = variable.shape.as_list()
                scale = 1 / np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 0.5
                if variable.op.name not in values:
                    values[variable.op.name] = (random.rand(*shape) + (len(shape) == 1)) * scale
                variable.load(values[variable.op.name], session)
            found.append(session.run(outputs, {graph.get_tensor_by_name("images:0"): images}))
    for key, wanted in found[0].items():
        np.testing.assert_allclose(found[1][key], wanted, rtol=1e-4, atol=1e-5, err_msg=key)
