"""Carries out the plan of a strategy: when the update runs, after what, and what runs it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place, switch
from tf1bn.core.ledger import Writer, ledger
from tf1bn.core.naming import ENTRY
from tf1bn.core.naming import OUTPUT as Y
from tf1bn.core.values import Moments
from tf1bn.layers.kept import Kept, as_ops
from tf1bn.strategies.base import NOWHERE, OUTPUT, UpdatePlan


class Done(NamedTuple):
    """An update as it stands in the graph.

    Attributes:
      ops: operations or tensors at the place of the call; running all moves each average once, if the switch
        is on.
      placement: ``output``, ``nowhere`` or the name of a collection.
    """

    ops: Sequence[Any] = ()
    placement: str = NOWHERE


@dataclasses.dataclass(frozen=True)
class Update:
    """The update of one layer call.

    Attributes:
      kept: what it moves.
      guard: see ``numeric_guard`` of ``batch_norm``.
      scope: the layer's variable scope.
      may_be_empty: whether only the moments tell that there is nothing to take in.
      names: of the output and of what stands for the update in a collection, as they were claimed for this call.
      tensors: whether the latter are tensors, of the new averages.
    """

    kept: Kept
    guard: str | None
    scope: str
    may_be_empty: bool = False
    names: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    tensors: bool = False

    def build(self, moves: switch.Switch, batch: Callable[[], Moments], after: Sequence[Any]) -> Done:
        """Returns the update, gated by ``moves``, as ops that can be run from the place of the call.

        Trick: ops made inside a branch cannot be run from outside. What stands for them is the output of the
        conditional, a bool that tells whether the averages moved.

        Args:
          moves: whether a run moves the averages.
          batch: makes the moments to keep; called where they are needed.
          after: operations and tensors that must have run before.
        """
        if moves is False:
            return Done()
        plans: list[UpdatePlan] = []

        def write() -> Any:
            plans.append(self.kept.update(batch()))
            with tf.control_dependencies(as_ops(plans[-1].ops)):
                return tf.constant(True)

        with tf.name_scope("update"), tf.control_dependencies(as_ops(after)):
            if moves is True and self.guard is None and not self.may_be_empty:
                plan = self.kept.update(batch())
                done = Done(as_ops(plan.ops), plan.placement)
            else:
                moved = switch.select(moves, lambda: self._guarded(batch, write), lambda: tf.constant(False))
                done = Done([moved] if plans[-1].ops else [], plans[-1].placement)
        return self._entered(done) if done.ops else Done()

    def attach(self, done: Done, y: Any) -> Any:
        """Puts the update where the plan says, notes the writer, and returns the output, or the list of outputs.

        Raises:
          PlacementError: a collection is asked for inside a branch or a loop.
        """
        if not done.ops:
            return self.named(y)
        where = place.here()
        if done.placement not in (OUTPUT, NOWHERE) and not where.top_level:
            raise errors.PlacementError(
                errors.explain(
                    f"strategy {self.kept.strategy.name!r} wants collection {done.placement!r} for ops inside "
                    f"{where.describe()}, which cannot be run from outside",
                    fix="Use a strategy that attaches to the output, or call the layer outside the conditional.",
                )
            )
        ledger().writers.setdefault(self.scope, []).append(Writer(done.ops, where, self.kept.unordered))
        if done.placement == OUTPUT:
            with tf.control_dependencies(done.ops):
                return [_copied(one) for one in y] if isinstance(y, list) else self.named(y, always=True)
        if done.placement != NOWHERE:
            for op in done.ops:
                tf.add_to_collection(done.placement, op)
        return self.named(y)

    def named(self, y: Any, *, always: bool = False) -> Any:
        """Returns the output under the name that was claimed for it; as it is without one, unless ``always``."""
        names = self.names.get(Y)
        return _copied(y, *(names or ())) if names or always else y

    def _entered(self, done: Done) -> Done:
        """Returns an update for a collection as operations or tensors of the names that were claimed.

        The i-th op stands behind the i-th name and all others behind the last one. A conditional's single output
        stands behind every name.
        """
        names = self.names.get(ENTRY)
        if not names or done.placement in (OUTPUT, NOWHERE):
            return done
        last = len(names) - 1
        parts = [done.ops[i : i + 1] if i < last else done.ops[i:] for i in range(last + 1)]
        entries: list[Any] = []
        for i, (part, name) in enumerate(zip(parts, names, strict=True)):
            if self.tensors:
                with tf.control_dependencies(part or done.ops):
                    entries.append(tf.identity(self.kept.read()[i], name=name))
            else:
                entries.append(tf.group(*(part or done.ops), name=name))
        return done._replace(ops=entries)

    def _guarded(self, batch: Callable[[], Moments], write: Callable[[], Any]) -> Any:
        """Builds the write behind the numeric guard, if there is one, and not for a batch that is found empty."""
        if self.may_be_empty:
            return tf.cond(
                tf.convert_to_tensor(batch().count) > 0,
                lambda: self._sound_only(batch, write),
                lambda: tf.constant(False),
            )
        return self._sound_only(batch, write)

    def _sound_only(self, batch: Callable[[], Moments], write: Callable[[], Any]) -> Any:
        if self.guard is None:
            return write()
        moments = batch()
        sound = _sound(moments, self.kept.options.decay)
        if self.guard == "skip":
            return tf.cond(sound, write, lambda: tf.constant(False))
        text = (
            f"batch_norm: the update of scope {self.scope!r} is refused: its mean or variance is not finite, its "
            "variance is negative, or its decay is outside [0, 1]. Mean and variance"
        )
        with tf.control_dependencies([tf.Assert(sound, [text, moments.mean, moments.variance])]):
            return write()


def _copied(y: tf.Tensor, name: str = "output") -> tf.Tensor:
    with place.on_device(y.device):
        return tf.identity(y, name=name)


def _sound(moments: Moments, decay: Any) -> Any:
    """Returns whether averages can take in the moments, which a program may have replaced by its own."""
    fits = tf.is_finite(moments.mean) & tf.is_finite(moments.variance) & (moments.variance >= 0)
    sound = tf.reduce_all(fits)
    if isinstance(decay, float):
        return sound
    return sound & tf.reshape((tf.cast(decay, tf.float32) >= 0) & (tf.cast(decay, tf.float32) <= 1), [])
