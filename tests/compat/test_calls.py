"""Signatures that are fields of a dataclass: what programs and type checkers see, and in which words errors speak."""

from __future__ import annotations

import copy
import inspect
import pathlib
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import tf_layers
from tf1bn.compat.calls import given, made_with, method_takes, takes, takes_as
from tf1bn.compat.contrib import layers

ROOT = pathlib.Path(__file__).parents[2]


@dataclass(frozen=True)
class Sizes:
    inputs: Any
    size: int
    step: int = 2


@dataclass(frozen=True)
class Named(Sizes):
    step: int = field(default=1, init=False)
    name: Any = None


@takes(Sizes)
def stepped(call: Sizes) -> tuple[Any, int, int]:
    """Returns what it was given."""
    return call.inputs, call.size, call.step


@takes(Named)
def named(call: Named) -> dict[str, Any]:
    return {"step": call.step, **given(call, "inputs")}


def test_fields_are_arguments_by_place_and_by_name():
    assert stepped("x", 3) == ("x", 3, 2)
    assert stepped(size=3, step=5, inputs="x") == ("x", 3, 5)
    assert named("x", 3, "n") == {"step": 1, "size": 3, "name": "n"}


def test_the_signature_is_that_of_the_fields():
    assert list(inspect.signature(stepped).parameters) == ["inputs", "size", "step"]
    assert inspect.signature(stepped).parameters["step"].default == 2
    assert inspect.signature(stepped).return_annotation == "tuple[Any, int, int]"
    assert list(inspect.signature(named).parameters) == ["inputs", "size", "name"]
    assert stepped.__name__ == "stepped" and stepped.__doc__ == "Returns what it was given."


def test_arguments_that_do_not_fit_are_told_with_the_name_of_the_function():
    with pytest.raises(TypeError, match=r"^stepped\(\) got an unexpected keyword argument 'stride'"):
        stepped("x", 3, stride=2)
    with pytest.raises(TypeError, match=r"^named\(\) got an unexpected keyword argument 'step'"):
        named("x", 3, step=2)
    with pytest.raises(TypeError, match=r"^conv2d_transpose\(\) got an unexpected keyword argument 'dilation_rate'"):
        tf_layers.conv2d_transpose("x", 3, 3, dilation_rate=2)
    with pytest.raises(TypeError, match=r"^convolution2d\(\) missing 1 required positional argument: 'kernel_size'"):
        layers.conv2d("x", 3)


def test_a_constructor_takes_the_fields_and_shows_its_keywords_together():
    class Made:
        @made_with(Named)
        def __init__(self, call: Named) -> None:
            self.call = call

    assert Made("x", 3, name="n").call == Named("x", 3, "n")
    with pytest.raises(errors.ArgumentTypeError, match="Made: unsupported argument `nam`.*Did you mean 'name'"):
        Made("x", 3, nam="n")
    with pytest.raises(TypeError, match=r"^Made.__init__\(\) missing 1 required positional argument: 'size'"):
        Made("x")
    shown = str(inspect.signature(tf_layers.Conv2DTranspose))
    assert shown.startswith("(filters: 'int', kernel_size: 'Any', strides: 'Any' = 1, padding: 'str' = 'valid',")
    assert shown.endswith("name: 'Any' = None, **kwargs: 'Any') -> 'None'") and "dilation_rate" not in shown


class Pair(NamedTuple):
    first: int
    second: int = 2


class Sorted(Pair):
    __slots__ = ()

    @method_takes(Pair)
    def __new__(cls, given: Pair) -> Sorted:
        return super().__new__(cls, *sorted(given))


def test_a_tuple_is_built_of_its_fields():
    built = Sorted(3)
    assert isinstance(built, Sorted) and built == (2, 3) and Sorted(second=1, first=0) == (0, 1)
    assert copy.copy(built) == built
    assert str(inspect.signature(Sorted)) == "(first: 'int', second: 'int' = 2) -> 'Sorted'"
    with pytest.raises(TypeError, match=r"^Sorted.__new__\(\) missing 1 required positional argument: 'first'"):
        Sorted()


def summed(a: int, b: int = 2, **more: int) -> int:
    return a + b + sum(more.values())


@takes_as(summed, b=5)
def told(given: dict[str, int]) -> dict[str, int]:
    return given


def test_the_arguments_of_another_function_come_as_a_dictionary():
    assert told(1) == {"a": 1, "b": 5} and told(b=3, a=1, c=4) == {"a": 1, "b": 3, "c": 4}
    assert str(inspect.signature(told)) == "(a: 'int', b: 'int' = 5, **more: 'int') -> 'dict[str, int]'"
    with pytest.raises(TypeError, match=r"^told\(\) missing a required argument: 'a'"):
        told(b=1)


@pytest.mark.parametrize("word", ["kernel_initializer", "kernel_regularizer", "kernel_constraint"])
def test_a_separable_class_refuses_words_of_the_one_kernel_that_it_lacks(word):
    with pytest.raises(errors.ArgumentTypeError, match=f"SeparableConv2D: unsupported argument `{word}`"):
        tf_layers.SeparableConv2D(4, 3, **{word: None})


def test_a_separable_layer_refuses_other_channels_at_a_later_call():
    with tf.Graph().as_default():
        layer = tf_layers.SeparableConv2D(4, 3)
        layer(tf.zeros([1, 5, 5, 2]))
        with pytest.raises(errors.ShapeError, match="`inputs` do not fit"):
            layer(tf.zeros([1, 5, 5, 3]))


PROGRAM = """
from typing import Any
from tf1bn.compat import tf_layers
from tf1bn.compat.contrib import layers
x: Any = None
reveal_type(tf_layers.conv3d)
reveal_type(layers.conv2d_transpose)
reveal_type(tf_layers.Dense)
tf_layers.conv2d(inputs=x, filters=32, kernel_size=3, activation=None)
tf_layers.Conv2D(32, 3, dtype=x)
tf_layers.conv2d(x, 32, 3, stride=2)
layers.conv1d(x, 32, 3, conv_dims=1)
"""


@pytest.mark.slow
def test_a_type_checker_sees_the_arguments(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM)
    # From the folder of `make lint`, with its settings and what it has read already.
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(tmp_path / "program.py")],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    notes = [line.partition(": ")[2] for line in done.stdout.splitlines() if "program.py" in line]
    assert "def (inputs: Any, filters: int, kernel_size: Any, strides: Any =, padding: str =," in notes[0]
    assert notes[0].count("dilation_rate") == 1 and "dilation_rate" not in notes[1] and " rate" not in notes[1]
    assert "def (units: int, activation: Any =, use_bias: bool =," in notes[2] and "*, dtype: Any =" in notes[2]
    wrong = [line for line in notes if line.startswith("error")]
    assert [line.split('"')[1] for line in wrong] == ["stride", "conv_dims"]
