"""Layout: how one code base names and stores the tensors of a batch norm in a checkpoint.

A layout is data. A leaf is written with a template such as ``{scope}/moving_mean{twin}``: *scope* is the place of
the site, *twin* the ``_1`` that a second tensor of the same name gets. The template is also the pattern by which
the leaf is recognised, unless ``patterns`` says otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from tf1bn import errors
from tf1bn.checkpoint import conversions

GAMMA, BETA, MEAN, VARIANCE = "gamma", "beta", "moving_mean", "moving_variance"
ROLES = (GAMMA, BETA, MEAN, VARIANCE)
STATISTICS = (MEAN, VARIANCE)
INITIAL = {GAMMA: 1.0, BETA: 0.0, MEAN: 0.0, VARIANCE: 1.0}


@dataclasses.dataclass(frozen=True)
class Leaf:
    """One tensor of a site.

    Attributes:
      role: ``gamma``, ``beta``, ``moving_mean`` or ``moving_variance``; any other word for an extra tensor.
      name: template that it is written with.
      patterns: regular expressions with a group ``scope`` (and ``twin``) that it is also recognised by.
      stored: stored form (:mod:`tf1bn.checkpoint.conversions`).
      companion: role of the second tensor that the stored form needs.
      keepdims: whether the axes that are reduced stay as 1 when it is written: ``[1, ..., C]``; the rank.
      make: how it is made where the source has none: ``ones``, ``zeros``, ``copy ROLE``, ``constant N DTYPE``.
        Nothing: it is left out.
      patterns_only: whether ``patterns`` alone recognise it, where the template would fit too much.
    """

    role: str
    name: str
    patterns: tuple[str, ...] = ()
    stored: str = "identity"
    companion: str = ""
    keepdims: int = 0
    make: str = ""
    patterns_only: bool = False

    @functools.cached_property
    def regexes(self) -> tuple[re.Pattern[str], ...]:
        """The compiled patterns, the template's own last."""
        own = (_pattern(self.name),) if self.name and not self.patterns_only else ()
        return tuple(re.compile(pattern) for pattern in (*self.patterns, *own))

    @functools.cached_property
    def tokens(self) -> frozenset[str]:
        """Last words of names that this leaf can have; a cheap test before any regular expression."""
        texts = (text.replace("(?P<twin>(?:_\\d+)?)", "").replace("{twin}", "") for text in (*self.patterns, self.name))
        return frozenset(last_word(text.replace("\\", "")) for text in texts if text)

    def write(self, scope: str, twin: str = "") -> str:
        """Returns the name of this leaf at a site."""
        name = self.name.replace("{scope}", scope).replace("{twin}", twin)
        return name[1:] if not scope and name[:1] in "/._" else name


def last_word(name: str) -> str:
    """Returns the last word of a tensor name or template, without ``:0`` and a counter."""
    name = name.removesuffix(":0")
    cut = max(name.rfind("/"), name.rfind("_"), name.rfind("."))
    word = name[cut + 1 :]
    if word.isdigit() and cut > 0 and name[cut] == "_":
        name = name[:cut]
        word = name[max(name.rfind("/"), name.rfind("_"), name.rfind(".")) + 1 :]
    return word


def _pattern(template: str) -> str:
    head = r"(?:(?P<scope>.*[^/])/)?" if template.startswith("{scope}/") else ""
    rest = re.escape(template.removeprefix("{scope}/") if head else template)
    if not head:
        rest = rest.replace(r"\{scope\}", "(?P<scope>.+)", 1)
    rest = rest.replace(r"\{scope\}", "(?P=scope)")
    rest = rest.replace(r"\{twin\}", r"(?P<twin>(?:_\d+)?)", 1).replace(r"\{twin\}", "(?P=twin)")
    return head + rest + "(?::0)?"


@dataclasses.dataclass(frozen=True)
class Layout:
    """How one code base names and stores batch-norm tensors.

    Attributes:
      name: of the row in the catalog.
      title: one line for people.
      leaves: the tensors of a site; extras after the four roles.
      default_scope: last part of a scope that nobody named, without its counter.
      automatic: whether the code base itself gives that name, so that it changes when the code base does.
      epsilon: the default of that code base; None where there is none.
      rivals: layouts whose names are the same and whose values mean something else; a file cannot tell.
      sample: names of one site -> role, as that code base writes them.
      site_scope: scope of the sample's site.
      needs_naming: recognised so loosely that a migration must be told with ``--from``.
      needs_graph: names depend on the program, so that writing takes a graph or a file of the target.
      same_as: layout with the same names and values, which stands for both when a file is recognised.
      shadows: role of each extra tensor that an average of all weights would also leave. Where others than the
        statistics are averaged, these are such averages, and the layout is not meant unless it has more extras.
      whole: recognised so loosely that both statistics must be there.
      find: finds the sites of a file where names alone do not group tensors: tensors -> (scope, twin, role -> name).
    """

    name: str
    title: str
    leaves: tuple[Leaf, ...]
    default_scope: str
    automatic: bool = False
    epsilon: float | None = None
    rivals: tuple[str, ...] = ()
    sample: Mapping[str, str] = dataclasses.field(default_factory=dict)
    site_scope: str = ""
    needs_naming: bool = False
    needs_graph: bool = False
    same_as: str = ""
    shadows: tuple[str, ...] = ()
    whole: bool = False
    find: Callable[[Mapping[str, Any]], list[tuple[str, str, dict[str, str]]]] | None = None

    @property
    def writable(self) -> bool:
        """Whether the names of a site follow from its scope, so that the layout can be written."""
        return not self.needs_graph and all(leaf.name for leaf in self.leaves)

    @property
    def flat(self) -> bool:
        """Whether an underscore, not a slash, parts the scope from the word."""
        return any(leaf.name.startswith("{scope}_") for leaf in self.leaves)

    def leaf(self, role: str) -> Leaf | None:
        """Returns the leaf of a role, or None."""
        return next((leaf for leaf in self.leaves if leaf.role == role), None)

    def is_default(self, scope: str) -> bool:
        """Returns whether the scope's last part is this code base's name for a site that nobody named."""
        if not self.default_scope:
            return False
        head, mark, counter = scope.rsplit("/", 1)[-1].partition(self.default_scope)
        return bool(mark) and not head and (not counter or (counter[0] == "_" and counter[1:].isdigit()))


def check(layout: Any) -> None:
    """Refuses a layout that could not be used later.

    Raises:
      ArgumentTypeError: not a :class:`Layout`.
      ArgumentError: a leaf is doubled, has no scope in its pattern, an impossible pattern or stored form.
    """
    if not isinstance(layout, Layout):
        raise errors.ArgumentTypeError(errors.explain("not a checkpoint layout", got=layout, expected="a Layout"))
    roles = [leaf.role for leaf in layout.leaves]
    if len(set(roles)) != len(roles) or not set(STATISTICS) <= set(roles):
        raise errors.ArgumentError(
            errors.explain(
                f"layout {layout.name!r} must have each role once, the two statistics among them", got=tuple(roles)
            )
        )
    for leaf in layout.leaves:
        _check_leaf(layout, leaf, roles)


def _check_leaf(layout: Layout, leaf: Leaf, roles: list[str]) -> None:
    where = f"leaf {leaf.role!r} of layout {layout.name!r}"
    if not leaf.name and layout.find is None and not leaf.patterns:
        raise errors.ArgumentError(errors.explain(f"{where} has no name", fix="Give a template or patterns."))
    try:
        groups = [regex.groupindex for regex in leaf.regexes]
    except re.error as error:
        raise errors.ArgumentError(
            errors.explain(f"{where} has an impossible pattern", got=(*leaf.patterns, leaf.name), fix=f"{error}.")
        ) from None
    if leaf.name and not all("scope" in group or "twin" in group for group in groups):
        raise errors.ArgumentError(
            errors.explain(f"{where} has no place for the scope", got=leaf.name, expected="{scope} or (?P<scope>...)")
        )
    name, _ = conversions.parse(leaf.stored)
    if conversions.FORMS[name].companion and leaf.companion not in roles:
        raise errors.ArgumentError(
            errors.explain(f"{where} needs a companion", got=leaf.companion, expected=f"one of {', '.join(roles)}")
        )
    if not re.fullmatch(r"|ones|zeros|copy \w+|constant -?[\d.]+ \w+", leaf.make):
        raise errors.ArgumentError(
            errors.explain(
                f"{where} cannot be made", got=leaf.make, expected="ones, zeros, copy ROLE, constant N DTYPE"
            )
        )


def plain_leaves(*, gamma: str = "ones", twin: bool = True) -> tuple[Leaf, ...]:
    """Returns the four leaves that most code bases share: gamma, beta, moving_mean, moving_variance.

    Args:
      gamma: how gamma is made where the source has none.
      twin: whether second tensors of the same name (``moving_mean_1``) are a second site.
    """
    tail = "{twin}" if twin else ""
    return (
        Leaf(GAMMA, "{scope}/gamma" + tail, make=gamma),
        Leaf(BETA, "{scope}/beta" + tail, make="zeros"),
        Leaf(MEAN, "{scope}/moving_mean" + tail),
        Leaf(VARIANCE, "{scope}/moving_variance" + tail),
    )
