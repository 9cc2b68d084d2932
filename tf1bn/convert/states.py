"""The state of a model of another framework: names, shapes and numbers, from whatever file keeps them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors, extras
from tf1bn.checkpoint import dtypes

_SAFE = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_MOST_HEADER = 100 << 20


class State(NamedTuple):
    """Tensors by name.

    Attributes:
      where: what to call it.
      shapes: name -> shape, in the order of the file.
      ordered: whether that is the order in which the model defines its layers; safetensors sorts by name.
      read: gives the numbers of one tensor, those of bfloat16 as the integers of their bits; None where there are
        names and shapes only.
      dtypes: name -> data type, where it is known.
    """

    where: str
    shapes: dict[str, tuple[int, ...]]
    ordered: bool
    read: Callable[[str], np.ndarray] | None
    dtypes: dict[str, str]


def load(given: Any) -> State:
    """Returns the state of a file or mapping.

    Args:
      given: the path of a ``.safetensors`` file or of the ``.index.json`` of several, of an ``.npz``, of a PyTorch
        file (``.pt``, ``.pth``, ``.bin``), of a ``.json`` file of names and shapes (an object, or pairs) or of a text
        file with a name and a shape like ``conv1.weight [64, 3, 7, 7]`` per line; or a mapping of names to tensors,
        arrays or shapes.

    Raises:
      ConvertError: the file is missing, damaged or of no known kind.
      MissingExtraError: it is a PyTorch file, and PyTorch is not installed.
    """
    if isinstance(given, State):
        return given
    if isinstance(given, Mapping):
        return _mapping(given, "the given state")
    path = os.fspath(given)
    if not os.path.isfile(path):
        raise errors.ConvertError(errors.explain(f"there is no file {path!r}", expected="the state of a model"))
    try:
        return _by_ending(path)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        if isinstance(error, errors.Tf1bnError):
            raise
        raise errors.ConvertError(errors.explain(f"the state {path!r} cannot be read ({error})")) from error


def _by_ending(path: str) -> State:
    if path.endswith(".safetensors"):
        return _safetensors([path], path)
    if path.endswith(".npz"):
        return _npz(path)
    if path.endswith((".pt", ".pth", ".bin", ".ckpt")):
        return _torch([path], path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".json"):
        content = json.loads(text)
        if isinstance(content, dict) and "weight_map" in content:
            folder = os.path.dirname(path)
            files = [os.path.join(folder, name) for name in dict.fromkeys(content["weight_map"].values())]
            whole = _safetensors(files, path) if files[0].endswith(".safetensors") else _torch(files, path)
            # The index lists the tensors in the order in which they were written.
            shapes = {name: whole.shapes[name] for name in content["weight_map"]}
            return whole._replace(shapes=shapes)
        pairs = content.items() if isinstance(content, dict) else content
        return _listed(path, [(name, shape) for name, shape in pairs])
    lines = [line.partition("[") for line in text.splitlines() if line.strip()]
    return _listed(path, [(name.strip(), json.loads("[" + rest)) for name, _, rest in lines])


def _listed(where: str, pairs: list[tuple[str, Any]]) -> State:
    return State(where, {name: tuple(int(size) for size in shape) for name, shape in pairs}, True, None, {})


def _mapping(given: Mapping[str, Any], where: str) -> State:
    if all(isinstance(value, tuple | list) for value in given.values()):
        return _listed(where, list(given.items()))
    shapes = {name: tuple(int(size) for size in value.shape) for name, value in given.items()}
    kinds = {name: str(value.dtype).removeprefix("torch.") for name, value in given.items()}
    return State(where, shapes, True, lambda name: array(given[name]), kinds)


def array(value: Any) -> np.ndarray:
    """Returns a tensor of PyTorch or an array as an array; bfloat16 as the integers of its bits."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().contiguous()
        if str(value.dtype) == "torch.bfloat16":
            torch = extras.load("torch")
            return np.asarray(value.view(torch.int16).numpy().view(np.uint16))
        return np.asarray(value.numpy())
    value = np.asarray(value)
    return value.view(np.uint16) if value.dtype.name == "bfloat16" else value


def _safetensors(paths: list[str], where: str) -> State:
    """Reads the headers; numbers are mapped from the files when they are asked for."""
    places: dict[str, tuple[str, int, dict[str, Any]]] = {}
    for path in paths:
        with open(path, "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            if size > min(_MOST_HEADER, os.path.getsize(path)):
                raise errors.ConvertError(errors.explain(f"{path!r} is no safetensors file: its header is too long"))
            header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        places |= {name: (path, 8 + size, item) for name, item in header.items()}

    def read(name: str) -> np.ndarray:
        path, start, item = places[name]
        kind = dtypes.of_name(_SAFE[item["dtype"]]).numpy
        first, last = item["data_offsets"]
        mapped: np.ndarray = (
            np.memmap(path, np.uint8, "r", start + first, (last - first,)) if last > first else (np.zeros(0, np.uint8))
        )
        return np.asarray(mapped).view(np.dtype(kind)).reshape(item["shape"])

    shapes = {name: tuple(item["shape"]) for name, (_, _, item) in places.items()}
    kinds = {name: _SAFE[item["dtype"]] for name, (_, _, item) in places.items()}
    return State(where, shapes, False, read, kinds)


def _npz(path: str) -> State:
    stored = np.load(path)
    shapes, kinds = {}, {}
    for name in stored.files:
        with stored.zip.open(f"{name}.npy") as member:
            version = np.lib.format.read_magic(member)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shapes[name], _, kind = reader(member)
            kinds[name] = kind.name
    return State(path, shapes, True, lambda name: np.asarray(stored[name]), kinds)


def _torch(paths: list[str], where: str) -> State:
    torch = extras.load("torch")
    state: dict[str, Any] = {}
    for path in paths:
        try:
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except Exception as error:  # PyTorch raises whatever its parts raise
            raise errors.ConvertError(
                errors.explain(f"PyTorch cannot load {path!r} as weights alone ({str(error)[:200]})")
            ) from error
        loaded = loaded.get("state_dict", loaded)
        state |= loaded
    return _mapping(state, where)
