"""How much memory a run needs at its peak."""

from __future__ import annotations

from typing import Any

PEAK = "peak memory, MB"
RUNS = 3


def peak(session: Any, ops: list[Any], feed: dict[Any, Any]) -> float:
    """Returns the largest number of bytes that TensorFlow's allocator holds at once for the tensors of a run.

    Variables are not among them. Ops run in an order that depends on the threads, so it is the least of several runs.
    """
    return min(highest(_records(session, ops, feed)) for _ in range(RUNS))


def highest(records: list[tuple[int, int]]) -> float:
    """Returns the largest sum of bytes that are given out and not yet given back.

    Args:
      records: the time of each request, and its bytes; below zero for what is given back.
    """
    held = most = 0
    for _, size in sorted(records):  # within a microsecond, what is given back comes first
        held += size
        most = max(most, held)
    return most


def _records(session: Any, ops: list[Any], feed: dict[Any, Any]) -> list[tuple[int, int]]:
    import tensorflow.compat.v1 as tf

    told = tf.RunMetadata()
    session.run(ops, feed, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=told)
    return [
        (record.alloc_micros, record.alloc_bytes)
        for device in told.step_stats.dev_stats
        for node in device.node_stats
        for used in node.memory
        for record in used.allocation_records
    ]
