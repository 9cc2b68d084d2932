"""One graph, read from everything that a graph comes in."""

import pathlib

import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from tf1bn import errors
from tf1bn.audit import audit, samples
from tf1bn.graph import loading


def meta_of(graph):
    with graph.as_default():
        return tf.train.export_meta_graph(graph=graph)


def program():
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images())).output), ())
        p.save()
    return p.graph


@pytest.fixture
def graph(flavour):
    return program()


def found(report):
    return {(item.code, item.scope) for item in report.findings}


def test_live_graph(graph):
    assert found(audit(graph)) == {("BN001", "bn")}


def test_protos(graph):
    assert found(audit(graph.as_graph_def())) == {("BN001", "bn")}
    assert found(audit(meta_of(graph))) == {("BN001", "bn")}


@pytest.mark.parametrize("name", ["model.meta", "model.pb", "renamed"])
def test_binary_meta_graph_under_any_name(graph, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(meta_of(graph).SerializeToString())
    assert found(audit(path)) == {("BN001", "bn")}


@pytest.mark.parametrize("name", ["graph.pb", "graph"])
def test_binary_graph_def(graph, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(graph.as_graph_def().SerializeToString())
    report = audit(path)
    assert found(report) == {("BN001", "bn")}
    assert any("no collections" in note for note in report.notes)


@pytest.mark.parametrize("as_meta", [True, False])
def test_text(graph, tmp_path, as_meta):
    path = tmp_path / "graph.pbtxt"
    proto = meta_of(graph) if as_meta else graph.as_graph_def()
    path.write_text(text_format.MessageToString(proto))
    assert found(audit(path)) == {("BN001", "bn")}


def test_saved_model(flavour, tmp_path):
    with samples.program() as p:
        x = p.images()
        y = p.norm(p.conv(x), collection=None).output
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            tf.saved_model.simple_save(session, str(tmp_path / "model"), {"x": x}, {"y": y})
    model = (tmp_path / "model" / "saved_model.pb").read_bytes()
    text = text_format.MessageToString(loading.proto_class("SavedModel").FromString(model))
    (tmp_path / "model" / "saved_model.pbtxt").write_text(text)
    for path in (tmp_path / "model", tmp_path / "model" / "saved_model.pb", tmp_path / "model" / "saved_model.pbtxt"):
        assert ("BN034", "bn") in found(audit(path))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(errors.GraphError, match="cannot be read: No such file"):
        audit(str(tmp_path / "none.meta"))


def test_empty_file_is_named(tmp_path):
    (tmp_path / "empty.meta").write_bytes(b"")
    with pytest.raises(errors.GraphError, match="is empty"):
        audit(tmp_path / "empty.meta")


def test_directory_without_a_model_is_named(tmp_path):
    with pytest.raises(errors.GraphError, match="is no SavedModel"):
        audit(tmp_path)


def test_meta_file_without_nodes_is_named(tmp_path):
    (tmp_path / "bare.meta").write_bytes(tf.MetaGraphDef(graph_def=tf.GraphDef()).SerializeToString() or b"\x12\x00")
    with pytest.raises(errors.GraphError, match="holds no graph node"):
        audit(tmp_path / "bare.meta")


def test_text_that_is_no_graph_is_named(tmp_path):
    (tmp_path / "notes.pbtxt").write_text("hello {")
    with pytest.raises(errors.GraphError, match="is not the text of a graph"):
        audit(tmp_path / "notes.pbtxt")


def test_saved_model_text_that_is_none_is_named(tmp_path):
    (tmp_path / "saved_model.pbtxt").write_text("hello {")
    with pytest.raises(errors.GraphError, match="is not the text of a SavedModel"):
        audit(tmp_path)


def test_saved_model_without_graph_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(errors.GraphError, match="holds no graph"):
        audit(tmp_path)


def test_other_types_are_named():
    with pytest.raises(errors.ArgumentTypeError, match="this is not a graph. Got 'int'"):
        audit(3)


def test_file_that_is_too_large_is_named(tmp_path, monkeypatch):
    (tmp_path / "huge.meta").write_bytes(b"x")
    monkeypatch.setattr("os.path.getsize", lambda path: 2**32)
    with pytest.raises(errors.GraphError, match="too large"):
        audit(tmp_path / "huge.meta")


@pytest.mark.parametrize(
    ("method", "read"), [("as_graph_def", loading.load), ("_as_graph_def", loading.exported)], ids=["load", "export"]
)
def test_live_graph_that_no_message_holds_is_named(method, read, monkeypatch):
    def refuse(self, *arguments, **named):
        raise tf.errors.InvalidArgumentError(
            None,
            None,
            "Unable to serialize tensorflow.GraphDef protocol buffer, perhaps the serialized size is too large?",
        )

    graph = program()
    monkeypatch.setattr(tf.Graph, method, refuse)
    text = "does not fit into one message.*Keep large arrays in variables"
    with graph.as_default(), pytest.raises(errors.GraphError, match=text):
        read(graph)


def test_other_refusals_of_a_live_graph_keep_their_words():
    with pytest.raises(ValueError, match="^something else$"), loading.fitting_a_message():
        raise ValueError("something else")


def test_tests_write_nowhere_else():
    assert not pathlib.Path("saved_model.pb").exists()
