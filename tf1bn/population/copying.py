"""A copy of a graph in which the moments of each batch norm's input can be fetched and nothing is moved.

In a copy ``by`` batch, what always normalises with averages normalises with the moments of the batch instead; in a
copy ``by`` averages it is the other way round. Batch norms with a switch follow the switch, which is fed.
"""

from __future__ import annotations

import contextlib
import functools
import operator
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import kernels
from tf1bn.core import moments as moments_lib
from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments
from tf1bn.graph import recorded, rewriting
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.running import make_repeatable
from tf1bn.graph.site import BATCH, MOVING, Normalizer, Site
from tf1bn.graph.variables import Variable
from tf1bn.population import geometry, grafting, targets
from tf1bn.population.grafting import Port
from tf1bn.population.lifting import Lifter
from tf1bn.population.targets import Call, Target

SCOPE = "tf1bn_population"
_KEEP = ("init", "restore")
_SOURCES = (
    "IteratorGetNext", "IteratorGetNextSync", "QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2",
    "QueueDequeue", "QueueDequeueMany", "QueueDequeueUpTo",
)  # fmt: skip


class Names(NamedTuple):
    """Tensors of one call: the number of values per channel, their mean and their biased variance."""

    count: Any
    mean: str
    variance: str


class Proof(NamedTuple):
    """A tensor that shows whether a batch norm was understood: the largest error of its formula, relative."""

    scope: str
    name: str
    tolerance: float


class WorkCopy:
    """The copy.

    Args:
      meta: the MetaGraphDef; it is not changed.
      by: ``batch`` or ``moving``.
      only, exclude: as in ``targets.find``.

    Attributes:
      meta: the changed copy.
      model: the copy as data, before the change.
      targets, skipped: as ``targets.find`` gives them.
      moments: for each target, the names of each of its calls.
      proofs: for each rewritten batch norm.
    """

    def __init__(self, meta: Any, by: str, only: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self.meta = tf.MetaGraphDef()
        self.meta.CopyFrom(meta)
        self.by = by
        self.model = GraphModel(self.meta)
        self.targets, self.skipped = targets.find(self.model, only, exclude)
        # The copy is run several times and compared with itself, so what is drawn must be drawn again.
        make_repeatable(self.meta)
        self._graph_def = self.meta.graph_def
        self._lifter = Lifter(self.model, self._graph_def, f"{SCOPE}/lifted")
        self._ports: dict[str, Port] = {}
        _stop_writes(self.model)
        # Chosen from the model, which shows the graph before anything is changed in it.
        self._turned = self._to_turn()
        self._proven = self._to_prove()
        self.moments, self.proofs = self._build()

    @functools.cached_property
    def graph(self) -> Any:
        """The copy, imported.

        Raises:
          RunError: this TensorFlow cannot import it.
        """
        with tf.Graph().as_default() as graph, _importing():
            tf.train.import_meta_graph(self.meta, clear_devices=True)
        return graph

    @property
    def predicates(self) -> list[str]:
        """The tensors that decide how a batch norm normalises, each once."""
        found = {site.predicate for site in self.model.sites if site.predicate is not None}
        return [self._predicate(tensor) for tensor in sorted(found)]

    def levels(self) -> list[list[int]]:
        """Returns the numbers of the targets in groups, each of which depends on earlier groups alone.

        Raises:
          PopulationError: the input of a batch norm depends on its own output, through another call.
        """
        above = self._above()
        groups: list[list[int]] = []
        placed: set[int] = set()
        while len(placed) < len(self.targets):
            ready = [i for i, needs in enumerate(above) if i not in placed and needs <= placed]
            if not ready:
                scopes = [target.scope for i, target in enumerate(self.targets) if i not in placed]
                raise errors.PopulationError(
                    errors.explain(
                        "batch norms whose inputs depend on their own outputs cannot be estimated one after another",
                        got=scopes,
                        fix="Estimate them all at once, not sequentially.",
                    )
                )
            groups.append(ready)
            placed.update(ready)
        return groups

    def needed(self, extra: Sequence[str] = ()) -> list[Variable]:
        """Returns the variables that the inputs of the targets, and further ops, need, and all averages."""
        roots = [call.x[0] for target in self.targets for call in target.calls]
        # A proof runs the batch norm itself, and so more than the way to its input.
        roots += [site.normalizers[0].output[0] for site in self._proven]
        roots += [self.model.flow.by_name[name.split(":")[0]] for name in extra]
        marks = self.model.flow.feeds(roots)
        for site in self.model.sites:
            for variable in site.statistics:
                marks[variable.node.id] = 1
        return [variable for number, variable in sorted(self.model.variables.by_node.items()) if marks[number]]

    def own_input(self) -> tuple[list[str], list[str]]:
        """Returns the names of the ops that deliver the graph's own input, and of those that initialise its iterators.

        Raises:
          PopulationError: an iterator has several initialisers.
        """
        flow = self.model.flow
        marks = flow.feeds([call.x[0] for target in self.targets for call in target.calls])
        sources = [node.name for node in flow.nodes if node.op in _SOURCES and marks[node.id] and node.call < 0]
        makers: dict[int, list[str]] = {}
        for node in flow.nodes:
            if node.op == "MakeIterator" and marks[flow.strip(node.inputs[1])[0]]:
                makers.setdefault(flow.strip(node.inputs[1])[0], []).append(node.name)
        for names in makers.values():
            if len(names) > 1:
                raise errors.PopulationError(
                    errors.explain(
                        "the graph's own input can be started in several ways", got=names, fix="Feed the data instead."
                    )
                )
        return sources, [name for names in makers.values() for name in names]

    def _above(self) -> list[set[int]]:
        """For each target the numbers of those that the inputs of its calls are computed with."""
        own: dict[int, int] = {}
        for place, target in enumerate(self.targets):
            for number in (number for call in target.calls for number in call.site.anchors):
                own[number] = own.get(number, 0) | 1 << place
        behind = self.model.flow.inherited(own, data=True)
        found = []
        for target in self.targets:
            bits = functools.reduce(operator.or_, (behind[call.x[0]] for call in target.calls))
            found.append({place for place in range(len(self.targets)) if bits >> place & 1})
        return found

    def _predicate(self, tensor: Tensor) -> str:
        node = self.model.nodes[tensor[0]]
        if node.call >= 0:
            raise errors.PopulationError(
                errors.explain(
                    f"the switch of a batch norm is computed in a function, by {node.name!r}",
                    fix="Name the tensor that turns training on with `switch`.",
                )
            )
        # A reference cannot be fed, the value that is read from it can.
        reads = f"{node.name}/read"
        if node.op in ("VariableV2", "Variable") and reads in self.model.flow.by_name:
            return f"{reads}:0"
        return f"{node.name}:{tensor[1]}"

    def _build(self) -> tuple[list[list[Names]], list[Proof]]:
        calls = [(target, call) for target in self.targets for call in target.calls]
        # All ops of the old graph are copied out of branches before types and shapes are asked for, once for all.
        lifted = [self._lift(target, call) for target, call in calls]
        readers = self._readers()
        self._look()
        found: dict[int, tuple[Port, Axes, Names]] = {}
        for number, ((target, call), name) in enumerate(zip(calls, lifted, strict=True)):
            with errors.located("reestimate", scope=repr(target.scope)):
                found[id(call.site)] = self._add_moments(number, target, call, self._ports[name])
        renamed: dict[str, str] = {}
        for number, site in enumerate(self._turned):
            with errors.located("reestimate", scope=repr(site.scope)):
                self._turn(number, site, found, readers, renamed)
        # After all of them were built: what is added must read the old outputs where it says so.
        grafting.rewire(self._graph_def, renamed)
        proofs = [self._prove(number, site, found, renamed) for number, site in enumerate(self._proven)]
        # By calls again, as one site may serve several.
        names = iter([found[id(call.site)][2] for _, call in calls])
        return [[next(names) for _ in target.calls] for target in self.targets], [p for p in proofs if p is not None]

    def _lift(self, target: Target, call: Call) -> str:
        with errors.located("reestimate", scope=repr(target.scope)):
            return self._lifter.name(call.x)

    def _to_turn(self) -> list[Site]:
        """The batch norms that the copy turns from one mode to the other."""
        if self.by == MOVING:
            return [s for s in self.model.sites if s.mode == BATCH and all(targets.averages(self.model, s))]
        return [call.site for target in self.targets for call in target.calls if call.site.mode == MOVING]

    def _to_prove(self) -> list[Site]:
        """Those of them that the moments depend on; others may need inputs that nothing is fed to."""
        own = [call for target in self.targets for call in target.calls]
        above = self.model.flow.feeds([call.x[0] for call in own])
        return [
            site
            for site in self._turned
            if any(site is call.site for call in own) or any(above[number] for number in site.anchors)
        ]

    def _readers(self) -> dict[int, list[str]]:
        """Returns what reads the averages of the sites that are turned to them, by the identity of the site."""
        if self.by != MOVING:
            return {}
        # Readers are added while the graph is still as the model knows it.
        readers = rewriting.Readers(self._graph_def)
        return {
            id(site): [f"{readers.of(items[0])}:0" for items in targets.averages(self.model, site)]
            for site in self._turned
        }

    def _look(self) -> None:
        """Imports the copy once, for dtypes and static shapes."""
        with tf.Graph().as_default() as graph:
            with _importing():
                tf.import_graph_def(self._graph_def, name="")
            self._ports = {
                tensor.name: Port(tensor.name, tensor.dtype.base_dtype, tensor.shape)
                for operation in graph.get_operations()
                for tensor in operation.outputs
            }

    def _port(self, tensor: Tensor) -> Port:
        return self._ports[self._lifter.name(tensor)]

    def _inputs(self, item: Normalizer, x: Port, statistics: Sequence[Port]) -> dict[str, Port]:
        """What the formula of a normaliser is computed from, with other statistics."""
        learned = {"gamma": item.gamma, "beta": item.beta}
        given = {word: self._port(self._once(tensor)) for word, tensor in learned.items() if tensor is not None}
        return {"x": x, "mean": statistics[0], "variance": statistics[1], **given}

    def _once(self, tensor: Tensor) -> Tensor:
        """A parameter before it is repeated for several rows at a time."""
        number, output = self.model.flow.strip(tensor)
        node = self.model.nodes[number]
        # A layer that views several rows as one repeats its parameters, which are whole numbers of channels before.
        if node.op == "Reshape" and self.model.nodes[node.inputs[0][0]].op == "BroadcastTo":
            node = self.model.nodes[node.inputs[0][0]]
        return self._once(node.inputs[0]) if node.op in ("Tile", "BroadcastTo") else (number, output)

    def _add_moments(self, number: int, target: Target, call: Call, x: Port) -> tuple[Port, Axes, Names]:
        mean = self._ports.get(self._name(call.normalizer.mean))
        dims = None if x.shape.rank is None else x.shape.as_list()
        mean_dims = None if mean is None or mean.shape.rank is None else mean.shape.as_list()
        axes = geometry.resolve(self.model, call, dims, mean_dims, target.channels)
        scope = f"{SCOPE}/moments_{number}"

        def build(given: dict[str, Any]) -> dict[str, Any]:
            found = moments_lib.batch_moments(kernels.widen(given["x"]), axes)
            return {"mean": found.mean, "variance": found.variance, "count": tf.cast(found.count, tf.int64)}

        names = Names(**grafting.graft(self._graph_def, scope, {"x": x}, build))
        return x, axes, names

    def _name(self, tensor: Tensor) -> str:
        return f"{self.model.nodes[tensor[0]].name}:{tensor[1]}"

    def _turn(
        self, number: int, site: Site, found: dict[int, Any], readers: dict[int, list[str]], renamed: dict[str, str]
    ) -> None:
        item = site.normalizers[0]
        x, axes, names = self._geometry(site, found)
        if not self._lifter.free(item.node.id) or not self._lifter.free(item.output[0]):
            raise errors.PopulationError(
                errors.explain(f"its mode cannot be changed inside a branch or function, at {item.node.name!r}")
            )
        statistics = _own(x, axes, names)
        if self.by == MOVING:
            statistics = [self._ports[name] for name in readers[id(site)]]
        output = self._ports[self._name(item.output)]
        inputs = self._inputs(item, x, statistics)
        if item.fused:  # an op of images, which may see the input in another rank than the layer was given
            inputs["image"] = self._ports[self._name(item.node.inputs[0])]

        def build(given: dict[str, Any]) -> dict[str, Any]:
            y = _normalized(given, axes, item.epsilon)
            return {"y": tf.cast(_in_shape_of(y, output, given.get("image")), output.dtype)}

        y = grafting.graft(self._graph_def, f"{SCOPE}/turned_{number}", inputs, build)["y"]
        renamed[output.name] = y

    def _geometry(self, site: Site, found: dict[int, Any]) -> tuple[Port, Axes, Names]:
        """What is known of a site; one that is no target is looked at now."""
        if id(site) not in found:
            target = targets.alone(self.model, site)
            call = target.calls[0]
            found[id(site)] = self._add_moments(len(found), target, call, self._port(call.x))
        return found[id(site)]

    def _prove(self, number: int, site: Site, found: dict[int, Any], renamed: dict[str, str]) -> Proof | None:
        """Adds the error of the formula against what the batch norm itself gives, in its own mode."""
        item = site.normalizers[0]
        x, axes, names = found[id(site)]
        record = recorded.record_of(self.model, site) or {}
        # What these normalise with is more than moments, and the formula alone would not be theirs.
        if any(record.get(word) for word in ("weighted", "renorm", "virtual_batch_size", "adjustment")):
            return None
        # The input may be the output of a batch norm above that was turned as well.
        x = x._replace(name=renamed.get(x.name, x.name))
        statistics = _own(x, axes, names)
        if site.mode == MOVING:
            statistics = [self._port(item.mean), self._port(item.variance)]
        inputs = self._inputs(item, x, statistics) | {"output": self._ports[self._name(item.output)]}

        def build(given: dict[str, Any]) -> dict[str, Any]:
            y = tf.cast(_normalized(given, axes, item.epsilon), _wide(x))
            wanted = tf.reshape(tf.cast(given["output"], _wide(x)), tf.shape(y))  # it may be a view of several rows
            return {"error": tf.reduce_max(tf.abs(y - wanted)) / (1.0 + tf.reduce_max(tf.abs(wanted)))}

        name = grafting.graft(self._graph_def, f"{SCOPE}/proof_{number}", inputs, build)["error"]
        return Proof(site.scope, name, 1e-3 if x.dtype.size >= 4 else 3e-2)


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        raise errors.RunError(
            errors.explain(f"this TensorFlow cannot import the graph ({str(error)[:200]})")
        ) from error


def _in_shape_of(y: Any, output: Port, image: Any) -> Any:
    """Returns values as their readers expect them: a gradient takes the rank of the op's own output."""
    if output.shape.rank in (None, y.shape.rank):
        return y
    if output.shape.as_list().count(None) > 1:
        return y if image is None else tf.reshape(y, tf.shape(image))
    return tf.reshape(y, [-1 if dim is None else dim for dim in output.shape.as_list()])


def _wide(x: Any) -> Any:
    """The dtype in which a tensor is averaged and normalised."""
    return tf.float32 if x.dtype.size < 4 else x.dtype


def _own(x: Port, axes: Axes, names: Names) -> list[Port]:
    """The batch moments that were added for an input."""
    return [Port(name, _wide(x), tf.TensorShape(axes.parameter_shape)) for name in (names.mean, names.variance)]


def _normalized(given: dict[str, Any], axes: Axes, epsilon: float) -> Any:
    """Returns (x - mean) / sqrt(variance + epsilon) * gamma + beta."""
    parts = {
        word: tf.reshape(tf.cast(given[word], _wide(given["x"])), axes.parameter_shape)
        for word in ("mean", "variance", "gamma", "beta")
        if word in given
    }
    moments = Moments(parts["mean"], parts["variance"])
    return kernels.PLAIN.infer(given["x"], axes, moments, parts.get("gamma"), parts.get("beta"), epsilon)


def _stop_writes(model: GraphModel) -> None:
    """Turns every op that moves a variable into one that does nothing; initialisation and restoring stay."""
    initial = set(model.source.initializers.values())
    for variable in model.variables.by_node.values():
        for writer in variable.writers:
            proto = writer.node.proto
            if writer.kind in _KEEP or proto is None or writer.node.name in initial:
                continue
            # Others may take the reference that a write hands on, so it goes on handing it on.
            reference = proto.op in ("Assign", "AssignAdd", "AssignSub") or proto.op.startswith("Scatter")
            average = proto.op == "ApplyMomentum" and proto.input[0] == proto.input[1]
            if reference or average:
                _become(proto, "RefIdentity", [proto.input[0], *(n for n in proto.input if n.startswith("^"))])
            elif not proto.op.startswith(("Apply", "SparseApply")):
                _become(proto, "NoOp", [n for n in proto.input if n.startswith("^")])


def _become(proto: Any, op: str, inputs: Sequence[str]) -> None:
    kind = proto.attr["T"].type
    proto.op = op
    del proto.input[:]
    proto.input.extend(inputs)
    # The attributes of the old op are unknown to the new one, and an import refuses those.
    for key in list(proto.attr):
        del proto.attr[key]
    if op != "NoOp":
        proto.attr["T"].type = kind
