"""What a migration would leave behind under the old names: a batch norm must move whole, or not at all.

A tensor that no layout explains keeps its name. That is right for a kernel, and silently breaks a batch norm whose
mean is spelled as no code base spells it: its gamma moves, its mean stays, and the new program finds neither half.
So what lies beside a site and could be a part of it is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tf1bn.checkpoint import dtypes
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import BETA, GAMMA, ROLES, STATISTICS
from tf1bn.checkpoint.naming import SiteMove
from tf1bn.checkpoint.plan import SYNTHESISED, Trouble
from tf1bn.checkpoint.rules import Rules
from tf1bn.checkpoint.sites import LOOKS_LIKE

_SEPARATORS = re.compile(r"[/._]")
_NAMED = re.compile(r"(?i)(^|[/._])(moving|running|pop|population|renorm)_?(mean|avg|average|var|variance|std|stddev)$")
_WORD = re.compile(r"(?i)(^|[/._])(mean|mu|avg|var|variance|std|stddev|sigma|gamma|beta)$")
_STATISTIC = re.compile(r"(?i)(^|[/._])(mean|mu|avg|var|variance|std|stddev|sigma|ema)$")
_AFFINE = re.compile(r"(?i)^(gamma|scale|weight|g|beta|offset|shift|bias|b)$")
_BIAS = re.compile(r"(?i)^(bias|biases|b)$")
_FIX = "say what it is with --from=LAYOUT.json or --map (to its own name to leave it), or --drop it"


class Leftovers:
    """Finds, for one planned migration, the tensors that it would part from their batch norm.

    Args:
      moves: the sites, with what becomes of them.
      left: shown name -> tensor, of all that no site and no rule of the user's explains.
      rules: the user's own; a rename can bring a tensor to where its site goes.
    """

    def __init__(self, moves: Sequence[SiteMove], left: Mapping[str, TensorInfo], rules: Rules) -> None:
        self._moves, self._left, self._rules = moves, left, rules
        self._at: dict[str, list[SiteMove]] = {}
        self._flat: dict[str, SiteMove] = {}
        for move in moves:
            for scope in {move.site.scope, move.plain_scope}:
                halved = not set(STATISTICS) <= set(move.site.tensors)
                if scope and (halved or _changes(move) or move.site.layout is not move.target):
                    self._at.setdefault(scope, []).append(move)
            if _changes(move):
                self._flat |= {
                    move.site.tensors[role].replace("/", "_"): move
                    for role in (GAMMA, BETA)
                    if role in move.site.tensors
                }

    def troubles(self) -> Iterator[Trouble]:
        """Yields what stops the run."""
        asked: set[int] = set()
        for name, info in self._left.items():
            owner, rest, mark = self._beside(name)
            why = ""
            if owner is not None:
                placed = self._rules.renamed(name, set()) in self._wanted(owner)  # where the target looks for it
                why = "" if placed else self._why(owner, name, rest, mark, info)
                asked |= {id(owner)} if why or placed else set()
            elif (slot := self._flattened(name, info)) is not None:
                why = (
                    f"is called like a slot of {slot.site.label!r} as Keras 3 names it, which does not follow a rename"
                )
            elif dtypes.is_float(info.dtype) and _called_like_one(name):
                why = "is called like a statistic and belongs to no batch norm that any layout explains"
            if why:
                yield Trouble("split", name, f"{why}, and would keep its old name; {_FIX}")
        yield from self._elsewhere(asked)
        yield from self._parted()

    def _beside(self, name: str) -> tuple[SiteMove | None, str, str]:
        """Returns the site with the longest scope that a name begins with, the rest of it, and what parts them."""
        for match in reversed(list(_SEPARATORS.finditer(name))):
            found = self._at.get(name[: match.start()])
            rest = name[match.end() :]
            # `head_bn_1_gamma` lies beside `head_bn_1`, whether that is a site or not, and never beside `head_bn`.
            if found and rest and not (match[0] == "_" and rest[0].isdigit()):
                return found[0], rest, match[0]
        return None, "", ""

    def _flattened(self, name: str, info: TensorInfo) -> SiteMove | None:
        """Returns the site whose gamma or beta this is a slot of, in one word: `adam/bn_gamma_m` of `bn/gamma`."""
        optimizer, _, leaf = name.rpartition("/")
        found = [self._flat.get(leaf[: match.start()]) for match in re.finditer("_", leaf)] if optimizer else []
        owner = next((move for move in reversed(found) if move is not None), None)
        return owner if owner is not None and info.elements == owner.channels else None

    def _why(self, move: SiteMove, name: str, rest: str, mark: str, info: TensorInfo) -> str:
        site, arrives = move.site, self._rules.renamed(name, set())
        lacks = [role for role in ROLES if role not in site.tensors]
        there = f"lies beside {site.label!r}"
        alike = dtypes.is_float(info.dtype) and info.elements == move.channels
        if alike and set(lacks) & set(STATISTICS):
            return f"{there}, which lacks {' and '.join(lacks)}, and has its size"
        own = mark != "_" or site.layout.flat or _AFFINE.search(rest)
        bias = _BIAS.search(rest) and BETA in site.tensors  # that of a layer
        if alike and lacks and "/" not in rest and own and not bias:
            return f"{there}, which lacks {' and '.join(lacks)}, and has its size"
        if dtypes.is_float(info.dtype) and (_NAMED.search(rest) or (alike and _WORD.search(rest))):
            return f"{there} and is called like a part of it"
        moved = move.scope != move.plain_scope and mark == "/" and LOOKS_LIKE.search(move.plain_scope)
        follows = arrives.startswith(self._rules.renamed(move.scope + "/", set()))
        return f"lies in {site.label!r}, which moves to {move.scope!r}" if moved and not follows else ""

    def _wanted(self, move: SiteMove) -> set[str]:
        names = (leaf.write(move.scope, move.twin) for leaf in move.target.leaves)
        return {self._rules.renamed(name, set()) for name in names}

    def _elsewhere(self, asked: set[int]) -> Iterator[Trouble]:
        """Asks about sites without any statistics where tensors of their size are called like some, wherever."""
        by_size: dict[int, list[str]] = {}
        for name, info in self._left.items():
            if dtypes.is_float(info.dtype) and _STATISTIC.search(name):
                by_size.setdefault(info.elements, []).append(name)
        for move in self._moves:
            near = by_size.get(move.channels, [])
            if near and id(move) not in asked and not set(STATISTICS) & set(move.site.tensors):
                text = f"lacks its statistics, and {near[0]!r} has their size and is called like one; {_FIX}"
                yield Trouble("split", move.site.label, text)

    def _parted(self) -> Iterator[Trouble]:
        """Asks about halves that were taken for a batch norm each: `bn_gamma` of `bn`, `bn_mov_mean` of `bn_mov`."""
        halves = [move for move in self._moves if not set(STATISTICS) & set(move.site.tensors)]
        for move in self._moves:
            if not set(move.site.tensors) <= set(STATISTICS):
                continue
            for half in halves:
                begins = re.match(re.escape(half.site.scope) + r"[/._](?!\d)", move.site.scope)
                if begins and half.channels == move.channels:
                    why = f"may be a statistic of {half.site.label!r}, which lacks its own; {_FIX}"
                    yield from (Trouble("split", name, why) for name in move.site.tensors.values())

    def notes(self) -> Iterator[str]:
        """Yields pairs of tensors that are called like statistics and that no layout explains."""
        groups: dict[tuple[str, int], set[str]] = {}
        for name, info in self._left.items():
            match = _STATISTIC.search(name)
            if match and dtypes.is_float(info.dtype) and len(info.shape) == 1:
                groups.setdefault((name[: match.start()], info.elements), set()).add(name)
        for names in groups.values():
            if len(names) == 2:
                yield f"{' and '.join(sorted(names))} are called like statistics; no layout explains them, they stay"


def _called_like_one(name: str) -> bool:
    """Whether a name is that of a statistic by its own words, or by those of its scope."""
    word = _STATISTIC.search(name)
    return bool(_NAMED.search(name) or (word and LOOKS_LIKE.search(name[: word.start()])))


def _changes(move: SiteMove) -> bool:
    """Whether names of a site change, or a gamma or beta is made for it."""
    shown = move.shown
    return any(
        (step.action == SYNTHESISED and step.value in ("ones", "zeros"))
        or (step.source and shown.get(step.source, step.source) != step.target)
        for step in move.steps
    )
