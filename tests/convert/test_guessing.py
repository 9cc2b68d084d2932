"""Without a graph: names and shapes, and a question wherever they do not decide. No TensorFlow."""

import numpy as np
import pytest

from tf1bn import convert, errors

LSTM = {"rnn/lstm_cell/kernel": (7, 16), "rnn/lstm_cell/bias": (16,)}
CONV = {"conv1/kernel": (3, 3, 2, 4), "conv1/bias": (4,)}
NORM = {f"conv1/batch_norm/{leaf}": (4,) for leaf in ("gamma", "beta", "moving_mean", "moving_variance")}


def _plan(shapes, **options):
    return convert.plan_conversion({name: np.ones(shape, "f4") for name, shape in shapes.items()}, **options)


def _names(plan):
    return {entry.target.name: entry.target.shape for entry in plan.entries}


def test_names_that_tell_need_no_answer():
    more = {
        "dense/kernel": (7, 5),
        "dense/bias": (5,),
        "dense/bias/Adam": (5,),
        "up/conv2d_transpose/kernel": (4, 4, 3, 2),
    }
    plan = _plan({**CONV, **NORM, **more})
    assert not plan.doubts and plan.left == {"dense/bias/Adam": "optimizer slots"}
    names = _names(plan)
    assert names["conv1.weight"] == (4, 2, 3, 3) and names["conv1.batch_norm.running_var"] == (4,)
    assert names["dense.weight"] == (5, 7) and names["up.conv2d_transpose.weight"] == (2, 3, 4, 4)


@pytest.mark.parametrize(
    ("shapes", "place", "text", "answer"),
    [
        ({**CONV, "dense/kernel": (36, 5)}, "dense", "does it take flattened maps of 4 channels", {"flattened": 4}),
        ({"up/kernel": (5, 5, 2, 3), "up/bias": (2,)}, "up", "is its kernel", {"kind": "transposed"}),
        (LSTM, "rnn/lstm_cell", "which constant", {"forget_bias": 1}),
        ({"thing": (2, 3, 4)}, "thing", "no layer is known", {"axes": [2, 0, 1]}),
    ],
    ids=["flattened", "transposed", "forget bias", "axes"],
)  # fmt: skip
def test_each_doubt_stops_with_a_question_that_a_map_answers(shapes, place, text, answer, tmp_path):
    plan = _plan(shapes)
    assert len(plan.doubts) == 1 and plan.doubts[0].place == place and text in plan.doubts[0].text
    with pytest.raises(errors.ConvertError, match="1 questions are open, nothing was written"):
        convert.convert({k: np.ones(s, "f4") for k, s in shapes.items()}, tmp_path / "m.npz", to="npz", dialect="torch")
    assert not list(tmp_path.iterdir())
    answered = _plan(shapes, mapping={place: answer})
    assert not answered.doubts
    if place == "thing":
        assert _names(answered) == {"thing": (4, 2, 3)}
    if place == "up":
        assert _names(answered) == {"up.weight": (3, 2, 5, 5), "up.bias": (2,)}


def test_two_batch_norms_of_one_scope_with_a_convolution_get_names_of_their_own():
    plan = _plan(
        {"a/kernel": (3, 4), **{f"a/{leaf}": (4,) for leaf in ("gamma", "beta", "moving_mean", "moving_variance")}}
    )
    assert {"a.dense.weight", "a.bn.running_mean"} <= set(_names(plan))
