"""TensorBoard reads our summaries and our graphs, as its own readers do."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

readers = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason="run by `make test-neighbours`, where TensorBoard is installed",
)

import tf1bn  # noqa: E402
from tf1bn.testing.graphs import MODES, graph_mode  # noqa: E402

STEPS = 3


@pytest.mark.parametrize("mode", [MODES[0], MODES[-1]], ids=str)
def test_curves_histograms_and_the_graph_are_read_back(mode, values, tmp_path):
    with graph_mode(mode) as graph, tf.Session() as session:
        step = tf.train.get_or_create_global_step()
        y = tf1bn.batch_norm(tf.constant(values), tf.placeholder_with_default(True, []), scope="net/bn", decay=0.5)
        forward = tf.assign_add(step, 1)
        tf1bn.summaries()
        merged = tf.summary.merge_all()
        session.run(tf.global_variables_initializer())
        with tf.summary.FileWriter(str(tmp_path), graph) as writer:
            for _ in range(STEPS):
                session.run([y, forward])
                written, at, means = session.run([merged, step, tf.global_variables("net/bn/moving_mean")[0]])
                writer.add_summary(written, at)
        ops = {op.name for op in graph.get_operations()}
    read = readers.EventAccumulator(str(tmp_path)).Reload()
    tags = read.Tags()
    assert set(tags["histograms"]) == {
        f"net/bn/{name}" for name in ("moving_mean", "moving_variance", "batch_mean", "batch_variance")
    }
    assert set(tags["scalars"]) == {
        f"net/bn/{name}" for name in ("mean_distance", "variance_distance", "effective_updates")
    }
    assert [event.step for event in read.Scalars("net/bn/mean_distance")] == [1, 2, 3]
    # (1 - d^n) / (1 - d) batches after n updates
    np.testing.assert_allclose([e.value for e in read.Scalars("net/bn/effective_updates")], [1.0, 1.5, 1.75], 1e-5)
    last = read.Histograms("net/bn/moving_mean")[-1].histogram_value
    assert (last.num, tags["graph"]) == (4, True)
    np.testing.assert_allclose([last.min, last.max, last.sum], [means.min(), means.max(), means.sum()], 0.2)
    assert {node.name for node in read.Graph().node} == ops
