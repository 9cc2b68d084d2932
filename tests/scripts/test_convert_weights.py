"""The conversion script as a user runs it: exit codes, text, JSON, what is written."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A saved training program: maps, a batch norm, flattened, a dense layer."""
    prefix = str(tmp_path_factory.mktemp("model") / "model")
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4, 4, 1], "x")
        switch = tf.placeholder(tf.bool, [], "is_training")
        h = tf1bn.conv2d(x, 2, 3, strides=2, scope="conv", normalizer=lambda h: tf1bn.batch_norm(h, switch, scope="bn"))
        tf.identity(tf1bn.dense(tf.reshape(tf.nn.relu(h), [-1, 8]), 3, scope="head"), "y")
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix)
    return prefix


def test_there_and_back(model, run, run_json, tmp_path):
    there = run_json(
        "convert_weights", f"--source={model}", f"--graph={model}.meta", "--outputs=y", "--to=npz", "--dialect=torch",
        f"--output={tmp_path / 'm.npz'}",
    )  # fmt: skip
    names = [item["name"] for item in there["plan"]["tensors"]]
    assert names[:2] == ["conv.weight", "conv.bn.weight"] and there["plan"]["doubts"] == []
    assert there["files"] == [str(tmp_path / "m.npz")] and there["comments"].startswith("# Weights of ")
    with np.load(tmp_path / "m.npz") as state:
        assert sorted(state.files) == sorted(names) and state["conv.weight"].shape == (2, 1, 3, 3)
    back = run("convert_weights", f"--from={tmp_path / 'm.npz'}", f"--graph={model}.meta", "--outputs=y",
               f"--output={tmp_path / 'back'}")  # fmt: skip
    assert back.returncode == 0, back.stderr
    assert "axis 1 from position x 2 channels to 2 channels x position" in back.stdout
    assert back.stdout.startswith(f"{tmp_path / 'm.npz'} -> {tmp_path / 'back'}, ")
    assert "taken: 7: " in back.stdout and back.stdout.count(", ...\n") == 1
    assert back.stdout.endswith(f"written: {tmp_path / 'back'}\n")
    before, after = tf.train.load_checkpoint(model), tf.train.load_checkpoint(str(tmp_path / "back"))
    for name in before.get_variable_to_shape_map():
        assert before.get_tensor(name).tobytes() == after.get_tensor(name).tobytes()


def test_order_and_what_weights_do_not_carry(model, run, run_json):
    flags = [f"--source={model}", f"--graph={model}.meta", "--outputs=y", "--to=npz", "--dialect=torch", "--dry_run"]
    forward, named = (
        [item["name"] for item in run_json("convert_weights", *flags, f"--order={order}")["plan"]["tensors"]]
        for order in ("forward", "name")
    )
    assert forward.index("conv.bn.running_var") < forward.index("head.bias") and named == sorted(forward)
    assert forward.index("conv.weight") < forward.index("conv.bn.weight") and named != forward
    text = run("convert_weights", *flags, "--facts=python").stdout
    block = [line for line in text.splitlines() if line.startswith("#")]
    assert block[0].startswith("# Weights of ") and "F.pad(x, (0, 1, 0, 1)) and padding=0" in block[1]
    facts = run_json("convert_weights", *flags)["facts"]
    assert facts["layers"][0]["traits"]["amounts"] == [[0, 1], [0, 1]] and facts["framework"] == "torch"


def test_questions_of_a_dry_run_and_their_answers(model, run, tmp_path):
    flags = [f"--source={model}", "--to=npz", "--dialect=torch", "--dry_run", "--facts=none"]
    asked = run("convert_weights", *flags)
    assert asked.returncode == 1 and "QUESTION head: does it take flattened maps of 2 channels" in asked.stdout
    (tmp_path / "map.json").write_text(json.dumps({"head": {"flattened": 2}}))
    answered = run("convert_weights", *flags, f"--map={tmp_path / 'map.json'}")
    assert answered.returncode == 0 and "QUESTION" not in answered.stdout
    assert answered.stdout.endswith("nothing written (--dry_run)\n")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--source=a", "--output=b"], "give one of --to and --from"),
        (["--source=a", "--to=torch"], "--output is required"),
        (["--to=torch", "--output=b"], "--source is required"),
        (["--source=a", "--to=keras", "--output=b"], "need --model"),
        (["--source=a", "--to=npz", "--output=b", "--verify"], "nothing to run for npz"),
        (["--source=a", "--to=npz", "--output=b", "--switch=x=maybe"], "NAME=VALUE"),
    ],
)
def test_wrong_usage(flags, text, run):
    done = run("convert_weights", *flags)
    assert (done.returncode, done.stdout) == (2, "") and text in done.stderr and "Traceback" not in done.stderr
