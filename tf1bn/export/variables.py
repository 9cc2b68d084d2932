"""The variables of an inference graph: their values, and the ways in which a file can hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.export import functions
from tf1bn.export.draft import Draft, parse
from tf1bn.graph import consts, loading
from tf1bn.graph.values import CheckpointValues
from tf1bn.graph.variables import VARIABLE_OPS

_PASSES = ("Enter", "Identity", "Switch")
LARGEST = 2**31 - 1
"""Bytes of a message of protobuf, and of a flatbuffer, whose offsets have 32 bits with a sign."""

_RESOURCE = int(tf.resource.as_datatype_enum)
SHADOW = "/ExponentialMovingAverage"


def names(draft: Draft) -> list[str]:
    """Returns the variables of a graph."""
    return [name for name, node in draft.nodes.items() if node.op in VARIABLE_OPS]


def from_session(session: Any, wanted: list[str]) -> dict[str, np.ndarray]:
    """Returns the values of variables in a session.

    Raises:
      ExportError: one is not known, or has no value yet.
    """
    graph = session.graph
    keys = (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.LOCAL_VARIABLES)
    known = {variable.op.name: variable for key in keys for variable in graph.get_collection(key)}
    absent = sorted(set(wanted) - set(known))
    if absent:
        raise errors.ExportError(errors.explain("variables are in no collection of the session's graph", got=absent))
    try:
        return dict(zip(wanted, session.run([known[name] for name in wanted]), strict=True))
    except tf.errors.FailedPreconditionError as error:
        raise errors.ExportError(
            errors.explain(
                f"a variable has no value in the session ({error.message[:200]})", fix="Initialise or restore it first."
            )
        ) from error


def from_checkpoint(
    draft: Draft, meta: Any, stored: CheckpointValues, *, ema: bool = False
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the values of all variables of a graph, and the names of those that come from a shadow.

    Args:
      draft: the graph.
      meta: the MetaGraphDef that it was made of, which tells slices of partitioned variables.
      stored: the checkpoint.
      ema: takes the ExponentialMovingAverage of a variable where the checkpoint has one.

    Raises:
      ExportError: the checkpoint lacks a variable, one has another shape, or there is no moving average at all.
    """
    slices = _slices(meta)
    values, absent, averaged = {}, [], []
    for name in names(draft):
        key, place = slices.get(name, (_key(draft.nodes[name]), ()))
        # A checkpoint may know a resource by the name of its op.
        key = key if key in stored or name not in stored else name
        if ema and key + SHADOW in stored:
            key += SHADOW
            averaged.append(name)
        value = stored.get(key)
        if value is None:
            absent.append(key)
            continue
        values[name] = value[place]
        _check_shape(draft.nodes[name], values[name])
    if absent:
        raise errors.ExportError(
            errors.explain(
                f"the checkpoint {stored.where!r} has no value for {len(absent)} variables",
                got=absent[:5],
                fix=errors.did_you_mean(absent[0], stored.shapes).strip(),
            )
        )
    if ema and not averaged:
        raise errors.ExportError(
            errors.explain(
                f"the checkpoint {stored.where!r} has no moving average of a variable", expected=f"*{SHADOW}"
            )
        )
    return values, averaged


def _key(node: Any) -> str:
    # An imported graph gives its ops a prefix, and resources keep the name that the checkpoint has.
    shared = node.attr["shared_name"].s.decode("utf-8", errors="replace") if node.op == "VarHandleOp" else ""
    return shared or str(node.name)


def _slices(meta: Any) -> dict[str, tuple[str, Any]]:
    """Returns variable -> (name of the whole, place in it) for the parts of partitioned variables."""
    found = {}
    for key in (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.TRAINABLE_VARIABLES):
        for blob in meta.collection_def[key].bytes_list.value if key in meta.collection_def else ():
            definition = loading.proto_class("VariableDef").FromString(blob)
            info = definition.save_slice_info_def
            if info.full_name:
                place = tuple(slice(a, a + n) for a, n in zip(info.var_offset, info.var_shape, strict=True))
                found[definition.variable_name.split(":")[0]] = (info.full_name, place)
    return found


def _check_shape(node: Any, value: np.ndarray) -> None:
    shape = tf.TensorShape(node.attr["shape"].shape)
    if not shape.is_compatible_with(value.shape):
        raise errors.ExportError(
            errors.explain(
                f"the value of {node.name!r} has another shape in the checkpoint", got=value.shape, expected=str(shape)
            )
        )


def as_resources(draft: Draft) -> None:
    """Makes every reference variable a resource variable, which is all that TensorFlow 2 loads."""
    _dereference(draft)
    readers = {}
    for name in names(draft):
        node = draft.nodes[name]
        if node.op == "VarHandleOp":
            continue
        dtype, shape = node.attr["dtype"].type, node.attr["shape"].shape
        handle = draft.make(name, "VarHandleOp", dtype=dtype)
        handle.attr["shape"].shape.CopyFrom(shape)
        # Without it two variables of one container would be the same resource.
        handle.attr["shared_name"].s = name.encode()
        readers[name] = draft.free_name(f"{name}/ReadVariableOp")
        # Its own input is given once all others are: they read this op then.
        draft.make(readers[name], "ReadVariableOp", dtype=dtype)
    _redirect(draft, readers)
    for name, reader in readers.items():
        draft.nodes[reader].input.append(name)


def _dereference(draft: Draft) -> None:
    """Makes ops that hand on references hand on values."""
    for node in draft.nodes.values():
        if node.op.startswith("Ref"):
            node.op = node.op.removeprefix("Ref")


def _redirect(draft: Draft, readers: Mapping[str, str]) -> None:
    for node in draft.nodes.values():
        for position, text in enumerate(node.input):
            if text in readers:
                node.input[position] = readers[text]


def freeze(draft: Draft, values: Mapping[str, np.ndarray]) -> None:
    """Puts a constant in the place of every variable, also in the functions that the graph calls.

    Raises:
      ExportError: a variable is used by an op that cannot take a constant, or the values are too large for one file.
    """
    check_size(values)
    _dereference(draft)
    frozen: dict[str, functions.Value] = {}
    for name in names(draft):
        constant = draft.constant(name, values[name], int(draft.nodes[name].attr["dtype"].type))
        value = functions.Value(constant.attr["dtype"].type, constant.attr["value"].tensor.tensor_shape)
        frozen.update(_outputs(name, value))
    # Inputs first: what hands a handle on must be known before who takes it from there.
    for node in [draft.nodes[name] for name in draft.order()]:
        handles = [text for text in node.input if text in frozen]
        if not handles:
            continue
        value = frozen[handles[0]]
        if node.op in _PASSES and node.attr["T"].type == _RESOURCE:
            node.attr["T"].type = value.dtype
            frozen.update(_outputs(node.name, value))
        elif node.op == "ReadVariableOp":
            draft.make(node.name, "Identity", [parse(node.input[0])], T=node.attr["dtype"].type)
        elif node.op == "ResourceGather":
            _gather(draft, node)
        elif _by_handle(draft, node):
            _hand_over(draft, node, functions.given(node, frozen), handles[0])
    draft.keep(set(draft.nodes))


def check_size(values: Mapping[str, np.ndarray]) -> None:
    """Refuses values that one file of protobuf or TFLite cannot hold, before they are copied into it.

    Raises:
      ExportError: they are of more than 2 GiB.
    """
    _require_room(sum(value.nbytes for value in values.values()))


def check_shapes(draft: Draft) -> None:
    """Does what ``check_size`` does before any value is read; variables whose shape is open are left out.

    Raises:
      ExportError: the variables of the graph are of more than 2 GiB.
    """
    sizes = []
    for name in names(draft):
        shape, dtype = (draft.nodes[name].attr[key] for key in ("shape", "dtype"))
        known = consts.shape_of(shape.shape)
        if known is not None and None not in known:
            sizes.append(math.prod(known) * tf.as_dtype(dtype.type).size)
    _require_room(sum(sizes))


def _require_room(size: int) -> None:
    if size > LARGEST:
        raise errors.ExportError(
            errors.explain(
                "the variables do not fit into a graph as constants",
                got=size,
                expected=f"at most {LARGEST} bytes",
                fix="Export a SavedModel or a .meta, which keep them in files of their own.",
            )
        )


def _outputs(name: str, value: functions.Value) -> dict[str, functions.Value]:
    """Returns the value for each spelling of a node's outputs, of which a Switch has two."""
    return dict.fromkeys((name, f"{name}:0", f"{name}:1"), value)


def _by_handle(draft: Draft, node: Any) -> bool:
    """Whether an op takes handles, or hands them on to functions."""
    types = [number for value in node.attr.values() for number in value.list.type]
    resource = tf.resource.as_datatype_enum
    return resource in types or any(arg.type == resource for arg in draft.signature(node.op).input_arg)


def _hand_over(draft: Draft, node: Any, values: Mapping[int, functions.Value], name: str) -> None:
    try:
        if not values:
            raise errors.ExportError(f"the {node.op} {node.name!r} uses its handle")
        functions.hand_over(draft.functions, node, values)
    except errors.ExportError as error:
        text = f"the variable {name!r} cannot be a constant: {error.text}"
        raise errors.ExportError(errors.explain(text, fix="Export a SavedModel instead.")) from error


def _gather(draft: Draft, node: Any) -> None:
    axis = draft.free_name(f"{node.name}/axis")
    integer = tf.int32.as_datatype_enum
    draft.constant(axis, 0, integer)
    inputs = [parse(node.input[0]), parse(node.input[1]), (axis, 0)]
    types = {"Tparams": node.attr["dtype"].type, "Tindices": node.attr["Tindices"].type, "Taxis": integer}
    draft.make(node.name, "GatherV2", inputs, **types)


def with_initializers(draft: Draft, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Any:
    """Returns a MetaGraphDef that today's and old importers restore: every variable with an initializer of zeros.

    Args:
      draft: the graph; it is not changed.
      shapes: of the variables whose own shape is open.
    """
    work = draft.copy()
    definitions = []
    for name in names(work):
        node = work.nodes[name]
        dtype = node.attr["dtype"].type
        # An initializer needs a whole shape; a variable may have been made without one.
        shape = (shapes or {}).get(name) or tf.TensorShape(node.attr["shape"].shape).as_list()
        zero = np.zeros((), tf.as_dtype(dtype).as_numpy_dtype)
        first = work.constant(work.free_name(f"{name}/initial_value"), zero, dtype, shape)
        definitions.append(_definition(work, node, first.name, dtype))
    meta = tf.MetaGraphDef(graph_def=work.graph_def())
    variables = meta.collection_def[tf.GraphKeys.GLOBAL_VARIABLES].bytes_list.value
    variables.extend(item.SerializeToString() for item in definitions)
    return meta


def _reader_name(draft: Draft, node: Any) -> str:
    """Returns the name under which TensorFlow's own converters look for the value of a variable."""
    resource = node.op == "VarHandleOp"
    return draft.free_name(f"{node.name}/Read/ReadVariableOp" if resource else f"{node.name}/read")


def _definition(draft: Draft, node: Any, first: str, dtype: int) -> Any:
    """Adds what initialises and reads a variable; returns its VariableDef."""
    assign, reader = draft.free_name(f"{node.name}/Assign"), _reader_name(draft, node)
    resource = node.op == "VarHandleOp"
    if resource:
        draft.make(assign, "AssignVariableOp", [(node.name, 0), (first, 0)], dtype=dtype)
        draft.make(reader, "ReadVariableOp", [(node.name, 0)], dtype=dtype)
    else:
        draft.make(assign, "Assign", [(node.name, 0), (first, 0)], T=dtype)
        draft.make(reader, "Identity", [(node.name, 0)], T=dtype)
    return loading.proto_class("VariableDef")(
        variable_name=f"{node.name}:0",
        initial_value_name=f"{first}:0",
        initializer_name=assign,
        snapshot_name=f"{reader}:0",
        is_resource=resource,
        trainable=False,
    )
