"""The export script as a user runs it: exit codes, text, JSON, what is written."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn


@pytest.fixture
def model(tmp_path):
    """A saved training program; returns the flags that name it."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4], "x")
        y = tf1bn.batch_norm(x, tf.placeholder(tf.bool, [], "is_training"))
        tf.multiply(y, tf.placeholder(tf.float32, [], "scale"), name="y")
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "model"))
    return [f"--graph={prefix}.meta", f"--checkpoint={prefix}", "--outputs=scores=y", f"--output={tmp_path / 'out'}"]


def test_an_export_is_reported_as_json(model, run_json, tmp_path):
    np.savez(tmp_path / "feed.npz", x=np.ones((3, 4), np.float32))
    report = run_json(
        "export_model", *model, "--to=frozen", "--switch=scale=2.0", f"--feed={tmp_path / 'feed.npz'}", "--inputs=x"
    )
    assert report["path"] == str(tmp_path / "out") and (tmp_path / "out").is_file()
    assert report["switches"] == {"is_training": False, "scale": 2.0}
    assert report["inputs"] == {"x": "x:0"} and report["outputs"] == {"scores": "y:0"}
    assert report["nodes"] < report["nodes_before"] and report["batch_norms"] == 1
    assert report["notes"] == ["the averages of 1 batch norms are still 0 and 1: batch_norm"]


def test_a_layout_is_refused_where_nothing_is_channels_first(model, run, tmp_path):
    done = run("export_model", *model, "--switch=scale=1", "--layout=NHWC", "--input_layout=NHWC")
    assert done.returncode == 1 and "no op of the graph is channels first" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_refusal_a_dry_run_and_a_second_time(model, run, tmp_path):
    lost = run("export_model", *model, "--inputs=x")
    assert lost.returncode == 1 and "the placeholder 'scale'" in lost.stderr and not (tmp_path / "out").exists()
    dry = run("export_model", *model, "--switch=scale=1", "--switch=is_training", "--dry_run")
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.startswith(
        "input: x = x:0\noutput: scores = y:0\nswitch: scale = 1\nswitch: is_training = False\n"
    )
    assert "checked: a row of scores does not depend on the others" in dry.stdout
    assert dry.stdout.endswith("nothing written (--dry_run)\n") and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--outputs=y,=z"], "KEY=NAME pair lacks"),
        (["--inputs=a=x,a=y"], "key repeats"),
        (["--switch=is_training=maybe"], "NAME=VALUE"),
        (["--to=keras"], "should be one of"),
    ],
)
def test_bad_values_are_wrong_usage(flags, text, run):
    done = run("export_model", "--graph=a", "--checkpoint=b", "--output=c", "--outputs=y", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and "Traceback" not in done.stderr


def test_a_feed_that_is_no_archive_is_refused(run, tmp_path):
    (tmp_path / "feed.npz").write_text("x")
    flags = ["--graph=a", "--checkpoint=b", "--output=c", "--outputs=y", f"--feed={tmp_path / 'feed.npz'}"]
    done = run("export_model", *flags, "--format=json")
    assert done.returncode == 1 and "cannot be read" in done.stdout
