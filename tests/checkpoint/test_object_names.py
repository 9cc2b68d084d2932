"""Numbered keys get the names of their variables: from the graph of objects, or from a saved_model.pb beside."""

import os
import shutil

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import inspector, object_graph, source

LEAVES = ("gamma", "beta", "moving_mean", "moving_variance")
SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def keys_of(names, folder="variables"):
    return {f"{folder}/{at}{SUFFIX}": name for at, name in enumerate(names)}


def graph_of(keys):
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    for key, name in keys.items():
        graph.nodes.add().attributes.add(name="VARIABLE_VALUE", full_name=name, checkpoint_key=key)
    blob = np.empty((), object)
    blob[()] = graph.SerializeToString()
    return blob


def saved_model_of(names):
    model = saved_model_pb2.SavedModel()
    nodes = model.meta_graphs.add().object_graph_def.nodes
    root = nodes.add()
    root.children.add(node_id=1, local_name="variables")
    listed = nodes.add()
    for at, name in enumerate(names):
        listed.children.add(node_id=2 + at, local_name=str(at))
        nodes.add().variable.name = name
    listed.children.add(node_id=0, local_name="a circle")
    return model.SerializeToString()


NAMES = [f"net/bn/{leaf}" for leaf in LEAVES] + ["net/dense/kernel"]
VALUES = {name: np.arange(3, dtype=np.float32) + at for at, name in enumerate(NAMES)}


@pytest.fixture
def saved_model(tmp_path, write):
    """A SavedModel whose keys are numbers; returns its folder."""
    os.makedirs(tmp_path / "model" / "variables")
    keys = keys_of(NAMES)
    write({key: VALUES[name] for key, name in keys.items()} | {GRAPH: graph_of(keys)}, "model/variables/variables")
    (tmp_path / "model" / "saved_model.pb").write_bytes(saved_model_of(NAMES))
    return tmp_path / "model"


def test_a_saved_model_is_opened_by_its_folder_its_variables_or_its_prefix(saved_model):
    for path in (saved_model, saved_model / "variables", saved_model / "variables" / "variables"):
        with source.open_checkpoint(path) as opened:
            assert opened.prefix == str(saved_model / "variables" / "variables")


def test_the_graph_of_objects_names_numbered_keys(saved_model):
    found = checkpoint.inspect(saved_model)
    (report,) = found.sites
    assert (report.site.scope, report.site.layout.name, report.site.missing()) == ("net/bn", "object_based", ())
    assert report.site.tensors["moving_mean"] == f"variables/2{SUFFIX}"
    assert report.state.mean.smallest == 2.0
    assert found.notes == (f"5 keys are numbers (variables/0{SUFFIX}), named by the graph of objects",)


def test_saved_model_pb_names_them_where_the_data_file_is_lost(saved_model):
    os.remove(saved_model / "variables" / "variables.data-00000-of-00001")
    found = checkpoint.inspect(saved_model)
    assert [(report.site.scope, report.state.verdict) for report in found.sites] == [("net/bn", "not read")]
    assert f"named by {saved_model / 'saved_model.pb'}" in inspector.as_text(found)


def test_what_nothing_names_is_said_to_be_numbered_and_what_would_tell(saved_model):
    os.remove(saved_model / "variables" / "variables.data-00000-of-00001")
    os.remove(saved_model / "saved_model.pb")
    found = checkpoint.inspect(saved_model)
    assert found.sites == ()
    (_, note) = found.notes
    assert "5 keys are numbers" in note and "graph of objects" in note and "saved_model.pb" in note


def test_variables_without_names_are_told_from_a_file_without_names(write):
    keys = keys_of(["", "", "", ""])
    prefix = write({key: np.ones(2, np.float32) for key in keys} | {GRAPH: graph_of(keys)})
    found = checkpoint.inspect(prefix)
    assert found.sites == () and "numbers" in found.notes[0]


@pytest.mark.parametrize("names", [["a/kernel", "a/bias"], []])
def test_no_batch_norm_is_never_said_without_a_reason(write, names):
    found = checkpoint.inspect(write(dict.fromkeys([*names, "x"], np.ones(2, np.float32))))
    assert found.sites == ()
    assert found.notes == ("no tensor has a name that a batch norm of any known layout gives",)


def test_gamma_and_beta_outside_of_batch_norms_are_counted(write):
    found = checkpoint.inspect(write(dict.fromkeys(["a/LayerNorm/gamma", "a/LayerNorm/beta"], np.ones(2, np.float32))))
    assert found.sites == ()
    assert found.notes[0].startswith("2 tensors are called gamma or beta and have no statistics beside them")


def test_gamma_under_the_optimizer_and_averages_under_the_layer_are_one_site(write):
    """A saved Keras 3 model with its optimizer has its trainable variables in the optimizer's list."""
    keys = {f"model/layers/2/{leaf}{SUFFIX}": f"net/bn/{leaf}" for leaf in LEAVES[2:]}
    keys |= keys_of([f"net/bn/{leaf}" for leaf in LEAVES[:2]], "optimizer/_trainable_variables")
    values = {key: np.full(2, at + 2.0, np.float32) for at, key in enumerate(keys)}
    prefix = write(values | {GRAPH: graph_of(keys)})
    (report,) = checkpoint.inspect(prefix).sites
    assert (report.site.scope, report.site.missing()) == ("net/bn", ())
    plan = checkpoint.plan_migration(prefix, "tf1bn")
    assert not plan.troubles
    assert {step.target: step.source for step in plan.steps} == {name: key for key, name in keys.items()}


def test_two_lists_of_the_same_variables_are_two_sets_of_sites(write):
    names = [f"net/bn/{leaf}" for leaf in LEAVES]
    keys = keys_of(names) | keys_of(reversed(names), "_all_variables")
    prefix = write({key: np.ones(2, np.float32) for key in keys} | {GRAPH: graph_of(keys)})
    scopes = [report.site.scope for report in checkpoint.inspect(prefix).sites]
    assert scopes == ["_all_variables/net/bn", "variables/net/bn"]


def test_tensorflow_writes_such_keys(tmp_path):
    """A real file, and the migration of it: bits of the numbered source under the names of its variables."""
    with tf.Graph().as_default(), tf.Session() as session:
        made = [tf.get_variable(name, initializer=VALUES[name]) for name in NAMES]
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Checkpoint(listed=made).save(str(tmp_path / "obj"), session=session)
    (report,) = checkpoint.inspect(prefix).sites
    assert report.site.tensors["gamma"] == f"listed/0{SUFFIX}"
    plan = checkpoint.plan_migration(prefix, "tf1bn", drop=["save_counter"])
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    with source.open_checkpoint(tmp_path / "out") as opened:
        assert sorted(opened.tensors) == sorted(NAMES)
        for name in NAMES:
            assert opened.read(name).tobytes() == VALUES[name].tobytes()


def test_sonnet_2_stores_attributes_whose_names_are_not_those_of_its_variables(tmp_path):
    kept = {"average": 2.5, "_hidden": 1.25, "_counter": 1}
    with tf.Graph().as_default(), tf.Session() as session:

        def variable(name, value, shape):
            kind = tf.int64 if name.endswith("counter") else tf.float32
            return tf.get_variable(name.replace("_", ""), shape, kind, tf.constant_initializer(value))

        def average(name):
            with tf.variable_scope(name):
                made = {
                    leaf: variable(leaf, value, [] if leaf == "_counter" else [1, 3]) for leaf, value in kept.items()
                }
            return tf.train.Checkpoint(**made)

        with tf.variable_scope("batch_norm"):
            leaves = {leaf: variable(leaf, value, [3]) for leaf, value in {"scale": 3.0, "offset": -1.0}.items()}
            averages = {name: average(name) for name in ("moving_mean", "moving_variance")}
        session.run(tf.global_variables_initializer())
        model = tf.train.Checkpoint(bn=tf.train.Checkpoint(**leaves, **averages))
        prefix = model.save(str(tmp_path / "sonnet"), session=session)
    (report,) = checkpoint.inspect(prefix).sites
    assert (report.site.scope, report.site.layout.name, report.site.missing()) == ("bn", "sonnet_v2", ())
    plan = checkpoint.plan_migration(prefix, "tf1bn", drop=["save_counter"])
    assert not plan.troubles
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    reader = tf.train.load_checkpoint(str(tmp_path / "out"))
    found = {name: reader.get_tensor(name).tolist() for name in reader.get_variable_to_shape_map()}
    wanted = {"gamma": 3.0, "beta": -1.0, "moving_mean": 2.5, "moving_variance": 2.5}
    assert found == {f"bn/{leaf}": [value] * 3 for leaf, value in wanted.items()}


def test_keys_and_saved_objects_agree_whatever_a_name_holds(tmp_path):
    model = saved_model_pb2.SavedModel()
    nodes = model.meta_graphs.add().object_graph_def.nodes
    nodes.add().children.add(node_id=1, local_name="a/b.c")
    nodes.add().variable.name = "v"
    os.makedirs(tmp_path / "variables")
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    path = object_graph.saved_model_of(str(tmp_path / "variables" / "variables"))
    assert object_graph._names_of_saved_objects(path) == {f"a.Sb..c{SUFFIX}": "v"}


def test_a_damaged_saved_model_pb_is_named(saved_model):
    os.remove(saved_model / "variables" / "variables.data-00000-of-00001")
    (saved_model / "saved_model.pb").write_bytes(b"\x12\xff\x01ab")
    with pytest.raises(errors.CheckpointDamagedError, match="cut off"):
        checkpoint.inspect(saved_model)


def test_a_saved_model_without_variables_says_where_weights_can_be(saved_model):
    shutil.rmtree(saved_model / "variables")
    with pytest.raises(errors.CheckpointMissingError, match="has no variables"):
        checkpoint.inspect(saved_model)
