"""Which packages are installed, and in which versions."""

from __future__ import annotations

import importlib.metadata
import re

# Of each extra of tf1bn its packages with the oldest version that serves, as in setup.py.
EXTRAS: dict[str, dict[str, str]] = {
    "plots": {"matplotlib": "3.7"},
    "progress": {"tqdm": "4.60"},
    "images": {"pillow": "9.1"},
    "python2": {"fissix": "24.4"},
    "convert": {"safetensors": "0.8"},
    "torch": {"torch": "2.1"},
    "onnx": {"tf2onnx": "1.17", "onnx": "1.16", "onnxruntime": "1.18"},
}
NEEDED = {"tensorflow": "2.15", "numpy": "1.23", "absl-py": "1.0"}


def versions() -> dict[str, str]:
    """Returns the version of every installed distribution, by its normalised name; the first on the path counts."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(normalised(name), distribution.version)
    return found


def providers(module: str) -> tuple[str, ...]:
    """Returns the distributions that put a module of this name on the path, sorted."""
    names = importlib.metadata.packages_distributions().get(module, [])
    return tuple(sorted({normalised(name) for name in names}))


def required(name: str) -> tuple[str, ...]:
    """Returns the distributions that an installed one requires, extras left out; none where it is not installed."""
    try:
        texts = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(normalised(re.split(r"[^\w.-]", text)[0]) for text in texts if "extra ==" not in text)


def normalised(name: str) -> str:
    """Returns the name of a distribution as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def number(version: str) -> tuple[int, ...]:
    """Returns the leading numbers of a version: "2.23.0.dev20261026" -> (2, 23, 0)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
