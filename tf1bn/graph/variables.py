"""Variables, reference or resource, and every op that writes one."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Set

from tf1bn.graph import consts
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import Node, Tensor

VARIABLE_OPS = ("VariableV2", "Variable", "VarHandleOp", "AutoReloadVariable")
_WRITES = re.compile(r"^(Assign\w*|Scatter\w+|Resource(Sparse)?Scatter\w*|ResourceScatter\w+)$")
_APPLIES = re.compile(r"^(Resource)?(Sparse)?Apply[A-Z]\w*$")
_RESTORES = ("RestoreV2", "Restore", "RestoreSlice")
STATISTIC_NAME = re.compile(
    r"(^|[/._])(moving|running|pop|population|global|ema)_?(mean|avg|average|var|variance|std|stddev)(_\d+)?$"
    r"|(^|/)(mean|variance|var)/EMA$"
    r"|(^|/)(batchnorm|bn|moments)[^/]*/.*(mean|variance|var|Squeeze(_\d+)?)/ExponentialMovingAverage$"
    r"|moments[^/]*/.*/ExponentialMovingAverage$",
    re.IGNORECASE,
)
VARIANCE_NAME = re.compile(
    r"(var|variance|std|stddev|sigma|Squeeze_1)(_\d+)?(/EMA|/ExponentialMovingAverage)?$", re.IGNORECASE
)
# The first copy of tf.distribute has no such ending, and a checkpoint has only its name.
_REPLICA = re.compile(r"/replica_[1-9]\d*$")
# What zero-debiasing keeps beside an average, in names of TensorFlow's own.
AUXILIARY = ("/biased", "/local_step")


@dataclasses.dataclass(eq=False)
class Writer:
    """An op that writes a variable.

    Attributes:
      node: the op.
      kind: `init`, `restore`, `load` (a fed value), `apply` (an optimizer), `update` (from this batch or from
        itself), `gradient` (by arithmetic on one), `copy` (from another variable), `other`.
      sources: where the written value comes from.
    """

    node: Node
    kind: str
    sources: frozenset[Tensor] = frozenset()

    @property
    def indivisible(self) -> bool:
        """Whether it reads and writes in one op, as updates of tf1bn's own layers do: then none of several is lost."""
        return self.node.proto is not None and self.node.proto.op.endswith("ApplyMomentum")


@dataclasses.dataclass(eq=False)
class Variable:
    """A variable of the graph, and who writes it."""

    node: Node
    dtype: str
    shape: tuple[int | None, ...] | None
    trainable: bool | None
    writers: list[Writer] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def key(self) -> str:
        """The name in a checkpoint."""
        # A saver asks a resource for its shared name, which an imported graph keeps when its ops get a prefix.
        shared = self.node.attr("shared_name")
        name = shared.s.decode("utf-8", errors="replace") if shared is not None and shared.s else self.node.name
        return _REPLICA.sub("", name if self.node.op == "VarHandleOp" else self.node.name)

    @property
    def plain_name(self) -> str:
        """The name that all copies of a variable of tf.distribute share."""
        return _REPLICA.sub("", self.name)

    @property
    def replica(self) -> str:
        """What tells a copy of such a variable from the first one; empty for any other variable."""
        return self.name[len(self.plain_name) :]

    @property
    def scope(self) -> str:
        return re.sub(r"/?(mean|variance|var)/EMA$|/?[^/]*$", "", self.plain_name, count=1)

    def of_kind(self, *kinds: str) -> list[Writer]:
        return [writer for writer in self.writers if writer.kind in kinds]


class Variables:
    """All variables of a graph by the number of their node."""

    def __init__(self, flow: Flow, initializers: dict[str, str], trainable: frozenset[str] | None) -> None:
        self.flow = flow
        self.by_node: dict[int, Variable] = {}
        for node in flow.of_ops(VARIABLE_OPS.__contains__):
            dtype, shape = node.attr("dtype"), node.attr("shape")
            self.by_node[node.id] = Variable(
                node,
                consts.dtype_name(dtype.type) if dtype is not None else "",
                consts.shape_of(shape.shape) if shape is not None else None,
                node.name in trainable if trainable is not None else None,
            )
        # Writers next: to sort them, all variables must be known.
        self.by_name = {variable.name: variable for variable in self.by_node.values()}
        self._initializers = initializers
        for node in flow.of_ops(lambda op: _writes(op) or is_apply(op)):
            self._add_writer(node)
        helpers = [variable for variable in self.by_node.values() if variable.name.endswith(AUXILIARY)]
        users = self._users_of_variables() if helpers else {}
        for helper in helpers:
            # Last, when the helpers know who moves them.
            self._see_through(helper, users)

    def of(self, tensor: Tensor) -> Variable | None:
        """Returns the variable that a handle, reference or read comes from, or None."""
        found = [self.by_node[number] for number, _ in self.flow.origins(tensor) if number in self.by_node]
        return found[0] if len(found) == 1 else None

    def among(self, tensors: Set[Tensor]) -> list[Variable]:
        """Returns the variables among some origins, in graph order."""
        return [self.by_node[number] for number in sorted({t[0] for t in tensors}) if number in self.by_node]

    def _add_writer(self, node: Node) -> None:
        if not node.inputs:
            return
        variable = self.by_node.get(self.target(node.inputs[0]))
        if variable is None:
            return
        if is_apply(node.op):
            variable.writers.append(Writer(node, "apply"))
            return
        # The value comes last in every assignment, scatter and average.
        value = node.inputs[-1]
        found, computed = self.flow.traced(value)
        sources = frozenset(found)
        variable.writers.append(Writer(node, self._kind(node, variable, computed, sources), sources))

    def _users_of_variables(self) -> dict[int, list[tuple[Variable, Writer]]]:
        """The writers that take in the value of a variable, by the number of its node."""
        found: dict[int, list[tuple[Variable, Writer]]] = {}
        for variable in self.by_node.values():
            for writer in variable.writers:
                for number in {number for number, _ in writer.sources} & self.by_node.keys():
                    found.setdefault(number, []).append((variable, writer))
        return found

    def _see_through(self, helper: Variable, users: dict[int, list[tuple[Variable, Writer]]]) -> None:
        """An average that is written from its helper, as zero-debiasing does, is moved by what moves the helper."""
        moves = helper.of_kind("update")
        for variable, writer in users.get(helper.node.id, ()):
            if variable is helper or writer.kind not in ("copy", "update"):
                continue
            own = moves
            if len(moves) > 1:
                # A helper that several towers move belongs, in each step, to the move that this writer waited for.
                ran = self.flow.reach([writer.node.id])
                own = [move for move in moves if ran[move.node.id]] or moves
            writer.kind = "update"
            writer.sources = writer.sources.union(*(move.sources for move in own))

    def target(self, tensor: Tensor) -> int:
        """Follows a handle or reference, also through an earlier write that hands the reference on."""
        # An assignment of a reference hands the reference on, so writes form chains.
        for _ in range(100):
            number = self.flow.strip(tensor)[0]
            node = self.flow.nodes[number]
            if node.op in ("Assign", "AssignAdd", "AssignSub") and node.inputs:
                tensor = node.inputs[0]
            elif node.op in ("Merge", "RefMerge", "RefSelect") and node.inputs:
                tensor = node.inputs[-1]
            elif node.carried is not None and node.inputs:
                tensor = node.inputs[0]
            else:
                return number
        return -1

    def _kind(self, node: Node, variable: Variable, computed: Set[int], sources: frozenset[Tensor]) -> str:
        # The order below matters: a restored or initial value may also look like a copy or an update.
        ops = {self.flow.nodes[number].op for number, _ in sources}
        if ops & set(_RESTORES):
            return "restore"
        if self._initializers.get(variable.name) == node.name or node.name.startswith(f"{variable.name}/Assign"):
            return "init"
        # An optimizer that is written by hand: it would pass for an update, as its sources are moments of the batch,
        # too.
        if any("_grad/" in self.flow.nodes[number].name for number in computed):
            return "gradient"
        if any(self.flow.is_batch_moment(tensor) for tensor in sources):
            return "update"
        others = [item for item in self.among(set(sources)) if item is not variable]
        if not others:
            return self._lonely_kind(node, variable, sources, ops)
        near = [item for item in others if item.name.startswith(variable.name) or item.scope == variable.scope]
        # A shadow is near what it follows by its name, but follows the parameter and not the batch.
        shadow = variable.name.endswith("/ExponentialMovingAverage")
        return "update" if len(near) == len(others) and not shadow else "copy"

    def _lonely_kind(self, node: Node, variable: Variable, sources: frozenset[Tensor], ops: set[str]) -> str:
        if ops <= {"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"}:
            return "load"
        own = any(number == variable.node.id for number, _ in sources)
        if own or node.op not in ("Assign", "AssignVariableOp"):
            return "update"
        constant = ops <= {"Const", "Fill", "ZerosLike", "OnesLike", "RandomUniform", "TruncatedNormal", "VariableV2"}
        return "init" if constant else "other"


@functools.lru_cache(maxsize=1000)
def _writes(op: str) -> bool:
    return bool(_WRITES.match(op))


@functools.lru_cache(maxsize=1000)
def is_apply(op: str) -> bool:
    """Whether an op type is an optimizer's application of a gradient."""
    return bool(_APPLIES.match(op))
