"""The checkpoint scripts as a user runs them: exit codes, text, JSON."""

import json
import os

import numpy as np
import pytest

from tf1bn.checkpoint import shard


@pytest.fixture
def slim(tmp_path):
    values = np.array([0.5, 2.0], np.float32)
    prefix = tmp_path / "slim"
    shard.write_checkpoint(
        str(prefix), {f"BatchNorm/{name}": values for name in ("beta", "moving_mean", "moving_variance")}
    )
    return prefix


@pytest.mark.parametrize("script", ["inspect_checkpoint", "migrate_checkpoint", "compare_checkpoints"])
def test_help_and_wrong_usage(script, run):
    shown = run(script, "--help")
    assert "Example" in shown.stdout
    for wrong in (["--nonsense"], [], ["stray"]):
        done = run(script, *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--help" in done.stderr


def test_inspect_prints_text_or_one_json_object(slim, run):
    text = run("inspect_checkpoint", f"--checkpoint={slim}")
    assert text.returncode == 0 and "BatchNorm: slim" in text.stdout
    data = run("inspect_checkpoint", f"--checkpoint={slim}", "--format=json")
    assert json.loads(data.stdout)["sites"][0]["missing"] == ["gamma"]


def test_inspect_ends_with_one_on_problems_and_errors(tmp_path, run):
    zeros, ones = np.zeros(2, np.float32), np.ones(2, np.float32)
    shard.write_checkpoint(
        str(tmp_path / "m"),
        {"bn/moving_mean": zeros, "bn/moving_variance": ones, "bn/gamma": ones + 1, "bn/beta": ones},
    )
    done = run("inspect_checkpoint", f"--checkpoint={tmp_path / 'm'}")
    assert done.returncode == 1 and "BN024" in done.stdout
    lost = run("inspect_checkpoint", f"--checkpoint={tmp_path / 'n'}", "--format=json")
    assert lost.returncode == 1
    assert json.loads(lost.stdout)["error"] == "CheckpointMissingError"


def test_inspect_of_an_index_alone_and_a_migration_of_it(slim, tmp_path, run):
    os.remove(f"{slim}.data-00000-of-00001")
    done = run("inspect_checkpoint", f"--checkpoint={slim}")
    assert done.returncode == 1
    assert "BatchNorm: slim" in done.stdout and "statistics not read" in done.stdout
    refused = run("migrate_checkpoint", f"--source={slim}", f"--target={tmp_path / 'out'}", "--to=tf1bn")
    assert refused.returncode == 1 and f"{slim}.data-00000-of-00001, which is not there" in refused.stderr


def test_inspect_draws_a_picture_and_refuses_to_overwrite_one(slim, tmp_path, run):
    pytest.importorskip("matplotlib")
    arguments = (f"--checkpoint={slim}", f"--picture={tmp_path / 'p.png'}")
    done = run("inspect_checkpoint", *arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    again = run("inspect_checkpoint", *arguments)
    assert again.returncode == 1 and "would be overwritten" in again.stderr
    shard.write_checkpoint(str(tmp_path / "none"), {"w": np.ones(2, np.float32)})
    none = run("inspect_checkpoint", f"--checkpoint={tmp_path / 'none'}", f"--picture={tmp_path / 'q.png'}")
    assert none.returncode == 1 and "no batch norm to draw" in none.stderr and "note: " in none.stdout


def test_migrate_stops_where_it_would_split_a_batch_norm(tmp_path, run):
    values = np.array([0.5, 2.0], np.float32)
    names = ("head_bn_gamma", "head_bn_beta", "head_bn_mov_mean", "head_bn_mov_var")
    shard.write_checkpoint(str(tmp_path / "m"), dict.fromkeys(names, values))
    done = run("migrate_checkpoint", f"--source={tmp_path / 'm'}", f"--target={tmp_path / 'out'}", "--to=tf1bn")
    assert done.returncode == 1
    assert "STOP split: head_bn_mov_mean" in done.stdout and "STOP split: head_bn_mov_var" in done.stdout
    assert not (tmp_path / "out.index").exists()


def test_migrate_dry_run_writes_nothing(slim, tmp_path, run):
    done = run("migrate_checkpoint", f"--source={slim}", "--to=tf1bn", "--dry_run")
    assert done.returncode == 0
    assert "renamed     batch_norm/moving_mean <- BatchNorm/moving_mean" in done.stdout
    assert sorted(os.listdir(tmp_path)) == ["slim.data-00000-of-00001", "slim.index"]


def test_migrate_writes_verifies_and_refuses_the_second_time(slim, tmp_path, run):
    arguments = [f"--source={slim}", f"--target={tmp_path / 'out'}", "--to=tf1bn", "--verify", "--format=json"]
    first = run("migrate_checkpoint", *arguments)
    assert first.returncode == 0
    assert json.loads(first.stdout)["migration"]["verified"] == 4
    second = run("migrate_checkpoint", *arguments)
    assert second.returncode == 1
    assert json.loads(second.stdout)["error"] == "CheckpointExistsError"
    assert run("migrate_checkpoint", *arguments, "--overwrite", "--link").returncode == 0


def test_migrate_by_rules_alone(slim, tmp_path, run):
    (tmp_path / "map.json").write_text(json.dumps({"BatchNorm/beta": "shift"}))
    done = run(
        "migrate_checkpoint", f"--source={slim}", f"--target={tmp_path / 'out'}", "--rename=^BatchNorm/=>bn/",
        "--drop=variance$", f"--map={tmp_path / 'map.json'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 dropped" in done.stdout
    shown = run("inspect_checkpoint", f"--checkpoint={tmp_path / 'out'}", "--format=json")
    assert json.loads(shown.stdout)["tensors"] == 2


def test_migrate_shows_the_plan_that_it_refuses(slim, tmp_path, run):
    done = run("migrate_checkpoint", f"--source={slim}", f"--target={tmp_path / 'out'}", "--rename=.*=>x")
    assert done.returncode == 1
    assert "STOP collision: x" in done.stdout and "nothing was written" in done.stderr


def test_compare_ends_with_one_where_checkpoints_differ(slim, tmp_path, run):
    same = run("compare_checkpoints", slim, slim)
    assert (same.returncode, same.stdout) == (0, "3 tensors are the same\n")
    values = np.array([0.5, 2.25], np.float32)
    shard.write_checkpoint(str(tmp_path / "b"), {"BatchNorm/beta": values})
    other = run("compare_checkpoints", slim, tmp_path / "b", "--format=json")
    assert other.returncode == 1
    data = json.loads(other.stdout)
    assert data["only_first"] == ["BatchNorm/moving_mean", "BatchNorm/moving_variance"]
    assert data["differences"][0]["largest"] == 0.25
    lost = run("compare_checkpoints", slim, tmp_path / "none", "--format=json")
    assert lost.returncode == 1 and json.loads(lost.stdout)["error"] == "CheckpointMissingError"


def test_compare_proves_with_numbers(tmp_path, run):
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4], "x")
        names = ("moving_mean", "moving_variance", "beta", "gamma")
        with tf.variable_scope("bn"):
            made = [tf.get_variable(name, [4], initializer=tf.random_uniform_initializer(0.5, 1.5)) for name in names]
        tf.nn.batch_normalization(tf.matmul(x, tf.get_variable("w", [4, 4])), *made, 1e-3)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "m"))
    np.savez(tmp_path / "inputs.npz", x=np.ones((2, 4), np.float32))
    done = run(
        "compare_checkpoints", tmp_path / "m", tmp_path / "m", "--prove", f"--inputs={tmp_path / 'inputs.npz'}",
        "--format=json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sites"][0]["shape"] == [2, 4]
