"""The batch norms of a graph: which ops normalise, with which statistics, kept in which variables."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

import numpy as np

from tf1bn.graph import decomposed, ops, uses
from tf1bn.graph.contexts import Context
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import Node, Tensor, in_gradient
from tf1bn.graph.site import BATCH, BOTH, MOVING, Normalizer, Site
from tf1bn.graph.switches import Switches
from tf1bn.graph.variables import AUXILIARY, STATISTIC_NAME, VARIANCE_NAME, Variable, Variables, Writer

FUSED_OPS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx")
GLOBAL_OP = "BatchNormWithGlobalNormalization"
_FED = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "IteratorGetNext", "QueueDequeueManyV2")
_MOST_STEPS = 20
_NUMBER = re.compile(r"_\d+$")
_INNER = re.compile(r"(/batchnorm(_\d+)?|/cond(_\d+)?(/(then|else)_branch)?)+$")
_KEPT_NAME = re.compile(rf"/(gamma|beta|scale|offset)$|{STATISTIC_NAME.pattern}", re.IGNORECASE)
_SHADOW = re.compile(r"/ExponentialMovingAverage(_\d+)?$")


class SiteFinder:
    """Builds the sites of one graph."""

    def __init__(self, flow: Flow, variables: Variables, switches: Switches) -> None:
        self.flow = flow
        self.variables = variables
        self.switches = switches
        self._used_under: dict[int, Context] = {}

    def find(self) -> list[Site]:
        """Returns all sites in graph order."""
        normalizers = [*self._fused(), *self._global(), *self._spelled()]
        # Bodies of functions are laid out behind the whole top level: a layer in a branch stands where its call does.
        normalizers.sort(key=lambda item: (self._place(item.node), item.node.id))
        sites = [self._site(group) for group in self._groups(normalizers)]
        by_moment: dict[Tensor, list[Site]] = {}
        for site in sites:
            for moment in site.moments:
                by_moment.setdefault(moment, []).append(site)
        # Proofs before guesses: what moves a variable says more than whose gamma it shares, and that more than a name.
        self._link_by_update(by_moment)
        _link_by_affine(sites)
        for site in sites:
            self._link_by_name(site)
            site.scope = self._scope(site)
        # Only now, as a site may have got its averages from any of the three.
        kept = [site for site in sites if site.statistics or not self._is_look_alike(site)]
        by_batch = {id(variable) for site in kept if site.mode != MOVING for variable in site.statistics}
        return [site for site in kept if not self._standardises_inputs(site, by_batch)]

    def _standardises_inputs(self, site: Site, by_batch: set[int]) -> bool:
        """Whether running statistics of what is fed scale it, also in training: observations, rewards, targets."""
        item = site.normalizers[0]
        own = site.statistics and not any(id(variable) in by_batch for variable in site.statistics)
        if site.mode != MOVING or not own or item.gamma is not None or item.beta is not None:
            return False
        # Averages that nothing moves are those of an inference graph, whose first layer may well normalise what is fed.
        moved = all(variable.of_kind("update") for variable in site.statistics)
        return moved and all(self.flow.nodes[n].op in _FED for n, _ in self.flow.origins(item.x))

    def _is_look_alike(self, site: Site) -> bool:
        """Whether what keeps no averages only looks so: it standardises weights, or leaves no channel."""
        item = site.normalizers[0]
        # A fused op is never made for weights, and without moments there is nothing to look at the axes of.
        if item.fused or not site.moments:
            return False
        if self.variables.among(self.flow.origins(item.x)):
            return True
        number = min(site.mean_moments or site.moments)[0]
        node = self.flow.nodes[number]
        rank = self.flow.rank(node.inputs[0]) if node.op in ops.REDUCE else None
        return rank is not None and len(set(self.flow.reduced_axes(number) or ())) == rank

    def _place(self, node: Node) -> int:
        """The top-level op that a node belongs to."""
        while node.call >= 0:
            node = self.flow.nodes[node.call]
        return node.id

    def _fused(self) -> Iterator[Normalizer]:
        for node in self.flow.of_ops(FUSED_OPS.__contains__):
            # Graphs that were cut may have lost inputs; what is no whole op is no layer.
            if len(node.inputs) < 5 or self._is_part(node):
                continue
            batch = _by_own_moments(node)
            epsilon, layout = node.attr("epsilon"), node.attr("data_format")
            item = Normalizer(
                node,
                node.inputs[0],
                node.inputs[3],
                node.inputs[4],
                node.inputs[1],
                node.inputs[2],
                # The default of the op's definition, which writers of graphs may leave out.
                epsilon.f if epsilon is not None else 1e-4,
                (node.id, 0),
                True,
                BATCH if batch else MOVING,
                layout.s.decode() if layout is not None and layout.s else "NHWC",
                ((node.id, 1), (node.id, 2)) if batch else (),
            )
            # A fused op in inference mode may be given moments that the graph computes, so the op's mode alone says
            # nothing.
            if not batch and self._moments(item.mean):
                item.mode = BOTH if self._has_variable(item.mean) else BATCH
            # With kept statistics it is a batch norm for sure: layer norm keeps none.
            if not (batch and self._is_instance_norm(item)):
                yield item

    def _is_part(self, node: Node) -> bool:
        """Whether a fused op only serves another: it gives that one its moments, or is arithmetic of a gradient."""
        if _by_own_moments(node):
            # A use of output 0 means that the normalised values count, too.
            return bool(self._lenders[node.id]) and all(output for _, _, output in self.flow.users[node.id])
        return in_gradient(node.name) and not self.variables.among(self.flow.origins(node.inputs[1]))

    @functools.cached_property
    def _lenders(self) -> bytearray:
        """Marks what the given moments of fused ops are computed from."""
        others = [
            node
            for node in self.flow.of_ops(FUSED_OPS.__contains__)
            if len(node.inputs) > 3 and not _by_own_moments(node)
        ]
        return self.flow.feeds([node.inputs[3][0] for node in others])

    def _is_instance_norm(self, item: Normalizer) -> bool:
        """Whether a fused op is used for layer or group norm: a reshaped input and no learned scale in the op."""
        reshaped = self.flow.nodes[self.flow.strip(item.x)[0]].op == "Reshape"
        plain = not any(self.variables.among(self.flow.origins(t)) for t in (item.gamma, item.beta) if t is not None)
        shape = self.flow.constant(self.flow.nodes[self.flow.strip(item.x)[0]].inputs[1]) if reshaped else None
        leading_one = shape is not None and shape.size > 2 and int(np.ravel(shape)[0]) == 1
        made = {
            self.flow.nodes[n].op
            for n, _ in (self.flow.strip(item.gamma or item.x), self.flow.strip(item.beta or item.x))
        }
        # A frozen graph has no variables, so a learned scale looks as plain as the ones that layer norm passes.
        if item.gamma is not None and item.beta is not None and self._is_learned(item.gamma, item.beta):
            return False
        return reshaped and plain and (leading_one or bool(made & {"Fill", "OnesLike", "ZerosLike"}))

    def _is_learned(self, gamma: Tensor, beta: Tensor) -> bool:
        """Whether constants are what freezing made of learned values: no layer of one example scales by such."""
        scale, shift = self.flow.constant(gamma), self.flow.constant(beta)
        return (scale is not None and bool(np.any(scale != 1))) or (shift is not None and bool(np.any(shift != 0)))

    def _global(self) -> Iterator[Normalizer]:
        for node in self.flow.of_ops(GLOBAL_OP.__eq__):
            if len(node.inputs) >= 5:
                epsilon = node.attr("variance_epsilon")
                x, mean, variance, beta, gamma = node.inputs[:5]
                item = Normalizer(
                    node, x, mean, variance, gamma, beta, epsilon.f if epsilon is not None else 0.0, (node.id, 0), False
                )
                item.mode = self._mode(item)
                yield item

    def _spelled(self) -> Iterator[Normalizer]:
        for pattern in decomposed.find(self.flow, self.variables):
            item = Normalizer(
                pattern.anchor,
                pattern.x,
                pattern.mean,
                pattern.variance,
                pattern.gamma,
                pattern.beta,
                pattern.epsilon,
                pattern.output,
                False,
            )
            item.mode = self._mode(item)
            yield item

    def _mode(self, item: Normalizer) -> str:
        if not (self._moments(item.mean) and self._moments(item.variance)):
            return MOVING
        return BOTH if self._has_variable(item.mean) and self._is_switched(item.mean) else BATCH

    def _moments(self, tensor: Tensor) -> frozenset[Tensor]:
        return frozenset(source for source in self.flow.sources(tensor) if self.flow.is_batch_moment(source))

    def _has_variable(self, tensor: Tensor) -> bool:
        """Whether a value can come from a variable, or from the constant that freezing made of one."""
        if any(number in self.variables.by_node for number, _ in self.flow.sources(tensor)):
            return True
        kept = [source for source in self.flow.origins(tensor) if self.flow.nodes[source[0]].op == "Const"]
        # Scalars are a decay or an epsilon; only what has channels can be a frozen average.
        return not self.variables.by_node and any(self.flow.shape(source) not in ((), (0,), None) for source in kept)

    def _is_switched(self, tensor: Tensor) -> bool:
        return any(self.switches.chooser(number) is not None for number in self.flow.passed(tensor))

    def _groups(self, normalizers: list[Normalizer]) -> list[list[Normalizer]]:
        """Joins the normalisers of the two branches of one layer: same input, opposite conditions."""
        groups: list[list[Normalizer]] = []
        by_input: dict[Tensor, list[list[Normalizer]]] = {}
        for item in normalizers:
            key = self._start(item.x)
            home = next((g for g in by_input.get(key, []) if self._belong(g[0], item)), None)
            if home is None:
                groups.append([item])
                by_input.setdefault(key, []).append(groups[-1])
            else:
                home.append(item)
        return groups

    def _start(self, tensor: Tensor) -> Tensor:
        """Follows an input back to what both branches of a layer take: through reshapes and a switched shift."""
        # Bounded, as a damaged graph may lead in a circle.
        for _ in range(_MOST_STEPS):
            tensor = self.flow.strip(tensor)
            node = self.flow.nodes[tensor[0]]
            ends = {tensor}
            if node.op == "Reshape":
                ends = {self.flow.strip(node.inputs[0])}
            elif node.op in ("Merge", "If", "StatelessIf"):
                ends = {self.flow.strip(self._unshifted(source)) for source in self._choices(tensor)}
            if len(ends) > 1 or tensor in ends:
                break
            tensor = ends.pop()
        return tensor

    def _choices(self, tensor: Tensor) -> list[Tensor]:
        """Returns the values that a conditional chooses from."""
        bodies = self.flow.bodies.get(tensor[0])
        if bodies is None:
            return list(self.flow.nodes[tensor[0]].inputs)
        return [body.returns[tensor[1]] for body in bodies if tensor[1] < len(body.returns)]

    def _unshifted(self, tensor: Tensor) -> Tensor:
        node = self.flow.nodes[self.flow.strip(tensor)[0]]
        return node.inputs[0] if node.op in ("BiasAdd", "AddV2", "Sub") else tensor

    def _belong(self, first: Normalizer, second: Normalizer) -> bool:
        """Whether two normalisers are the branches of one layer: they run in turn, and not with two sets of weights."""
        if not self._opposite(first, second):
            return False
        one, two = self._weights(first), self._weights(second)
        return not one or not two or bool(one & two)

    def _weights(self, item: Normalizer) -> set[Variable]:
        given = [tensor for tensor in (item.gamma, item.beta) if tensor is not None]
        return {variable for tensor in given for variable in self.variables.among(self.flow.origins(tensor))}

    def _opposite(self, one: Normalizer, two: Normalizer) -> list[Tensor]:
        """The conditions that select the one and not the other."""
        there = self._conditions(two)
        return [
            item[1]
            for item in self._conditions(one)
            if item[0] == "cond" and item[2] in (0, 1) and ("cond", item[1], 1 - item[2]) in there
        ]

    def _conditions(self, item: Normalizer) -> Context:
        """What a normaliser runs under, or is only used under: a program may choose between finished outputs."""
        if item.node.id not in self._used_under:
            self._used_under[item.node.id] = self.flow.contexts[item.node.id] | uses.under(self.flow, item.output)
        return self._used_under[item.node.id]

    def _site(self, group: list[Normalizer]) -> Site:
        modes = {item.mode for item in group}
        site = Site("", group, BOTH if len(modes) > 1 or BOTH in modes else modes.pop())
        for item in group:
            # gamma comes first, as the search for beta must leave it out.
            for role, tensor in (("gamma", item.gamma), ("beta", item.beta)):
                found = self._parameters(item, tensor, site.gamma) if tensor is not None else []
                # Several variables are arithmetic of the program, and none of them is the parameter.
                if len(found) == 1 and getattr(site, role) is None:
                    setattr(site, role, found[0])
            self._add_statistics(site.mean, item.mean)
            self._add_statistics(site.variance, item.variance)
        means = [self._moments_of(item, 0) for item in group]
        variances = [self._moments_of(item, 1) for item in group]
        site.mean_moments = frozenset().union(*means)
        # The variance is computed from the mean as well; where nothing else is left, both are of one op.
        site.variance_moments = frozenset().union(*variances) - site.mean_moments or frozenset().union(*variances)
        if site.mode == BOTH:
            site.predicate = self._predicate(group)
            site.by_batch = self._by_batch(group, site.predicate)
        return site

    def _parameters(self, item: Normalizer, tensor: Tensor, gamma: Variable | None) -> list[Variable]:
        """Returns the variables that gamma or beta is read from, also where factors carry the moments' gradients."""
        found = self.variables.among(self.flow.origins(tensor))
        if found or not item.fused or item.mode == MOVING:
            return found
        return [variable for variable in self.variables.among(self.flow.sources(tensor)) if variable is not gamma]

    def _add_statistics(self, known: list[Variable], tensor: Tensor) -> None:
        for variable in self.variables.among(self.flow.origins(tensor)):
            # A scalar among the origins is a switch or a weight of the blend.
            if variable not in known and len(variable.shape or (1,)) > 0:
                known.append(variable)

    def _moments_of(self, item: Normalizer, which: int) -> frozenset[Tensor]:
        own = frozenset(item.own_moments[which : which + 1])
        return own or self._moments(item.variance if which else item.mean)

    def _predicate(self, group: list[Normalizer]) -> Tensor | None:
        """The condition that chooses the statistics; the caller's flag, where others choose with it."""
        # What keeps two branches apart is surer than what the mean passed on its way.
        apart = [found for one in group for other in group for found in self._opposite(one, other)]
        if apart:
            return self.switches.best(sorted(apart))
        passed = sorted(self.flow.passed(group[0].mean))
        return self.switches.best(found for number in passed if (found := self.switches.chooser(number)) is not None)

    def _by_batch(self, group: list[Normalizer], predicate: Tensor | None) -> bool | None:
        """The value of the predicate that selects the batch: of the branch that the batch's normaliser is in."""
        for item in group:
            for kind, tensor, branch in self._conditions(item):
                if kind == "cond" and tensor == predicate and branch in (0, 1) and item.mode in (BATCH, MOVING):
                    return bool(branch) == (item.mode == BATCH)
        for number in sorted(self.flow.passed(group[0].mean)):
            if self.switches.chooser(number) == predicate:
                return self._chosen_by(self.flow.nodes[number])
        return None

    def _chosen_by(self, node: Node) -> bool | None:
        """The value of a choice under which batch moments are chosen."""
        if node.op in ("Select", "SelectV2"):
            sides = [(True, node.inputs[1]), (False, node.inputs[2])]
        elif node.id in self.flow.bodies:
            sides = [
                (body.branch == "then_branch", tensor)
                for body in self.flow.bodies[node.id]
                for tensor in body.returns
                if self._moments(tensor) or self._has_variable(tensor)
            ]
        else:
            sides = [
                (bool(item[2]), tensor)
                for tensor in node.inputs
                for item in self.flow.edge(*tensor, self.flow.contexts) - self.flow.contexts[node.id]
                if item[0] == "cond" and item[2] in (0, 1)
            ]
        # Where both sides come from the batch, the choice is between something else.
        batch = {value for value, tensor in sides if self._moments(tensor)}
        return batch.pop() if len(batch) == 1 else None

    def _link_by_update(self, by_moment: dict[Tensor, list[Site]]) -> None:
        """A variable that is moved by a site's batch moments keeps that site's statistics.

        Its name says which one, where it does; a mean that is computed in two steps looks like a variance otherwise.
        """
        for variable in self.variables.by_node.values():
            if variable.name.endswith(AUXILIARY):
                continue
            for writer in variable.of_kind("update"):
                # Sorted, so that a graph gives the same sites each time it is read.
                for source in sorted(writer.sources):
                    site = _home(variable, by_moment.get(source, ()))
                    if site is None or variable in site.statistics:
                        continue
                    only_mean = _keeps_mean(variable, writer, site)
                    (site.mean if only_mean else site.variance).append(variable)

    def _link_by_name(self, site: Site) -> None:
        """Finds kept statistics that nothing connects with their batch norm, by the scope they share."""
        # A name is the weakest sign, so it never overrules a connection.
        if site.statistics or not site.affine:
            return
        for variable in self._named_by_scope.get(site.affine[0].scope, ()):
            if variable.replica == site.affine[0].replica:
                (site.variance if VARIANCE_NAME.search(variable.plain_name) else site.mean).append(variable)

    @functools.cached_property
    def _named_by_scope(self) -> dict[str, list[Variable]]:
        """The variables that are called like a statistic, by each scope that they lie in."""
        found: dict[str, list[Variable]] = {}
        for variable in self.variables.by_node.values():
            scope = variable.scope if STATISTIC_NAME.search(variable.plain_name) else ""
            while scope:
                found.setdefault(scope, []).append(variable)
                scope = scope.rpartition("/")[0]
        return found

    def _scope(self, site: Site) -> str:
        for variable in [*site.affine, *site.statistics]:
            # A shadow is named after the op that was averaged, which may lie in a scope of its own.
            if variable.scope and "/ExponentialMovingAverage" not in variable.name:
                return variable.scope
        name = self._frozen_name(site) or site.normalizers[0].node.name
        scope = name.rsplit("/", 1)[0] if "/" in name else name
        return _INNER.sub("", scope)

    def _frozen_name(self, site: Site) -> str:
        """The name that a variable of the site had before it was frozen; a conditional's scope says less."""
        given = [tensor for n in site.normalizers for tensor in (n.beta, n.gamma, n.mean, n.variance) if tensor]
        for tensor in given:
            for number, _ in sorted(self.flow.origins(tensor)):
                node = self.flow.nodes[number]
                if node.op == "Const" and "/" in node.name and _KEPT_NAME.search(node.name):
                    return node.name
        return ""


def _by_own_moments(node: Node) -> bool:
    """Whether a fused op normalises by moments that it computes."""
    # True is the op's default, which writers of graphs may leave out.
    training = node.attr("is_training")
    return training is None or training.b


def _keeps_mean(variable: Variable, writer: Writer, site: Site) -> bool:
    """Whether a moved variable keeps a mean. A telling name decides: updates may share a count of values."""
    if STATISTIC_NAME.search(_SHADOW.sub("", variable.name)):
        return not VARIANCE_NAME.search(variable.name)
    return not writer.sources & site.variance_moments


def _home(variable: Variable, sites: Sequence[Site]) -> Site | None:
    """The site whose statistics a variable keeps, of those that share a batch moment.

    They are several where moments are those of all replicas: then the copies of one replica belong together.
    """
    for site in sites:
        if any((item.scope, item.replica) == (variable.scope, variable.replica) for item in site.affine):
            return site
    return sites[-1] if sites else None


def _link_by_affine(sites: Sequence[Site]) -> None:
    """Sites that share gamma and beta share the kept statistics, of which one of them may be the only writer."""
    known: dict[tuple[str, ...], Site] = {}
    for site in sites:
        if site.statistics and site.affine:
            known.setdefault(tuple(item.name for item in site.affine), site)
    for site in sites:
        owner = known.get(tuple(item.name for item in site.affine))
        if owner is not None and not site.statistics:
            site.mean, site.variance = list(owner.mean), list(owner.variance)
