"""Variables as a meta graph knows them: their nodes, their definitions, and the collections that list them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from google.protobuf import message

from tf1bn.graph import loading
from tf1bn.graph.folding.editor import Editor
from tf1bn.graph.folding.walk import op_name

_RECORDS = "tf1bn_records"
_NEW = "tf1bn_new_variable"
"""Stands for the name of a variable, in full and in the names of its ops, until it gets its own."""


def variable(name: str, value: np.ndarray, resource: bool) -> tuple[list[Any], Any]:
    """Returns the NodeDefs and the VariableDef of a new variable, as TensorFlow itself makes them."""
    nodes, definition = _made(value.shape, value.dtype.name, resource)
    return [_called(node, name) for node in nodes], _defined(definition, name)


@functools.lru_cache(maxsize=64)
def _made(shape: tuple[int, ...], dtype: str, resource: bool) -> tuple[list[Any], Any]:
    """Makes one variable for all of a kind: a graph of its own for each would take most of the time of a folding."""
    with tf.Graph().as_default() as graph:
        tf.get_variable(_NEW, shape, tf.as_dtype(dtype), tf.zeros_initializer(), use_resource=resource)
        meta = tf.train.export_meta_graph(graph=graph)
    definition = loading.proto_class("VariableDef")()
    definition.ParseFromString(meta.collection_def[tf.GraphKeys.GLOBAL_VARIABLES].bytes_list.value[0])
    return list(meta.graph_def.node), definition


def _called(node: Any, name: str) -> Any:
    """Returns a node of the variable under another name."""
    copy = type(node)()
    copy.CopyFrom(node)
    copy.name = node.name.replace(_NEW, name)
    copy.input[:] = [text.replace(_NEW, name) for text in node.input]
    for attr in copy.attr.values():
        if attr.list.s:  # of a value of another kind it would make an empty list
            attr.list.s[:] = [text.replace(_NEW.encode(), name.encode()) for text in attr.list.s]
        if _NEW.encode() in attr.s:
            attr.s = attr.s.replace(_NEW.encode(), name.encode())
    return copy


def _defined(definition: Any, name: str) -> Any:
    copy = type(definition)()
    copy.CopyFrom(definition)
    for field in ("variable_name", "initial_value_name", "initializer_name", "snapshot_name"):
        setattr(copy, field, getattr(definition, field).replace(_NEW, name))
    return copy


def enter(meta: Any, fresh: Sequence[tuple[str, Any]]) -> None:
    """Enters variables into every collection that holds another one.

    Args:
      meta: the MetaGraphDef, which is changed.
      fresh: the name of the other variable and the VariableDef of the new one, of each new variable.
    """
    for value in meta.collection_def.values() if fresh else ():
        names = {op_name(item.variable_name) for item in _definitions(value) if item is not None}
        blobs = [definition.SerializeToString() for beside, definition in fresh if beside in names]
        if blobs:
            value.bytes_list.value.extend(blobs)


def clean(editor: Editor, scopes: Iterable[str]) -> None:
    """Takes removed nodes out of all collections, and the records of folded batch norms with them."""
    gone = set(scopes)
    for key, value in list(editor.meta.collection_def.items()):
        kind = value.WhichOneof("kind")
        if kind == "node_list":
            names = value.node_list.value
            left = [name for name in names if op_name(name) not in editor.removed]
        elif kind == "bytes_list" and key == _RECORDS:
            names = value.bytes_list.value
            left = [blob for blob in names if _scope(blob) not in gone]
        elif kind == "bytes_list":
            names = value.bytes_list.value
            pairs = zip(names, _definitions(value), strict=True)
            left = [blob for blob, item in pairs if item is None or op_name(item.variable_name) not in editor.dead]
        else:
            continue
        if len(left) < len(names):
            del names[:]
            names.extend(left)
            if not left:
                del editor.meta.collection_def[key]


def _definitions(value: Any) -> list[Any]:
    """Returns the entries of a collection as VariableDefs; None for one that is something else."""
    found = []
    for blob in value.bytes_list.value:
        definition: Any = loading.proto_class("VariableDef")()
        try:
            definition.ParseFromString(blob)
        except message.DecodeError:
            definition = None
        found.append(definition)
    return found


def _scope(blob: bytes) -> str:
    try:
        record = json.loads(blob)
    except ValueError:
        return ""
    return record.get("scope", "") if isinstance(record, dict) else ""
