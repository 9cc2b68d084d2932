"""The batch norm layer: where arithmetic, variables and update strategies meet."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place, variables
from tf1bn.layers import arguments, assembly, synchronising
from tf1bn.layers import kept as kept_lib
from tf1bn.layers import scope as scopes
from tf1bn.layers.call import Inputs
from tf1bn.layers.options import Options, Switches
from tf1bn.strategies import base
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
    axis: int | Sequence[int] = -1,
    use_batch_statistics: Any = None,
    bessel_correction: bool = False,
    numeric_guard: str | None = None,
    batch_weights: Any = None,
    mask: Any = None,
    zero_debias: bool = False,
    num_updates: Any = None,
    renorm: bool = False,
    renorm_clipping: dict[str, Any] | None = None,
    renorm_decay: Any = DEFAULT_DECAY,
    virtual_batch_size: int | None = None,
    adjustment: Callable[[tf.Tensor], tuple[Any, Any]] | None = None,
    kernel: str | None = None,
    precise: bool = False,
    statistics: Any = None,
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

    Kinds that combine with each other and with every strategy (``docs/batch_norm.md`` has the table):
      batch_weights, mask: moments of weighted values: mean = sum(w * x) / sum(w) and
        variance = sum(w * (x - mean)^2) / sum(w), with w the product of both. A total weight of zero leaves the
        averages unmoved. Values of weight zero may be NaN: neither averages nor gradients see them.
      renorm: batch renormalization: z = (x - mean) / s * r + d with s = sqrt(variance + epsilon),
        r = clip(s / renorm_stddev, rmin, rmax) and d = clip((mean - renorm_mean) / renorm_stddev, -dmax, dmax), no
        gradient through r and d. Inference is the ordinary one.
      virtual_batch_size: ghost batches: row i belongs to group i mod (N / virtual_batch_size), each group is
        normalised by its own moments, and the averages take in the mean of the groups' moments.
      adjustment: outputs = (z * scale + offset) * gamma + beta in training, z the normalised values.
      statistics: for a batch that is split over replicas, towers or processes: mean and variance are those of all
        shards together, and the averages take in these once per step, as one device would with the whole batch
        (``docs/distribution.md``).
      num_updates: the decay of an update is min(decay, (1 + n) / (10 + n)).
      zero_debias: averages are the weighted mean of the batches alone, without the initial values:
        average <- (decay * w * average + (1 - decay) * batch) / w' with w' = decay * w + 1 - decay and w = 0 at first.

    Shapes:
      inputs: ``[batch, C]`` to ``[batch, d1, d2, d3, C]``, or with the channels at another ``axis``; batch and
        inner dimensions may be unknown, C must be known.
      outputs: the shape and dtype of ``inputs``.

    Variables (under ``scope``, by default ``batch_norm``, ``batch_norm_1``, ...; float64 for float64 inputs, else
    float32; shape ``[C]``, for several axes the input's rank with 1 at each axis that is averaged over):
      gamma: trainable, initially 1; only with ``scale``.
      beta: trainable, initially 0; only with ``center``.
      moving_mean: not trainable, initially 0.
      moving_variance: not trainable, initially 1.
      moving_stddev, renorm_mean, renorm_stddev: with ``renorm``; not trainable; initially the root of
        moving_variance's, moving_mean's, and the root again. moving_variance is then moving_stddev^2 - epsilon.
      debias_weight: with ``zero_debias`` in a graph that may train; scalar, not trainable, initially 0.
      The strategy may keep more. A variable scope's ``reuse``, ``custom_getter``, ``partitioner`` (gamma and
      beta only), ``regularizer`` (gamma and beta only), caching and device apply. A scope's ``initializer`` does
      not: all four have their own.

    Graph effects:
      All are in GLOBAL_VARIABLES and MODEL_VARIABLES; moving_mean and moving_variance (with ``renorm``,
      moving_stddev in its place) also in MOVING_AVERAGE_VARIABLES; gamma and beta in TRAINABLE_VARIABLES unless
      ``trainable`` is False. With a weight average of your own, pass the weights on evaluation:
      ``ema.variables_to_restore(tf.trainable_variables())``; without arguments, that function expects a shadow of
      everything in MOVING_AVERAGE_VARIABLES.
      "inline" and "ema" make the output depend on the update. "collection" adds the ops that move the averages
      to UPDATE_OPS; for a switch that is a tensor, the entry is the output of a conditional. The record of the
      call is in the collection ``tf1bn_records``.
      Of several training calls on the same variables each has its own update, which needs the inputs of that call
      alone. Those that run in one step are all taken in, in whatever order. Only under "ema", ``renorm`` and
      ``zero_debias``, which keep several variables for an average, a later update waits for the earlier ones, and so
      needs their inputs.
      A forward pass that ``tf.recompute_grad`` does once more moves nothing.

    Special batches:
      An empty batch leaves the averages as they are, and its gradients are zero. One value per channel gives
      variance 0. A NaN or infinity in a training batch reaches the averages, and every later inference, unless
      ``numeric_guard`` is set; in inference it never does.

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
      axis: the channel axis, 1 for channels first; or a list of axes, of which each combination of entries is
        normalised by itself.
      use_batch_statistics: which statistics normalise, given like ``is_training``. False with
        ``is_training=True`` normalises with the averages while they move; True with ``is_training=False``
        normalises with the batch and moves nothing.
      bessel_correction: whether the moving variance averages variance * n / (n - 1), as TensorFlow's fused
        kernel does, and not variance. The normalisation of a batch is the same in both. With weights n is their
        sum, the factor max(n, 1) / max(n - 1, 1); in ghost batches n is that of a group.
      numeric_guard: None; "skip": a batch whose mean or variance is not finite, whose variance is negative, or for
        which a decay that is a tensor is outside [0, 1], leaves the averages as they are; "raise": it fails the run
        with an InvalidArgumentError that names the layer.
      batch_weights: numbers >= 0, of the input's rank with 1 at the channel axes, or of a lower rank for the leading
        axes that are averaged over: ``[batch]``, ``[batch, time]``. Without effect on normalisation by averages.
      mask: bool, of the same shapes; what is False has weight zero.
      zero_debias: see above. Of use where few batches are seen, or the decay is close to 1.
      num_updates: n, usually the global step: a number, scalar tensor or variable; None for a constant decay.
      renorm: see above. Of use where batches are small, or their rows are not drawn independently.
      renorm_clipping: a dictionary with any of "rmin", "rmax", "dmax", numbers >= 0 or scalar tensors. The paper
        starts at rmax = 1, dmax = 0, which is ordinary batch norm, and relaxes them to 3 and 5.
      renorm_decay: decay of renorm_mean and renorm_stddev, given like ``decay``.
      virtual_batch_size: rows per group, must divide the batch; of one that is unknown while building, each run
        checks it. None for the whole batch.
      adjustment: called with the dynamic shape of ``inputs`` (of a whole batch also with ghost batches), returns
        scale and offset that broadcast against it, for example one of each per row.
      kernel: the implementation, which changes the speed alone: "fused", "fused_wide", "plain", "wide", "xla" or
        "native"; by default that of ``default_kernel``, else the fastest for the shape, see ``tf1bn.core.kernels``.
        "xla" compiles in the first run, about 0.3 seconds for each layer and shape. "native" is one C++ op of a library
        that ``python -m tf1bn.native build`` makes (``docs/native.md``); training graphs with it need the library.
      precise: whether float32 values far from zero keep their precision in training. At mean 10000 and standard
        deviation 1, outputs and gradients are then within 1e-5 of the largest, as near zero (within 2e-5 where 262,144
        values per channel are summed). Otherwise they are as other libraries have them: off by 1e-3 to 5e-2, and where
        TensorFlow's fused kernel sums 131,072 values per channel, its variance is nine times too large. Of use for raw
        features; between layers values stay near zero. float64, the kinds above and "xla" are always precise. In
        inference the averages are float32 in any case.
      statistics: a reducer, such as ``tf1bn.distribute.Replicas()`` or ``tf1bn.distribute.Collectives(2)``, the name
        of a registered one, or ``tf1bn.distribute.Statistics(...)``; None where the batch is not split.
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
      GraphModeError: eager mode, or a tf.function of an eager program, other than by ``tf.compat.v1.wrap_function``.
      ArgumentTypeError: inputs that are not floating point, or an argument of a wrong type or of another
        library's name.
      ArgumentError: a value out of range, or a kernel that cannot serve the call.
      NativeError: kernel "native" without its library.
      ShapeError: rank outside 2 to 5 or unknown, or channel dimension unknown.
      UnknownNameError, StrategyError: no such update strategy, or not one.
      PlacementError: the strategy, a reducer, or a second update of the same averages, cannot be right at this
        place.
      ReuseError: variables exist, do not exist, or have another shape.

    Example:
      >>> x = tf.placeholder(tf.float32, [None, 100])
      >>> is_training = tf.placeholder_with_default(False, [])
      >>> y = tf1bn.batch_norm(x, is_training, scope="hidden")

    Source: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015, algorithms 1 and 2; moving averages as in its section 3.1. Batch renormalization: Ioffe,
    "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models", 2017, algorithm 1.
    Ghost batches: Hoffer, Hubara and Soudry, "Train longer, generalize better", 2017, section 4. Zero-debias: the
    bias correction of Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, section 3.
    """
    given = dict(locals())
    name = scopes.display_name(scope, DEFAULT_SCOPE)
    with errors.located("batch_norm", scope=name, inputs=arguments.shape_text(inputs)):
        place.require_graph_mode()
        arguments.refuse_unknown(unknown, _KEYWORDS)
        scopes.check(scope, reuse)
        switches = Switches.of(is_training, use_batch_statistics)
        return _build(inputs, switches, Options.of(given), scope, reuse)


_KEYWORDS = tuple(inspect.signature(batch_norm).parameters)


def _build(inputs: Any, switches: Switches, options: Options, scope: Any, reuse: Any) -> tf.Tensor:
    checked = Inputs.of(arguments.dense(inputs), options)
    synchronising.check(options.statistics, place.here(), switches, renormalizes=options.renorm is not None)
    request = assembly.request(scopes.display_name(scope, DEFAULT_SCOPE), checked, switches, options)
    base.check_site(options.strategy, request)
    foreseen = scopes.foresee(scope, DEFAULT_SCOPE, reuse)
    request = dataclasses.replace(request, scope=foreseen.name)
    variables.refuse_existing(foreseen, dict.fromkeys(leaves(options), request.shape), request.dtype)
    order = assembly.order(request, switches, options)
    with scopes.layer_scope(scope, DEFAULT_SCOPE, reuse, checked.given):
        made = assembly.create(request, options)
        # From here on nothing is refused; so a refusal leaves no op behind.
        return assembly.run(made, checked, request, order, switches, options).y


def leaves(options: Options) -> tuple[str, ...]:
    """Returns the names of the variables that a call makes or shares, whatever the strategy."""
    affine = [leaf for leaf in ("gamma", "beta") if getattr(options, leaf) is not None]
    extra = kept_lib.RENORM_LEAVES if options.renorm is not None else ()
    return (*affine, "moving_mean", "moving_variance", *extra)
