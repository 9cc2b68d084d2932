"""Small data and short runs, which several tests share."""

import os

import numpy as np
import pytest

from tf1bn import datasets
from tf1bn.datasets import Dataset, Split, digits
from tf1bn.examples.settings import TrainSettings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def small():
    """Real digits of 8x8 pixels: 300 to train, 100 to validate, 150 to test."""
    data = digits.load(size=8, validation=100, test=150)
    return Dataset(Split(data.train.images[:300], data.train.labels[:300]), data.validation, data.test)


@pytest.fixture(scope="session")
def embedded():
    """The embedded digits, 28x28, as the scripts load them."""
    return datasets.load()


@pytest.fixture
def settings():
    """Returns settings of a short run; keyword arguments replace."""

    def make(**changes):
        return TrainSettings(**{"model": "mlp", "steps": 6, "batch_size": 50, "seed": 3, **changes})

    return make


@pytest.fixture(scope="session")
def mlp_by_hand():
    """Returns the inference of the normalised mlp in NumPy, from a dictionary of its variables."""

    def logits(values, images):
        x = images.reshape(len(images), -1).astype(np.float64)
        for layer in ("hidden1", "hidden2"):
            x = x @ values[f"{layer}/kernel"]
            bn = {leaf: values[f"{layer}/batch_norm/{leaf}"] for leaf in ("gamma", "beta")}
            if "moments" in values:
                mean, variance = x.mean(0), x.var(0)
            else:
                mean, variance = (values[f"{layer}/batch_norm/moving_{leaf}"] for leaf in ("mean", "variance"))
            x = (x - mean) / np.sqrt(variance + 1e-3) * bn["gamma"] + bn["beta"]
            x = 1 / (1 + np.exp(-x))
        return x @ values["logits/kernel"] + values["logits/bias"]

    return logits
