"""Graph files with native ops, written anew; needs no library, as nothing is run."""

import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors, native
from tf1bn.graph import portable
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
    model = tmp_path / "model"
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2])
        tf.saved_model.simple_save(session, str(model), {"x": x}, {"y": x + 1.0})
    with pytest.raises(errors.GraphError, match="a SavedModel is not rewritten. Export one from its training graph"):
        portable.rewrite(model, tmp_path / "new.pb")
