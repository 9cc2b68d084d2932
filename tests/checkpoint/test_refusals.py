"""Files that contradict themselves in rarer ways: each contradiction has its own sentence."""

import io

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import bundle, graph_file, ordered_code, plan, protos, shard, source, table, wire


def field(number, *parts):
    return wire.put_bytes(number, b"".join(parts))


FULL = ((0, -1),)


def v1(path, value_field, *, extents=(FULL,), dtype=1, shape=(2,), kept=True, record=True):
    """Writes a V1 file of one tensor ``t`` whose message holds ``value_field``."""
    slices = b"".join(field(4, protos.extents_bytes(part)) for part in extents)
    meta = field(1, field(1, field(1, b"t"), field(2, protos.shape_bytes(shape)), wire.put_int(3, dtype), slices))
    saved = field(2, field(1, b"t"), field(3, value_field)) if record else field(2, b"")
    items = [(b"", meta)] + ([(ordered_code.slice_key("t", FULL), saved)] if kept else [])
    out = io.BytesIO()
    table.write_table(out, items)
    path.write_bytes(out.getvalue())
    return path


TWO = np.array([1.0, 2.0], "<f4").tobytes()


@pytest.mark.parametrize(
    ("message", "more", "error", "text"),
    [
        (field(5, TWO[:6]), {}, errors.CheckpointDamagedError, "end inside an element"),
        (field(5, TWO[:4]), {}, errors.CheckpointDamagedError, "another number of elements"),
        (field(15, b"x"), {}, errors.CheckpointUnsupportedError, "values of a kind that is not read"),
        (field(7, b"\x81\x82"), {"dtype": 3}, errors.CheckpointDamagedError, "a list of numbers is cut off"),
        (field(7, b"\xff" * 11 + b"\x01"), {"dtype": 3}, errors.CheckpointDamagedError, "longer than 64 bits"),
        (field(5, TWO), {"kept": False}, errors.CheckpointDamagedError, "values of t are not in the file"),
        (field(5, TWO), {"record": False}, errors.CheckpointDamagedError, "lacks its contents"),
        (field(5, TWO), {"extents": (((0, 1),),)}, errors.CheckpointDamagedError, "slices of t leave a gap"),
    ],
)
def test_a_v1_file_that_contradicts_itself_is_named(tmp_path, message, more, error, text):
    with pytest.raises(error, match=text), source.open_checkpoint(v1(tmp_path / "m", message, **more)) as opened:
        opened.read("t")


@pytest.mark.parametrize(
    ("message", "dtype", "expected"),
    [
        (field(5, TWO), 1, [1.0, 2.0]),
        (field(4, TWO), 1, [1.0, 2.0]),
        (b"\x2d" + TWO[:4] + b"\x2d" + TWO[4:], 1, [1.0, 2.0]),
        (field(7, wire.varint(5), wire.varint(-3)), 3, [5, -3]),
        (wire.put_int(7, 5) + wire.put_int(7, 300), 3, [5, 300]),
    ],
)
def test_v1_values_are_read_from_whichever_field_holds_them(tmp_path, message, dtype, expected):
    with source.open_checkpoint(v1(tmp_path / "m", message, dtype=dtype)) as opened:
        assert opened.read("t").tolist() == expected


def index(prefix, items):
    out = io.BytesIO()
    table.write_table(out, sorted([(b"", protos.header_bytes(protos.Header(1))), *items]))
    with open(f"{prefix}.index", "wb") as file:
        file.write(out.getvalue())
    return str(prefix)


def test_slices_that_do_not_fit_their_tensor_are_named(tmp_path):
    whole = protos.Entry(1, (4,), slices=(((0, 2),),))
    key = ordered_code.slice_key("t", ((0, 2),))
    other = protos.Entry(1, (3,), size=12)
    prefix = index(tmp_path / "a", [(b"t", protos.entry_bytes(whole)), (key, protos.entry_bytes(other))])
    with pytest.raises(errors.CheckpointDamagedError, match="a slice of t has another shape or type"):
        bundle.Bundle(prefix)
    part = protos.Entry(1, (2,), size=8)
    prefix = index(tmp_path / "b", [(b"t", protos.entry_bytes(whole)), (key, protos.entry_bytes(part))])
    with bundle.Bundle(prefix) as opened, pytest.raises(errors.CheckpointDamagedError, match="leave a gap or overlap"):
        opened.read("t")
    early = protos.Entry(1, (4,), slices=(((-2, 2),),))
    with pytest.raises(errors.CheckpointDamagedError, match="starts or ends before the tensor"):
        bundle.Bundle(index(tmp_path / "c", [(b"t", protos.entry_bytes(early))]))


def test_a_shape_without_rank_is_refused():
    with pytest.raises(errors.CheckpointDamagedError, match="a stored shape has no rank"):
        protos.parse_shape(memoryview(b"\x18\x01"))


def test_variants_are_carried_along_and_have_no_array_form(tmp_path):
    (tmp_path / "m.data-00000-of-00001").write_bytes(b"opaque")
    prefix = index(tmp_path / "m", [(b"v", protos.entry_bytes(protos.Entry(21, (), size=6, crc=1)))])
    with bundle.Bundle(prefix) as opened, pytest.raises(errors.CheckpointUnsupportedError, match="no array form"):
        opened.read("v")
    checkpoint.migrate(checkpoint.plan_migration(prefix, rename=["v=>w"]), tmp_path / "out", verify=True)
    assert (tmp_path / "out.data-00000-of-00001").read_bytes() == b"opaque"
    assert checkpoint.compare(prefix, prefix).equal
    (tmp_path / "n.data-00000-of-00001").write_bytes(b"OPAQUE")
    second = index(tmp_path / "n", [(b"v", protos.entry_bytes(protos.Entry(21, (), size=6, crc=1)))])
    assert checkpoint.compare(prefix, second).differences[0].text == "the encoded bytes differ"


def test_a_string_tensor_that_is_too_short_or_has_bytes_left_is_named(tmp_path):
    (tmp_path / "m.data-00000-of-00001").write_bytes(b"\x00" * 40)
    entries = [(b"s", protos.entry_bytes(protos.Entry(7, (50,), size=40)))]
    with bundle.Bundle(index(tmp_path / "m", entries)) as opened:
        with pytest.raises(errors.CheckpointDamagedError, match="shorter than its shape says"):
            opened.read("s")
    shard.write_checkpoint(str(tmp_path / "w"), {"s": np.array([b"abc"], object)})
    with bundle.Bundle(str(tmp_path / "w")) as opened:
        entry = opened.entries["s"]
    (tmp_path / "x.data-00000-of-00001").write_bytes((tmp_path / "w.data-00000-of-00001").read_bytes() + b"more")
    entries = [(b"s", protos.entry_bytes(entry._replace(size=entry.size + 4)))]
    with bundle.Bundle(index(tmp_path / "x", entries)) as opened:
        with pytest.raises(errors.CheckpointDamagedError, match="do not fill their tensor"):
            opened.read("s")


def test_data_that_end_while_they_are_read_are_named(write):
    prefix = write({"a": np.zeros(1000, np.float32)})
    with bundle.Bundle(prefix) as opened:
        opened.shards()
        with open(prefix + ".data-00000-of-00001", "r+b") as file:
            file.truncate(10)
        with pytest.raises(errors.CheckpointDamagedError, match="ended while it was read"):
            opened.read("a")


def test_an_empty_name_is_no_target(write):
    made = checkpoint.plan_migration(write({"a": np.zeros(1, np.float32)}), rename=["^a$=>"])
    assert [(trouble.kind, trouble.text) for trouble in made.troubles] == [
        ("impossible", "no name for a tensor; from a")
    ]


def test_a_long_list_of_troubles_is_cut(tmp_path):
    troubles = tuple(plan.Trouble("unplaced", f"t{number}", "text") for number in range(25))
    with pytest.raises(errors.CheckpointPlanError, match="and 5 more"):
        plan.Plan("a", "b", (), (), troubles).require()


def test_a_variable_of_a_collection_without_operation_is_named():
    variable = field(1, b"gone:0")
    collection = field(4, field(1, b"variables"), field(2, field(2, field(1, variable))))
    node = field(2, field(1, field(1, b"x"), field(2, b"NoOp")))
    with pytest.raises(errors.CheckpointDamagedError, match="variable 'gone' has no operation"):
        graph_file.parse_graph("m", node + collection)


def test_a_graph_file_beyond_any_graph_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(graph_file, "_LIMIT", 3)
    (tmp_path / "m.meta").write_bytes(b"12345")
    with pytest.raises(errors.CheckpointDamagedError, match="larger than a graph can be"):
        graph_file.read_graph(tmp_path / "m.meta")


def norm_graph(prefix, width=4, saver=True):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [3, width], "x")
        with tf.variable_scope("bn"):
            names = ("moving_mean", "moving_variance", "beta", "gamma")
            made = [tf.get_variable(name, [4], initializer=tf.ones_initializer()) for name in names]
        kernel = tf.get_variable("w", [4, 4])
        tf.nn.batch_normalization(tf.matmul(x[:, :4], kernel), *made, 1e-3)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix, write_meta_graph=saver)
        if not saver:
            tf.train.export_meta_graph(prefix + ".meta", collection_list=[])


def test_a_proof_names_graphs_that_cannot_be_run_alike(tmp_path):
    norm_graph(str(tmp_path / "a"))
    norm_graph(str(tmp_path / "wide"), width=5)
    norm_graph(str(tmp_path / "bare"), saver=False)
    with pytest.raises(errors.ArgumentError, match="placeholder 'x' of the target has another shape"):
        checkpoint.prove(tmp_path / "a", tmp_path / "wide")
    with pytest.raises(errors.CheckpointPlanError, match="has no Saver to restore with"):
        checkpoint.prove(tmp_path / "bare", tmp_path / "a")
