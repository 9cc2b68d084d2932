"""The contract of an update strategy.

A strategy says which variables it keeps, how inference reads them, and which ops move them. It attaches
nothing itself: it returns an :class:`UpdatePlan`, and the layer carries it out. So a strategy can be tested
without a layer, and no layer knows a strategy by name.

What must hold for every strategy, with reference and resource variables and both versions of control flow:

1. The averages read their initial values before any update, and the strategy's formula after 1 and N.
2. With the switch off, a run leaves every variable bit-identical, also for a NaN input, and computes no
   batch moments.
3. With the switch on, one run that executes the update moves each average exactly once.
4. No gradient flows into the averages.
5. Calling again under reuse creates no variable.
6. Averages are at least float32, whatever the input.
7. A graph built for training saves, and a graph built for inference restores with a plain Saver.
8. Two writers of one average in one step are refused, ordered, or right in any order; none gets lost.

The layer sees to 2, 4, 6 and 8 as long as a strategy creates its variables through the request and makes
the ops that move them inside ``update``.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import variables
from tf1bn.core.naming import OWN, Naming
from tf1bn.core.place import Place
from tf1bn.core.values import Averages, Moments, is_variable

OUTPUT = "output"
"""Placement: the layer's output depends on the update, so computing the one runs the other."""

NOWHERE = "nowhere"
"""Placement: nothing to run."""


class UpdatePlan(NamedTuple):
    """The ops that move the averages, and where they belong.

    Attributes:
      ops: operations or tensors; running all of them moves each average once.
      placement: :data:`OUTPUT`, :data:`NOWHERE`, or the name of a graph collection.
    """

    ops: Sequence[Any] = ()
    placement: str = NOWHERE


@dataclasses.dataclass(frozen=True)
class Request:
    """What a layer asks a strategy to keep.

    Attributes:
      scope: full name of the variable scope in which the variables are made.
      shape: shape of the averages.
      dtype: their dtype, float32 or float64.
      decay: share of the old average kept, as the caller gave it.
      updates: whether this call may move the averages (False for a graph of inference only).
      place: where in the graph the call stands.
      mean_initializer: initializer of the moving mean.
      variance_initializer: initializer of the second average.
      schedule: names of the layer's arguments that change the decay from update to update.
      second: name of the second average; ``moving_stddev`` under batch renormalization, which averages
        standard deviations.
      naming: order and collections of the variables.
      conditional: whether the update may stand in a conditional that the layer makes.
      bessel_correction: whether the second average takes in the unbiased variance; of use to a strategy that pools.
      first_replica: under tf.distribute, whether the first replica's copy is the one that is read and saved.
      between: what :meth:`averages` makes between its two variables, if anything.
      made: what has been made through the request so far, by name.
    """

    scope: str
    shape: tuple[int, ...]
    dtype: tf.DType
    decay: Any
    updates: bool
    place: Place
    mean_initializer: Callable[..., Any]
    variance_initializer: Callable[..., Any]
    schedule: tuple[str, ...] = ()
    second: str = "moving_variance"
    naming: Naming = OWN
    conditional: bool = False
    bessel_correction: bool = False
    first_replica: bool = False
    between: Callable[[], Any] | None = None
    made: dict[str, Any] = dataclasses.field(default_factory=dict, compare=False)

    def averages(self, *, shape: tuple[int, ...] | None = None, resource: bool = False) -> Averages:
        """Returns ``moving_mean`` and ``moving_variance`` (or what ``second`` says), created or reused.

        Args:
          shape: another shape than the one that is read.
          resource: insists on resource variables, whatever the scope says.
        """
        shape = self.shape if shape is None else shape
        mean = self._kept("moving_mean", shape, self.mean_initializer, resource, tracked=True)
        if self.between is not None:
            self.between()
        return Averages(mean, self._kept(self.second, shape, self.variance_initializer, resource, tracked=True))

    def variable(
        self, name: str, *, shape: tuple[int, ...] = (), initializer: Any = None, resource: bool = False
    ) -> Any:
        """Returns a further statistic under the layer's scope, zero unless an initializer is given.

        It is not listed in MOVING_AVERAGE_VARIABLES, whose entries have a shadow for ``ema.variables_to_restore()``.
        """
        return self._kept(name, shape, initializer or tf.zeros_initializer(), resource, tracked=False)

    def _kept(self, name: str, shape: tuple[int, ...], initializer: Any, resource: bool, *, tracked: bool) -> Any:
        kept = variables.average(
            name,
            shape,
            self.dtype,
            initializer=initializer,
            resource=resource,
            naming=self.naming,
            tracked=tracked,
            first_replica=self.first_replica,
        )
        self.made[name] = kept
        if self.updates and not is_variable(kept):
            raise errors.ArgumentTypeError(
                errors.explain(
                    f"a custom getter returned a tensor for {name!r}, which cannot move",
                    got=kept,
                    expected="a variable where averages move",
                    fix="Let the getter pass on what is not trainable, or call the layer with is_training=False.",
                )
            )
        return kept


@runtime_checkable
class UpdateStrategy(Protocol):
    """Keeps the averages of a batch norm.

    A strategy may also have ``check(request) -> None``, which raises a ``PlacementError`` if it cannot be
    right for this request. The layer calls it before it creates anything. And ``moves = False`` says that it
    never moves anything: ``update`` is then not called, and no order of several calls is needed. And
    ``repeatable = True`` says that it is right in the body of a loop, whose iterations may overlap. And
    ``by_difference = True`` says that its ops subtract differences, so that updates of several workers all land. And
    ``unordered = True`` says that each of its ops reads and writes its variable in one indivisible step, as
    ``tf1bn.core.averages.move`` does, so that several updates need no order; without it a second update of the same
    averages waits for the first. A subclass with an ``update`` of its own says it anew. And
    ``averages(state)`` returns the two variables whose values ``read`` returns, where it returns no more than these:
    their names are then noted for an export. And
    ``pools = True`` says that it pools the moments of several batches: it is given those without Bessel's correction,
    also of an empty batch (count 0), and corrects what it has pooled. And ``takes_shares = True`` says that its state
    is an ``Averages`` and its update ``averages.take_in``: where a kernel gives what the averages take in, which is
    nothing where nothing moves, the update needs no conditional around it.
    """

    @property
    def name(self) -> str:
        """What messages and records call it; a plain attribute does."""

    def create(self, request: Request) -> Any:
        """Makes or reuses the variables, in the current variable scope, and returns them in any form.

        It is called for inference graphs, too, and makes no op that moves anything.
        """

    def read(self, state: Any) -> Moments:
        """Returns what inference normalises with: mean and variance of the requested shape and dtype."""

    def update(self, state: Any, batch: Moments, decay: Any) -> UpdatePlan:
        """Returns the ops that move the averages by one batch.

        The layer calls it at most once per call, and only where the averages should move: for a switch that
        is a tensor, inside the branch that is taken in training. All ops must be made here.

        Args:
          state: what ``create`` returned.
          batch: the batch's moments; the variance with Bessel's correction if the layer was asked for it.
          decay: share of the old average kept.
        """


_ARGUMENTS = {"create": 1, "read": 1, "update": 3}


def check_protocol(strategy: Any) -> None:
    """Refuses an object that does not fulfil the protocol, naming all that is missing.

    Raises:
      StrategyError: no string ``name``, or one of the three functions is missing or takes other arguments.
    """
    if isinstance(strategy, type):
        raise errors.StrategyError(
            errors.explain(
                "an update strategy is an object", got=strategy, fix=f"Pass an instance: {strategy.__name__}()."
            )
        )
    faults = []
    if not isinstance(getattr(strategy, "name", None), str) or not strategy.name:
        faults.append("`name` is not a non-empty string")
    faults += [fault for name, count in _ARGUMENTS.items() if (fault := _fault(strategy, name, count))]
    if "check" in dir(strategy) and (fault := _fault(strategy, "check", 1)):
        faults.append(fault)
    if faults:
        raise errors.StrategyError(
            errors.explain(
                f"this is not an update strategy: {'; '.join(faults)}",
                got=strategy,
                expected="name, create(request), read(state) and update(state, batch, decay)",
                fix="See tf1bn.strategies.base.UpdateStrategy.",
            )
        )


def may_move(strategy: Any) -> bool:
    """Whether a strategy ever moves anything."""
    return bool(getattr(strategy, "moves", True))


def moves_by_difference(strategy: Any) -> bool:
    """Whether updates of several writers all land, whatever their order."""
    return bool(getattr(strategy, "by_difference", False))


def needs_no_order(strategy: Any) -> bool:
    """Whether several updates of the same averages are right in whatever order they run.

    A subclass that moves them in another way than the class that says so has to say it once more.
    """
    return _says_of_its_update(strategy, "unordered")


def takes_shares(strategy: Any) -> bool:
    """Whether a strategy moves the averages by the shares that come with the moments; said like the above."""
    return _says_of_its_update(strategy, "takes_shares")


def _says_of_its_update(strategy: Any, word: str) -> bool:
    return bool(getattr(strategy, word, False)) and _depth(strategy, word) <= _depth(strategy, "update")


def _depth(strategy: Any, name: str) -> int:
    """Returns how far up among its classes a strategy gets an attribute from; 0 where it has one of its own."""
    if name in getattr(strategy, "__dict__", ()):
        return 0
    return next((i for i, kind in enumerate(type(strategy).__mro__) if name in vars(kind)), 0)


def pools(strategy: Any) -> bool:
    """Whether a strategy pools the moments of several batches before averages move."""
    return bool(getattr(strategy, "pools", False))


def check_site(strategy: Any, request: Request) -> None:
    """Refuses a place of the graph where updates cannot be right, before anything is created there.

    Raises:
      PlacementError: averages would move in a loop or a function, or the strategy refuses the place.
    """
    if request.updates and request.place.repeats and not getattr(strategy, "repeatable", False):
        raise errors.PlacementError(
            errors.explain(
                f"averages cannot move inside {request.place.describe()}: it may run several times in one step, at "
                "the same time, and updates without an order get lost or differ from run to run",
                fix="Call the layer outside, or with is_training=False inside; keep averages per time step with "
                "tf1bn.PerStep; or, where the loop has parallel_iterations=1, say so with "
                "tf1bn.Inline(sequential_loops=True).",
            )
        )
    if hasattr(strategy, "check"):
        strategy.check(request)


def _fault(strategy: Any, name: str, count: int) -> str:
    function = getattr(strategy, name, None)
    if not callable(function):
        return f"`{name}` is missing"
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return f"`{name}` does not take {count} argument{'s' * (count > 1)}"
    except ValueError:  # a builtin without a signature: take its word
        return ""
    return ""
