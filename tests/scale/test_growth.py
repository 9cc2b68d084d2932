"""Work on large graphs and checkpoints grows as they do: counted, not timed, so that it holds on any machine.

From one size to twice it, and to twice that: what one doubling adds is twice what the one before added where work is
in proportion to size, and four times that where each layer looks at all of the graph. Python sees no loop that is in
C, such as a search in a list; what was seen to grow by such loops was mended by hand, see docs/scale.md for times.
"""

import itertools
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.scale import steps
from tests.scale.counting import count
from tf1bn import audit, checkpoint, export, population

SIZES = (2, 4, 8, 16)
"""The first one only fills tables and caches, which are filled once."""

MOST = 2.2
"""Times as much as the doubling before; 2 is in proportion."""


def grows(folders, step):
    """Counts a step at each size; refuses growth beyond proportion, and runs of sessions that grow with the layers."""
    found = [count(step, size, folder) for size, folder in folders.items()][1:]
    totals = [work.lines.total() for work in found]
    first, second = (after - before for before, after in itertools.pairwise(totals))
    assert second <= MOST * first, (totals, steepest(found))
    runs = [work.runs for work in found]
    assert runs[2] - runs[1] <= runs[1] - runs[0], runs  # none, or as many for each doubling, but not for each layer


def steepest(found):
    """The functions that grow beyond proportion most, with their lines at each size."""
    small, middle, large = (work.lines for work in found)
    beyond = {name: large[name] - middle[name] - 2 * (middle[name] - small[name]) for name in large}
    worst = sorted(beyond, key=beyond.get, reverse=True)[:8]
    return {name: (small[name], middle[name], large[name]) for name in worst}


def network(layers, is_training=True, **options):
    """A chain of dense layers with batch norm, from a placeholder `x` to `y`."""
    y = tf.placeholder(tf.float32, [None, steps.WIDTH], "x")
    for _ in range(layers):
        y = tf.nn.relu(tf1bn.batch_norm(tf1bn.dense(y, steps.WIDTH), is_training, **options))
    return tf.identity(y, "y")


def saved(folder, build, *arguments):
    """Saves a graph and its initial values."""
    with tf.Graph().as_default(), tf.Session() as session:
        build(*arguments)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, os.path.join(folder, "model"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each size."""
    return {size: str(tmp_path_factory.mktemp(f"of_{size}")) for size in SIZES}


@pytest.mark.slow
def test_building_auditing_exporting_and_folding(folders):
    for step in (steps.build, steps.audit_it, steps.export_it, steps.export_as_meta, steps.fold_it):
        grows(folders, step)


@pytest.mark.slow
def test_a_training_graph_without_a_switch(folders):
    def build(size, folder):
        saved(folder, network, size)

    def to_saved_model(_, folder):
        prefix, target = (os.path.join(folder, name) for name in ("model", "served_model"))
        export.export(f"{prefix}.meta", prefix, "y", target, to="saved_model", overwrite=True)

    grows(folders, build)
    grows(folders, steps.audit_it)
    grows(folders, to_saved_model)


@pytest.mark.slow
def test_updates_that_nothing_runs_are_found_and_attached(folders):
    def build(size, folder):
        def forgetful():
            y = network(size, update_strategy="collection")
            tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(y)))

        saved(folder, forgetful)

    def find(size, folder):
        report = audit.audit(os.path.join(folder, "model.meta"))
        assert sum(finding.code == "BN001" for finding in report.findings) == 2 * size

    def repair(size, folder):
        path = os.path.join(folder, "model.meta")
        audit.repair(path, os.path.join(folder, "repaired.meta"), dry_run=True)

    for step in (build, find, repair):
        grows(folders, step)


@pytest.mark.slow
def test_layers_that_are_called_twice(folders):
    def build(size, folder):
        def siamese():
            one, two = (tf.placeholder(tf.float32, [None, steps.WIDTH], name) for name in ("one", "two"))
            for number in range(size):
                kind = {"scope": f"bn{number}", "reuse": tf.AUTO_REUSE}
                one, two = (tf1bn.batch_norm(side, True, update_strategy="collection", **kind) for side in (one, two))
            tf1bn.minimize(tf.train.GradientDescentOptimizer(0.1), tf.reduce_mean(tf.square(one - two)))

        saved(folder, siamese)

    grows(folders, build)
    grows(folders, steps.audit_it)


@pytest.mark.slow
def test_an_inference_graph_in_training_mode_is_made_to_read_its_averages(folders):
    def build(size, folder):
        def by_hand():
            y = tf.placeholder(tf.float32, [None, steps.WIDTH], "x")
            for number in range(size):
                with tf.variable_scope(f"bn{number}"):
                    ones, zeros = tf.ones_initializer(), tf.zeros_initializer()
                    kept = [
                        tf.get_variable(name, [steps.WIDTH], initializer=first, trainable=False)
                        for name, first in (("moving_mean", zeros), ("moving_variance", ones))
                    ]
                    found = tf.nn.moments(y, [0])
                    for variable, value in zip(kept, found, strict=True):
                        move = tf.assign_sub(variable, 0.1 * (variable - value))
                        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, move)
                    beta = tf.get_variable("beta", [steps.WIDTH], initializer=zeros)
                    y = tf.nn.batch_normalization(y, *found, beta, None, 1e-3)
            tf.identity(y, "y")

        saved(folder, by_hand)

    def repair(_, folder):
        audit.repair(os.path.join(folder, "model.meta"), os.path.join(folder, "repaired.meta"), dry_run=True)

    for step in (build, steps.audit_it, repair, steps.export_it):
        grows(folders, step)


@pytest.mark.slow
def test_population_statistics(folders):
    def build(size, folder):
        saved(folder, network, size)

    def estimate(_, folder):
        prefix = os.path.join(folder, "model")
        batches = [np.random.RandomState(n).normal(size=(8, steps.WIDTH)).astype(np.float32) for n in range(2)]
        population.reestimate(f"{prefix}.meta", batches, checkpoint=prefix)

    grows(folders, build)
    grows(folders, estimate)


@pytest.mark.slow
def test_checkpoints_of_many_tensors(tmp_path):
    folders = {size: str(tmp_path / str(size)) for size in (20, 400, 800, 1600)}
    for folder in folders.values():
        os.mkdir(folder)

    def fold_away(_, folder):
        prefix = os.path.join(folder, "model")
        names = checkpoint.inspect(prefix).sites[0].site.tensors.values()
        checkpoint.replace(prefix, os.path.join(folder, "less"), {}, drop=names, overwrite=True)

    for step in (steps.write_many, steps.inspect_it, steps.migrate_it, steps.compare_it, fold_away):
        grows(folders, step)
