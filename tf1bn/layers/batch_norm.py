"""The batch norm layer: where arithmetic, variables and update strategies meet."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import axes as axes_lib
from tf1bn.core import kernels, place, records, switch, variables
from tf1bn.core import moments as moments_lib
from tf1bn.core.ledger import ledger
from tf1bn.core.values import Moments
from tf1bn.layers import arguments, updates
from tf1bn.layers import scope as scopes
from tf1bn.strategies import base, catalog
from tf1bn.terms import DEFAULT_DECAY, DEFAULT_EPSILON, DEFAULT_SCOPE


def batch_norm(
    inputs: Any,
    is_training: Any,
    *,
    update_strategy: str | base.UpdateStrategy | None = None,
    decay: Any = DEFAULT_DECAY,
    epsilon: float = DEFAULT_EPSILON,
    center: bool = True,
    scale: bool = True,
    axis: int = -1,
    use_batch_statistics: Any = None,
    bessel_correction: bool = False,
    numeric_guard: str | None = None,
    beta_initializer: variables.Initializer | None = None,
    gamma_initializer: variables.Initializer | None = None,
    moving_mean_initializer: variables.Initializer | None = None,
    moving_variance_initializer: variables.Initializer | None = None,
    beta_regularizer: variables.Regularizer | None = None,
    gamma_regularizer: variables.Regularizer | None = None,
    trainable: bool = True,
    scope: str | tf.VariableScope | None = None,
    reuse: Any = None,
    **unknown: Any,
) -> tf.Tensor:
    """Normalises each channel of ``inputs`` and learns its scale and shift.

    outputs = (inputs - mean) / sqrt(variance + epsilon) * gamma + beta

    In training, mean and variance are those of the batch, per channel over all other axes (variance divided by
    the number of values), gradients flow through both, and the averages move:
    average <- decay * average + (1 - decay) * batch. In inference, mean and variance are the averages, so an
    output row depends on its input row alone, and nothing moves.

    Two switches: ``use_batch_statistics`` says which statistics normalise, ``is_training`` whether the averages
    move. The former follows the latter unless given. A switch that is known while building builds one side only;
    a tensor builds a conditional, of which each run computes one side only.

    Shapes:
      inputs: ``[batch, C]`` to ``[batch, d1, d2, d3, C]``, or with the channels at another ``axis``; batch and
        inner dimensions may be unknown, C must be known.
      outputs: the shape and dtype of ``inputs``.

    Variables (under ``scope``, by default ``batch_norm``, ``batch_norm_1``, ...; shape ``[C]``; float64 for
    float64 inputs, else float32):
      gamma: trainable, initially 1; only with ``scale``.
      beta: trainable, initially 0; only with ``center``.
      moving_mean: not trainable, initially 0.
      moving_variance: not trainable, initially 1.
      The strategy may keep more. A variable scope's ``reuse``, ``custom_getter``, ``partitioner`` (gamma and
      beta only), ``regularizer`` (gamma and beta only), caching and device apply. A scope's ``initializer`` does
      not: all four have their own.

    Graph effects:
      All four are in GLOBAL_VARIABLES and MODEL_VARIABLES; the averages also in MOVING_AVERAGE_VARIABLES; gamma
      and beta in TRAINABLE_VARIABLES unless ``trainable`` is False. With a weight average of your own, pass the
      weights on evaluation: ``ema.variables_to_restore(tf.trainable_variables())``; without arguments, that
      function expects a shadow of everything in MOVING_AVERAGE_VARIABLES.
      "inline" and "ema" make the output depend on the update. "collection" adds the ops that move the averages
      to UPDATE_OPS; for a switch that is a tensor, the entry is the output of a conditional. The record of the
      call is in the collection ``tf1bn_records``.
      Several training calls on the same variables in one context are ordered: a later update waits for the
      earlier ones, and so needs their inputs.

    Special batches:
      An empty batch leaves the averages as they are. One value per channel gives variance 0. A NaN or infinity
      in a training batch reaches the averages, and every later inference, unless ``numeric_guard`` is set; in
      inference it never does.

    Args:
      inputs: float16, bfloat16, float32 or float64, rank 2 to 5.
      is_training: a Python or NumPy bool, 0 or 1, or a scalar bool constant, placeholder, placeholder with
        default, tensor or variable.
      update_strategy: how the averages are kept: "inline", "collection", "ema", "frozen", another registered
        name, or a strategy object. By default that of ``default_update_strategy``, "inline" outside.
      decay: share of the old average kept, in [0, 1); a number or a scalar float tensor. PyTorch's momentum is
        1 - decay.
      epsilon: added to the variance, >= 0.
      center: whether beta is added.
      scale: whether gamma multiplies. Not needed where a linear layer follows.
      axis: the channel axis; 1 for channels first.
      use_batch_statistics: which statistics normalise, given like ``is_training``. False with
        ``is_training=True`` normalises with the averages while they move; True with ``is_training=False``
        normalises with the batch and moves nothing.
      bessel_correction: whether the moving variance averages variance * n / (n - 1), as TensorFlow's fused
        kernel does, and not variance. The normalisation of a batch is the same in both.
      numeric_guard: None; "skip": a batch whose mean or variance is not finite leaves the averages as they are;
        "raise": it fails the run with an InvalidArgumentError that names the layer.
      beta_initializer: default zeros.
      gamma_initializer: default ones.
      moving_mean_initializer: default zeros.
      moving_variance_initializer: default ones.
      beta_regularizer: maps beta to a loss that is added to REGULARIZATION_LOSSES.
      gamma_regularizer: likewise.
      trainable: whether gamma and beta are added to TRAINABLE_VARIABLES. Averages move all the same.
      scope: name of the variable scope, or a VariableScope.
      reuse: None (as the surrounding scope), True, False or tf.AUTO_REUSE. True needs ``scope``, except in a
        branch of ``tf.cond`` whose other branch has the unnamed call that is meant.

    Returns:
      The normalised tensor.

    Raises:
      GraphModeError: eager mode.
      ArgumentTypeError: inputs that are not floating point, or an argument of a wrong type or of another
        library's name.
      ArgumentError: a value out of range.
      ShapeError: rank outside 2 to 5 or unknown, or channel dimension unknown.
      UnknownNameError, StrategyError: no such update strategy, or not one.
      PlacementError: the strategy, or a second update of the same averages, cannot be right at this place.
      ReuseError: variables exist, do not exist, or have another shape.

    Example:
      >>> x = tf.placeholder(tf.float32, [None, 100])
      >>> is_training = tf.placeholder_with_default(False, [])
      >>> y = tf1bn.batch_norm(x, is_training, scope="hidden")

    Source: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015, algorithms 1 and 2; moving averages as in its section 3.1.
    """
    name = scopes.display_name(scope, DEFAULT_SCOPE)
    with errors.located("batch_norm", scope=name, inputs=arguments.shape_text(inputs)):
        place.require_graph_mode()
        arguments.refuse_unknown(unknown, _KEYWORDS)
        scopes.check(scope, reuse)
        return _build(
            inputs,
            _Switches.of(is_training, use_batch_statistics),
            _Options(
                strategy=catalog.resolve(update_strategy),
                decay=arguments.decay(decay),
                epsilon=arguments.epsilon(epsilon),
                axis=axis,
                bessel_correction=arguments.flag(bessel_correction, "bessel_correction"),
                numeric_guard=arguments.choice(numeric_guard, "numeric_guard", arguments.NUMERIC_GUARDS),
                affine=_affine_options(
                    {"gamma": arguments.flag(scale, "scale"), "beta": arguments.flag(center, "center")},
                    {"gamma": gamma_initializer, "beta": beta_initializer},
                    {"gamma": gamma_regularizer, "beta": beta_regularizer},
                    arguments.flag(trainable, "trainable"),
                ),
                mean_initializer=_initializer(moving_mean_initializer, "moving_mean"),
                variance_initializer=_initializer(moving_variance_initializer, "moving_variance"),
            ),
            scope,
            reuse,
        )


_KEYWORDS = tuple(inspect.signature(batch_norm).parameters)
_DEFAULT_INITIALIZERS = {
    "gamma": tf.ones_initializer,
    "beta": tf.zeros_initializer,
    "moving_mean": tf.zeros_initializer,
    "moving_variance": tf.ones_initializer,
}


class _Switches(NamedTuple):
    """What the caller gave for the two switches, checked but not yet read."""

    is_training: Any
    use_batch: Any

    @classmethod
    def of(cls, is_training: Any, use_batch: Any) -> _Switches:
        switch.check(is_training, "is_training")
        if use_batch is not None:
            switch.check(use_batch, "use_batch_statistics")
        return cls(is_training, use_batch)

    def resolve(self) -> _Switches:
        """Returns both as a Python bool or a tensor; one tensor for both where one follows the other."""
        is_training = switch.resolve(self.is_training)
        return _Switches(is_training, is_training if self.use_batch is None else switch.resolve(self.use_batch))


@dataclasses.dataclass(frozen=True)
class _Options:
    """The checked options of one call."""

    strategy: base.UpdateStrategy
    decay: Any
    epsilon: float
    axis: int
    bessel_correction: bool
    numeric_guard: str | None
    affine: dict[str, dict[str, Any] | None]
    mean_initializer: variables.Initializer
    variance_initializer: variables.Initializer


def _build(inputs: Any, switches: _Switches, options: _Options, scope: Any, reuse: Any) -> tf.Tensor:
    checked = arguments.dense(inputs)
    shape = arguments.static_shape(checked)
    dims = None if shape.rank is None else tuple(shape.as_list())
    axes = axes_lib.resolve(dims, options.axis)
    request = base.Request(
        scope=scopes.display_name(scope, DEFAULT_SCOPE),
        shape=axes.parameter_shape,
        dtype=variables.statistics_dtype(tf.as_dtype(checked.dtype).base_dtype),
        decay=options.decay,
        updates=base.may_move(options.strategy) and not switch.known_false(switches.is_training),
        place=place.here(),
        mean_initializer=options.mean_initializer,
        variance_initializer=options.variance_initializer,
    )
    base.check_site(options.strategy, request)
    foreseen = scopes.foresee(scope, DEFAULT_SCOPE, reuse)
    request = dataclasses.replace(request, scope=foreseen.name)
    variables.refuse_existing(foreseen, dict.fromkeys(_leaves(options), request.shape), request.dtype)
    earlier = ledger().previous_updates(request.scope, request.place) if request.updates else []
    with scopes.layer_scope(scope, DEFAULT_SCOPE, reuse, checked):
        made = [_affine(leaf, request, options) for leaf in ("gamma", "beta")]
        state = options.strategy.create(request)
        # From here on nothing is refused; so a refusal leaves no op behind.
        gamma, beta = (None if variable is None else tf.convert_to_tensor(variable) for variable in made)
        x = tf.convert_to_tensor(checked)
        call = _Call(x, axes, kernels.choose(dims, x.dtype, axes), gamma, beta, state, switches.resolve(), options)
        y, batch = call.normalize()
        update = updates.Update(options.strategy, state, options.decay, options.numeric_guard, request.scope)
        done = update.build(call.moves(), lambda: call.moments_to_keep(batch), after=[*earlier, *call.reads(y)])
        y = update.attach(done, y)
        _record(call, request, done)
    return y


@dataclasses.dataclass(frozen=True)
class _Call:
    """One call: its input, what it created, and its switches as they are in the graph."""

    x: tf.Tensor
    axes: axes_lib.Axes
    kernel: kernels.Kernel
    gamma: Any
    beta: Any
    state: Any
    switches: _Switches
    options: _Options

    def normalize(self) -> tuple[tf.Tensor, Moments | None]:
        """Returns the output, and the batch moments where they were computed for it."""
        use_batch = self.switches.use_batch
        if use_batch is True:
            return self._by_batch()
        if use_batch is False:
            return self._by_averages(), None
        count = moments_lib.count(self.x, self.axes, variables.statistics_dtype(self.x.dtype))

        def by_batch() -> tuple[Any, ...]:
            y, batch = self._by_batch()
            return y, batch.mean, batch.variance

        def by_averages() -> tuple[Any, ...]:
            kept = self.options.strategy.read(self.state)
            return self._by_averages(), kept.mean, kept.variance

        y, mean, variance = tf.cond(use_batch, by_batch, by_averages)
        y.set_shape(self.x.shape)
        return y, Moments(mean, variance, count)

    def moves(self) -> switch.Switch:
        """Returns the switch that says whether this run moves the averages: training, and a batch that is not empty."""
        if not base.may_move(self.options.strategy):
            return False
        n = self.axes.values_per_channel
        if n is not None or self.switches.is_training is False:
            return switch.both(self.switches.is_training, n != 0)
        return switch.both(self.switches.is_training, tf.size(self.x) > 0)

    def moments_to_keep(self, batch: Moments | None) -> Moments:
        """Returns the moments that the averages take in; built where the averages move."""
        known = self.switches.use_batch is True or self.switches.use_batch is self.switches.is_training
        if batch is None or not known:
            batch = moments_lib.batch_moments(kernels.widen(self.x), self.axes)
        batch = moments_lib.unbiased(batch) if self.options.bessel_correction else batch
        return Moments(tf.stop_gradient(batch.mean), tf.stop_gradient(batch.variance), batch.count)

    def reads(self, y: tf.Tensor) -> list[Any]:
        """Returns what must have read the averages before they move: the output, if they may normalise it."""
        switches = self.switches
        follows = switches.use_batch is True or switches.use_batch is switches.is_training
        return [] if follows else [y]

    def _by_batch(self) -> tuple[tf.Tensor, Moments]:
        return self.kernel.train(self.x, self.axes, self.gamma, self.beta, self.options.epsilon)

    def _by_averages(self) -> tf.Tensor:
        kept = self.options.strategy.read(self.state)
        return self.kernel.infer(self.x, self.axes, kept, self.gamma, self.beta, self.options.epsilon)


def _leaves(options: _Options) -> tuple[str, ...]:
    return (*(leaf for leaf, made_with in options.affine.items() if made_with), "moving_mean", "moving_variance")


def _affine(leaf: str, request: base.Request, options: _Options) -> Any:
    """Returns gamma or beta, or None where it is switched off."""
    made_with = options.affine[leaf]
    if made_with is None:
        return None
    return variables.affine(leaf, request.shape, request.dtype, **made_with)


def _affine_options(
    wanted: dict[str, bool], initializers: dict[str, Any], regularizers: dict[str, Any], trainable: bool
) -> dict[str, dict[str, Any] | None]:
    return {
        leaf: {
            "initializer": _initializer(initializers[leaf], leaf),
            "regularizer": arguments.function(regularizers[leaf], f"{leaf}_regularizer"),
            "trainable": trainable,
        }
        if wanted[leaf]
        else None
        for leaf in wanted
    }


def _initializer(value: Any, leaf: str) -> Any:
    return arguments.function(value, f"{leaf}_initializer") or _DEFAULT_INITIALIZERS[leaf]()


def _record(call: _Call, request: base.Request, done: updates.Done) -> None:
    options = call.options
    records.add(
        {
            "scope": request.scope,
            "strategy": options.strategy.name,
            "placement": done.placement,
            "updates": [op.name for op in done.ops],
            "decay": options.decay if isinstance(options.decay, float) else None,
            "epsilon": options.epsilon,
            "center": call.beta is not None,
            "scale": call.gamma is not None,
            "axis": list(call.axes.kept),
            "bessel_correction": options.bessel_correction,
            "numeric_guard": options.numeric_guard,
            "kernel": call.kernel.name,
            "inputs": call.x.name,
            "is_training": _spoken(call.switches.is_training),
            "use_batch_statistics": _spoken(call.switches.use_batch),
        }
    )


def _spoken(value: switch.Switch) -> bool | str:
    return value if isinstance(value, bool) else value.name
