"""Gives functions, as bodies of loops and branches are, the values of variables in the place of their handles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.export.calls import CHOOSERS, PLAIN

LOOPS = ("While", "StatelessWhile")
_RESOURCE = int(tf.resource.as_datatype_enum)
_INTEGER = int(tf.int32.as_datatype_enum)
# What these say of an argument or a call is said of handles.
_OF_HANDLES = ("_read_only_resource_inputs", "_output_shapes")


class Value(NamedTuple):
    """What stands where a handle was.

    Attributes:
      dtype: of the variable.
      shape: its TensorShapeProto.
    """

    dtype: int
    shape: Any


def given(call: Any, constants: Mapping[str, Value]) -> dict[int, Value]:
    """Returns what the arguments of a call that are handles become, by position; of another op nothing.

    Args:
      call: a NodeDef, at the top level or in a function.
      constants: values by the input text of what hands them on.
    """
    if call.op not in (*LOOPS, *CHOOSERS, *PLAIN):
        return {}
    inputs = list(call.input)[int(call.op in CHOOSERS) :]
    types = call.attr[_types(call)].list.type
    return {
        number: constants[text]
        for number, text in enumerate(inputs)
        if text in constants and types[number] == _RESOURCE
    }


def hand_over(functions: dict[str, Any], call: Any, values: Mapping[int, Value]) -> None:
    """Changes a call so that it takes values, and adds the functions that work on them.

    Args:
      functions: name -> FunctionDef; those that were there stay as they are.
      call: the NodeDef.
      values: by the position of the argument.

    Raises:
      ExportError: a function does something with a variable other than to read it.
    """
    types = call.attr[_types(call)].list.type
    shapes = call.attr["output_shapes"].list.shape if call.op in LOOPS else []
    for position, value in values.items():
        types[position] = value.dtype
        if shapes:
            shapes[position].CopyFrom(value.shape)
    for key in _OF_HANDLES:
        call.attr.pop(key, None)
    # Copies, as another call may hand the same function its handles.
    for function in _called(call):
        function.name = _taking(functions, function.name, values, loop=call.op in LOOPS)


def _types(call: Any) -> str:
    return "T" if call.op in LOOPS else "Tin"


def _called(call: Any) -> Iterator[Any]:
    for attr in call.attr.values():
        if attr.WhichOneof("value") == "func":
            yield attr.func
        yield from attr.list.func


def _taking(functions: dict[str, Any], name: str, values: Mapping[int, Value], *, loop: bool) -> str:
    """Adds a copy of a function that takes values; returns its name."""
    made = type(functions[name])()
    made.CopyFrom(functions[name])
    number = 0
    while (wanted := f"{name}_of_values_{number}") in functions:
        number += 1
    made.signature.name = wanted
    functions[wanted] = made
    known = {}
    for position, value in values.items():
        arg = made.signature.input_arg[position]
        known[arg.name] = value
        _is_value(arg, value)
        # What is said there of the argument is said of a handle.
        made.arg_attr.pop(position, None)
        made.resource_arg_unique_id.pop(position, None)
    _Body(functions, made).work_on(known)
    for arg in made.signature.output_arg:
        returned = known.get(made.ret[arg.name])
        if returned is not None:
            _require(loop, made.signature, name)
            _is_value(arg, returned)
    return wanted


def _is_value(arg: Any, value: Value) -> None:
    arg.type = value.dtype
    arg.ClearField("handle_data")


def _require(fine: bool, node: Any, variable: str) -> None:
    if not fine:
        raise errors.ExportError(errors.explain(f"{node.name!r} does more with {variable!r} than to read it"))


class _Body:
    """The nodes of one function, while they are changed."""

    def __init__(self, functions: dict[str, Any], function: Any) -> None:
        self._functions = functions
        self._function = function
        self._renamed: dict[str, str] = {}

    def work_on(self, known: dict[str, Value]) -> None:
        """Makes everything that uses a handle use its value.

        Args:
          known: values by the text of what hands them on, at first of arguments; what is found is added.
        """
        todo, before = list(self._function.node_def), -1
        while len(todo) != before:  # an Identity may stand behind what reads it
            before = len(todo)
            todo = [node for node in todo if not self._change(node, known)]
        for node in self._function.node_def:
            inputs = [self._renamed.get(text, text) for text in node.input]
            node.ClearField("input")
            node.input.extend(inputs)
        for key, text in self._function.ret.items():
            self._function.ret[key] = self._renamed.get(text, text)

    def _change(self, node: Any, known: dict[str, Value]) -> bool:
        handles = [text for text in node.input if text in known]
        if not handles:
            return False
        value = known[handles[0]]
        if node.op == "ReadVariableOp":
            # In a function inputs name an output by its word, and that of Identity is another one.
            self._renamed[f"{node.name}:value:0"] = f"{node.name}:output:0"
            self._become(node, "Identity", T=value.dtype)
        elif node.op == "Identity":
            known[f"{node.name}:output:0"] = value
            node.attr["T"].type = value.dtype
        elif node.op == "ResourceGather":
            self._gather(node, value)
        else:
            values = given(node, known)
            _require(bool(values), node, handles[0])
            hand_over(self._functions, node, values)
            if node.op in LOOPS:
                # A loop returns what it was given for each argument, a handle too.
                known.update({f"{node.name}:output:{position}": value for position, value in values.items()})
        return True

    def _become(self, node: Any, op: str, **types: int) -> None:
        node.op = op
        node.attr.clear()
        for key, dtype in types.items():
            node.attr[key].type = dtype

    def _gather(self, node: Any, value: Value) -> None:
        indices, leading = int(node.attr["Tindices"].type), int(node.attr["batch_dims"].i)
        axis = self._function.node_def.add(name=f"{node.name}/axis", op="Const")
        axis.attr["dtype"].type = _INTEGER
        axis.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(leading, tf.int32))
        node.input.insert(2, f"{axis.name}:output:0")
        self._become(node, "GatherV2", Tparams=value.dtype, Tindices=indices, Taxis=_INTEGER)
        node.attr["batch_dims"].i = leading
