"""The Savers inside a graph: entries of variables that are gone are taken out, those of new ones are added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.graph.folding.editor import Editor, Users, set_value
from tf1bn.graph.folding.walk import op_name
from tf1bn.graph.model import GraphModel
from tf1bn.graph.variables import Variable

_SAVES = ("SaveV2", "Save", "SaveSlices")
_RESTORES = ("RestoreV2", "Restore", "RestoreSlice")


class Added(NamedTuple):
    """A new variable.

    Attributes:
      name: of its op, and of its tensor in a checkpoint.
      key: its name in a checkpoint.
      read: the tensor that reads it.
      beside: the variable that it stands beside: initialised, saved and restored wherever that is.
      initializer: the name of its initializer.
    """

    name: str
    key: str
    read: str
    beside: Variable
    initializer: str


def keys(model: GraphModel) -> dict[str, str]:
    """Returns the name in a checkpoint of each variable: the one that the graph's own Saver uses, where it has one."""
    found = {variable.name: variable.key for variable in model.variables.by_node.values()}
    # Those of a Saver come last, and so decide.
    for op in sorted(model.restores, key=lambda item: not item.with_saver, reverse=True):
        found.update((variable.name, key) for key, variable in op.targets.items() if op.with_saver)
    return found


def shrink(editor: Editor, sources: dict[str, list[str]]) -> None:
    """Takes the entries of removed variables out of every Saver.

    Args:
      editor: the graph after its sweep.
      sources: the variable that each data input of a save op comes from, by the name of the op.

    Raises:
      RepairError: a Saver would be left with nothing to save.
    """
    users = editor.users()
    for node in list(editor.nodes.values()):
        if node.op in _SAVES and node.name in sources:
            gone = [at for at, name in enumerate(sources[node.name]) if name in editor.dead]
            if gone:
                _shrink_save(editor, users, node, gone, len(sources[node.name]))
    # Anew, as the inputs behind a deleted one have moved.
    users = editor.users()
    for node in list(editor.nodes.values()):
        if node.op == "RestoreV2":
            _shrink_restore(editor, users, node)


def sources_of_saves(model: GraphModel) -> dict[str, list[str]]:
    """Returns which variable each data input of a save op comes from."""
    return {
        item.node.name: [_variable_name(model, tensor) for tensor in item.node.inputs[_head(item.node.op) :]]
        for item in model.saves
    }


def grow(editor: Editor, model: GraphModel, added: Sequence[Added], sources: dict[str, list[str]]) -> None:
    """Initialises, saves and restores new variables wherever the variables beside them are."""
    users = editor.users()
    for node in list(editor.nodes.values()):
        saved = frozenset(sources.get(node.name, ())) if node.op in _SAVES else frozenset()
        fresh = [item for item in added if item.beside.name in saved]
        if fresh:
            _grow_save(editor, users, node, fresh)
    _run_beside(editor, [pair for item in added for pair in _written(editor, model, item)])


def _written(editor: Editor, model: GraphModel, added: Added) -> Iterator[tuple[str, str]]:
    """Yields the ops that initialise or restore the variable beside a new one, each with the one for the new one."""
    for writer in added.beside.of_kind("init"):
        yield writer.node.name, added.initializer
    for writer in added.beside.of_kind("restore"):
        source = next((number for number, _ in writer.sources if model.nodes[number].op in _RESTORES), None)
        if source is not None and model.nodes[source].name in editor.nodes:
            restore = editor.nodes[model.nodes[source].name]
            yield writer.node.name, _grow_restore(editor, restore, writer, added)


def _run_beside(editor: Editor, pairs: Sequence[tuple[str, str]]) -> None:
    """Where a group runs an old op, makes it run the new one: a variable would stay uninitialised otherwise."""
    places: dict[str, list[int]] = {}
    for place, (old, _) in enumerate(pairs):
        places.setdefault(f"^{old}", []).append(place)
    for node in editor.nodes.values():
        if node.op == "NoOp":
            # In the order of the variables, whatever order the group has.
            found = {place for text in node.input for place in places.get(text, ())}
            node.input.extend(f"^{pairs[place][1]}" for place in sorted(found))


def _head(op: str) -> int:
    """How many inputs of a save op come before the data."""
    return 2 if op == "Save" else 3


def _variable_name(model: GraphModel, tensor: tuple[int, int]) -> str:
    found = model.variables.of(tensor)
    return found.name if found is not None else ""


def _strings(editor: Editor, text: str) -> list[bytes]:
    return list(editor.nodes[op_name(text)].attr["value"].tensor.string_val)


def _set_strings(editor: Editor, users: Users, node: Any, at: int, values: list[bytes]) -> None:
    """Gives an input of a node other strings; a Const that others use as well is left alone."""
    name = op_name(node.input[at])
    known = users[name]
    if len(known) == 1:
        set_value(editor.nodes[name], values)
        return
    known.remove((node, at))
    node.input[at] = editor.constant(f"{node.name}/folded_names", values, node)
    users[node.input[at]] = [(node, at)]


def _shrink_save(editor: Editor, users: Users, node: Any, gone: list[int], count: int) -> None:
    # A save op without tensors is refused by TensorFlow.
    if len(gone) == count:
        raise errors.RepairError(
            errors.explain(
                f"the Saver behind {node.name!r} saves nothing but tensors of folded batch norms",
                fix="Leave that Saver out of the inference graph.",
            )
        )
    head = _head(node.op)
    for at in range(1, head):
        values = _strings(editor, node.input[at])
        _set_strings(editor, users, node, at, [value for place, value in enumerate(values) if place not in gone])
    _keep_types(node, "dtypes" if node.op == "SaveV2" else "T", [at for at in range(count) if at not in gone])
    # From the end, as each deletion moves what is behind.
    for at in reversed(gone):
        del node.input[head + at]


def _shrink_restore(editor: Editor, users: Users, node: Any) -> None:
    """Takes outputs that nothing uses any more out of a restore op, and numbers the others anew."""
    reads = [(user, at) for user, at in users.get(node.name, ()) if at >= 0]
    used = sorted({_output(user.input[at]) for user, at in reads})
    count = len(node.attr["dtypes"].list.type)
    if len(used) == count:
        return
    if not used:
        names = editor.discard([node.name])
        lonely = [name for name in names if all(user.name not in editor.nodes for user, _ in users.get(name, ()))]
        editor.discard(name for name in lonely if name in editor.nodes and editor.nodes[name].op == "Const")
        return
    for at in (1, 2):
        values = _strings(editor, node.input[at])
        _set_strings(editor, users, node, at, [values[place] for place in used])
    # Types, names and slices stand in parallel lists, and so must change together.
    _keep_types(node, "dtypes", used)
    if "_output_shapes" in node.attr:
        del node.attr["_output_shapes"]
    places = {output: place for place, output in enumerate(used)}
    for user, at in reads:
        place = places[_output(user.input[at])]
        user.input[at] = f"{node.name}:{place}" if place else node.name


def _output(text: str) -> int:
    return int(text.partition(":")[2] or 0)


def _keep_types(node: Any, key: str, kept: list[int]) -> None:
    types = list(node.attr[key].list.type)
    del node.attr[key].list.type[:]
    node.attr[key].list.type.extend(types[at] for at in kept)


def _grow_save(editor: Editor, users: Users, node: Any, added: Sequence[Added]) -> None:
    head = _head(node.op)
    for at in range(1, head):
        values = _strings(editor, node.input[at])
        fresh = [item.key.encode() if at == 1 else b"" for item in added]
        _set_strings(editor, users, node, at, [*values, *fresh])
    data = [text for text in node.input if not text.startswith("^")]
    controls = [text for text in node.input if text.startswith("^")]
    del node.input[:]
    node.input.extend([*data, *(item.read for item in added), *controls])
    kinds = [item.beside.node.attr("dtype").type for item in added]
    node.attr["dtypes" if node.op == "SaveV2" else "T"].list.type.extend(kinds)


def _grow_restore(editor: Editor, restore: Any, writer: Any, added: Added) -> str:
    """Adds a restore op for one variable, beside another's; returns the name of the new write."""
    base = editor.unique(f"{restore.name}_{added.name.replace('/', '_')}")
    inputs = [restore.input[0], editor.constant(f"{base}/tensor_names", _like(restore, added.key), restore)]
    if restore.op != "Restore":
        inputs.append(editor.constant(f"{base}/shape_and_slices", _like(restore, ""), restore))
    inputs += [text for text in restore.input if text.startswith("^")]
    node = editor.add(base, restore.op, inputs, restore)
    kind = added.beside.node.attr("dtype").type
    if restore.op == "RestoreV2":
        node.attr["dtypes"].list.type.append(kind)
    else:
        node.attr["dt"].type = kind
        # What TensorFlow writes for `no shard in particular`; the attribute has that default.
        node.attr["preferred_shard"].i = -1
    old = editor.nodes[writer.node.name]
    value = base
    if old.op == "AssignVariableOp":
        value = f"{base}/Identity"
        editor.add(value, "Identity", [base], restore).attr["T"].type = kind
    write = editor.add(f"{base}/Assign", old.op, [added.name, value], old)
    for key, attr in old.attr.items():
        # Private attributes are colocations and shapes of the old one.
        if not key.startswith("_"):
            write.attr[key].CopyFrom(attr)
    return write.name


def _like(restore: Any, text: str) -> Any:
    return [text.encode()] if restore.op == "RestoreV2" else text.encode()
