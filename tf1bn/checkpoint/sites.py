"""Finds the batch norms of a checkpoint by the names in it, and says which layout each has and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tf1bn import progress
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import MEAN, ROLES, STATISTICS, VARIANCE, Layout, last_word
from tf1bn.checkpoint.layouts import catalog
from tf1bn.checkpoint.slots import Slot

CERTAIN, LIKELY, GUESS = "certain", "likely", "guess"
_SHADOW = "/ExponentialMovingAverage"
# The last part of a scope that says what it is: BatchNorm, tpu_batch_normalization_3, bn, bn2a_branch2a, bn_conv1.
LOOKS_LIKE = re.compile(r"(?i)(^|[/_.])([a-z]*_?batch_?norm\w*|bn(\d\w*|_\w+)?)$")


class Site(NamedTuple):
    """One batch norm in a checkpoint.

    Attributes:
      scope: its place.
      twin: the counter of a second family of names in one scope, such as ``_1``.
      layout: how its tensors are named and stored.
      tensors: role -> name in the file.
      sure: ``certain``: no other layout has these names; ``likely``: others have them too, and the scope or the
        rest of the file speaks for this one; ``guess``: nothing does.
      candidates: other layouts that explain as many tensors.
      rivals: those of them whose values mean something else; a file cannot tell, a person must.
    """

    scope: str
    twin: str
    layout: Layout
    tensors: dict[str, str]
    sure: str
    candidates: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The scope as people see it."""
        return f"{self.scope or '(root)'}{self.twin}"

    def missing(self) -> tuple[str, ...]:
        """Returns the roles that the layout has and the file lacks, of the four."""
        return tuple(role for role in ROLES if role not in self.tensors)


Found = dict[tuple[str, str], dict[str, dict[str, str]]]  # (scope, twin) -> layout name -> role -> tensor name


def recognise(tensors: Mapping[str, TensorInfo], only: Layout | None = None) -> list[Site]:
    """Returns the sites of a checkpoint, in the order of their scopes.

    Args:
      tensors: name -> what is known without reading values.
      only: the one layout to look for; None for all.
    """
    layouts = [only] if only else [layout for layout in catalog.ordered() if not layout.same_as]
    found = _match(tensors, layouts)
    if only is None and _averages_weights(tensors):
        _leave_out_shadows(found, layouts)
    rows = {layout.name: layout for layout in layouts}
    votes = _votes(found, rows)
    sites: list[Site] = []
    taken: set[str] = set()
    places = sorted(found, key=lambda place: (natural(place[0]), natural(place[1])))
    for scope, twin in progress.each(places, "recognising", "batch norms"):
        site = _choose(scope, twin, found[scope, twin], rows, votes, tensors)
        if site is not None and taken.isdisjoint(site.tensors.values()):
            taken.update(site.tensors.values())
            sites.append(site)
    return sites


def _match(tensors: Mapping[str, TensorInfo], layouts: Sequence[Layout]) -> Found:
    """Tries each distinct pattern once per name: most layouts share theirs."""
    by_word: dict[str, dict[re.Pattern[str], list[tuple[str, str]]]] = {}
    found: Found = {}
    for layout in layouts:
        for leaf in layout.leaves:
            for word in leaf.tokens:
                for regex in leaf.regexes:
                    by_word.setdefault(word, {}).setdefault(regex, []).append((layout.name, leaf.role))
        for scope, twin, roles in layout.find(tensors) if layout.find else ():
            found.setdefault((scope, twin), {})[layout.name] = roles
    by_tail: dict[str, dict[re.Pattern[str], list[tuple[str, str]]] | None] = {}
    for name in progress.each(tensors, "matching names", "tensors"):
        tail = name[name.rfind("/") + 1 :]
        if tail not in by_tail:  # words repeat with every layer
            by_tail[tail] = by_word.get(last_word(tail))
        patterns = by_tail[tail]
        if patterns is None:
            continue
        seen: set[tuple[str, str]] = set()  # a leaf's first pattern that fits says where
        for regex, owners in patterns.items():
            match = regex.fullmatch(name)
            if match is None:
                continue
            groups = match.groupdict("")
            place = found.setdefault((groups.get("scope", ""), groups.get("twin", "")), {})
            for owner in owners:
                if owner not in seen:
                    seen.add(owner)
                    place.setdefault(owner[0], {}).setdefault(owner[1], name)
    return found


def _averages_weights(tensors: Mapping[str, TensorInfo]) -> bool:
    """Returns whether anything else than a statistic has an ExponentialMovingAverage."""
    heads = (name.removesuffix(_SHADOW) for name in tensors if name.endswith(_SHADOW))
    return any(head in tensors and last_word(head) not in ("mean", "variance") for head in heads)


def _leave_out_shadows(found: Found, layouts: Sequence[Layout]) -> None:
    """Forgets the layouts that a site fits only through averages of weights: to migrate it would drop them."""
    for layout in layouts:
        for by_layout in found.values() if layout.shadows else ():
            roles = by_layout.get(layout.name, {})
            if set(layout.shadows) & set(roles) and not set(roles) - set(layout.shadows) - set(ROLES):
                del by_layout[layout.name]


def _votes(found: Found, rows: Mapping[str, Layout]) -> dict[str, int]:
    """Counts for each layout the sites whose scope carries its default name."""
    votes = dict.fromkeys(rows, 0)
    for (scope, _), by_layout in found.items():
        for name in by_layout:
            votes[name] += rows[name].is_default(scope)
    return votes


def _choose(
    scope: str,
    twin: str,
    by_layout: Mapping[str, dict[str, str]],
    rows: Mapping[str, Layout],
    votes: Mapping[str, int],
    tensors: Mapping[str, TensorInfo],
) -> Site | None:
    counts = {name: sum(role in ROLES for role in roles) for name, roles in by_layout.items()}
    able: dict[str, dict[str, str]] = {}
    for most in sorted(set(counts.values()), reverse=True):
        able = {
            name: roles
            for name, roles in by_layout.items()
            if counts[name] == most
            and _is_site(scope, roles, tensors)
            and (not rows[name].whole or {MEAN, VARIANCE} <= set(roles))
        }
        if able:
            break
    else:
        return None
    keepdims = any(len(tensors[name].shape) > 1 for roles in able.values() for name in roles.values())

    def weigh(name: str) -> tuple[bool, int, int, int]:
        roles, layout = able[name], rows[name]
        default = layout.is_default(scope)
        extras = len(roles) if all(role in roles for role in STATISTICS) else most
        return default, extras, int(keepdims and name == "sonnet_v1" and default), votes[name]

    weights = {name: weigh(name) for name in able}
    order = sorted(able, key=weights.__getitem__, reverse=True)  # stable: the catalog's order among equals
    best = order[0]
    top = weights[best]
    equal = [name for name in order[1:] if weights[name][1] >= top[1]]
    rivals = tuple(name for name in equal if name in rows[best].rivals)
    told_apart = top[0] or top[2] or top[3]
    sure = LIKELY if told_apart and not rivals else GUESS
    if not equal:
        sure = CERTAIN
    if rows[best].needs_naming:
        sure = GUESS
    return Site(scope, twin, rows[best], dict(able[best]), sure, tuple(equal), rivals)


def _is_site(scope: str, roles: Mapping[str, str], tensors: Mapping[str, TensorInfo]) -> bool:
    """A site has a statistic, and sizes that agree; or, in a scope that says so, gamma or beta alone."""
    kept = [tensors[roles[role]] for role in ROLES if role in roles]
    if not kept or any(not info.dtype.numpy or info.dtype.name == "bool" for info in kept):
        return False
    if MEAN in roles and VARIANCE in roles:
        return tensors[roles[MEAN]].elements == tensors[roles[VARIANCE]].elements
    if MEAN in roles or VARIANCE in roles:
        return len(kept) > 1 or bool(LOOKS_LIKE.search(scope))
    return bool(LOOKS_LIKE.search(scope))


def satellites(dependent: Mapping[str, Slot], sites: Sequence[Site]) -> dict[str, tuple[int, str, Slot]]:
    """Returns tensors that belong to a site's tensor: name -> (site, role, slot), as ``gamma/Adam`` to gamma.

    Args:
      dependent: what :func:`tf1bn.checkpoint.slots.owners` says of the file; such tensors move with their owner.
      sites: those of the file.
    """
    roles = {name: (at, role) for at, site in enumerate(sites) for role, name in site.tensors.items()}
    return {
        name: (*roles[slot.owner], slot)
        for name, slot in dependent.items()
        if slot.owner in roles and name not in roles
    }


def natural(text: str) -> list[tuple[int, str]]:
    """Returns a key that sorts ``bn_2`` before ``bn_10``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
