"""Where the tensors of a recognised site go in another layout: name, stored form and shape of each."""

from __future__ import annotations

from collections.abc import Mapping

from tf1bn import errors
from tf1bn.checkpoint import conversions
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import MEAN, ROLES, STATISTICS, Layout, Leaf
from tf1bn.checkpoint.plan import CONVERTED, COPIED, RENAMED, SYNTHESISED, Drop, Step, Trouble
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.slots import Slot


def target_place(site: Site, target: Layout, plain_scope: str | None = None) -> tuple[str, str]:
    """Returns scope and twin of a site in another layout.

    A scope that the source's code base named by itself (``BatchNorm_1``) gets the name that the target's would
    give (``batch_norm_1``); a scope that a person named stays. A site in no scope gets one.
    """
    scope = site.scope if plain_scope is None else plain_scope
    if not scope:
        return (target.default_scope or "bn") + site.twin, ""
    head, slash, last = scope.rpartition("/")
    if site.layout is not target and site.layout.automatic and target.automatic and site.layout.is_default(scope):
        last = target.default_scope + last.removeprefix(site.layout.default_scope)
    return head + slash + last, site.twin


def move(
    source: str, target: str, info: TensorInfo, chain: tuple[str, ...], shape: tuple[int, ...], companion: str = ""
) -> Step:
    """Returns the step that brings one tensor to its target: copied, renamed or converted."""
    if chain or shape != info.shape:
        why = "" if shape == info.shape else f"{list(info.shape)} -> {list(shape)}"
        return Step(target, CONVERTED, source, chain, companion, info.dtype.name, shape, why=why)
    return Step(target, COPIED if target == source else RENAMED, source, (), "", info.dtype.name, shape)


def target_shape(shape: tuple[int, ...], leaf: Leaf, same_layout: bool) -> tuple[int, ...]:
    """Returns the shape a vector has in the target: ``[C]``, or ``[1, ..., C]`` where reduced axes stay."""
    if same_layout or not shape or any(size != 1 for size in shape[:-1]):
        return shape
    return (1,) * (leaf.keepdims - 1) + shape[-1:] if leaf.keepdims else shape[-1:]


class SiteMove:
    """The steps of one site towards one place in a target layout.

    Args:
      site: what moves.
      target: the layout that it moves to.
      plain_scope: scope of its variables, where the keys are paths of objects.
      tensors: every tensor of the file.
      shown: key -> name of its variable, where they differ.
      mapped: source -> target of the tensors that the user places; they are parts of the site and make no step here.

    Attributes:
      steps, drops, troubles: what becomes of the site's tensors.
      scope, twin: where it moves to.
      channels: how many it has.
    """

    def __init__(
        self,
        site: Site,
        target: Layout,
        plain_scope: str | None,
        tensors: Mapping[str, TensorInfo],
        shown: Mapping[str, str],
        mapped: Mapping[str, str],
    ) -> None:
        self.site, self.target, self.tensors, self.shown, self.mapped = site, target, tensors, shown, mapped
        self.plain_scope = site.scope if plain_scope is None else plain_scope
        self.scope, self.twin = target_place(site, target, plain_scope)
        self.steps: list[Step] = []
        self.drops: list[Drop] = []
        self.troubles: list[Trouble] = []
        self.channels = max(tensors[name].elements for role, name in site.tensors.items() if role in ROLES)
        self._chains: dict[str, tuple[str, ...]] = {}
        for role, name in site.tensors.items():
            if name not in mapped:
                self._leaf(role, name)
        for leaf in target.leaves:
            if leaf.role not in site.tensors:
                self._make(leaf)

    def _leaf(self, role: str, name: str) -> None:
        leaf, origin = self.target.leaf(role), self.site.layout.leaf(role)
        assert origin is not None
        if leaf is None:
            self.drops.append(Drop(name, f"layout {self.target.name} has no {role}"))
            return
        companion = self.site.tensors.get(origin.companion, "")
        try:
            chain = conversions.chain(origin.stored, leaf.stored)
        except errors.CheckpointPlanError as error:
            self.troubles.append(Trouble("impossible", name, error.text))
            return
        if chain and origin.companion and not companion:
            self.troubles.append(Trouble("impossible", name, f"needs {origin.companion}, which the file lacks"))
            return
        info = self.tensors[name]
        shape = target_shape(info.shape, leaf, self.site.layout is self.target) if role in ROLES else info.shape
        if info.slices and (shape != info.shape or companion):
            self.troubles.append(Trouble("impossible", name, "a partitioned tensor changes its shape"))
            return
        self._chains[role] = chain
        name_there = name if self.site.layout is self.target and self._stays() else leaf.write(self.scope, self.twin)
        self.steps.append(move(name, name_there, info, chain, shape, companion))

    def _stays(self) -> bool:
        return (self.scope, self.twin) == (self.site.scope, self.site.twin)

    def _make(self, leaf: Leaf) -> None:
        """Adds a tensor that the target has and the source lacks."""
        statistic = self.site.tensors.get(MEAN, "")
        if not leaf.make or not set(STATISTICS) <= set(self.site.tensors):
            return  # half a batch norm is not completed: what it lacks may be in the file under another name
        info = self.tensors[statistic]
        target = leaf.write(self.scope, self.twin)
        if leaf.make.startswith("copy "):
            role = leaf.make.removeprefix("copy ")
            source = self.site.tensors.get(role, "")
            step = next((step for step in self.steps if source and step.source == source), None)
            if step is None and source:  # the user places it
                step = move(source, target, self.tensors[source], (), self.tensors[source].shape)
            if step is not None:
                self.steps.append(step._replace(target=target, action=SYNTHESISED, value="copy", why=f"as {role}"))
            return
        if leaf.make.startswith("constant "):
            _, number, dtype = leaf.make.split()
            step = Step(target, SYNTHESISED, "", (), "", dtype, (), f"constant {number}", "absent in the source")
        else:
            chain = conversions.chain("identity", leaf.stored)
            shape = target_shape(info.shape, leaf, False)
            step = Step(target, SYNTHESISED, "", chain, "", info.dtype.name, shape, leaf.make, "absent in the source")
        self.steps.append(step)

    def satellite(self, name: str, role: str, slot: Slot) -> None:
        """Moves a tensor that is named after one of the site's: a slot of an optimizer, an average of weights."""
        source = self.site.tensors[role]
        owner = next((step for step in self.steps if step.source == source and step.value == ""), None)
        target = self.mapped.get(source) or (owner.target if owner else "")
        if not target:
            self.drops.append(Drop(name, f"layout {self.target.name} has no {role}"))
            return
        info = self.tensors[name]
        chains = self._chains.get(role, ())
        chain = chains if slot.averages else ()
        if chains and not chain and any("minus_one" not in step for step in chains):
            self.troubles.append(Trouble("impossible", name, f"a slot of {role}, whose stored form changes; drop it"))
            return
        shape = owner.shape if owner and info.shape == self.tensors[source].shape else info.shape
        self.steps.append(move(name, slot.renamed(target), info, chain, shape))
