"""scripts/fold_checkpoint.py as a program: the table, exit codes, refusals."""

import json

import pytest
import tensorflow.compat.v1 as tf

from tests.checkpoint import folding_samples as samples
from tf1bn.testing.graphs import graph_mode


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """A graph of two batch norms, of which one follows a nonlinearity."""
    with graph_mode():
        x = tf.placeholder(tf.float32, [None, 8, 8, 4], "images")
        y = samples.spelled(tf.nn.conv2d(x, samples.kernel(3, 3, 4, 6), [1] * 4, "SAME"), scope="first")
        tf.identity(samples.fused(tf.nn.relu(y), scope="second"), "output")
        return samples.saved(tmp_path_factory.mktemp("saved"))


def test_json_tells_each_batch_norm_and_exit_code_1_that_one_is_left(run, prefix, tmp_path):
    target = tmp_path / "out" / "new"
    flags = [f"--graph={prefix}.meta", f"--checkpoint={prefix}", f"--output={target}", "--format=json"]
    done = run("fold_checkpoint", *flags, "--outputs=output")
    assert done.returncode == 1, done.stderr
    content = json.loads(done.stdout)
    assert [(site["scope"], site["folded"]) for site in content["sites"]] == [("first", True), ("second", False)]
    assert content["target"] == str(target) and content["added"] == ["bias"]
    assert sorted(path.name for path in target.parent.iterdir()) == [
        "new.data-00000-of-00002",
        "new.data-00001-of-00002",
        "new.index",
        "new.meta",
    ]


def test_strict_dry_run_and_wrong_feed_write_nothing(run, prefix, tmp_path):
    flags = [f"--graph={prefix}.meta", f"--checkpoint={prefix}", f"--output={tmp_path}/new"]
    strict = run("fold_checkpoint", *flags, "--strict")
    assert strict.returncode == 1 and "1 of 2 batch norms cannot be folded" in strict.stderr
    dry = run("fold_checkpoint", *flags, "--dry_run")
    assert "REFUSED second: " in dry.stdout and "nothing was written" in dry.stdout
    wrong = run("fold_checkpoint", *flags, f"--feed={prefix}.meta")
    assert wrong.returncode == 1 and "--feed cannot be read" in wrong.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_answers_and_missing_flags_are_wrong_usage(run):
    done = run("fold_checkpoint", "--help")
    assert done.returncode == 0 and "Exit codes:" in done.stdout and "--strict" in done.stdout
    done = run("fold_checkpoint", "--graph=x.meta")
    assert (done.returncode, done.stdout) == (2, "") and "--output" in done.stderr
