"""The one fixture that tests of several packages share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with the four files of MNIST: ``$TF1BN_MNIST``, else ``../shared/mnist`` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "mnist"
    folder = Path(os.environ.get("TF1BN_MNIST") or beside)
    if not folder.is_dir():
        pytest.skip(f"MNIST is not here: no folder {folder}. Set TF1BN_MNIST to the folder of its four IDX files.")
    return folder
