"""Graph files with native ops, written anew; needs no library, as nothing is run."""

import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors, native
from tf1bn.graph import loading, portable
from tf1bn.native.names import NORMALIZE


def graph_def(op=NORMALIZE):
    """A graph with one op, as a library would have made it."""
    made = tf.GraphDef()
    for name, kind in (("x", "float"), ("vector", "float"), ("weights", "float"), ("switch", "bool")):
        node = made.node.add(name=name, op="Placeholder")
        node.attr["dtype"].type = getattr(tf, "float32" if kind == "float" else kind).as_datatype_enum
    node = made.node.add(name="bn/normalize", op=op)
    node.input[:] = ["x", "vector", "vector", "vector", "vector", "weights", "switch"]
    node.attr["T"].type = node.attr["U"].type = tf.float32.as_datatype_enum
    node.attr["rank"].i, node.attr["epsilon"].f, node.attr["averages"].b = 2, 1e-3, True
    return made


def test_a_file_is_rewritten_and_nothing_is_overwritten(tmp_path):
    source, target = tmp_path / "native.pb", tmp_path / "stock.pb"
    source.write_bytes(graph_def().SerializeToString())
    assert portable.rewrite(source, target, dry_run=True) == ("", ("bn/normalize",)) and not target.exists()
    assert portable.rewrite(source, target) == (str(target), ("bn/normalize",))
    written = tf.GraphDef()
    written.ParseFromString(target.read_bytes())
    assert not native.is_native(written)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(written, name="")
        assert len(graph.get_operation_by_name("bn/normalize").outputs) == 7
    with pytest.raises(errors.GraphError, match=r"tf1bn.native: the file '.*stock.pb' cannot be written: File exists"):
        portable.rewrite(source, target)


def test_what_is_not_rewritten(tmp_path):
    plain = tmp_path / "plain.pb"
    stock = native.to_stock(graph_def())
    plain.write_bytes(stock.SerializeToString())
    with pytest.raises(errors.GraphError, match="has no native ops, and loads everywhere as it is"):
        portable.rewrite(plain, tmp_path / "new.pb")
    later = tmp_path / "later.pb"
    later.write_bytes(graph_def("Tf1bnNormalizeV7").SerializeToString())
    with pytest.raises(errors.GraphError, match="is a native op of another version of tf1bn, package tf1bn.native"):
        portable.rewrite(later, tmp_path / "new.pb")
    with pytest.raises(errors.GraphError, match="the directory '.*' is no SavedModel"):
        portable.rewrite(tmp_path, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["later.pb", "plain.pb"]


def saved_model(folder, with_native=True):
    """A SavedModel of two graphs, as a library would have made it: one file of each kind that TensorFlow writes."""
    proto = loading.proto_class("SavedModel")(saved_model_schema_version=1)
    for tag in ("serve", "train"):
        graph = proto.meta_graphs.add()
        graph.meta_info_def.tags.append(tag)
        graph.graph_def.CopyFrom(graph_def() if with_native else native.to_stock(graph_def()))
    files = {
        "saved_model.pb": proto.SerializeToString(), "fingerprint.pb": b"of the old graph",
        "variables/variables.index": b"values", "assets/words.txt": b"words", "assets/fingerprint.pb": b"an asset",
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return files


def test_every_graph_of_a_saved_model_is_rewritten_and_the_rest_is_copied(tmp_path):
    source, target = tmp_path / "model", tmp_path / "deep" / "stock"
    files = saved_model(source)
    target.parent.mkdir()
    names = ("bn/normalize",) * 2
    assert portable.rewrite(source, target, dry_run=True) == ("", names) and not list(target.parent.iterdir())
    assert portable.rewrite(source, target) == (str(target), names)
    copied = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    written = loading.saved_model(str(target))
    assert [graph.meta_info_def.tags for graph in written.meta_graphs] == [["serve"], ["train"]]
    assert not any(native.is_native(graph) for graph in written.meta_graphs)
    assert copied.pop("saved_model.pb") != files.pop("saved_model.pb") and files.pop("fingerprint.pb")
    assert copied == files
    assert [path.name for path in target.parent.iterdir()] == ["stock"]


def test_what_is_refused_of_a_saved_model(tmp_path, monkeypatch):
    model, plain = tmp_path / "model", tmp_path / "plain"
    saved_model(model)
    saved_model(plain, with_native=False)
    with pytest.raises(errors.GraphError, match="plain' has no native ops, and loads everywhere as it is"):
        portable.rewrite(plain, tmp_path / "new")
    with pytest.raises(errors.GraphError, match=r"saved_model.pb' is a part of a SavedModel. Name its folder, and"):
        portable.rewrite(model / "saved_model.pb", tmp_path / "new")
    with pytest.raises(errors.GraphError, match=r"the folder '.*plain' cannot be written: File exists"):
        portable.rewrite(model, plain)
    with pytest.raises(errors.GraphError, match=r"the folder '.*new' cannot be written: No such file or directory"):
        portable.rewrite(model, tmp_path / "none" / "new")

    def fail(*unused):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(portable.os, "rename", fail)
    with pytest.raises(errors.GraphError, match=r"the folder '.*new' cannot be written: No space left on device"):
        portable.rewrite(model, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "plain"]
