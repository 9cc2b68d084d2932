"""Variables as a meta graph knows them: their nodes, their definitions, and the collections that list them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from google.protobuf import message

from tf1bn.graph import loading
from tf1bn.graph.folding.editor import Editor
from tf1bn.graph.folding.walk import op_name

_RECORDS = "tf1bn_records"


def variable(name: str, value: np.ndarray, resource: bool) -> tuple[list[Any], Any]:
    """Returns the NodeDefs and the VariableDef of a new variable, as TensorFlow itself makes them."""
    with tf.Graph().as_default() as graph:
        tf.get_variable(
            name, value.shape, tf.as_dtype(value.dtype), tf.zeros_initializer(), use_resource=resource, trainable=True
        )
        meta = tf.train.export_meta_graph(graph=graph)
    definition = loading.proto_class("VariableDef")()
    definition.ParseFromString(meta.collection_def[tf.GraphKeys.GLOBAL_VARIABLES].bytes_list.value[0])
    return list(meta.graph_def.node), definition


def enter(meta: Any, beside: str, definition: Any) -> None:
    """Enters a variable into every collection that holds another one."""
    for value in meta.collection_def.values():
        names = [op_name(item.variable_name) for item in _definitions(value) if item is not None]
        if beside in names:
            value.bytes_list.value.append(definition.SerializeToString())


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
