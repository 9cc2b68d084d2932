"""Builds and installs tf1bn with setuptools alone: `pip install .`."""

import os
import pathlib
import re

import setuptools

_HERE = pathlib.Path(__file__).resolve().parent


def _version() -> str:
    """Reads ``__version__`` as text, because importing the package would need its dependencies."""
    text = (_HERE / "tf1bn" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: [\w.\[\]]+)? = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise RuntimeError('setup.py: tf1bn/__init__.py has no line of the form __version__ = "1.2.3".')
    return found.group(1)


def _long_description() -> str:
    readme = _HERE / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


_PLOTS = ["matplotlib>=3.7"]
_PROGRESS = ["tqdm>=4.60"]
_CONVERT = ["safetensors>=0.8"]
# The build for processors only is enough, and a tenth of the size; PyTorch's own site says how to get it.
_TORCH = ["torch>=2.1"]
_ONNX = ["tf2onnx>=1.17", "onnx>=1.16", "onnxruntime>=1.18"]
_IMAGES = ["pillow>=9.1"]  # what programs read images with, through scipy.misc
_PYTHON2 = ["fissix>=24.4"]
# The site. MkDocs and its theme have successors with other settings: a major version is a change of its own.
_DOCS = [
    "mkdocs>=1.6,<2",
    "mkdocs-material>=9.6,<10",
    "mkdocstrings>=1.0,<2",
    "mkdocstrings-python>=2.0,<3",
    "ruff>=0.17,<0.18",
]
_TEST = [
    "pytest>=7.4",
    "pytest-xdist>=3.5",
    "hypothesis>=6.80",
    # One minor release each: a newer one brings new rules, which is a change of its own.
    "ruff>=0.17,<0.18",
    "mypy>=2.4,<2.5",
    # The packaging test builds a wheel without an isolated build environment.
    "setuptools>=70.1",
    "wheel",
]

# A compiler of C++ for every architecture, with which the op library is tested where there is no other: 100 MB.
# One minor release, as its command line may change with each.
_CROSS = ["ziglang>=0.17,<0.18"]

_PROVIDERS = {
    **dict.fromkeys(
        ("tensorflow", "tensorflow-cpu", "tensorflow-rocm", "tensorflow-macos", "tensorflow-cpu-aws"), "2.15"
    ),
    "intel-tensorflow": "2.15",
    **dict.fromkeys(("tf-nightly", "tf-nightly-cpu"), "2.16.dev0"),
}
"""The distributions that bring the module ``tensorflow``, and from which release on they serve."""


def _tensorflow() -> list[str]:
    """Returns the requirement of TensorFlow, which another distribution fulfils than usual where one is named."""
    name = os.environ.get("TF1BN_TENSORFLOW", "tensorflow")
    if name == "none":
        return []
    if name not in _PROVIDERS:
        raise RuntimeError(f"setup.py: TF1BN_TENSORFLOW is {name!r}; expected none or one of {', '.join(_PROVIDERS)}.")
    return [f"{name}>={_PROVIDERS[name]}"]


_NATIVE = os.environ.get("TF1BN_WHEEL_NATIVE") == "1"
"""Whether the wheel holds the op library, which ``make wheel-native`` builds before."""


class _OfThisMachine(setuptools.Distribution):
    """A wheel with a library is one of this system and machine, for any Python 3."""

    def has_ext_modules(self) -> bool:
        return _NATIVE


def _commands() -> dict[str, type]:
    if not _NATIVE:
        return {}
    if not list((_HERE / "tf1bn" / "native" / "prebuilt").glob("*.so")):
        raise RuntimeError("setup.py: there is no op library to put into the wheel. Run `make wheel-native`.")
    from setuptools.command.bdist_wheel import bdist_wheel

    class OfAnyPython(bdist_wheel):
        def get_tag(self) -> tuple[str, str, str]:
            return ("py3", "none", super().get_tag()[2])

    return {"bdist_wheel": OfAnyPython}


# So that files written while building have the same modes whoever builds: a wheel is the same byte for byte.
os.umask(0o022)

setuptools.setup(
    name="tf1bn",
    version=_version(),
    description="Graph-mode (tf.compat.v1) batch normalization with pluggable update strategies",
    long_description=_long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=setuptools.find_packages(include=["tf1bn", "tf1bn.*"]),
    package_data={
        "tf1bn": ["py.typed"],
        "tf1bn.datasets": ["data/*"],
        "tf1bn.native": ["source/*", *(["prebuilt/*.so"] if _NATIVE else [])],
    },
    include_package_data=False,
    zip_safe=False,
    distclass=_OfThisMachine,
    cmdclass=_commands(),
    python_requires=">=3.10",
    entry_points={"console_scripts": ["tf1bn = tf1bn.commands.main:main"]},
    install_requires=[*_tensorflow(), "numpy>=1.23", "absl-py>=1.0"],
    extras_require={
        "plots": _PLOTS,
        "progress": _PROGRESS,
        "convert": _CONVERT,
        "torch": _TORCH,
        "onnx": _ONNX,
        "images": _IMAGES,
        "python2": _PYTHON2,
        "docs": _DOCS,
        "cross": _CROSS,
        "test": [*_TEST, *_PLOTS, *_PROGRESS, *_IMAGES, *_PYTHON2],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    keywords="tensorflow tf1 batch-normalization checkpoint migration",
)
