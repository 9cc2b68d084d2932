"""What the batch norms of all dialects share: which strategy keeps the averages, and in whose words errors speak."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.core import switch as switches
from tf1bn.layers.batch_norm import batch_norm
from tf1bn.layers.options import Options
from tf1bn.strategies import catalog
from tf1bn.strategies.base import Request, UpdateStrategy
from tf1bn.strategies.collection import Collection
from tf1bn.strategies.frozen import Frozen
from tf1bn.strategies.inline import Inline

_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(batch_norm).parameters.items()
    if parameter.default is not inspect.Parameter.empty
}


@dataclasses.dataclass(frozen=True)
class InPlace(Inline):
    """Moves the averages with the output, in the body of a loop, too, where programs of the dialects call it.

    Each iteration moves them once, whether iterations overlap or not: an average moves in one indivisible op. In which
    order overlapping iterations come is up to TensorFlow, as in the originals, where some were lost besides; a warning
    says so.
    """

    @property
    def repeatable(self) -> bool:
        """Whether it is right in the body of a loop: ``check`` has the exceptions."""
        return True

    def check(self, request: Request) -> None:
        """Refuses what keeps more than two averages where iterations may overlap, and warns that they have no order."""
        beside = [name for name in ("zero_debias",) if name in request.schedule]
        if request.second != "moving_variance":
            beside.append("renorm")
        if request.updates and beside:
            require_steps(request.place, beside[0])
        if request.updates and request.place.overlaps:
            warnings.warn(
                f"a batch norm inside {request.place.describe()} moves its averages in each iteration, in an order "
                "that may differ from run to run, unless each iteration needs a result of the one before. For one "
                "order, build a loop of control flow v1 with parallel_iterations=1.",
                errors.Tf1bnWarning,
                stacklevel=2,
            )


def require_steps(where: place.Place, name: str) -> None:
    """Refuses a loop whose iterations may overlap, for a batch norm that derives one variable from others.

    Raises:
      PlacementError: updates could get lost.
    """
    if where.overlaps:
        raise errors.PlacementError(
            errors.explain(
                f"`{name}` moves several variables that depend on each other, and {where.describe()} may run its "
                "iterations at the same time, so that updates would get lost",
                fix="Leave it out; or build a loop of control flow v1 with parallel_iterations=1; or promise such a "
                "loop with tf1bn.default_update_strategy(tf1bn.Inline(sequential_loops=True)).",
            )
        )


def strategy(collections: Any = tf.GraphKeys.UPDATE_OPS) -> UpdateStrategy:
    """Returns the strategy of the enclosing ``default_update_strategy`` block, else what the dialect asks for.

    Args:
      collections: the name of a collection, or several; None for updates with the output; an empty list for none.
    """
    chosen = catalog.chosen_default()
    if chosen is not None:
        return chosen
    if collections is None:
        return InPlace()
    names = [collections] if isinstance(collections, str) else list(collections)
    return Collection(names[0]) if names else Frozen()


def at_this_place(kept_by: UpdateStrategy, is_training: Any) -> UpdateStrategy:
    """Returns a strategy that can be right here: a collection cannot hold what is made inside a branch.

    There the original registered operations that no session can run, so the averages never moved or the train
    step failed; here they move with the output of the branch, and a warning says so.
    """
    if not isinstance(kept_by, Collection) or catalog.chosen_default() is not None:
        return kept_by
    where = place.here()
    if where.top_level or where.repeats or switches.known_false(is_training):
        return kept_by
    warnings.warn(
        f"a batch norm inside {where.describe()} cannot register its updates in {kept_by.collection!r}: from outside "
        "they cannot be run. Its averages move when its output is computed.",
        errors.Tf1bnWarning,
        stacklevel=4,
    )
    return Inline()


def options(**given: Any) -> Options:
    """Returns checked options of a batch norm from some of the arguments of ``tf1bn.batch_norm``."""
    return Options.of({**_DEFAULTS, **given})


@contextlib.contextmanager
def speaking(where: str, words: Mapping[str, str], **context: Any) -> Iterator[None]:
    """Locates errors raised inside, and puts the dialect's words for ours: ``{"decay": "momentum"}``."""
    try:
        yield
    except errors.Tf1bnError as error:
        if not error.where:
            error.text = re.sub(r"`(\w+)`", lambda match: f"`{words.get(match[1], match[1])}`", error.text)
        errors.place(error, where, context)
        raise


def require_known(inputs: Any, name: str) -> None:
    """Refuses a batch norm input of unknown rank, in a text that holds the peers' word "undefined".

    Raises:
      ShapeError: the rank is unknown.
    """
    if inputs.shape.rank is None:
        raise errors.ShapeError(
            errors.explain(
                f"`{name}` has undefined rank",
                got=inputs.name,
                fix="Give the tensor a static shape, for example tf.ensure_shape(x, [None, 28, 28, 32]).",
            )
        )


def require_switch(value: Any, name: str) -> None:
    """Refuses None as a switch, which meant the learning phase of Keras.

    Raises:
      ArgumentTypeError: None.
    """
    if value is None:
        raise errors.ArgumentTypeError(
            errors.explain(
                f"`{name}` is None, which left the decision to Keras' learning phase; there is none here",
                expected="True, False or a bool tensor",
                fix=f"Pass {name}=False for inference.",
            )
        )


def corrects(rank: int, axes: tuple[int, ...], dtype: tf.DType) -> bool:
    """Whether the layer class of tf.layers would take the fused kernel, whose variance has Bessel's correction."""
    fits = axes in {4: ((1,), (3,)), 5: ((1,), (4,))}.get(rank, ())
    return fits and dtype in (tf.float16, tf.bfloat16, tf.float32)
