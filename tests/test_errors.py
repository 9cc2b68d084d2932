"""One family of errors, one sentence pattern."""

import pickle

import pytest

from tf1bn import errors

BUILT_INS = {
    "ArgumentError": ValueError,
    "ArgumentTypeError": TypeError,
    "ShapeError": ValueError,
    "UnknownNameError": KeyError,
    "ReuseError": ValueError,
    "GraphModeError": RuntimeError,
    "PlacementError": ValueError,
    "StrategyError": TypeError,
    "DataError": ValueError,
    "CheckpointError": ValueError,
}


@pytest.mark.parametrize("name", BUILT_INS)
def test_each_error_is_the_built_in_that_a_program_would_catch(name):
    error = getattr(errors, name)("text.", where="f", context="scope a")
    assert isinstance(error, (errors.Tf1bnError, BUILT_INS[name])) and isinstance(error, BUILT_INS[name])
    assert str(error) == "f: text. [scope a]"


def test_every_class_of_the_module_is_held_here():
    family = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, errors.Tf1bnError)}
    assert set(BUILT_INS) <= family


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "what."),
        ({"got": 3}, "what. Got 3."),
        ({"got": "x", "expected": "y"}, "what. Got 'x'; expected y."),
        ({"expected": "y", "fix": "Do z."}, "what. Expected y. Do z."),
    ],
)
def test_the_sentence_pattern(options, text):
    assert errors.explain("what", **options) == errors.explain("what.", **options) == text


def test_the_closest_name_is_offered_and_a_distant_one_is_not():
    assert errors.did_you_mean("inlin", ["ema", "inline"]) == "Did you mean 'inline'? "
    assert errors.did_you_mean("zzz", ["ema", "inline"]) == ""


def test_the_innermost_public_function_names_the_place():
    with pytest.raises(errors.ShapeError) as caught:
        with errors.located("outer", scope="a"), errors.located("inner", scope="b", inputs="", shape="(2,)"):
            raise errors.ShapeError("text.")
    assert str(caught.value) == "inner: text. [scope b, shape (2,)]"


def test_other_errors_pass_unchanged():
    with pytest.raises(ZeroDivisionError), errors.located("f"):
        raise ZeroDivisionError


FAMILY = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.Tf1bnError)]


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_an_error_is_raised_again_as_autograph_does_it(kind):
    # AutoGraph makes a new one from a text alone, and only where the constructor is that of Exception.
    assert kind.__init__ is Exception.__init__
    error = kind("text.", where="f", context="scope a")
    again = kind(f"in user code: {error}")
    assert str(again) == "in user code: f: text. [scope a]" and type(again) is kind
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    error.text += " More."
    assert str(error) == "f: text. More. [scope a]" and error.args == ("text. More.",)


def test_an_import_error_has_the_text_that_python_shows():
    assert errors.AbsentModuleError("text.").msg == "text."
