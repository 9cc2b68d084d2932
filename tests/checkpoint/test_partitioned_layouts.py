"""Gamma and beta in parts, as a partitioner stores them, in the names of every layout and in both formats of files."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.checkpoint.test_layouts import CANONICAL, NAMES, sample
from tf1bn import checkpoint
from tf1bn.checkpoint.layouts import catalog

V1, V2 = tf.train.SaverDef.V1, tf.train.SaverDef.V2
CASES = [(name, V2) for name in NAMES] + [(name, V1) for name in ("tf_layers", "lingvo", "mu_sigma_deviation")]


def save(name, prefix, version):
    """Saves the sample of a layout by TensorFlow, its gamma and beta in two parts."""
    roles = catalog.LAYOUTS.get(name).sample
    with tf.Graph().as_default(), tf.Session() as session:
        saved = {}
        for number, (key, value) in enumerate(sample(name).items()):
            split = {"partitioner": tf.fixed_size_partitioner(2)} if roles[key] in ("gamma", "beta") else {}
            saved[key] = tf.get_variable(f"v{number}", initializer=tf.constant(value), **split)
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(saved, write_version=version).save(session, prefix)


@pytest.mark.parametrize(("name", "version"), CASES)
def test_parts_become_whole_variables_with_the_canonical_values(name, version, tmp_path):
    prefix = save(name, str(tmp_path / "parts"), version)
    plan = checkpoint.plan_migration(prefix, "tf1bn", source_layout=name)
    assert not plan.troubles
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    given = set(catalog.LAYOUTS.get(name).sample.values())
    scopes = {key.rpartition("/")[0] for key, _ in tf.train.list_variables(str(tmp_path / "out"))}
    with tf.Graph().as_default(), tf.Session() as session:
        [scope] = [scope for scope in scopes if scope]
        made = {role: tf.get_variable(f"{scope}/{role}", [3]) for role in CANONICAL}
        tf.train.Saver().restore(session, str(tmp_path / "out"))
        for role, value in session.run(made).items():
            np.testing.assert_array_equal(value, CANONICAL[role] if role in given else np.ones(3), role)
