"""The graph of objects in an object-based checkpoint: which key belongs to which variable.

Keys are paths of objects. A list of variables makes them numbers (``variables/12``), which say nothing; the names of
the variables are in the graph of objects, itself a tensor of the checkpoint, and in the ``saved_model.pb`` of a
SavedModel.
"""

from __future__ import annotations

import collections
import mmap
import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tf1bn.checkpoint import sites, wire
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import Layout
from tf1bn.checkpoint.layouts.object_based import GRAPH_KEY, SUFFIX
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.source import Checkpoint

_NUMBERED = re.compile(r"(^|/)\d+$")
_CHILD, _VARIABLE, _VARIABLE_NAME = 1, 7, 6  # fields of a saved object and of its variable in saved_model.pb
_META_GRAPH, _OBJECTS, _NODE = 2, 7, 1  # fields on the way to the saved objects


class Names(NamedTuple):
    """What the keys of a checkpoint mean.

    Attributes:
      shown: key -> name of its variable, or its path of objects; empty where keys are names of variables.
      numbered: keys whose last part is a number, so that they say nothing themselves.
      unnamed: those of them that nothing names.
      origin: where the names come from: ``the graph of objects``, or the path of a ``saved_model.pb``; else nothing.
    """

    shown: dict[str, str]
    numbered: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    origin: str = ""


def read_names(checkpoint: Checkpoint) -> Names:
    """Returns the names of the variables of an object-based checkpoint.

    A variable without a name of its own goes by its path of objects; so does one whose name two keys share, where
    the path says something, and by the path of its list and its name, where it does not.

    Raises:
      CheckpointDamagedError: the graph of objects, or ``saved_model.pb``, is malformed.
    """
    keys = [key for key in checkpoint.tensors if key != GRAPH_KEY]
    if GRAPH_KEY not in checkpoint.tensors and not any(key.endswith(SUFFIX) for key in keys):
        return Names({})
    full, origin = _full_names(checkpoint)
    shared = collections.Counter(full.get(key, "") for key in keys)
    shown: dict[str, str] = {}
    for key in keys:
        name, path = full.get(key, ""), key.removesuffix(SUFFIX)
        listed = f"{path.rpartition('/')[0]}/{name}" if _NUMBERED.search(path) else path
        shown[key] = (name if shared[name] == 1 else listed) if name else path
    twice = {name for name, count in collections.Counter(shown.values()).items() if count > 1}
    shown = {key: key.removesuffix(SUFFIX) if name in twice else name for key, name in shown.items()}
    numbered = tuple(key for key in keys if _NUMBERED.search(key.removesuffix(SUFFIX)))
    unnamed = tuple(key for key in numbered if shown[key] == key.removesuffix(SUFFIX))
    return Names(shown, numbered, unnamed, origin if full else "")


def variable_names(checkpoint: Checkpoint) -> dict[str, str]:
    """Returns key -> name of the variable, as :func:`read_names`; empty where keys are names already."""
    return read_names(checkpoint).shown


def recognise(tensors: Mapping[str, TensorInfo], names: Names, only: Layout | None = None) -> list[Site]:
    """Returns the sites of a checkpoint by its keys, or by the names of the variables where these explain more.

    A saved optimizer can hold gamma under a number while its layer holds the averages under their names.
    """
    by_key = sites.recognise(tensors, only)
    if not any(names.shown.get(key, path := key.removesuffix(SUFFIX)) != path for key in names.numbered):
        return by_key
    keys = {names.shown[key] + SUFFIX if key in names.shown else key: key for key in tensors}
    renamed = {name: tensors[key]._replace(name=name) for name, key in keys.items()}
    by_name = sites.recognise(renamed, only)
    if _explained(by_name) <= _explained(by_key):
        return by_key
    return [site._replace(tensors={role: keys[name] for role, name in site.tensors.items()}) for site in by_name]


def _explained(found: list[Site]) -> tuple[int, int]:
    return sum(len(site.tensors) for site in found), -len(found)


def _full_names(checkpoint: Checkpoint) -> tuple[dict[str, str], str]:
    """Returns key -> full name of the variable, and where that is written."""
    if GRAPH_KEY in checkpoint.tensors and checkpoint.readable(GRAPH_KEY):
        blob = memoryview(bytes(checkpoint.read(GRAPH_KEY).reshape(-1)[0]))
        return _names_of_attributes(blob), "the graph of objects"
    beside = saved_model_of(checkpoint.prefix)
    return (_names_of_saved_objects(beside), beside) if beside else ({}, "")


def _names_of_attributes(blob: memoryview) -> dict[str, str]:
    full: dict[str, str] = {}
    for field, _, node in wire.fields(blob):
        for inner, _, attribute in wire.fields(wire.as_view(node)) if field == 1 else ():
            if inner == 2:
                texts = {
                    number: wire.as_text(value)
                    for number, kind, value in wire.fields(wire.as_view(attribute))
                    if kind == wire.BYTES
                }
                full[texts.get(3, "")] = texts.get(2, "")
    return full


def saved_model_of(prefix: str) -> str:
    """Returns the path of the ``saved_model.pb`` whose variables a checkpoint is; empty where there is none."""
    folder, name = os.path.split(os.path.abspath(prefix))
    path = os.path.join(os.path.dirname(folder), "saved_model.pb")
    return path if (name, os.path.basename(folder)) == ("variables", "variables") and os.path.isfile(path) else ""


def _names_of_saved_objects(path: str) -> dict[str, str]:
    """Walks the saved objects from the root, as the keys were made, and notes the names of variables."""
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return {}
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    children: list[list[tuple[int, str]]] = []
    names: list[str] = []
    for node in _saved_objects(data):
        parts = list(wire.fields(node))
        children.append([_reference(wire.as_view(value)) for field, _, value in parts if field == _CHILD])
        variable = next((wire.as_view(value) for field, _, value in parts if field == _VARIABLE), memoryview(b""))
        names.append(next((wire.as_text(v) for f, _, v in wire.fields(variable) if f == _VARIABLE_NAME), ""))
    full: dict[str, str] = {}
    waiting, seen = collections.deque([(0, "")] if children else []), {0}
    # Breadth first in the order of the children: of several paths to one variable the key is the first shortest.
    while waiting:
        at, above = waiting.popleft()
        for child, local in children[at]:
            if child in seen or child >= len(children):
                continue
            seen.add(child)
            here = above + local.replace(".", "..").replace("/", ".S")
            if names[child]:
                full[here + SUFFIX] = names[child]
            waiting.append((child, here + "/"))
    return full


def _saved_objects(data: memoryview) -> Iterator[memoryview]:
    """Yields the objects of the first graph that has any."""
    for field, _, graph in wire.fields(data):
        for inner, _, objects in wire.fields(wire.as_view(graph)) if field == _META_GRAPH else ():
            if inner == _OBJECTS:
                for number, _, node in wire.fields(wire.as_view(objects)):
                    if number == _NODE:
                        yield wire.as_view(node)
                return


def _reference(data: memoryview) -> tuple[int, str]:
    """Returns the number of a child, and the name that its parent has for it."""
    number, local = 0, ""
    for field, _, value in wire.fields(data):
        if field == 1:
            number = wire.as_int(value)
        elif field == 2:
            local = wire.as_text(value)
    return number, local
