"""Reads a graph, from wherever it is, into one plain value: the proto and its collections.

Ops of ``tf1bn.native`` are rewritten to stock ops, so that whoever reads a graph knows one kind of batch norm.
Nothing is imported into TensorFlow here, so a graph that today's shape functions refuse is still read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf
from google.protobuf import message, message_factory, text_format

from tf1bn import errors
from tf1bn.graph.kinds import GRAPH_DEF, LIVE, META, SAVED_MODEL
from tf1bn.native import rewriting

_RECORDS = "tf1bn_records"
_MAX_BYTES = 2**31 - 1
_TOO_LARGE = ("2GB", "too large", "maximum protobuf size")
SAVED_MODEL_NAMES = ("saved_model.pb", "saved_model.pbtxt")


class Source(NamedTuple):
    """A graph as it was found.

    Attributes:
      graph_def: the GraphDef proto, functions included.
      collections: collection name to the names of its entries; entries without a name are left out.
      foreign: collection name to the entries that live in a branch or loop body, not at top level.
      initializers: variable name to the name of its initializer op, where the file says it.
      trainable: names of variables that the file marks as trainable, or None when it does not say.
      kind: one of LIVE, META, GRAPH_DEF, SAVED_MODEL.
      where: path or description, for messages.
      meta_graph: the MetaGraphDef, when there is one.
      records: what tf1bn wrote about its own layers, as JSON texts.
    """

    graph_def: Any
    collections: dict[str, tuple[str, ...]]
    foreign: dict[str, tuple[str, ...]]
    initializers: dict[str, str]
    trainable: frozenset[str] | None
    kind: str
    where: str
    meta_graph: Any = None
    records: tuple[str, ...] = ()


def load(graph_or_path: Any) -> Source:
    """Returns the Source of a live graph, a proto, or a file of any of the known kinds.

    Args:
      graph_or_path: a tf.Graph, a GraphDef, a MetaGraphDef, or the path of a .meta, .pb, .pbtxt file or of a
        SavedModel directory.

    Raises:
      GraphError: the graph or file is missing, empty, truncated, too large, or of no known kind, or has native ops of
        another version of tf1bn.
      ArgumentTypeError: the argument is none of these.
    """
    return _in_stock_ops(as_it_is(graph_or_path))


def exported(graph: Any) -> Any:
    """Returns the MetaGraphDef of a live graph, in stock ops.

    Raises:
      GraphError: it is larger than a message can be.
    """
    with fitting_a_message():
        return rewriting.to_stock(tf.train.export_meta_graph(graph=graph))


@contextlib.contextmanager
def fitting_a_message() -> Iterator[None]:
    """Tells in words that a graph is too large to be made a message, or a message to be written.

    Raises:
      GraphError: so.
    """
    try:
        yield
    except (tf.errors.InvalidArgumentError, ValueError, message.EncodeError, message.DecodeError) as error:
        # Which of them comes depends on the step and on the version; the words are those of TensorFlow and protobuf.
        if not isinstance(error, message.Error) and not any(word in str(error) for word in _TOO_LARGE):
            raise
        raise errors.GraphError(
            errors.explain(
                f"the graph does not fit into one message of protobuf ({str(error)[:200]})",
                expected=f"at most {_MAX_BYTES} bytes, with all constants",
                fix="Keep large arrays in variables, which a checkpoint holds, or feed them.",
            )
        ) from error


def _in_stock_ops(source: Source) -> Source:
    if not rewriting.is_native(source.graph_def):
        return source
    if source.meta_graph is None:
        return source._replace(graph_def=rewriting.to_stock(source.graph_def))
    meta = rewriting.to_stock(source.meta_graph)
    return source._replace(graph_def=meta.graph_def, meta_graph=meta)


def as_it_is(graph_or_path: Any) -> Source:
    """Returns what ``load`` does, with native ops where there are any."""
    if isinstance(graph_or_path, tf.Graph):
        return _from_live(graph_or_path)
    if isinstance(graph_or_path, tf.GraphDef):
        return Source(graph_or_path, {}, {}, {}, None, GRAPH_DEF, "a GraphDef")
    if isinstance(graph_or_path, tf.MetaGraphDef):
        return _from_meta(graph_or_path, META, "a MetaGraphDef")
    if isinstance(graph_or_path, str | os.PathLike):
        return _from_path(os.fspath(graph_or_path))
    raise errors.ArgumentTypeError(
        errors.explain(
            "this is not a graph", got=type(graph_or_path).__name__, expected="a tf.Graph, a proto, or a path"
        )
    )


def proto_class(name: str) -> Any:
    """Returns the message class of a TensorFlow proto by its full name."""
    descriptor = tf.MetaGraphDef.DESCRIPTOR.file.pool.FindMessageTypeByName(f"tensorflow.{name}")
    # Newer releases of protobuf have this function, and no longer the class.
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(descriptor.file.pool).GetPrototype(descriptor)


def _from_path(path: str) -> Source:
    if os.path.isdir(path):
        return _from_meta(saved_model(path).meta_graphs[0], SAVED_MODEL, path)
    data = _read(path)
    if os.path.basename(path) in SAVED_MODEL_NAMES:
        return _from_meta(_saved_model_of(path).meta_graphs[0], SAVED_MODEL, path)
    if path.endswith((".pbtxt", ".txt", ".prototxt")) or _looks_like_text(data):
        return _from_text(data, path)
    if path.endswith(".meta"):
        return _from_meta(_parse(tf.MetaGraphDef, data, path), META, path)
    return _from_binary(data, path)


def _read(path: str) -> bytes:
    try:
        if os.path.getsize(path) > _MAX_BYTES:
            raise errors.GraphError(
                errors.explain(
                    f"the file {path!r} is too large",
                    got=os.path.getsize(path),
                    expected="at most 2 GiB, the proto limit",
                )
            )
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise errors.GraphError(
            errors.explain(f"the file {path!r} cannot be read: {error.strerror}", expected="a graph file")
        ) from error
    if not data:
        raise errors.GraphError(errors.explain(f"the file {path!r} is empty", expected="a graph"))
    return data


def _looks_like_text(data: bytes) -> bool:
    head = data[:512]
    # Binary protos have lengths and tags below the space; text of one has braces early.
    return b"\0" not in head and (b" {" in head or b"{\n" in head) and all(b in b"\t\n\r" or b >= 32 for b in head)


def _parse(kind: Callable[[], Any], data: bytes, path: str) -> Any:
    proto = kind()
    try:
        proto.ParseFromString(data)
    except (message.DecodeError, ValueError) as error:
        raise errors.GraphError(
            errors.explain(
                f"the file {path!r} is damaged or truncated: {type(proto).__name__} cannot be read ({error})",
                fix="Write the graph again, or copy the file again.",
            )
        ) from error
    # Any bytes that happen to parse give a message, an empty one perhaps.
    if isinstance(proto, tf.MetaGraphDef) and not proto.graph_def.node:
        raise errors.GraphError(errors.explain(f"the file {path!r} holds no graph node", expected="a MetaGraphDef"))
    return proto


def _from_binary(data: bytes, path: str) -> Source:
    """Reads a .pb of unknown kind: a GraphDef, else a SavedModel, else a MetaGraphDef."""
    problem: errors.GraphError | None = None
    # A file does not say what it is, and one kind may parse as another: the content decides, in this order.
    for kind in (tf.GraphDef, proto_class("SavedModel"), tf.MetaGraphDef):
        try:
            proto = _parse(kind, data, path)
        except errors.GraphError as error:
            problem = problem or error
            continue
        if isinstance(proto, tf.GraphDef) and proto.node and all(node.name and node.op for node in proto.node):
            return Source(proto, {}, {}, {}, None, GRAPH_DEF, path)
        if hasattr(proto, "meta_graphs") and proto.meta_graphs and proto.meta_graphs[0].graph_def.node:
            return _from_meta(proto.meta_graphs[0], SAVED_MODEL, path)
        if isinstance(proto, tf.MetaGraphDef):
            return _from_meta(proto, META, path)
    raise problem or errors.GraphError(
        errors.explain(f"the file {path!r} holds no graph node", expected="a GraphDef, SavedModel or MetaGraphDef")
    )


def _from_text(data: bytes, path: str) -> Source:
    text = data.decode("utf-8", errors="replace")
    problem: Exception | None = None
    for kind in (tf.GraphDef, tf.MetaGraphDef):
        proto = kind()
        try:
            text_format.Parse(text, proto)
        except (text_format.ParseError, RecursionError, ValueError) as error:
            problem = problem or error
            continue
        if isinstance(proto, tf.MetaGraphDef):
            return _from_meta(proto, META, path)
        if proto.node:
            return Source(proto, {}, {}, {}, None, GRAPH_DEF, path)
    raise errors.GraphError(
        errors.explain(
            f"the file {path!r} is not the text of a graph ({problem})", expected="a GraphDef or MetaGraphDef"
        )
    )


def saved_model(folder: str) -> Any:
    """Returns the SavedModel proto of a directory, with native ops where there are any.

    Raises:
      GraphError: the directory has none, or it cannot be read.
    """
    inside = [os.path.join(folder, name) for name in SAVED_MODEL_NAMES]
    found = next((name for name in inside if os.path.exists(name)), None)
    if found is None:
        raise errors.GraphError(
            errors.explain(f"the directory {folder!r} is no SavedModel", expected=" or ".join(SAVED_MODEL_NAMES))
        )
    return _saved_model_of(found)


def _saved_model_of(path: str) -> Any:
    data = _read(path)
    proto = proto_class("SavedModel")()
    if path.endswith(".pbtxt"):
        try:
            text_format.Parse(data.decode("utf-8", errors="replace"), proto)
        except (text_format.ParseError, RecursionError, ValueError) as error:
            raise errors.GraphError(
                errors.explain(f"the file {path!r} is not the text of a SavedModel ({error})")
            ) from error
    else:
        proto = _parse(type(proto), data, path)
    if not proto.meta_graphs:
        raise errors.GraphError(errors.explain(f"the SavedModel {path!r} holds no graph", expected="a meta graph"))
    return proto


def _from_meta(meta: Any, kind: str, where: str) -> Source:
    collections: dict[str, tuple[str, ...]] = {}
    initializers: dict[str, str] = {}
    trainable: set[str] = set()
    # Collections may name ops that were cut out, or that live in a function.
    known = {node.name for node in meta.graph_def.node}
    foreign: dict[str, tuple[str, ...]] = {}
    variable_class = proto_class("VariableDef")
    for key, value in meta.collection_def.items():
        if value.WhichOneof("kind") == "node_list":
            names = [_op_name(name) for name in value.node_list.value]
            foreign[key] = tuple(name for name in names if name not in known)
            collections[key] = tuple(name for name in names if name in known)
        # Any program may keep protos of its own in a collection: what is no variable of this graph is left out.
        elif value.WhichOneof("kind") == "bytes_list" and key != _RECORDS:
            defs = _variable_defs(value.bytes_list.value, variable_class, known)
            collections[key] = tuple(_op_name(d.variable_name) for d in defs)
            initializers.update((_op_name(d.variable_name), _op_name(d.initializer_name)) for d in defs)
            if key == tf.GraphKeys.TRAINABLE_VARIABLES:
                trainable.update(collections[key])
    says = tf.GraphKeys.TRAINABLE_VARIABLES in meta.collection_def
    foreign = {key: names for key, names in foreign.items() if names}
    marked = frozenset(trainable) if says else None
    blobs = meta.collection_def[_RECORDS].bytes_list.value if _RECORDS in meta.collection_def else ()
    records = tuple(blob.decode("utf-8", errors="replace") for blob in blobs)
    return Source(meta.graph_def, collections, foreign, initializers, marked, kind, where, meta, records)


def _variable_defs(blobs: Any, variable_class: Any, known: set[str]) -> list[Any]:
    found = []
    for blob in blobs:
        proto = variable_class()
        try:
            proto.ParseFromString(blob)
        # Somebody else's bytes.
        except message.DecodeError:
            continue
        if proto.variable_name and _op_name(proto.variable_name) in known:
            found.append(proto)
    return found


def _from_live(graph: Any) -> Source:
    collections: dict[str, tuple[str, ...]] = {}
    foreign: dict[str, tuple[str, ...]] = {}
    initializers: dict[str, str] = {}
    for key in graph.get_all_collection_keys():
        # Entries may be ops, tensors, variables, or anything a program put there.
        names: list[str] = []
        outside: list[str] = []
        for item in (part for entry in graph.get_collection(key) for part in _copies(entry)):
            op = item if isinstance(item, tf.Operation) else getattr(item, "op", None)
            if isinstance(op, tf.Operation):
                (names if op.graph is graph else outside).append(op.name)
                initializer = getattr(item, "initializer", None)
                if isinstance(initializer, tf.Operation):
                    initializers[op.name] = initializer.name
        if isinstance(key, str) and (names or outside):
            collections[key] = tuple(names)
            if outside:
                foreign[key] = tuple(outside)
    trainable = collections.get(tf.GraphKeys.TRAINABLE_VARIABLES, ())
    # Shapes are inferred when ops are made, so only the live graph can tell them.
    with fitting_a_message():
        graph_def = graph.as_graph_def(add_shapes=True)
    records = tuple(item for item in graph.get_collection(_RECORDS) if isinstance(item, str))
    return Source(
        graph_def, collections, foreign, initializers, frozenset(trainable), LIVE, "the live graph", None, records
    )


def _copies(item: Any) -> tuple[Any, ...]:
    """Returns the variables that a variable of tf.distribute consists of; anything else as it is.

    Such a variable makes a new op when it is asked for its initializer, and reading a graph must not change it.
    """
    copies = getattr(item, "values", None)
    return copies if isinstance(copies, tuple) and hasattr(item, "read_value") else (item,)


def _op_name(name: str) -> str:
    """Returns the op of a tensor or control-input name."""
    return name.lstrip("^").split(":")[0]
