"""The pass that turns a graph: every op once, inputs first, by the rule of its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.export.draft import CONTROL, Draft, Ref, parse, spell
from tf1bn.export.layout import catalog
from tf1bn.export.layout.tensors import Flat, Shape, Unturned, turned
from tf1bn.graph import consts
from tf1bn.graph.data_formats import channels_first, to_first, to_last
from tf1bn.graph.variables import VARIABLE_OPS

INTEGER = int(tf.int32.as_datatype_enum)


class Kept(NamedTuple):
    """An op that stays channels first, between two transpositions.

    Attributes:
      op: its type.
      name: its name.
      reason: why.
    """

    op: str
    name: str
    reason: str

    def text(self) -> str:
        """Returns it in words."""
        return f"{self.op} {self.name!r}: {self.reason}"


class Turned(NamedTuple):
    """A graph with channels last.

    Attributes:
      draft: the graph.
      values: the values of its variables, those of dense layers behind an image with their rows in another order.
      ends: key -> tensor of each output.
      inputs: the names of placeholders that are fed channels last.
      outputs: the keys of outputs that are channels last.
      sites: pairs of names, in the old and in the new graph, of what an op of images gives, channels first and last.
      kept: what stays channels first.
    """

    draft: Draft
    values: dict[str, np.ndarray]
    ends: dict[str, Ref]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sites: tuple[tuple[str, str], ...]
    kept: tuple[Kept, ...]


def turn(
    draft: Draft,
    values: Mapping[str, np.ndarray],
    outputs: Mapping[str, Ref],
    *,
    inputs_last: bool = False,
    outputs_last: bool = False,
    keep: bool = False,
) -> Turned:
    """Makes the images of an inference graph channels last.

    Convolutions, pooling and all that only passes images on is rewritten; the tensors between hold the same numbers in
    another order. Transpositions stand where an image comes in, and where one is given out.

    Args:
      draft: the graph; it is not changed.
      values: of its variables.
      outputs: key -> tensor; outputs keep their names.
      inputs_last, outputs_last: whether images are fed and fetched channels last, too, without a transposition.
      keep: lets an op that no rule can turn stay as it is between two transpositions; else it is an error.

    Raises:
      ExportError: there is nothing to turn, or an op cannot be turned; the text names all of these.
    """
    if not any(channels_first(node) for node in draft.nodes.values()):
        raise errors.ExportError(
            errors.explain("no op of the graph is channels first", fix="Leave `layout` out (--layout).")
        )
    _refuse_bodies(draft)
    work = Turning(draft.copy(), dict(values), set(outputs.values()))
    inputs = work.turn_inputs(inputs_last)
    # Inputs first, as a rule asks how each input is held.
    for name in work.old.order():
        work.visit(name)
    if work.kept and not keep:
        raise errors.ExportError(
            errors.explain(
                f"{len(work.kept)} ops cannot be turned to channels last",
                got="; ".join(item.text() for item in work.kept[:10]),
                fix="Allow them to stay between two transpositions: `keep_channels_first` (--keep_channels_first).",
            )
        )
    given, ends = work.finish(outputs, outputs_last)
    work.new.keep(work.new.needed([*(name for name, _ in ends.values()), *_variables(work.new)]))
    sites = tuple((f"{a[0]}:{a[1]}", f"{b[0]}:{b[1]}") for a, b in work.sites if b[0] in work.new.nodes)
    return Turned(work.new, work.values, ends, tuple(inputs), tuple(given), sites, tuple(work.kept))


def _variables(draft: Draft) -> list[str]:
    return [name for name, node in draft.nodes.items() if node.op in VARIABLE_OPS]


def _refuse_bodies(draft: Draft) -> None:
    for name, function in draft.functions.items():
        if any(channels_first(node) for node in function.node_def):
            raise errors.ExportError(
                errors.explain(
                    f"the function {name!r} has channels-first ops, and bodies of functions are not turned",
                    fix="Build the network without tf.while_loop or tf.cond around its convolutions.",
                )
            )


class Turning:
    """A graph on its way.

    Args:
      draft: the graph; it is changed.
      values: of its variables; changed where rows change their order.
      outputs: tensors that are fetched.

    Attributes:
      old: the graph as it was.
      new: the graph as it becomes.
      state: tensors of the old graph that the new one holds otherwise: ``True`` for channels last, or a `Flat`.
      place: where the new graph holds a tensor of the old one, if elsewhere.
    """

    def __init__(self, draft: Draft, values: dict[str, np.ndarray], outputs: set[Ref]) -> None:
        self.old, self.new, self.values, self.outputs = draft.copy(), draft, values, outputs
        self.state: dict[Ref, bool | Flat] = {}
        self.place: dict[Ref, Ref] = {}
        self.sites: list[tuple[Ref, Ref]] = []
        self.kept: list[Kept] = []
        self._both: dict[tuple[Ref, bool], Ref] = {}
        self._shapes = _shapes(self.old)
        self.readers: dict[str, list[str]] = {}
        for name, node in self.old.nodes.items():
            for source, _ in map(parse, node.input):
                self.readers.setdefault(source, []).append(name)

    def shape(self, ref: Ref) -> Shape | None:
        """Returns the static shape of a tensor of the old graph."""
        return self._shapes.get(ref)

    def rank(self, ref: Ref) -> int:
        """Returns the rank of a tensor; 0 for an unknown one."""
        return len(self.shape(ref) or ())

    def constant_value(self, ref: Ref) -> np.ndarray | None:
        """Returns the value of a constant of the old graph, also behind an Identity."""
        node = self.old.nodes[ref[0]]
        while node.op == "Identity":
            node = self.old.nodes[parse(node.input[0])[0]]
        return consts.tensor_value(node.attr["value"].tensor) if node.op == "Const" else None

    def inputs(self, name: str) -> list[Ref]:
        """Returns the data inputs of an op of the old graph."""
        return [ref for ref in map(parse, self.old.nodes[name].input) if ref[1] != CONTROL]

    def given(self, ref: Ref) -> Ref:
        """Returns where the new graph holds a tensor, whatever its order."""
        return self.place.get(ref, ref)

    def first(self, ref: Ref) -> Ref:
        """Returns a tensor as it was, behind a transposition where it is channels last."""
        if ref not in self.state:
            return self.given(ref)
        return self._other(ref, False)

    def last(self, ref: Ref) -> Ref:
        """Returns an image with channels last, behind a transposition where it is not."""
        if self.state.get(ref) is True:
            return self.given(ref)
        source = self._before(ref)
        return self._other(ref, True) if source is None else self.first(source)

    def _other(self, ref: Ref, last: bool) -> Ref:
        found = self._both.get((ref, last))
        if found is None:
            rank, source, state = self.rank(ref), self.given(ref), self.state.get(ref)
            if isinstance(state, Flat):
                found = self.gather(source, np.argsort(state.order()), rank - 1, f"{ref[0]}/channels_first")
            else:
                order = to_last(rank) if last else to_first(rank)
                word = "channels_last" if last else "channels_first"
                found = self.transpose(source, order, f"{ref[0]}/{word}", self.old.dtype(ref))
            self._both[ref, last] = found
        return found

    def transpose(self, source: Ref, order: Sequence[int], name: str, dtype: int) -> Ref:
        """Adds a transposition."""
        name = self.new.free_name(name)
        perm = self.constant(f"{name}/perm", order)
        self.new.make(name, "Transpose", [source, perm], T=dtype, Tperm=INTEGER)
        return name, 0

    def gather(self, source: Ref, order: Any, axis: int, name: str, dtype: int | None = None) -> Ref:
        """Adds an op that puts the entries of one dimension in another order."""
        name = self.new.free_name(name)
        inputs = [source, self.constant(f"{name}/order", order), self.constant(f"{name}/axis", axis)]
        kind = self.new.dtype(source) if dtype is None else dtype
        self.new.make(name, "GatherV2", inputs, Tparams=kind, Tindices=INTEGER, Taxis=INTEGER)
        return name, 0

    def reshape(self, source: Ref, shape: Sequence[int], name: str, dtype: int) -> Ref:
        """Adds a reshape to a static shape."""
        name = self.new.free_name(name)
        inputs = [source, self.constant(f"{name}/shape", shape)]
        self.new.make(name, "Reshape", inputs, T=dtype, Tshape=INTEGER)
        return name, 0

    def constant(self, name: str, value: Any, dtype: int = INTEGER) -> Ref:
        """Adds a constant."""
        name = self.new.free_name(name)
        self.new.constant(name, np.asarray(value, tf.as_dtype(dtype).as_numpy_dtype), dtype)
        return name, 0

    def broadcast(self, ref: Ref, rank: int) -> Ref:
        """Returns a tensor so that it broadcasts against an image of that rank with channels last.

        One number for each channel becomes a vector: what gave it the channels-first shape is not needed any more.
        """
        shape = self.shape(ref)
        if self.state.get(ref) is True and len(shape or ()) == rank:
            return self.given(ref)
        if ref in self.state or shape is None:
            raise Unturned("the shape of an operand is unknown, or another one")
        wide = (1,) * (rank - len(shape)) + tuple(shape)
        if all(size == 1 for size in wide):
            return self.given(ref)  # of one element, whose rank does not matter
        if all(size == 1 for axis, size in enumerate(wide) if axis != 1):
            return self._vector(ref)
        value = self.constant_value(ref)
        if value is not None:
            turned_value = np.transpose(value.reshape([int(size or 0) for size in wide]), to_last(rank))
            return self.constant(f"{ref[0]}/channels_last", turned_value, self.old.dtype(ref))
        if len(shape) == rank:
            return self.last(ref)
        if None in wide:
            raise Unturned("the shape of an operand is open")
        full = self.reshape(self.given(ref), [int(size or 0) for size in wide], f"{ref[0]}/wide", self.old.dtype(ref))
        return self.transpose(full, to_last(rank), f"{ref[0]}/channels_last", self.old.dtype(ref))

    def _vector(self, ref: Ref) -> Ref:
        """Returns one number for each channel as a vector."""
        node = self.old.nodes[ref[0]]
        if node.op in ("Reshape", "ExpandDims"):
            source = self.inputs(ref[0])[0]
            if self.rank(source) == 1 and source not in self.state:
                return self.given(source)
        value = self.constant_value(ref)
        if value is not None:
            return self.constant(f"{ref[0]}/vector", value.reshape(-1), self.old.dtype(ref))
        return self.reshape(self.given(ref), [-1], f"{ref[0]}/vector", self.old.dtype(ref))

    def turn_inputs(self, last: bool) -> list[str]:
        """Turns the placeholders of images; returns the names of those that are fed channels last."""
        found = [name for name, node in self.old.nodes.items() if node.op == "Placeholder" and self._is_image(name)]
        for name in found:
            ref = (name, 0)
            if last:
                # The placeholder's own shape: a feed is checked against it.
                shape = tf.TensorShape(turned(self.shape(ref) or ())).as_proto()
                self.new.nodes[name].attr["shape"].shape.CopyFrom(shape)
            else:
                self.place[ref] = self.last(ref)
                self._both[ref, False] = ref
            self.state[ref] = True
        return found if last else []

    def _is_image(self, name: str) -> bool:
        """Whether a tensor comes to a channels-first op through nothing but ops that pass images on."""
        rank, todo, seen = self.rank((name, 0)), [name], {name}
        while todo:
            for reader in self.readers.get(todo.pop(), ()):
                node = self.old.nodes[reader]
                if reader in seen or self.rank((reader, 0)) != rank:
                    continue
                if rank > 3 and (channels_first(node) or self._turns(reader, rank)):
                    return True
                if catalog.passes(node.op):
                    seen.add(reader)
                    todo.append(reader)
        return False

    def _turns(self, name: str, rank: int) -> bool:
        """Whether an op makes an image channels last."""
        order = self.constant_value(self.inputs(name)[1]) if self.old.nodes[name].op == "Transpose" else None
        return order is not None and order.tolist() == to_last(rank)

    def visit(self, name: str) -> None:
        """Turns one op, if anything that it reads is turned or it is channels first."""
        node, inputs = self.old.nodes[name], self.inputs(name)
        if not channels_first(node) and not any(ref in self.state for ref in inputs):
            # An op of no image may still read something that stands elsewhere now, a shape say.
            if any(ref in self.place for ref in inputs):
                self.feed(name, [self.given(ref) for ref in inputs])
            return
        rule = catalog.rule(node.op)
        try:
            if rule is None:
                raise Unturned("no rule for this type of op")
            rule(self, name)
        except Unturned as error:
            self.kept.append(Kept(node.op, name, str(error)))
            self.feed(name, [self.first(ref) for ref in inputs])

    def feed(self, name: str, inputs: Sequence[Ref]) -> Any:
        """Gives an op of the new graph its data inputs; returns the node."""
        node = self.new.nodes[name]
        controls = [text for text in node.input if parse(text)[1] == CONTROL]
        node.ClearField("input")
        node.input.extend([*(spell(ref) for ref in inputs), *controls])
        return node

    def mark(self, name: str, count: int = 1, state: bool | Flat = True) -> None:
        """Notes that the outputs of an op are turned."""
        for output in range(count):
            self.state[name, output] = state

    def finish(self, outputs: Mapping[str, Ref], last: bool) -> tuple[list[str], dict[str, Ref]]:
        """Makes outputs what they were; returns the keys of those that are channels last, and where outputs are."""
        # Asked before any end is made, which adds transpositions of its own.
        given = [key for key, ref in outputs.items() if last and self._is_turned(ref)]
        ends = {key: self.last(ref) if key in given else self.first(ref) for key, ref in outputs.items()}
        for ref, source in {ref: ends[key] for key, ref in outputs.items() if ends[key] != ref}.items():
            if ref[1] == 0:
                self._take_name(ref, source)
                ends.update({key: ref for key, old in outputs.items() if old == ref})
        return given, ends

    def _is_turned(self, ref: Ref) -> bool:
        """Whether the new graph holds a tensor channels last, also where the old one turned it in the end."""
        return self.state.get(ref) is True or (self.rank(ref) > 3 and self._before(ref) is not None)

    def _before(self, ref: Ref) -> Ref | None:
        """Returns the image that the old graph itself made channels first to get a tensor; None if it did not."""
        while self.old.nodes[ref[0]].op == "Identity" and ref not in self.state:
            ref = self.inputs(ref[0])[0]
        if self.old.nodes[ref[0]].op != "Transpose" or ref in self.state:
            return None
        source, perm = self.inputs(ref[0])
        order = self.constant_value(perm)
        return source if order is not None and order.tolist() == to_first(self.rank(ref)) else None

    def _take_name(self, ref: Ref, source: Ref) -> None:
        """Gives the name of an output to an op that hands it on; what had the name is called after it."""
        aside = self.new.free_name(f"{ref[0]}/channels_last")
        self.new.redirect({}, {ref[0]: aside})
        self.sites = [(old, (aside if new[0] == ref[0] else new[0], new[1])) for old, new in self.sites]
        node = self.new.nodes[source[0]] if source[0] != ref[0] else None
        if node is not None and node.op == "Transpose" and node.name.endswith("/channels_first"):
            self.new.redirect({}, {node.name: ref[0]})
        else:
            self.new.make(ref[0], "Identity", [(aside, source[1]) if node is None else source], T=self.old.dtype(ref))


def _shapes(draft: Draft) -> dict[Ref, Shape]:
    """Returns the static shapes of all tensors, as TensorFlow infers them."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(draft.graph_def(), name="")
        return {
            (operation.name, output): tuple(tensor.shape.as_list())
            for operation in graph.get_operations()
            for output, tensor in enumerate(operation.outputs)
            if tensor.shape.rank is not None
        }
