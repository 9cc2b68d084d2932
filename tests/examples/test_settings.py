import pytest

from tf1bn import errors
from tf1bn.examples.settings import TrainSettings


def test_each_model_has_its_published_defaults():
    mlp, cnn = TrainSettings(model="mlp"), TrainSettings(model="cnn")
    assert (mlp.batch_size, mlp.learning_rate, mlp.init_stddev, mlp.decay) == (60, 0.01, 0.3, 0.99)
    assert (cnn.batch_size, cnn.learning_rate, cnn.init_stddev) == (64, 0.002, None)


def test_given_values_replace_defaults():
    chosen = TrainSettings(model="mlp", batch_size=7, learning_rate=0.5, init_stddev=1.0)
    assert (chosen.batch_size, chosen.learning_rate, chosen.init_stddev) == (7, 0.5, 1.0)


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"model": "mpl"}, errors.UnknownNameError, "unknown model 'mpl'.*Did you mean 'mlp'"),
        ({"steps": 0}, errors.ArgumentError, "`steps` is out of range. Got 0"),
        ({"steps": 1.0}, errors.ArgumentTypeError, "`steps` must be an integer"),
        ({"batch_size": 0}, errors.ArgumentError, "`batch_size` is out of range"),
        ({"seed": -1}, errors.ArgumentError, "`seed` is out of range"),
        ({"seed": True}, errors.ArgumentTypeError, "`seed` must be an integer. Got True"),
        ({"learning_rate": 0.0}, errors.ArgumentError, "`learning_rate` is out of range.*above 0"),
        ({"learning_rate": "0.1"}, errors.ArgumentTypeError, "`learning_rate` must be a number. Got '0.1'"),
        ({"init_stddev": float("nan")}, errors.ArgumentError, "`init_stddev` is out of range"),
        ({"decay": 1.0}, errors.ArgumentError, r"`decay` must be in \[0, 1\). Got 1.0"),
        ({"decay": float("inf")}, errors.ArgumentError, "`decay` is out of range.*a finite number"),
    ],
)
def test_bad_values_are_refused_by_name(change, kind, text):
    with pytest.raises(kind, match=text):
        TrainSettings(**change)


def test_differences_leave_out_the_number_of_steps():
    assert TrainSettings(steps=5).differences(TrainSettings(steps=9, decay=0.5)) == {"decay": (0.99, 0.5)}
