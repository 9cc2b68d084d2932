"""One call of batch norm: what it normalises with, and what its averages take in."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core import averages, groups, kernels, place, renorm, switch, variables, weights
from tf1bn.core import axes as axes_lib
from tf1bn.core import moments as moments_lib
from tf1bn.core.axes import Axes
from tf1bn.core.native_kernel import Moving, Native, needs_averages
from tf1bn.core.values import Moments
from tf1bn.layers import arguments, synchronising
from tf1bn.layers.kept import Kept
from tf1bn.layers.options import Options, Switches
from tf1bn.strategies import base


@dataclasses.dataclass(frozen=True)
class Inputs:
    """A checked input and its weights, on which nothing has been built yet.

    Attributes:
      given: a tensor, variable or array.
      dims: its static dimensions.
      axes: its geometry.
      weighting: the weights and masks that were given, each with the axes of the input that it lies on.
    """

    given: Any
    dims: tuple[int | None, ...]
    axes: Axes
    weighting: tuple[tuple[Any, list[int]], ...]

    @classmethod
    def of(cls, given: Any, options: Options) -> Inputs:
        """Checks what depends on the shape of the input; creates no op.

        Raises:
          ShapeError: rank or channels unknown, or weights or mask that do not fit.
          ArgumentError: axis or group size do not fit.
        """
        shape = arguments.static_shape(given)
        dims = None if shape.rank is None else tuple(shape.as_list())
        axes = axes_lib.resolve(dims, options.axis)
        if options.group_size is not None:
            groups.check(options.group_size, dims, axes)
        kernels.check(options.kernel, dims, tf.as_dtype(given.dtype).base_dtype, axes, options.kinds)
        found = []
        for name, value in (("batch_weights", options.batch_weights), ("mask", options.mask)):
            if value is not None:
                place.require_same_graph(value, name)
                value = weights.checked(value, name)
                found.append((value, weights.aligned_shape(value, dims, axes, name)))
        return cls(given, dims, axes, tuple(found))

    @property
    def dtype(self) -> tf.DType:
        """The dtype of the input."""
        return tf.as_dtype(self.given.dtype).base_dtype

    def weights(self) -> Any:
        """Returns the product of weights and mask with the rank of the input, or None."""
        product = None
        for value, places in self.weighting:
            aligned = weights.align(value, places, self.axes, variables.statistics_dtype(self.dtype))
            product = aligned if product is None else product * aligned
        return product


@dataclasses.dataclass(frozen=True)
class Call:
    """One call: its input, the variables it uses, and its switches as they are in the graph."""

    x: tf.Tensor
    axes: Axes
    gamma: Any
    beta: Any
    kept: Kept
    switches: Switches
    options: Options
    kernel: kernels.Kernel
    variant: kernels.Variant
    writes: bool = True
    alone: bool = False

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        affine: Sequence[Any],
        kept: Kept,
        switches: Switches,
        options: Options,
        *,
        alone: bool = False,
    ) -> Call:
        """Brings everything that one call works on into the graph.

        Args:
          alone: whether its update is its own and need not wait for another one.
        """
        gamma, beta = (None if variable is None else tf.convert_to_tensor(variable) for variable in affine)
        correct = None if kept.references is None else _Corrector.of(inputs.axes, options, kept.references)
        resolved = switches.resolve()
        adjust = _in_training(options.adjustment, resolved.is_training)
        centre = synchronising.centre(options.statistics, None if correct is None else correct.read)
        variant = kernels.Variant(inputs.weights(), options.group_size, correct, adjust, centre)
        sole = resolved.use_batch is True and place.here().top_level
        kernel = kernels.choose(
            inputs.dims, inputs.dtype, inputs.axes, variant, options.kernel, precise=options.precise, alone=sole
        )
        x = tf.convert_to_tensor(inputs.given)
        writes = options.statistics is None or options.statistics.moves()
        return cls(x, inputs.axes, gamma, beta, kept, resolved, options, kernel, variant, writes, alone)

    @property
    def first(self) -> Call:
        """The call that stands for all of one update: itself."""
        return self

    def spoken(self, y: tf.Tensor) -> list[list[str]]:
        """Returns the names of the tensor that is normalised and of the result."""
        return [[self.x.name, y.name]]

    @property
    def may_be_empty(self) -> bool:
        """Whether only the moments of all members tell if the batch holds anything."""
        statistics = self.options.statistics
        if statistics is None or not statistics.exchanges:
            return False
        known = self.variant.weights is None and self.axes.values_per_channel
        return not known and not base.pools(self.kept.strategy)

    def normalize(self) -> tuple[tf.Tensor, Moments | None]:
        """Returns the output, and the batch moments where they were computed for it."""
        use_batch = self.switches.use_batch
        if self.options.statistics is not None:
            return synchronising.normalize(self)
        if isinstance(self.kernel, Native) and use_batch is not False:
            return self._without_a_branch(self.kernel)
        if use_batch is True:
            return self.by_batch()
        kept = self.read_outside()
        if use_batch is False:
            return self.by_averages(kept), None

        def by_batch() -> tuple[Any, ...]:
            y, batch = self.by_batch()
            return y, batch.mean, batch.variance, tf.cast(batch.count, batch.mean.dtype)

        def by_averages() -> tuple[Any, ...]:
            return self.by_averages(kept), kept.mean, kept.variance, tf.zeros([], kept.mean.dtype)

        y, *moments = tf.cond(use_batch, by_batch, by_averages)
        y.set_shape(self.x.shape)
        batch = Moments(*moments)
        static = self.axes.values_per_channel
        ordinary = self.variant.weights is None and self.variant.group_size is None
        return y, batch._replace(count=static) if static is not None and ordinary else batch

    def _without_a_branch(self, kernel: Native) -> tuple[tf.Tensor, Moments]:
        options, use_batch = self.options, self.switches.use_batch
        moving = None
        if self._moves_by_shares():
            moving = Moving(options.decay, options.bessel_correction, options.numeric_guard == "skip")
        needed = use_batch is not True or needs_averages(moving, self.x)
        kept = self.read_outside() if needed else None
        y, batch = kernel.switch(self.x, self.axes, self.gamma, self.beta, options.epsilon, use_batch, kept, moving)
        y.set_shape(self.x.shape)
        return y, batch

    def _moves_by_shares(self) -> bool:
        """Whether the averages move by what the kernel gives beside its output, and nothing where nothing moves."""
        options, switches = self.options, self.switches
        may = switches.is_training is not False and base.may_move(self.kept.strategy) and self.writes and self.alone
        plain = options.renorm is None and not options.schedule.given and options.numeric_guard in (None, "skip")
        return may and plain and switches.use_batch is switches.is_training and base.takes_shares(self.kept.strategy)

    def read_outside(self) -> Moments:
        """Returns the averages, read here for a conditional that is built next; the references of renorm are read, too.

        Freezers make a constant of a variable and of what reads it, and know no read inside of a branch: there a
        reference variable passes a RefSwitch. Read here, a branch gets a plain tensor, which costs no more.
        """
        with averages.outside_of_branches() if self.kept.by_reference else contextlib.nullcontext():
            if isinstance(self.variant.correct, _Corrector) and self.switches.use_batch is not False:
                self.variant.correct.pin()
            return self.kept.read()

    def moves(self) -> switch.Switch:
        """Returns the switch that says whether this run moves the averages: training, and a batch not empty.

        Of a batch that is split over members the moments themselves tell whether it is empty.
        """
        training = self.switches.is_training
        if training is False or not base.may_move(self.kept.strategy) or not self.writes:
            return False
        if self.may_be_empty or base.pools(self.kept.strategy):
            return training
        n = self.axes.values_per_channel
        held = n != 0 if n is not None else tf.size(self.x) > 0
        if held is not False and self.variant.weights is not None:
            held = switch.both(held, tf.reduce_sum(self.variant.weights) > 0)
        return switch.both(training, held)

    def moments_to_keep(self, batch: Moments | None) -> Moments:
        """Returns the moments that the averages take in; built where the averages move."""
        if batch is not None and batch.shares is not None:
            return batch
        if self.options.statistics is None and (batch is None or not self.switches.one):
            batch = kernels.moments(self.x, self.axes, self.variant)
        return self.corrected(batch)

    def corrected(self, batch: Moments) -> Moments:
        """Returns the moments with Bessel's correction if it is asked for and due."""
        due = self.options.bessel_correction and not base.pools(self.kept.strategy)
        return moments_lib.unbiased(batch) if due else batch

    def reads_before_moving(self, y: tf.Tensor) -> list[Any]:
        """Returns what must have read the averages before they move: the output, where they may take part in it."""
        return [] if self.switches.one and self.options.renorm is None else [y]

    def by_batch(self) -> tuple[tf.Tensor, Moments]:
        """Returns the input normalised by batch moments, and these."""
        return self.kernel.train(self.x, self.axes, self.gamma, self.beta, self.options.epsilon, self.variant)

    def by_averages(self, kept: Moments) -> tf.Tensor:
        """Returns the input normalised by the averages."""
        dims, x, alone = tuple(self.x.shape.as_list()), self.x, self.switches.use_batch is False
        kernel = kernels.choose_given(dims, x.dtype.base_dtype, self.axes, self.options.kernel, alone=alone)
        return kernel.infer(x, self.axes, kept, self.gamma, self.beta, self.options.epsilon)


@dataclasses.dataclass
class _Corrector:
    """The correction of batch renormalization, by references as they were before anything moves."""

    references: renorm.References
    shape: tuple[int, ...]
    options: Options
    values: renorm.References | None = None
    pinned: bool = False

    @classmethod
    def of(cls, axes: Axes, options: Options, references: renorm.References) -> _Corrector:
        shape = groups.broadcast_shape(axes) if options.group_size is not None else axes.broadcast_shape
        return cls(references, shape, options)

    def pin(self) -> None:
        """Reads the references here, for branches that are built next."""
        self.read()
        self.pinned = True

    def read(self) -> renorm.References:
        """Reads the references here, unless they are pinned."""
        if self.pinned and self.values is not None:
            return self.values
        self.values = renorm.References(*(tf.reshape(averages.read_value(v), self.shape) for v in self.references))
        return self.values

    def __call__(self, mean: Any, stddev: Any) -> tuple[Any, Any]:
        values = self.values or self.read()
        return renorm.correction(mean, stddev, values, self.options.renorm.clipping, self.options.epsilon)


def _in_training(adjustment: Any, is_training: switch.Switch) -> Any:
    """Returns the adjustment where it applies: batch statistics may also normalise outside of training."""
    if adjustment is None or is_training is False:
        return None
    if is_training is True:
        return adjustment

    def adjust(shape: Any) -> Any:
        found = adjustment(shape)
        if not isinstance(found, (list, tuple)) or len(found) != 2:
            return found
        scale, offset = (tf.convert_to_tensor(value) for value in found)
        return tf.where_v2(is_training, scale, tf.ones([], scale.dtype)), tf.where_v2(
            is_training, offset, tf.zeros([], offset.dtype)
        )

    return adjust
