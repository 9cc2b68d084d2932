"""``tf.contrib.tfprof``, which has become ``tf.profiler``: its options by their old names, and its two functions.

A view was an option there, ``"scope"`` or ``"graph"``, and the profiler's command today.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

_Builder = tf.profiler.ProfileOptionBuilder
TRAINABLE_VARS_PARAMS_STAT_OPTIONS = _Builder.trainable_variables_parameter()
"""Counts the parameters of trainable variables."""
FLOAT_OPS_OPTIONS = _Builder.float_operation()
"""Counts floating-point operations, of ops whose shapes are known."""
PRINT_ALL_TIMING_MEMORY = _Builder.time_and_memory()
"""Time and memory of the ops of one run."""


def print_model_analysis(
    graph: Any,
    run_meta: Any = None,
    op_log: Any = None,
    tfprof_cmd: str = "scope",
    tfprof_options: Any = TRAINABLE_VARS_PARAMS_STAT_OPTIONS,
) -> Any:
    """Prints a profile of a graph, as ``tf.profiler.profile`` does, and returns it.

    Args:
      graph: a graph.
      run_meta: ``tf.RunMetadata`` of a traced run, for time and memory.
      op_log: further facts of ops, a message.
      tfprof_cmd: the view: "scope", "graph", "op" or "code".
      tfprof_options: what to count and to show.

    Returns:
      A message, with ``total_parameters`` and ``total_float_ops``.
    """
    return tf.profiler.profile(graph, run_meta=run_meta, op_log=op_log, cmd=tfprof_cmd, options=dict(tfprof_options))


__all__ = [
    "FLOAT_OPS_OPTIONS",
    "PRINT_ALL_TIMING_MEMORY",
    "TRAINABLE_VARS_PARAMS_STAT_OPTIONS",
    "print_model_analysis",
]
