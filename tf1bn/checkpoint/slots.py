"""Whose a tensor is that is named after another one: a slot of an optimizer, an average of weights.

TensorFlow names such a variable ``VARIABLE/WORD``. Where the optimizer, or the average, is itself built inside a
variable scope, that scope comes first: ``m1/m1/bn/gamma/Adam`` belongs to ``m1/bn/gamma``. Which part is the scope
and which the variable only the other names of the file tell.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tf1bn.checkpoint.bundle import TensorInfo

ATTRIBUTES = "/.ATTRIBUTES/VARIABLE_VALUE"
AVERAGE = re.compile(r"(?i)/(\w*moving_?averages?|ema|polyak\w*|swa)(_\d+)?$")
_WORD = (
    r"/((lazy|n|proximal)?_?(adam|adamax|adamw|momentum|momentumw|rmsprop|adagrad|adagradda|adadelta|ftrl|lamb|lars|"
    r"adafactor|powersign|addsign|shampoo|ggt|accumulator)(optimizer)?(_\w+)?)$"
)
_SLOT = re.compile(rf"(?i){_WORD}|/beta[12]_power(_\d+)?$")
_SLOT_HEADS = ("training/", "optimizer/", "adam/", "sgd/", "rmsprop/")
_KNOWN = re.compile(rf"{AVERAGE.pattern}|{_WORD}|/(biased|local_step)(_\d+)?$")


class Slot(NamedTuple):
    """Where a dependent tensor hangs.

    Attributes:
      owner: the tensor that it is named after, as the file has it.
      head: scope that the optimizer was built in, with its slash; mostly nothing.
      tail: what comes behind the owner's name, with its slash.
    """

    owner: str
    head: str
    tail: str

    @property
    def averages(self) -> bool:
        """Whether it is an average of its owner, and so changes when the owner's stored form does."""
        return bool(AVERAGE.search(self.tail))

    def renamed(self, owner: str) -> str:
        """Returns the name that goes with another name of the owner."""
        return self.head + plain(owner) + self.tail + (":0" if owner.endswith(":0") else "")


@functools.lru_cache(maxsize=1 << 12)
def _kind_of_word(word: str) -> tuple[bool, bool]:
    """Returns whether a last word is that of an average, and that of a slot; words repeat with every layer."""
    return bool(AVERAGE.search("/" + word)), bool(_SLOT.search("/" + word))


def is_average(name: str) -> bool:
    """Returns whether a variable is called like an average of weights."""
    at = name.rfind("/")
    return at > 0 and _kind_of_word(name[at + 1 :])[0]


def is_slot(name: str) -> bool:
    """Returns whether a variable is called like a slot of an optimizer, or like what else one keeps."""
    at = name.rfind("/")
    named = _kind_of_word(name[at + 1 :])[1] and (at > 0 or "_power" in name)
    return named or name[:11].lower().startswith(_SLOT_HEADS) or "/.OPTIMIZER_SLOT/" in name


def plain(name: str) -> str:
    """Returns a name without what files put behind it: ``:0``, or the attribute of an object-based key."""
    return name.removesuffix(":0").removesuffix(ATTRIBUTES)


def owners(tensors: Mapping[str, TensorInfo], shown: Mapping[str, str] | None = None) -> dict[str, Slot]:
    """Returns name of a dependent tensor -> what it belongs to.

    Args:
      tensors: every tensor of the file.
      shown: key -> name of the variable, where keys are paths of objects.
    """
    shown = shown or {}
    other = {name: key for key in tensors if (name := plain(shown.get(key, key))) != key}
    hidden = set(other.values())

    def key_of(name: str) -> str | None:
        return other.get(name) or (name if name in tensors and name not in hidden else None)

    # Most tensors hang on none: no part of their name but the last is the last part of another one.
    leaves = {key[key.rfind("/") + 1 :] for key in tensors} | {name[name.rfind("/") + 1 :] for name in other}
    found: dict[str, Slot] = {}
    doubtful: list[tuple[str, list[Slot]]] = []
    heads: dict[tuple[str, str], int] = {}  # how often an optimizer in this scope surely made a slot of this name
    for key in tensors:
        name = plain(shown.get(key, key))
        if leaves.isdisjoint(name.split("/")[:-1]):
            continue
        slots = list(_candidates(name, key, key_of, tensors))
        if len(slots) == 1:
            found[key] = slots[0]
            heads[slots[0].head, slots[0].tail] = heads.get((slots[0].head, slots[0].tail), 0) + 1
        elif slots:
            doubtful.append((key, slots))
    for key, slots in doubtful:
        # `a/b/gamma/Adam` fits `a/b/gamma`, and `b/gamma` under an optimizer in scope `a`: the scope that other
        # slots of this name have decides, else the longer name, which is the first.
        found[key] = max(slots, key=lambda slot: heads.get((slot.head, slot.tail), 0))
    return {key: _resolved(slot, found) for key, slot in found.items()}


def _resolved(slot: Slot, found: Mapping[str, Slot]) -> Slot:
    """Follows a slot of a slot, such as an average of weights of ``gamma/Adam``, to the variable."""
    while slot.owner in found:
        above = found[slot.owner]
        slot = Slot(above.owner, above.head, above.tail + slot.tail)
    return slot


def _candidates(
    name: str, key: str, key_of: Callable[[str], str | None], tensors: Mapping[str, TensorInfo]
) -> Iterator[Slot]:
    """Yields the variables that a name can be a slot of, the longest first."""
    last = cut = name.rfind("/")
    while cut > 0:
        owner = key_of(name[:cut])
        if owner and owner != key:
            yield Slot(owner, "", name[cut:])
            break
        cut = name.rfind("/", 0, cut)
    # Behind the scope of an optimizer comes the whole name of a variable and then one word. Layers may be called as
    # variables are (`w/bias` beside a variable `w`), so the word must be known or the shapes the same.
    start = name.find("/", 0, last) + 1
    while start > 0:
        owner = key_of(name[start:last])
        if owner and (_KNOWN.search(name[last:]) or tensors[owner].shape == tensors[key].shape):
            yield Slot(owner, name[:start], name[last:])
        start = name.find("/", start, last) + 1
