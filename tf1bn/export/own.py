"""Calls of tf1bn's own layers, which compute with their averages whatever they were built for.

Training may shift the input, weigh it, cut it into groups, correct or adjust what it normalises, and ask other members
for their moments. None of it is undone piece by piece: the record of the call tells its input and its result, and the
ops of inference take the place of whatever is between them.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf1bn.core import records
from tf1bn.export import template
from tf1bn.export.draft import CONTROL, Draft, Ref, parse, spell
from tf1bn.graph.model import GraphModel
from tf1bn.graph.variables import VARIABLE_OPS

# A layer has tens of ops, with everything that is asked of it hundreds.
_NEAR = 5000
_MERGES = "native"
"""The kernel whose op takes in the ReLU of the dense or convolutional layer around it."""


class Call(NamedTuple):
    """One recorded call that a graph holds.

    Attributes:
      record: what the layer wrote.
      x: what is normalised.
      output: the result; the tensor keeps its name.
      relu: whether the layer above has merged its ReLU into the op of the result.
    """

    record: dict[str, Any]
    x: Ref
    output: Ref
    relu: bool = False

    @property
    def scope(self) -> str:
        """The scope of the layer."""
        return str(self.record["scope"])

    @property
    def switch(self) -> str:
        """The name of the tensor that chooses between batch and averages, or only moves them; empty for none."""
        both = [self.record[key] for key in ("use_batch_statistics", "is_training")]
        return next((value for value in both if isinstance(value, str)), "")

    @property
    def averages(self) -> tuple[str, str]:
        """The names of mean and variance: of variables, or of tensors with their colon."""
        mean, variance = self.record["averages"]
        return mean, variance

    @property
    def by_batch(self) -> bool:
        """Whether the call uses the batch's moments whatever is fed."""
        return self.record["use_batch_statistics"] is True

    def expected(self, x: np.ndarray, given: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns (x - mean) / sqrt(variance + epsilon) * gamma + beta in float64.

        Args:
          x: what is normalised, in float64.
          given: the averages, and gamma and beta where the layer has them.
        """
        spread = [size if axis in self.record["axis"] else 1 for axis, size in enumerate(x.shape)]
        value = {role: given[role].astype(np.float64).reshape(spread) for role in self.parameters()}
        scaled = (x - value["mean"]) / np.sqrt(value["variance"] + self.record["epsilon"])
        result: np.ndarray = scaled * value.get("gamma", 1.0) + value.get("beta", 0.0)
        return np.maximum(result, 0.0) if self.relu else result

    def parameters(self) -> dict[str, str]:
        """Returns role -> name of a variable, or of a tensor with its colon."""
        mean, variance = self.averages
        named = {"mean": mean, "variance": variance, "gamma": self.record["gamma"], "beta": self.record["beta"]}
        return {role: name for role, name in named.items() if name is not None}


def placed(texts: Iterable[str], draft: Draft) -> list[dict[str, Any]]:
    """Returns the records of calls by the names that a graph has: a part that was exported may have lost a scope."""
    found = []
    names = set(draft.nodes)
    for text in texts:
        record = records.parse(text)
        if not record.get("calls") or not record.get("averages"):
            continue
        # From the full name to the bare one, so that the longest that fits wins.
        depth = record["averages"][0].count("/")
        for level in range(depth + 1):
            cut = records.renamed(record, functools.partial(_above, level=level))
            if {name.split(":")[0] for name in cut["averages"]} <= names:
                found.append(cut)
                break
    return found


def _above(name: str, level: int) -> str:
    """Returns a name without its first scopes."""
    return "/".join(name.split("/")[level:])


def averages(found: Iterable[dict[str, Any]], draft: Draft) -> set[str]:
    """Returns the ops with which recorded calls read their averages, of those that the graph holds."""
    return {name.split(":")[0] for record in found for name in record["averages"]} & set(draft.nodes)


def calls(known: Iterable[dict[str, Any]], draft: Draft, model: GraphModel, fed: Mapping[Ref, Ref]) -> list[Call]:
    """Returns the recorded calls that a graph holds and that do not only read averages already.

    A record whose names mean nothing in the graph, or whose result does not come of its input, is left out: the graph
    was changed by others. So is a call in a loop, where inference would have to be told how it enters.

    Args:
      known: the records of the graph, see :func:`placed`.
      draft: the graph.
      model: of the whole graph, which tells what is in a loop.
      fed: tensors that inputs took the place of.
    """
    found = []
    for record in known:
        if _loops(model, {name.split(":")[0] for pair in record["calls"] for name in pair}):
            continue
        for x, output in record["calls"]:
            call = Call(record, fed.get(parse(x), parse(x)), parse(output))
            if _holds(draft, call):
                merged = record["kernel"] == _MERGES and _is_relu(draft, call.output)
                found.append(call._replace(relu=merged))
    return found


def _is_relu(draft: Draft, ref: Ref) -> bool:
    """Whether a tensor is a ReLU, at most behind ops that hand it on."""
    while draft.nodes[ref[0]].op in ("Identity", "IdentityN"):
        ref = parse(draft.nodes[ref[0]].input[ref[1]])
    return bool(draft.nodes[ref[0]].op == "Relu")


def _loops(model: GraphModel, names: set[str]) -> bool:
    places = [model.flow.by_name[name] for name in names if name in model.flow.by_name]
    return any(item[0] == "loop" for place in places for item in model.flow.contexts[place])


def _holds(draft: Draft, call: Call) -> bool:
    needed = [call.x[0], call.output[0], *(name.split(":")[0] for name in call.parameters().values())]
    return all(name in draft.nodes for name in needed) and _leads(draft, call.x, call.output)


def _leads(draft: Draft, start: Ref, end: Ref) -> bool:
    """Whether a tensor is computed from another that is close above."""
    todo, seen = collections.deque([end]), {end}
    while todo and len(seen) < _NEAR:
        ref = todo.popleft()
        if ref == start:
            return True
        fresh = [item for item in map(parse, draft.nodes[ref[0]].input) if item[1] != CONTROL and item not in seen]
        seen.update(fresh)
        todo.extend(fresh)
    return False


def rewrite(draft: Draft, found: Sequence[Call]) -> tuple[list[dict[str, Ref]], dict[Ref, Ref]]:
    """Puts the ops of inference in the place of what computes the calls' results.

    Trick: names are exchanged in the end and all at once, since a graph of many layers has many more readers. What
    made a result keeps its other outputs under another name.

    Returns:
      for each call what it reads, by role; and the results that are another tensor now.
    """
    given, moved, names = [], {}, {}
    templates = template.Templates()
    for call in found:
        refs, result = _build(draft, templates, call)
        given.append(refs)
        moved[call.output] = result
        if call.output[1] == 0:
            # Whoever asks for the layer's output by its name must get the new one.
            names[call.output[0]] = draft.free_name(f"{call.output[0]}/training")
            names[result[0]] = call.output[0]
    draft.redirect(moved, names)
    for refs in given:
        refs.update({role: _named(moved.get(ref, ref), names) for role, ref in refs.items()})
    return given, {old: new for old, new in moved.items() if old[1] != 0}


def _named(ref: Ref, names: Mapping[str, str]) -> Ref:
    return names.get(ref[0], ref[0]), ref[1]


def _build(draft: Draft, templates: template.Templates, call: Call) -> tuple[dict[str, Ref], Ref]:
    """Adds the ops of inference for a call; returns what they read by role, and their result."""
    refs = {role: _value(draft, name) for role, name in call.parameters().items()} | {"x": call.x}
    made = templates.of(call.record, draft.dtype(call.x), draft.dtype(refs["mean"]))
    # The training graph may hold none of these ops.
    draft.learn(made.signatures)
    prefix = draft.free_name(f"{call.output[0]}/inference") + "/"
    for node in made.nodes:
        copy = draft.add(node, prefix)
        inputs = [spell(refs[text]) if text in refs else _prefixed(text, prefix) for text in copy.input]
        copy.ClearField("input")
        copy.input.extend(inputs)
    result = (prefix + made.result, 0)
    if call.relu:
        result = (str(draft.make(f"{prefix}relu", "Relu", [result], T=draft.dtype(call.x)).name), 0)
    return refs, result


def _prefixed(text: str, prefix: str) -> str:
    name, output = parse(text)
    return spell((prefix + name, output))


def _value(draft: Draft, name: str) -> Ref:
    """Returns the value of a variable, by an op that is added; a tensor as it is."""
    if ":" in name or draft.nodes[name].op not in VARIABLE_OPS:
        return parse(name)
    dtype = draft.nodes[name].attr["dtype"].type
    reader = draft.free_name(f"{name}/inference_read")
    if draft.nodes[name].op == "VarHandleOp":
        draft.make(reader, "ReadVariableOp", [(name, 0)], dtype=dtype)
    else:
        draft.make(reader, "Identity", [(name, 0)], T=dtype)
    return reader, 0
