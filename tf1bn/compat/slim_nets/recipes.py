"""How the tables of the Inception networks are written, and what reads them.

A block is a list of branches, a branch a line of words, and a word one layer:

    Conv2d_0b_3x3=96            a convolution of that name with 96 channels; the kernel is the end of the name
    Conv2d_1a_1x1=384@3x3/2V    kernel 3x3 in spite of the name, stride 2, padding VALID
    Conv2d_0a_1x1=64~0.09       weights that begin with that deviation
    MaxPool_0a_3x3, AvgPool_0a_3x3/2
    [Conv2d_0b_1x3=384|Conv2d_0b_3x1=384]    two convolutions of the same input, joined
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import layers
from tf1bn.compat.contrib.scoping import arg_scope

_WORD = re.compile(
    r"(?P<name>\w+_(?P<own>\d+x\d+))(=(?P<depth>\d+))?(@(?P<kernel>\d+x\d+))?(/(?P<stride>\d+))?(?P<valid>V)?"
    r"(~(?P<deviation>[\d.]+))?"
)

Blocks = dict[str, list[str]]
Depth = Callable[[int], int]


def deviation(stddev: float) -> Any:
    """Returns the initializer of weights with that deviation, cut at two of them."""
    return tf.truncated_normal_initializer(0.0, stddev)


def scaled(depth_multiplier: float, min_depth: int) -> Depth:
    """Returns a function that scales a number of channels, to ``min_depth`` at least.

    Raises:
      ArgumentError: a multiplier of 0 or less.
    """
    if depth_multiplier <= 0:
        raise errors.ArgumentError(
            errors.explain("`depth_multiplier` must be above zero", got=depth_multiplier), where="inception"
        )
    return lambda channels: max(int(channels * depth_multiplier), min_depth)


def build(net: Any, blocks: Blocks, depth: Depth, final_endpoint: str, end_points: dict[str, Any]) -> Any:
    """Builds blocks until one is the last that is asked for; returns its output, and None if that is still to come.

    A block with one branch is a layer in the scope of the network; its word is its name.
    """
    for name, branches in blocks.items():
        if len(branches) == 1:
            net = _line(net, branches[0], depth)
        else:
            with tf.variable_scope(name):
                outputs = []
                for number, branch in enumerate(branches):
                    with tf.variable_scope(f"Branch_{number}"):
                        outputs.append(_line(net, branch, depth))
                net = tf.concat(outputs, 3)
        end_points[name] = net
        if name == final_endpoint:
            break
    return net


def plain(*words: str) -> Blocks:
    """Returns a block for each layer, by its name."""
    return {re.split("[=@/~]", word)[0].removesuffix("V"): [word] for word in words}


def _line(net: Any, line: str, depth: Depth) -> Any:
    for word in line.split():
        if word.startswith("["):
            net = tf.concat([_layer(net, part, depth) for part in word[1:-1].split("|")], 3)
        else:
            net = _layer(net, word, depth)
    return net


def _layer(net: Any, word: str, depth: Depth) -> Any:
    found = _WORD.fullmatch(word)
    assert found is not None, word
    kernel = [int(size) for size in (found["kernel"] or found["own"]).split("x")]
    options: dict[str, Any] = {"scope": found["name"]}
    if found["stride"]:
        options["stride"] = int(found["stride"])
    if found["valid"]:
        options["padding"] = "VALID"
    if not found["depth"]:
        return (layers.max_pool2d if word.startswith("Max") else layers.avg_pool2d)(net, kernel, **options)
    if found["deviation"]:
        options["weights_initializer"] = deviation(float(found["deviation"]))
    return layers.conv2d(net, depth(int(found["depth"])), kernel, **options)


def same_stride(padding: str) -> Any:
    """Returns the block of arguments that Inception has: stride 1, and a padding."""
    return arg_scope([layers.conv2d, layers.max_pool2d, layers.avg_pool2d], stride=1, padding=padding)


def require_end(final_endpoint: str, known: Sequence[str]) -> None:
    """Refuses an end point that a network has not got.

    Raises:
      ArgumentError: no such end point.
    """
    if final_endpoint not in known:
        raise errors.ArgumentError(
            errors.explain("there is no such end point", got=final_endpoint, expected=", ".join(known)),
            where="inception",
        )


def reduced(net: Any, kernel: Sequence[int]) -> list[int]:
    """Returns a kernel that fits small images: no larger than they are, where their size is known."""
    height, width = net.shape.as_list()[1:3]
    return list(kernel) if height is None or width is None else [min(height, kernel[0]), min(width, kernel[1])]


def classified(net: Any, num_classes: int, squeeze: bool, scope: str, **options: Any) -> Any:
    """Returns logits by a convolution of one cell, without normalizer and activation."""
    logits = layers.conv2d(net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope=scope, **options)
    return tf.squeeze(logits, [1, 2], name="SpatialSqueeze") if squeeze else logits


def inception_arg_scope(
    weight_decay: float = 0.00004,
    use_batch_norm: bool = True,
    batch_norm_var_collection: str = "moving_vars",
    **batch_norm: Any,
) -> Any:
    """Returns the arguments that the Inception networks were trained with: batch norms of decay 0.9997, and decay.

    Args:
      batch_norm: arguments of batch norms that take the place of those.
    """
    moving = {leaf: [batch_norm_var_collection] for leaf in ("moving_mean", "moving_variance")}
    params = {
        "decay": 0.9997,
        "epsilon": 0.001,
        "updates_collections": tf.GraphKeys.UPDATE_OPS,
        "variables_collections": {"beta": None, "gamma": None, **moving},
        **batch_norm,
    }
    decay = layers.l2_regularizer(weight_decay)
    with (
        arg_scope([layers.conv2d, layers.fully_connected], weights_regularizer=decay),
        arg_scope(
            [layers.conv2d],
            weights_initializer=layers.variance_scaling_initializer(),
            activation_fn=tf.nn.relu,
            normalizer_fn=layers.batch_norm if use_batch_norm else None,
            normalizer_params=params if use_batch_norm else {},
        ) as scope,
    ):
        return scope
