"""``tf.contrib.layers.batch_norm``, which is ``slim.batch_norm``.

Where it differs from the original, on purpose:

* All deviations of ``tf1bn.compat.tf_layers.normalization``; ``is_training=None`` is refused.
* Parameters are float32 for half-precision inputs also with ``batch_weights``; there they were half precision.
* ``adjustment`` together with ``batch_weights``, another ``updates_collections`` or ``zero_debias_moving_mean`` is
  refused; there it was ignored.
* An empty ``updates_collections`` list keeps the averages as they are, as there.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import dialect, op_names
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.affine import activated
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_getter
from tf1bn.compat.contrib.zero_debias import LEAVES, ZeroDebias
from tf1bn.compat.tf_layers.normalization import BatchNormalization
from tf1bn.core import switch
from tf1bn.core.naming import Naming, OpNames
from tf1bn.layers import assembly
from tf1bn.layers.call import Inputs
from tf1bn.layers.options import Options, Switches
from tf1bn.strategies import base, catalog
from tf1bn.strategies.collection import Collection
from tf1bn.strategies.inline import Inline

UPDATE_OPS = tf.GraphKeys.UPDATE_OPS
_MODEL = (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES)
NAMING = Naming(
    affine_order=("beta", "gamma"),
    affine_collections=_MODEL,
    average_collections=_MODEL,
    regularizes_averages=True,
    call="slim.batch_norm (tf.contrib.layers.batch_norm)",
)
_LEAVES = ("moving_mean", "moving_variance", "beta", "gamma")
_WORDS = {"zero_debias": "zero_debias_moving_mean"}
_INITIALIZERS = {
    "beta": tf.zeros_initializer,
    "gamma": tf.ones_initializer,
    "moving_mean": tf.zeros_initializer,
    "moving_variance": tf.ones_initializer,
}


@dataclasses.dataclass(frozen=True)
class BatchNorm:
    """What ``batch_norm`` is given."""

    inputs: Any
    decay: Any = 0.999
    center: bool = True
    scale: bool = False
    epsilon: float = 0.001
    activation_fn: Any = None
    param_initializers: dict[str, Any] | None = None
    param_regularizers: dict[str, Any] | None = None
    updates_collections: Any = UPDATE_OPS
    is_training: Any = True
    reuse: Any = None
    variables_collections: Any = None
    outputs_collections: Any = None
    trainable: bool = True
    batch_weights: Any = None
    fused: bool | None = None
    data_format: str = "NHWC"
    zero_debias_moving_mean: bool = False
    scope: Any = None
    renorm: bool = False
    renorm_clipping: dict[str, Any] | None = None
    renorm_decay: Any = 0.99
    adjustment: Any = None

    @property
    def special(self) -> bool:
        """Whether updates go elsewhere or are debiased, which the class of tf.layers does not do."""
        default = isinstance(self.updates_collections, str) and self.updates_collections == UPDATE_OPS
        return bool(self.zero_debias_moving_mean) or not default

    def by_fused(self, rank: int) -> bool:
        """Whether contrib's own fused way serves an input of some rank."""
        fusable = self.batch_weights is None and not self.renorm and self.adjustment is None and rank in (2, 4)
        return self.fused is not False and fusable and (self.special or rank == 2)

    def options(self) -> dict[str, Any]:
        """Returns what all three ways are given, in the words of ``tf1bn.batch_norm``."""
        initializers = self.param_initializers or {}
        return {
            "axis": 1 if self.data_format == "NCHW" else -1,
            "center": bool(self.center),
            "scale": bool(self.scale),
            "epsilon": self.epsilon,
            "trainable": bool(self.trainable),
            **{f"{leaf}_initializer": initializers.get(leaf, make()) for leaf, make in _INITIALIZERS.items()},
        }

    def regularizers(self) -> dict[str, Any]:
        """Returns the regularizers of beta and gamma."""
        return {f"{leaf}_regularizer": (self.param_regularizers or {}).get(leaf) for leaf in ("beta", "gamma")}


@add_arg_scope
@takes(BatchNorm)
def batch_norm(call: BatchNorm) -> tf.Tensor:
    """Normalises each channel of ``inputs``, with contrib's arguments, defaults, names and collections.

    The original has three ways of doing it, which differ in what they leave behind: the class of tf.layers (rank 4
    with default updates, 3 and 5), its own fused one (rank 2; rank 4 with other updates) and its own plain one.

    Variables (in ``scope``, by default ``BatchNorm``, ``BatchNorm_1``, ...; all also in MODEL_VARIABLES):
      beta, gamma (only with ``scale``), moving_mean, moving_variance; the class makes gamma before beta.

    Graph effects:
      A training call adds two operations to ``updates_collections``; None lets the output depend on the update.
      A ``tf1bn.default_update_strategy`` block overrides both.

    Args:
      fused: matters for the moving variance, which has Bessel's correction on both fused ways: rank 2 and 4,
        unless ``fused`` is False. The fastest kernel is chosen in any case.
      param_initializers, param_regularizers: by the names of the variables.
      trainable: the class moves no average when False, the other two ways do.
      others: as in contrib.
    """
    text, scope = str(getattr(call.inputs, "shape", "")), getattr(call.scope, "name", call.scope)
    with dialect.speaking("batch_norm", _WORDS, scope=scope, inputs=text):
        if call.data_format not in ("NHWC", "NCHW"):
            raise errors.ArgumentError(
                errors.explain("data_format has to be either NCHW or NHWC", got=call.data_format)
            )
        inputs = tf.convert_to_tensor(call.inputs)
        dialect.require_known(inputs, "inputs")
        dialect.require_switch(call.is_training, "is_training")
        by_fused = call.by_fused(inputs.shape.rank)
        # What debiasing adds is a model variable on the plain way only, as there.
        getter = model_getter(plain=LEAVES if by_fused else ())
        with tf.variable_scope(call.scope, "BatchNorm", [inputs], reuse=call.reuse, custom_getter=getter) as entered:
            if not by_fused and call.batch_weights is None and not call.special:
                outputs, made = _by_class(call, inputs, entered)
            else:
                _refuse_beside_own({"renorm": call.renorm, "adjustment": call.adjustment})
                outputs, made = _Own(call, entered.name, by_fused).build(inputs)
            for leaf, variable in made.items():
                if variable is not None:
                    named_outputs.add_variable(variable, call.variables_collections, leaf)
            return activated(call, outputs, entered)


def _by_class(call: BatchNorm, inputs: tf.Tensor, entered: Any) -> tuple[tf.Tensor, dict[str, Any]]:
    """Returns the output of the class of tf.layers, and its variables by name."""
    layer = BatchNormalization(
        **call.options(),
        **call.regularizers(),
        momentum=call.decay,
        fused=call.fused,
        adjustment=call.adjustment,
        renorm=call.renorm,
        renorm_clipping=call.renorm_clipping,
        renorm_momentum=call.renorm_decay,
        name=entered.name,
        _scope=entered,
        _reuse=call.reuse,
    )
    layer.called = NAMING.call
    return layer(inputs, training=call.is_training), {leaf: getattr(layer, leaf) for leaf in _LEAVES}


def _refuse_beside_own(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value:
            raise errors.ArgumentError(
                f"`{name}` is not supported with batch_weights, updates_collections or zero_debias_moving_mean."
            )


class _Own(NamedTuple):
    """One of contrib's own two ways, fused or plain."""

    call: BatchNorm
    scope: str
    fused: bool

    def build(self, inputs: tf.Tensor) -> tuple[tf.Tensor, dict[str, Any]]:
        """Returns the output, and the variables by name."""
        options, is_training = self._options(), self.call.is_training
        if inputs.shape.as_list()[options.axis] is None:
            raise errors.ShapeError(
                errors.explain("`inputs` has an undefined channel dimension", got=str(inputs.shape))
            )
        switches = Switches.of(is_training, None)
        checked = Inputs.of(inputs, options)
        naming = NAMING._replace(ops=self._op_names(checked.axes.rank))
        request = assembly.request(self.scope, checked, switches, options, naming)
        base.check_site(options.strategy, request)
        order = assembly.order(request, switches, options)
        made = assembly.create(request, options)
        result = assembly.run(made, checked, request, order, switches, options)
        for name in self._further_collections():
            for op in result.updates:
                tf.add_to_collection(name, op)
        return result.y, {"beta": made.beta, "gamma": made.gamma, **request.made}

    def _op_names(self, rank: int) -> OpNames:
        """Returns the names that the original gives to its ops in such a call."""
        collections, is_training = self.call.updates_collections, self.call.is_training
        return op_names.of_own(
            self.fused,
            rank,
            is_training,
            moves=not switch.known_false(is_training) and collections != [],
            in_place=collections is None,
            debias=bool(self.call.zero_debias_moving_mean),
        )

    def _options(self) -> Options:
        call, debias = self.call, bool(self.call.zero_debias_moving_mean)
        overridden = catalog.chosen_default() is not None
        kept_by = dialect.at_this_place(dialect.strategy(call.updates_collections), call.is_training)
        if debias and isinstance(kept_by, (Collection, Inline)) and not overridden:
            kept_by = ZeroDebias(kept_by)
        # The original's plain way does not look at the regularizers.
        regularizers = call.regularizers() if self.fused else {}
        return dialect.options(
            **call.options(),
            **regularizers,
            decay=call.decay,
            batch_weights=call.batch_weights,
            update_strategy=kept_by,
            bessel_correction=self.fused,
            zero_debias=debias and overridden,
        )

    def _further_collections(self) -> list[str]:
        collections = self.call.updates_collections
        one = collections is None or isinstance(collections, str)
        return [] if one or catalog.chosen_default() is not None else list(collections)[1:]
