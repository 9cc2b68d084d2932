"""What a graph says about its variables: roles, axes, order of features, and what weights do not carry."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.convert import networks
from tf1bn import convert, errors
from tf1bn.checkpoint.source import open_checkpoint
from tf1bn.convert import facts
from tf1bn.convert import plan as plans
from tf1bn.testing.graphs import graph_mode


def _how(plan):
    return {entry.target.name: entry.target.text() for entry in plan.entries}


@pytest.mark.parametrize("name", ["mobile", "generator", "flattened", "slim"])
def test_a_training_graph_says_the_same_as_what_is_left_of_it_for_inference(name, saved, options):
    stripped = convert.plan_conversion(saved(name), **options(name))
    whole = convert.plan_conversion(saved(name), graph=f"{saved(name)}.meta")
    assert not stripped.doubts and not whole.doubts and _how(stripped) == _how(whole)
    assert any("Adam" in key for key in whole.left) and "global_step" in whole.left


def test_each_kind_of_kernel_has_its_own_axes(saved, options):
    how = _how(convert.plan_conversion(saved("mobile"), **options("mobile")))
    assert how["stem.weight"] == "stem/kernel, transpose [3, 2, 0, 1]"
    assert how["depthwise.weight"] == "depthwise/depthwise_weights, transpose [2, 3, 0, 1], reshape [8, 1, 3, 3]"
    assert how["separable.pointwise.weight"] == "separable/pointwise_kernel, transpose [3, 2, 0, 1]"
    how = _how(convert.plan_conversion(saved("generator"), **options("generator")))
    permuted = "axis 0 from position x 5 channels to 5 channels x position"
    assert how["project.weight"] == f"project/kernel, transpose [1, 0], {permuted}"
    assert how["project.bn.running_var"] == f"project/bn/moving_variance, {permuted}"
    assert how["up1.weight"] == "up1/kernel, transpose [3, 2, 0, 1]"
    how = _how(convert.plan_conversion(saved("flattened"), **options("flattened")))
    assert how["turned.weight"] == "turned/weights, axis 1 from position x 3 channels to 3 channels x position"


def test_what_weights_do_not_carry_is_told_with_the_amounts(saved, options):
    plan = convert.plan_conversion(saved("mobile"), **options("mobile"))
    text = facts.as_text(plan)
    assert "stem (conv): stride=(2, 2); padding=1\n" in text
    assert "depthwise (depthwise): groups=4; padding=1\n" in text
    assert "dilated (conv): dilation=(2, 2); padding=2\n" in text
    assert "stem.bn (batch_norm): eps=0.001; momentum=0.01;" in text and "then relu6" in text
    slim = facts.as_text(convert.plan_conversion(saved("slim"), **options("slim")))
    assert "SAME padding is asymmetric here: F.pad(x, (0, 1, 0, 1)) and padding=0" in slim
    assert "momentum=0.001" in slim
    cut = facts.as_text(convert.plan_conversion(saved("generator"), **options("generator")))
    assert "SAME cuts [[1, 2], [1, 2]] (before, behind) off the full result" in cut
    assert all(line.startswith("# ") for line in facts.as_comments(plan).splitlines())
    json.dumps([facts.as_json(plan), plans.as_json(plan)], allow_nan=False)


def test_the_order_of_depth_to_space_is_told():
    """What the sentence says is what TensorFlow's op does: seen with NumPy in the place of PyTorch's functions."""
    value = np.arange(1 * 2 * 3 * 8, dtype=np.float32).reshape(1, 2, 3, 8)
    with graph_mode() as graph, tf.Session(graph=graph) as session:
        x = tf.placeholder(tf.float32, [None, 2, 3, 5])
        y = tf.nn.conv2d(x, tf.get_variable("c/kernel", [1, 1, 5, 8]), 1, "SAME")
        tf.nn.depth_to_space(tf.nn.relu(y), 2)
        plan = convert.plan_conversion({"c/kernel": np.ones((1, 1, 5, 8), "f4")}, graph=graph)
        expected = session.run(tf.nn.depth_to_space(tf.constant(value), 2))
    assert "x.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2), then nn.PixelShuffle(2)" in facts.as_text(plan)
    first = value.transpose(0, 3, 1, 2)
    moved = first.reshape(1, 4, 2, 2, 3).swapaxes(1, 2).reshape(1, 2, 2, 2, 2, 3)  # channel, place in the block, maps
    shuffled = moved.transpose(0, 1, 4, 2, 5, 3).reshape(1, 2, 4, 6)
    assert np.array_equal(shuffled, expected.transpose(0, 3, 1, 2))


def test_npz_has_the_source_s_own_tensors_and_a_state_in_it_goes_back(saved, options, tmp_path):
    path = tmp_path / "m.npz"
    convert.convert(saved("generator"), path, to="npz", dialect="torch", **options("generator"))
    with np.load(path) as state, open_checkpoint(saved("generator")) as stored:
        assert np.array_equal(state["up1.weight"], stored.read("up1/kernel").transpose(3, 2, 0, 1))
        expected = stored.read("project/kernel").reshape(6, 3, 3, 5).transpose(3, 1, 2, 0).reshape(45, 6)
        assert np.array_equal(state["project.weight"], expected)
        done = convert.convert_back(path, tmp_path / "back", base=saved("generator"), **options("generator"))
        with open_checkpoint(tmp_path / "back") as back:
            for key in stored.tensors:
                assert back.read(key).tobytes() == stored.read(key).tobytes(), key
    assert done.taken and "global_step" in done.kept and not done.absent
    own = convert.convert(saved("generator"), tmp_path / "own.npz", to="npz", **options("generator"))
    assert {entry.target.name for entry in own.plan.entries} == set(done.taken)


def test_a_state_without_a_base_gives_the_weights_alone(saved, options, tmp_path):
    convert.convert(saved("flattened"), tmp_path / "m.npz", to="npz", **options("flattened"))
    done = convert.convert_back(tmp_path / "m.npz", tmp_path / "back", **options("flattened"))
    assert not done.kept and any("Adam" in key for key in done.absent)
    with np.load(tmp_path / "m.npz") as state:
        short = {name: state[name] for name in state.files if name != "turned/biases"}
    with pytest.raises(errors.ConvertError, match="questions are open|lacks tensors"):
        convert.convert_back(short, tmp_path / "short", **options("flattened"))


def test_a_checkpoint_of_another_graph_is_refused(saved, options):
    with pytest.raises(errors.ConvertError, match="has no tensor 'stem/kernel', which the graph needs"):
        convert.plan_conversion(saved("generator"), **options("mobile"))


def test_an_unknown_place_form_or_answer_is_refused(saved, options):
    for mapping, text in (
        ({"stem2": "x"}, "'stem2', which is no layer or tensor of the source. Did you mean 'stem'"),
        ({"stem": {"colour": 1}}, "says something unknown of 'stem'"),
        (["stem"], "a map is one JSON object"),
    ):
        with pytest.raises(errors.ConvertError, match=text):
            convert.plan_conversion(saved("mobile"), mapping=mapping, **options("mobile"))
    with pytest.raises(errors.UnknownNameError, match="unknown form 'caffe'"):
        convert.plan_conversion(saved("mobile"), "caffe", **options("mobile"))


def test_a_map_names_and_drops(saved, options):
    mapping = {"stem": "features.0", "separable": {"drop": True}}
    plan = convert.plan_conversion(saved("mobile"), mapping=mapping, **options("mobile"))
    names = set(_how(plan))
    assert "features.0.weight" in names and not any(name.startswith("separable") for name in names)
    assert plan.left["separable/bias"] == "dropped by the map"


def test_outputs_need_a_graph():
    with pytest.raises(errors.ConvertError, match="`outputs` need a graph"):
        convert.plan_conversion({"dense/kernel": np.zeros((2, 3), "f4")}, outputs=[networks.OUTPUT])
