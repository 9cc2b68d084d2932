"""One strategy per clause of the contract that breaks this clause and no other."""

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import averages
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import UpdatePlan
from tf1bn.strategies.inline import Inline


def _moves(state: Any, batch: Moments, decay: Any) -> list[Any]:
    return [averages.move(state.mean, batch.mean, decay), averages.move(state.variance, batch.variance, decay)]


class SwapsDecay(Inline):
    """Clause 1: keeps the share that it should give away."""

    def update(self, state, batch, decay):
        return super().update(state, batch, 1.0 - decay)


class _Counted(NamedTuple):
    mean: Any
    variance: Any
    reads: Any


class CountsReads(Inline):
    """Clause 2: inference writes, though only a counter."""

    def create(self, request):
        return _Counted(*request.averages(), request.variable("reads"))

    def read(self, state):
        with tf.control_dependencies([state.reads.assign_add(1.0)]):
            return averages.read(Averages(state.mean, state.variance))


class AttachesTwice(Inline):
    """Clause 3: hands out a plan, and registers a second update on its own."""

    def update(self, state, batch, decay):
        plan = super().update(state, batch, decay)
        if not tf.get_default_graph()._get_control_flow_context() and not hasattr(
            tf.get_default_graph(), "outer_graph"
        ):
            for op in _moves(state, batch, decay):
                tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, op)
        return plan


class TrainsItsAverages(Inline):
    """Clause 4: forgets trainable=False."""

    def create(self, request):
        with tf.init_scope():
            return Averages(
                tf.get_variable("moving_mean", request.shape, request.dtype, request.mean_initializer),
                tf.get_variable("moving_variance", request.shape, request.dtype, request.variance_initializer),
            )


class MakesScratch(Inline):
    """Clause 5: makes a further variable outside get_variable, so a new one at each call."""

    def create(self, request):
        with tf.init_scope():
            local = [tf.GraphKeys.LOCAL_VARIABLES]
            tf.Variable(0.0, name="scratch", trainable=False, dtype=request.dtype, collections=local)
        return super().create(request)


class SavesMemory(Inline):
    """Clause 6: keeps float16 averages."""

    def create(self, request):
        narrow = tf.float16 if request.dtype == tf.float32 else request.dtype
        with tf.init_scope():
            return Averages(
                *(
                    tf.get_variable(name, request.shape, narrow, initializer=initializer, trainable=False)
                    for name, initializer in (
                        ("moving_mean", request.mean_initializer),
                        ("moving_variance", request.variance_initializer),
                    )
                )
            )

    def read(self, state):
        return Moments(*(tf.cast(variable, tf.float32) if variable.dtype.size < 4 else variable for variable in state))

    def update(self, state, batch, decay):
        moved = (tf.cast(value, v.dtype.base_dtype) for v, value in zip(state, batch[:2], strict=True))
        return super().update(state, Moments(*moved), decay)


class KeepsLocally(Inline):
    """Clause 7: puts its averages where a Saver does not look."""

    def create(self, request):
        local = {"trainable": False, "collections": [tf.GraphKeys.LOCAL_VARIABLES]}
        with tf.init_scope():
            return Averages(
                tf.get_variable("moving_mean", request.shape, request.dtype, request.mean_initializer, **local),
                tf.get_variable("moving_variance", request.shape, request.dtype, request.variance_initializer, **local),
            )


class _Cached(NamedTuple):
    mean: Any
    variance: Any
    old: Moments


class ReadsOnce(Inline):
    """Clause 8: all updates of one graph start from the same read of the old averages, so all but one get lost."""

    def create(self, request):
        kept = request.averages()
        with tf.init_scope():
            cache = tf.get_collection_ref("broken_8")
            if not cache:
                cache.append(averages.read(kept))
        return _Cached(*kept, cache[0])

    def read(self, state):
        return averages.read(Averages(state.mean, state.variance))

    def update(self, state, batch, decay):
        new = (decay * old + (1.0 - decay) * value for old, value in zip(state.old[:2], batch[:2], strict=True))
        return UpdatePlan([v.assign(value).op for v, value in zip(state[:2], new, strict=True)], "output")


BROKEN = {
    1: SwapsDecay("broken_1"),
    2: CountsReads("broken_2"),
    3: AttachesTwice("broken_3"),
    4: TrainsItsAverages("broken_4"),
    5: MakesScratch("broken_5"),
    6: SavesMemory("broken_6"),
    7: KeepsLocally("broken_7"),
    8: ReadsOnce("broken_8"),
}
