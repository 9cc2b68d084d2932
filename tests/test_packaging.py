"""What `pip install .` puts on a disk: a wheel is built from a copy of the sources and opened."""

from __future__ import annotations

import email
import importlib.metadata
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ("setup.py", "pyproject.toml", "LICENSE", "README.md")


def missing_backend() -> str:
    """Names what a wheel cannot be built without here, or returns an empty string."""
    if importlib.util.find_spec("pip") is None:
        return "pip is not installed"
    if importlib.util.find_spec("setuptools") is None:
        return "setuptools is not installed"
    version = tuple(int(part) for part in importlib.metadata.version("setuptools").split(".")[:2])
    if version < (70, 1) and importlib.util.find_spec("wheel") is None:
        return "setuptools before 70.1 needs the package wheel, which is not installed"
    return ""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    if reason := missing_backend():
        pytest.skip(reason)
    # Built from a copy, because setuptools writes build/ and *.egg-info beside the sources.
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "tf1bn", copy / "tf1bn", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--wheel-dir", str(target), str(copy)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_is_pure_python(wheel: zipfile.ZipFile) -> None:
    assert pathlib.Path(wheel.filename or "").name.endswith("-py3-none-any.whl")


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packaged = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "tf1bn").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert packaged == {path.relative_to(ROOT).as_posix() for path in files}
    assert "tf1bn/py.typed" in packaged


def test_the_wheel_carries_the_licence_unchanged(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("/LICENSE") and ".dist-info/" in name]
    assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_metadata_names_version_python_and_requirements(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(wheel.read(name))
    init = (ROOT / "tf1bn" / "__init__.py").read_text(encoding="utf-8")
    assert metadata["Name"] == "tf1bn"
    assert f'__version__ = "{metadata["Version"]}"' in init
    assert metadata["Requires-Python"] == ">=3.10"
    assert "Apache-2.0" in (metadata["License"], metadata["License-Expression"])
    requirements = [re.sub(r"\s", "", line) for line in metadata.get_all("Requires-Dist", [])]
    always = [line for line in requirements if "extra==" not in line]
    assert sorted(re.split(r"[><=]", line)[0] for line in always) == ["absl-py", "numpy", "tensorflow"]
    assert "tensorflow>=2.15" in always, "no upper bound: users choose their TensorFlow"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "convert",
        "cross",
        "docs",
        "images",
        "onnx",
        "plots",
        "progress",
        "python2",
        "test",
        "torch",
    }


def test_the_wheel_offers_the_command(wheel: zipfile.ZipFile, tmp_path: pathlib.Path) -> None:
    wheel.extractall(tmp_path)
    (distribution,) = importlib.metadata.distributions(name="tf1bn", path=[str(tmp_path)])
    (point,) = [point for point in distribution.entry_points if point.group == "console_scripts"]
    assert point.name == "tf1bn"
    # As the console command that pip writes does it, with the extracted package and outside of the checkout.
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['tf1bn', '--version']\n"
        f"from {point.module} import {point.attr}\nsys.exit({point.attr}())\n"
    )
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, f"tf1bn {distribution.version}\n"), result.stderr


def test_the_wheel_installs_no_top_level_name_but_tf1bn(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name} == {"tf1bn"}
