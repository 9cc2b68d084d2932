"""``tf.layers.batch_normalization`` and its class.

Where they differ from the original, on purpose:

* An empty training batch leaves the averages as they are; there they became NaN.
* None of several updates of the same variables in one step gets lost; with ``renorm`` a later one waits for the
  earlier ones.
* In a branch of ``tf.cond`` the averages move with the output, with a warning; there the registered operations
  could not be run. In a loop, a call that moves averages is refused.
* ``training=None`` is refused: there is no learning phase of Keras.
* With a tensor as ``training`` both entries of a call in UPDATE_OPS run the whole update.
* ``virtual_batch_size`` matters in training only; there, inference too wants a multiple of it. It goes together
  with ``adjustment``.
* Where TensorFlow 2 behaviour is on, today's tf_keras splits virtual batches wrongly for a tensor as ``training``;
  here it is as in 1.15 in any case.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import dialect, op_names
from tf1bn.compat.calls import made_with, refuse, takes
from tf1bn.compat.tf_layers import signatures, words
from tf1bn.compat.tf_layers.base import Layer, known_variables, parts
from tf1bn.core import axes as axes_lib
from tf1bn.core import place, switch
from tf1bn.core.naming import Naming, OpNames
from tf1bn.layers import arguments, assembly
from tf1bn.layers.call import Inputs
from tf1bn.layers.options import Options, Switches
from tf1bn.strategies import base

_VARIABLES = (tf.GraphKeys.GLOBAL_VARIABLES,)
NAMING = Naming(
    affine_collections=_VARIABLES,
    average_collections=_VARIABLES,
    regularizes_averages=True,
    mean_first=True,
    call="tf.layers.batch_normalization",
)
_WORDS = {"decay": "momentum", "renorm_decay": "renorm_momentum", "is_training": "training", "scope": "name"}


class BatchNormalization(Layer):
    """Normalises each channel of its inputs; see ``tf1bn.batch_norm`` for the formulas.

    The averages are kept in UPDATE_OPS, or by the strategy of an enclosing ``tf1bn.default_update_strategy``.

    Variables (shape ``[C]``; float64 for float64 inputs, else float32), in this order:
      gamma, beta: trainable with ``trainable``; only with ``scale`` and ``center``.
      moving_mean, moving_variance; with ``renorm`` also moving_stddev, renorm_mean, renorm_stddev.
      Several axes: the input's rank, 1 where reduced. ``virtual_batch_size``: likewise, with a 1 after the batch.

    Graph effects:
      All in GLOBAL_VARIABLES, none in MODEL_VARIABLES. A training call adds two operations to UPDATE_OPS, none
      with ``trainable=False``. Averages are regularised where the variable scope has a regularizer.

    Args:
      axis, momentum, epsilon, center, scale, ...: as in tf.layers 1.15, in its order.
      fused: the fastest kernel is chosen in any case. It matters for the moving variance: rank 4 and 5 with
        channels first or last have Bessel's correction, unless ``fused`` is False.
    """

    _bessels_correction_test_only = True
    called = NAMING.call
    """What the program called, as records and reports name it: other dialects are made of this layer, too."""

    @made_with(signatures.Normalization)
    def __init__(self, given: signatures.Normalization) -> None:
        super().__init__(**given.of_layer())
        self.axis = list(given.axis) if isinstance(given.axis, (list, tuple)) else given.axis
        self.momentum, self.epsilon = given.momentum, given.epsilon
        self.center, self.scale = given.center, given.scale
        self.beta_initializer = words.initializer(given.beta_initializer)
        self.gamma_initializer = words.initializer(given.gamma_initializer)
        self.moving_mean_initializer = words.initializer(given.moving_mean_initializer)
        self.moving_variance_initializer = words.initializer(given.moving_variance_initializer)
        self.beta_regularizer, self.gamma_regularizer = given.beta_regularizer, given.gamma_regularizer
        self.beta_constraint, self.gamma_constraint = given.beta_constraint, given.gamma_constraint
        self.renorm, self.renorm_clipping = given.renorm, given.renorm_clipping
        self.renorm_momentum, self.fused = given.renorm_momentum, given.fused
        self.virtual_batch_size, self.adjustment = given.virtual_batch_size, given.adjustment
        self.gamma: Any = None
        self.beta: Any = None
        self.moving_mean: Any = None
        self.moving_variance: Any = None
        self._made: assembly.Made | None = None
        self._strategy: Any = None

    def call(self, inputs: tf.Tensor, training: Any = False, mask: Any = None) -> tf.Tensor:
        """Returns the normalised inputs; see the class.

        Args:
          inputs: floating-point tensor of rank 2 to 5.
          training: a bool, 0 or 1, or a scalar bool tensor.
          mask: None; the original ignored it.
        """
        with dialect.speaking("batch_normalization", _WORDS, scope=self.scope_name, inputs=str(inputs.shape)):
            dialect.require_switch(training, "training")
            if mask is not None:
                refuse("batch_normalization", {"mask": mask})
            switches = Switches.of(training if self.trainable else False, None if self.trainable else training)
            options, checked = self._prepared(inputs)
            kept_by = dialect.at_this_place(self._strategy, switches.is_training)
            ops = self._op_names(checked, switches.is_training, training)
            naming = NAMING._replace(ops=ops, call=self.called)
            request = assembly.request(
                self.scope_name, checked, switches, dataclasses.replace(options, strategy=kept_by), naming
            )
            base.check_site(kept_by, request)
            order = assembly.order(request, switches, options)
            made = self._made or self._make(request, options)
            kept = dataclasses.replace(made.kept, strategy=kept_by, options=options)
            result = assembly.run(made._replace(kept=kept), checked, request, order, switches, options)
            if getattr(kept_by, "collection", None) == tf.GraphKeys.UPDATE_OPS:
                self._updates += result.updates
            return result.y

    def _prepared(self, inputs: tf.Tensor) -> tuple[Options, Inputs]:
        """Returns the options of this call and the checked input."""
        dialect.require_known(inputs, "inputs")
        arguments.dense(inputs)
        dims = inputs.shape.as_list()
        resolved = axes_lib.resolve([dim or 1 for dim in dims], self.axis)
        if any(dims[axis] is None for axis in resolved.kept):
            raise errors.ShapeError(
                errors.explain(f"`inputs` has an undefined `axis` dimension, axis {self.axis}", got=str(inputs.shape))
            )
        bessel = self._may_fuse() and self._bessels_correction_test_only
        bessel = bessel and dialect.corrects(len(dims), resolved.kept, inputs.dtype.base_dtype)
        options = dataclasses.replace(self._options(), bessel_correction=bool(bessel))
        checked = Inputs.of(inputs, options)
        if self.virtual_batch_size is not None:
            shape = checked.axes.broadcast_shape
            axes = checked.axes._replace(parameter_shape=(shape[0], 1, *shape[1:]))
            checked = dataclasses.replace(checked, axes=axes)
        return options, checked

    def _op_names(self, inputs: Inputs, is_training: Any, training: Any) -> OpNames:
        """Returns the names that the original gives to its ops in such a call."""
        dtype, kept = inputs.dtype, inputs.axes.kept
        fused = self._may_fuse() and dialect.corrects(len(inputs.dims), kept, dtype)
        known_false = switch.known_false(training)
        # The original casts a reference variable, and not a resource variable that has the dtype already.
        cast_too = 0 if op_names.resource() else bool(self.scale) + bool(self.center) + 2 * known_false
        return op_names.of_class(
            fused,
            training,
            moves=not switch.known_false(is_training),
            renorm=bool(self.renorm),
            adjusted=self.adjustment is not None,
            groups=self.virtual_batch_size is not None,
            casts=1 + cast_too if dtype in (tf.float16, tf.bfloat16) and not fused else 0,
        )

    def _may_fuse(self) -> bool:
        return self.fused is not False and not (self.renorm or self.adjustment or self.virtual_batch_size)

    def _options(self) -> Options:
        if self._strategy is None:
            self._strategy = dialect.strategy()
        found = dialect.options(
            update_strategy=self._strategy,
            decay=self.momentum,
            epsilon=self.epsilon,
            center=bool(self.center),
            scale=bool(self.scale),
            axis=self.axis,
            renorm=bool(self.renorm),
            renorm_clipping=self.renorm_clipping if self.renorm else None,
            renorm_decay=self.renorm_momentum,
            virtual_batch_size=self.virtual_batch_size,
            adjustment=self.adjustment,
            beta_initializer=self.beta_initializer,
            gamma_initializer=self.gamma_initializer,
            moving_mean_initializer=self.moving_mean_initializer,
            moving_variance_initializer=self.moving_variance_initializer,
            trainable=bool(self.trainable),
        )
        return dataclasses.replace(
            found,
            gamma=_constrained(found.gamma, self.gamma_constraint),
            beta=_constrained(found.beta, self.beta_constraint),
        )

    def _make(self, request: base.Request, options: Options) -> assembly.Made:
        """Makes the variables in the layer's scope, and the losses of those that are new."""
        before = known_variables()
        made = assembly.create(request, options)
        for leaf in ("gamma", "beta"):
            variable = getattr(made, leaf)
            setattr(self, leaf, variable)
            if variable is not None:
                self._track(variable, bool(self.trainable))
                regularizer = getattr(self, f"{leaf}_regularizer")
                if regularizer is not None and not before.intersection(map(id, parts(variable))):
                    with place.outside():
                        self._add_regularization(leaf, variable, regularizer)
        for leaf, variable in request.made.items():
            self._track(variable, False)
            setattr(self, leaf, variable)
        self._made = made
        return made


@takes(signatures.NormalizationCall)
def batch_normalization(call: signatures.NormalizationCall) -> tf.Tensor:
    """Returns the normalised inputs, with the arguments and their order of ``tf.layers.batch_normalization``.

    See :class:`BatchNormalization` for variables and collections. ``reuse=True`` without a name takes the first
    ``batch_normalization`` of the current scope.

    Example:
      >>> y = tf_layers.batch_normalization(x, training=is_training)
      >>> with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
      ...     train_op = optimizer.minimize(loss)
    """
    return call.layer(BatchNormalization)(call.inputs, training=call.training)


def _constrained(affine: Any, constraint: Any) -> Any:
    return None if affine is None else affine._replace(constraint=constraint)
