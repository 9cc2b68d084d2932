"""The library, built once for all test processes; without a C++ compiler its tests are skipped."""

import os
import shutil
from pathlib import Path

import pytest

from tf1bn import errors
from tf1bn.native import building, compilers, places
from tf1bn.native.names import DIRECTORY_VARIABLE
from tf1bn.testing import graphs


def shared_folder(tmp_path_factory) -> Path:
    """A folder that the workers of one run have in common; a lock of the build lets one of them compile."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "native-library"


def require_compiler() -> tuple[str, ...]:
    try:
        found = compilers.find()
    except errors.NativeError:
        pytest.skip("no C++ compiler here: the native op library cannot be built")
    if compilers.ZIG not in found and not shutil.which("ld"):
        pytest.skip("no linker here: the native op library cannot be built")
    return found


@pytest.fixture(scope="session")
def library_folder(tmp_path_factory):
    """The folder of the library: where a build has put it already, else one of this run."""
    if places.candidates()[0].is_file():
        return places.folder()
    require_compiler()
    folder = shared_folder(tmp_path_factory)
    building.build(cache_dir=folder)
    return folder


@pytest.fixture
def native(library_folder, monkeypatch):
    """Lets the layer use the library."""
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(library_folder))


@pytest.fixture
def graph():
    with graphs.graph_mode() as fresh:
        yield fresh
