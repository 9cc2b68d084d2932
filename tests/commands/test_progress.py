"""Each command that may take long defines --progress, and what it calls counts its work where somebody watches."""

import importlib
import io

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.scale import steps
from tf1bn import checkpoint, convert, export, population, progress
from tf1bn.audit import audit
from tf1bn.checkpoint import shard
from tf1bn.commands import parsing, table
from tf1bn.examples import training_graph

# These end at once, or hand over to a program that shows what it likes.
AT_ONCE = {"run", "launch", "doctor", "completion", "native-to-stock"}


def _write(folder):
    """Writes a network with a folded batch norm; returns the prefix of its checkpoint."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        weights = tf.get_variable("dense/kernel", [3, 2], initializer=tf.ones_initializer())
        tf.identity(tf1bn.batch_norm(tf.matmul(x, weights), is_training=False), name="y")
        session.run(tf.global_variables_initializer())
        return tf.train.Saver().save(session, str(folder / "model"))


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    return _write(tmp_path_factory.mktemp("model"))


def _migrate(prefix, folder):
    plan = checkpoint.plan_migration(prefix, "tf_layers")
    checkpoint.migrate(plan, str(folder / "new"), verify=True)


def _convert(prefix, folder):
    convert.convert(prefix, str(folder / "model.npz"), to="npz", graph=f"{prefix}.meta", outputs=["y"])


def _back(prefix, folder):
    _convert(prefix, folder)
    convert.convert_back(
        str(folder / "model.npz"), str(folder / "back"), graph=f"{prefix}.meta", outputs=["y"], dialect="tensorflow"
    )


def _evaluate(prefix, folder):
    split = training_graph.Split(np.zeros([4, 2]), np.zeros([4], np.int64))
    training_graph.accuracy(lambda images: np.zeros([len(images)], np.int64), split)


WORK = {
    "inspect": (lambda prefix, _: checkpoint.inspect(prefix), ["reading the index", "reading statistics"]),
    "migrate": (_migrate, ["planning", "copying", "writing", "checking"]),
    "compare": (lambda prefix, _: checkpoint.compare(prefix, prefix), ["comparing"]),
    "prove": (lambda prefix, _: checkpoint.prove(prefix, prefix), ["proving"]),
    "merge": (
        lambda prefix, to: population.merge_checkpoints([prefix] * 2, str(to / "new")),
        ["reading averages", "merging", "writing the index"],
    ),
    "fold": (lambda prefix, to: checkpoint.fold(f"{prefix}.meta", prefix, str(to / "new")), ["folding"]),
    "export": (
        lambda prefix, to: export.export(f"{prefix}.meta", prefix, ["y"], str(to / "y.pb"), to="frozen"),
        ["exporting"],
    ),
    "audit": (lambda prefix, _: audit(f"{prefix}.meta"), ["auditing"]),
    "convert": (_convert, ["converting"]),
    "back": (_back, ["converting"]),
    "evaluate": (_evaluate, ["evaluating"]),
}


@pytest.mark.parametrize("name", WORK)
def test_long_work_is_counted_to_its_end(name, prefix, tmp_path):
    work, labels = WORK[name]
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0):
        work(prefix, tmp_path)
    lines = stream.getvalue().splitlines()
    for label in labels:
        (*_, last) = [line for line in lines if line.startswith(f"{label}: ")]
        done, _, total = last.removeprefix(f"{label}: ").split()[0].partition("/")
        assert done == total, lines


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A checkpoint of one tensor of 20 MiB beside the four of a batch norm."""
    prefix = str(tmp_path_factory.mktemp("large") / "model")
    steps.write_tensors(prefix, 1, 20 << 20)
    return prefix


@pytest.mark.parametrize(("label", "work"), [("checking", _migrate), ("comparing", WORK["compare"][0])])
def test_work_on_one_large_tensor_is_counted_within_it(label, work, large, tmp_path):
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0):
        work(large, tmp_path)
    lines = [line.split("  ")[0] for line in stream.getvalue().splitlines() if line.startswith(label)]
    assert lines == [f"{label}: {done}/20 MiB" for done in range(2, 21, 2)]


def test_tensors_of_strings_and_of_other_types_are_counted_to_the_end(tmp_path):
    words = np.array([b"one", b"three"], object)
    prefixes = [str(tmp_path / name) for name in ("narrow", "wide", "new")]
    for prefix, dtype in zip(prefixes, (np.float32, np.float64), strict=False):
        shard.write_checkpoint(prefix, {"last": np.zeros(4, dtype), "words": words})
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0):
        checkpoint.compare(*prefixes[:2])
        checkpoint.migrate(checkpoint.plan_migration(prefixes[0], rename=["^w=>v/w"]), prefixes[2], verify=True)
    lines = stream.getvalue().splitlines()
    for label in ("comparing", "checking"):
        assert [line for line in lines if line.startswith(label)][-1] == f"{label}: 18/18 bytes"


def test_every_command_that_may_take_long_has_the_flag():
    for row in table.ROWS:
        command = importlib.import_module(row.module).COMMAND
        has = isinstance(command, parsing.Command) and "progress" in command.flags.values
        assert has == (row.name not in AT_ONCE), row.name
