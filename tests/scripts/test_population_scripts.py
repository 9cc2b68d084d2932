"""The scripts that put averages right."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.scripts import test_usage


@pytest.fixture(scope="module")
def frozen(run_json, tmp_path_factory):
    """A network trained on the embedded digits whose averages are still 0 and 1."""
    folder = tmp_path_factory.mktemp("frozen")
    run_json("train", "--steps=400", f"--model_dir={folder}", "--update_strategy=frozen", "--learning_rate=0.02")
    return folder / "model-400"


def flags(prefix, *others):
    return [f"--graph={prefix}.meta", f"--checkpoint={prefix}", *others]


def test_averages_that_were_never_moved_are_estimated(frozen, run_json, run, tmp_path):
    wrong = run_json("evaluate", f"--checkpoint={frozen}")["accuracy"]
    target = frozen.parent / "repaired"
    done = run_json("reestimate_population", *flags(frozen, f"--output={target}", "--batches=12"))
    right = run_json("evaluate", f"--checkpoint={target}")["accuracy"]
    assert (done["accuracy_before"], done["accuracy_after"]) == (wrong, right)
    assert wrong < 0.7 < 0.9 < right
    assert done["batches"] == 12 and [site["scope"] for site in done["sites"]] == [
        "hidden1/batch_norm", "hidden2/batch_norm",
    ]  # fmt: skip
    again = run("reestimate_population", *flags(frozen, f"--output={target}"))
    assert again.returncode == 1 and "exists" in again.stderr and "Traceback" not in again.stderr
    merged = run_json(
        "merge_checkpoints", f"--checkpoints={frozen},{target}", f"--output={tmp_path / 'm'}", "--counts=1,3"
    )
    reader = [tf.train.load_checkpoint(str(name)) for name in (frozen, target, tmp_path / "m")]
    first, second, both = (each.get_tensor("hidden1/batch_norm/moving_mean").astype(np.float64) for each in reader)
    np.testing.assert_allclose(both, (first + 3 * second) / 4, rtol=1e-5, atol=1e-6)
    assert merged["shares"] == [0.25, 0.75]


def test_a_dry_run_reports_progress_and_writes_nothing(frozen, run):
    before = sorted(frozen.parent.iterdir())
    done = run(
        "reestimate_population",
        *flags(frozen, "--dry_run", "--batches=5", "--sequential", "--mode=mean_of_batches", "--nolabels"),
    )
    assert done.returncode == 0, done.stderr
    assert "2 batch norms, mean_of_batches, level by level: 5 batches in 2 passes" in done.stdout
    assert "nothing was written" in done.stdout and "batches: 10/10" in done.stderr
    assert sorted(frozen.parent.iterdir()) == before
    merged = run("merge_checkpoints", f"--checkpoints={frozen},{frozen}", "--dry_run")
    assert merged.returncode == 0 and "nothing was written" in merged.stdout


def test_too_few_batches_are_refused_as_json(frozen, run, tmp_path):
    done = run(
        "reestimate_population",
        "--format=json",
        *flags(frozen, f"--output={tmp_path / 'new'}", "--batches=99", "--nolabels"),
    )
    assert done.returncode == 1 and "the data ended too early" in json.loads(done.stdout)["error"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("script", "given", "text"),
    [
        ("reestimate_population", ["--checkpoint=a", "--output=b"], "graph"),
        ("reestimate_population", ["--graph=a", "--checkpoint=b"], "--output is needed"),
        ("reestimate_population", ["--graph=a", "--checkpoint=b", "--dry_run", "--constant=keep"], "TENSOR=NUMBER"),
        ("merge_checkpoints", ["--checkpoints=a", "--output=b"], "at least two prefixes"),
        ("merge_checkpoints", ["--checkpoints=a,b", "--output=c", "--counts=1"], "one number above 0 for each"),
    ],
)
def test_wrong_usage(script, given, text, run):
    done = run(script, *given)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("script", ["reestimate_population", "merge_checkpoints"])
def test_help_answers_without_importing_tensorflow(script, command):
    test_usage.test_help_answers_without_importing_tensorflow(script, command)
