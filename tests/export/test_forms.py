"""The four forms: what is in the files, who can load them, and what happens to what was there."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf.message import EncodeError

from tests.export import programs
from tf1bn import audit, errors, export
from tf1bn.export.draft import Draft
from tf1bn.export.forms import FORMS as EVERY
from tf1bn.export.forms import Product
from tf1bn.graph.model import GraphModel

X = programs.rows()
FORMS = ("meta", "frozen", "saved_model", "tflite")


def exported(prefix, target, to, **arguments):
    return export.export(f"{prefix}.meta", prefix, {"scores": "logits"}, target, to=to, **arguments)


def tree(folder):
    """Every file below a folder, hidden ones too, with its bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_plain_saver_restores_a_meta_export(mode, tmp_path):
    programs.train(programs.forward(programs.own("inline"), programs.SWITCHES["placeholder"]()))
    prefix = programs.save(tmp_path)
    done = exported(prefix, tmp_path / "served.meta", "meta")
    assert done.path == str(tmp_path / "served") and done.variables == 6
    stored = dict(tf.train.list_variables(done.path))
    assert sorted(stored) == sorted(["hidden", "out", *(f"bn/{leaf}" for leaf in programs.LEAVES)])
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(f"{done.path}.meta")
        assert tf.trainable_variables() == [] and len(tf.global_variables()) == 6
        tf.train.Saver().restore(session, done.path)
        logits = session.run("logits:0", {"x:0": X})
    np.testing.assert_allclose(logits, programs.expected(prefix, X), rtol=1e-5, atol=1e-5)


def test_a_frozen_export_has_no_variable(trained, tmp_path, run_frozen):
    done = exported(trained, tmp_path / "frozen.pb", "frozen")
    ops = {node.op for node in GraphModel(done.path).source.graph_def.node}
    assert not ops & {"VarHandleOp", "ReadVariableOp", "VariableV2", "Switch", "Merge", "If", "StatelessIf"}
    np.testing.assert_allclose(
        run_frozen(done.path, "logits:0", {"x:0": X}), programs.expected(trained, X), rtol=1e-5, atol=1e-5
    )


LOADER = """
import sys
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
assert tf.executing_eagerly() and list(model.signatures) == ["classify"]
function = model.signatures["classify"]
scores = function(x=tf.constant(np.load(sys.argv[2])))["scores"]
np.save(sys.argv[3], scores)
assert not [name for name in sys.modules if name.startswith("tf1bn")]
"""


def test_tensorflow_2_loads_a_saved_model_without_tf1bn(tmp_path):
    """References and resources, both from conditionals of both kinds, in one process of TensorFlow 2."""
    np.save(tmp_path / "x.npy", X)
    wanted = []
    for number, mode in enumerate(programs.MODES):
        with programs.graph_mode(mode):
            programs.train(programs.forward(programs.in_branches, programs.SWITCHES["placeholder"]()))
            prefix = programs.save(tmp_path, f"model{number}")
        exported(prefix, tmp_path / f"served{number}", "saved_model", signature="classify")
        wanted.append(programs.expected(prefix, X))
    program = "import sys\nflags = sys.argv[1:]\n" + "".join(
        f"sys.argv[1:] = [flags[0] + '{n}', flags[1], flags[2] + '{n}']\n{LOADER}" for n in range(len(wanted))
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_USE")}
    environment.pop("PYTHONPATH", None)
    line = [sys.executable, "-c", program, *(str(tmp_path / name) for name in ("served", "x.npy", "out"))]
    done = subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for number, logits in enumerate(wanted):
        np.testing.assert_allclose(np.load(tmp_path / f"out{number}.npy"), logits, rtol=1e-5, atol=1e-5)


def test_tflite_computes_the_same(mode, tmp_path):
    programs.train(programs.forward(programs.own("inline"), programs.SWITCHES["placeholder"]()))
    prefix = programs.save(tmp_path)
    done = exported(prefix, tmp_path / "model.tflite", "tflite", signature="classify")
    signed = tf.lite.Interpreter(model_path=done.path)
    assert signed.get_signature_list() == {"classify": {"inputs": ["x"], "outputs": ["scores"]}}
    scores = signed.get_signature_runner("classify")(x=X)["scores"]
    np.testing.assert_allclose(scores, programs.expected(prefix, X), rtol=1e-4, atol=1e-4)
    interpreter = tf.lite.Interpreter(model_path=done.path)
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(given["index"], X.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], X)
    interpreter.invoke()
    logits = programs.expected(prefix, X)
    np.testing.assert_allclose(interpreter.get_tensor(found["index"]), logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("to", FORMS)
def test_nothing_is_overwritten_unasked(trained, tmp_path, to):
    target = tmp_path / "there"
    done = exported(trained, target, to)
    before = tree(tmp_path)
    with pytest.raises(errors.CheckpointExistsError, match=r"export: the output '.*there' exists.*pass overwrite"):
        exported(trained, target, to)
    assert tree(tmp_path) == before
    assert exported(trained, target, to, overwrite=True).path == done.path
    assert tree(tmp_path).keys() == before.keys()


def test_a_directory_takes_the_place_of_a_file_and_a_file_of_a_directory(trained, tmp_path):
    target = tmp_path / "there"
    target.write_text("mine")
    exported(trained, target, "saved_model", overwrite=True)
    assert target.is_dir()
    exported(trained, target, "frozen", overwrite=True)
    assert target.is_file() and not list(tmp_path.glob(".there*"))


@pytest.mark.parametrize("to", FORMS)
def test_a_dry_run_checks_and_writes_nothing(trained, tmp_path, to):
    before = tree(tmp_path)
    done = exported(trained, tmp_path / "new", to, dry_run=True)
    assert done.path == "" and "outputs are those of the source with its switch off" in done.checks[0]
    assert tree(tmp_path) == before


@pytest.mark.parametrize("to", FORMS)
def test_a_failed_check_leaves_what_was_there(trained, tmp_path, to, monkeypatch):
    target = tmp_path / "there"
    exported(trained, target, to)
    before = tree(tmp_path)

    def fail(*_):
        raise errors.ExportError("no")

    monkeypatch.setattr("tf1bn.export.checks.check", fail)
    with pytest.raises(errors.ExportError, match="no"):
        exported(trained, target, to, overwrite=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("to", ["meta", "frozen", "saved_model"])
def test_the_auditor_finds_nothing(trained, tmp_path, to):
    done = exported(trained, tmp_path / "clean", to)
    path = f"{done.path}.meta" if to == "meta" else done.path
    assert audit.audit(path, checkpoint=done.path if to == "meta" else None).findings == ()


def test_unknown_form_and_missing_folder_are_refused(trained, tmp_path):
    with pytest.raises(errors.UnknownNameError, match="unknown form 'savedmodel'.*Did you mean 'saved_model'"):
        exported(trained, tmp_path / "new", "savedmodel")
    with pytest.raises(errors.CheckpointMissingError, match="directory .* does not exist"):
        exported(trained, tmp_path / "no" / "new", "meta")


def test_a_graph_without_variables_is_no_checkpoint(graph, tmp_path):
    x = tf.placeholder(tf.float32, [None, 2], "x")
    tf.nn.relu(x, "y")
    with pytest.raises(errors.ExportError, match="no variable to save. Export it as frozen"):
        export.export(graph, {}, ["y"], tmp_path / "new", to="meta")
    assert export.export(graph, {}, ["y"], tmp_path / "new", to="frozen").checks[-1].startswith("0 batch norms")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]


def test_what_tflite_cannot_convert_is_refused_with_its_words(graph, tmp_path):
    tf.linalg.inv(tf.placeholder(tf.float32, [2, 2], "x"), name="y")
    feed = {"x": np.eye(2, dtype=np.float32)}
    with pytest.raises(errors.ExportError, match="(?s)TFLite cannot convert the graph .*MatrixInverse"):
        export.export(graph, {}, ["y"], tmp_path / "m.tflite", to="tflite", feed=feed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [ValueError, EncodeError])
def test_a_graph_of_more_than_two_gibibytes_is_refused(trained, tmp_path, monkeypatch, kind):
    class TooLarge:
        def SerializeToString(self):
            raise kind("Message tensorflow.MetaGraphDef exceeds maximum protobuf size of 2GB")

    monkeypatch.setattr("tf1bn.export.forms.Product.meta_graph", lambda *_: TooLarge())
    with pytest.raises(errors.ExportError, match="larger than a file of this kind can be, 2 GiB"):
        exported(trained, tmp_path / "new", "meta")
    assert not list(tmp_path.glob("*new*"))


@pytest.mark.parametrize("form", ["frozen", "tflite"])
def test_values_that_no_graph_holds_are_refused_before_they_are_copied(form, tmp_path):
    half = np.broadcast_to(np.float32(1), (2**28,))  # one number in memory, a gibibyte by its shape
    draft = Draft(tf.MetaGraphDef())
    product = Product(draft, {"a": half, "b": half}, {}, {}, "serving_default")
    text = "do not fit into a graph as constants. Got 2147483648; expected at most 2147483647 bytes. Export a Saved"
    with pytest.raises(errors.ExportError, match=text):
        EVERY[form].write(product, str(tmp_path / "file"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("form", "limit"), [("frozen", 35), ("tflite", 35), ("frozen", 36), ("meta", 1)])
def test_a_graph_that_no_file_holds_is_refused_before_its_values_are_read(form, limit, graph, tmp_path, monkeypatch):
    x = tf.placeholder(tf.float32, [None, 3], "x")
    tf.matmul(x, tf.get_variable("weights", [3, 3]), name="y")
    monkeypatch.setattr("tf1bn.export.variables.LARGEST", limit)
    fits = form == "meta" or limit >= 3 * 3 * 4
    # There is no checkpoint, so an attempt to read one shows.
    error = (errors.CheckpointError, "cannot be read") if fits else (errors.ExportError, "do not fit into a graph")
    with pytest.raises(error[0], match=error[1]):
        export.export(graph, str(tmp_path / "absent"), ["y"], tmp_path / "new", to=form)
    assert list(tmp_path.iterdir()) == []
