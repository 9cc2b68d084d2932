"""One evaluation of an Estimator: metrics, loss and global step, and their summary."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors

LOSS, GLOBAL_STEP = "loss", tf.GraphKeys.GLOBAL_STEP


def metrics_of(spec: Any, global_step: Any) -> tuple[Any, dict[str, Any]]:
    """Returns the op that takes one batch into all metrics, and the values to be read at the end.

    "loss" is the mean of the loss over batches, "global_step" that of the checkpoint.

    Raises:
      ArgumentError: the program has a metric of one of these names.
    """
    metrics = dict(spec.eval_metric_ops)
    for name in (LOSS, GLOBAL_STEP):
        if name in metrics:
            raise errors.ArgumentError(
                errors.explain(
                    f"`eval_metric_ops` has {name!r}, which an Estimator adds itself", fix="Give it another name."
                )
            )
    metrics[LOSS] = tf.metrics.mean(spec.loss)
    update = tf.group(*(metrics[name][1] for name in sorted(metrics)))
    values = {name: metrics[name][0] for name in sorted(metrics)}
    return update, {**values, GLOBAL_STEP: global_step}


def scaffold_of(spec: Any, values: Mapping[str, Any] | None = None) -> Any:
    """Returns the program's scaffold, which also initializes the counters of metrics.

    Args:
      values: name -> value of variables, put in their place after initialization.
    """
    scaffold = spec.scaffold
    local = scaffold.local_init_op
    if local is not None:
        local = tf.group(local, tf.train.Scaffold.default_local_init_op())
    if values is None:
        return scaffold if local is None else tf.train.Scaffold(local_init_op=local, copy_from_scaffold=scaffold)

    def load(_: Any, session: Any) -> None:
        for variable in session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
            if variable.op.name in values:
                variable.load(values[variable.op.name], session)

    return tf.train.Scaffold(init_fn=load, local_init_op=local, copy_from_scaffold=scaffold)


def write(folder: str, results: Mapping[str, Any], checkpoint: str | None) -> None:
    """Writes the results of an evaluation to an event file, at their global step.

    Numbers become points of a curve, arrays tensors; bytes are taken for a serialized summary.
    """
    step = results[GLOBAL_STEP]
    shown = ", ".join(f"{name} = {value}" for name, value in sorted(results.items()) if not isinstance(value, bytes))
    tf.logging.info("evaluation at global step %d: %s", step, shown)
    summary = tf.Summary()
    for name, value in sorted(results.items()):
        if name != GLOBAL_STEP and value is not None:
            _add(summary, name, value)
    writer = tf.summary.FileWriterCache.get(folder)
    writer.add_summary(summary, step)
    if checkpoint is not None:
        tensor = tf.make_tensor_proto(checkpoint, tf.string)
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="checkpoint_path", tensor=tensor)]), step)
    writer.flush()


def _add(summary: Any, name: str, value: Any) -> None:
    if isinstance(value, bytes):
        _add_summary(summary, name, value)
    elif isinstance(value, np.ndarray) and value.ndim:
        summary.value.add(tag=name).tensor.CopyFrom(tf.make_tensor_proto(value))
    elif isinstance(value, (numbers.Number, np.generic, np.ndarray)):
        summary.value.add(tag=name).simple_value = float(np.asarray(value, np.float64))
    else:
        tf.logging.warning("the metric %s is of type %s, of which no summary is written", name, type(value).__name__)


def _add_summary(summary: Any, name: str, value: bytes) -> None:
    try:
        found = tf.Summary.FromString(value)
    except Exception:  # the protobuf releases raise different errors
        tf.logging.warning("the metric %s is text, of which no summary is written", name)
        return
    for number, entry in enumerate(found.value):
        entry.tag = f"{name}/{number}"
        summary.value.add().CopyFrom(entry)
