"""``tf.contrib.layers.batch_norm``, which is ``slim.batch_norm``.

Where it differs from the original, on purpose:

* All deviations of ``tf1bn.compat.tf_layers.normalization``; ``is_training=None`` is refused.
* Parameters are float32 for half-precision inputs also with ``batch_weights``; there they were half precision.
* ``adjustment`` together with ``batch_weights``, another ``updates_collections`` or ``zero_debias_moving_mean`` is
  refused; there it was ignored.
* An empty ``updates_collections`` list keeps the averages as they are, as there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import dialect, op_names
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_getter
from tf1bn.compat.contrib.zero_debias import LEAVES, ZeroDebias
from tf1bn.compat.tf_layers.normalization import BatchNormalization
from tf1bn.core import switch
from tf1bn.core.naming import Naming
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


@add_arg_scope
def batch_norm(
    inputs: Any,
    decay: Any = 0.999,
    center: bool = True,
    scale: bool = False,
    epsilon: float = 0.001,
    activation_fn: Any = None,
    param_initializers: dict[str, Any] | None = None,
    param_regularizers: dict[str, Any] | None = None,
    updates_collections: Any = UPDATE_OPS,
    is_training: Any = True,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    batch_weights: Any = None,
    fused: bool | None = None,
    data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False,
    scope: Any = None,
    renorm: bool = False,
    renorm_clipping: dict[str, Any] | None = None,
    renorm_decay: Any = 0.99,
    adjustment: Any = None,
) -> tf.Tensor:
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
    text = str(getattr(inputs, "shape", ""))
    with dialect.speaking("batch_norm", _WORDS, scope=getattr(scope, "name", scope), inputs=text):
        if data_format not in ("NHWC", "NCHW"):
            raise errors.ArgumentError(errors.explain("unknown `data_format`", got=data_format))
        inputs = tf.convert_to_tensor(inputs)
        dialect.require_known(inputs, "inputs")
        dialect.require_switch(is_training, "is_training")
        axis = 1 if data_format == "NCHW" else -1
        given: dict[str, Any] = {
            "center": bool(center),
            "scale": bool(scale),
            "epsilon": epsilon,
            "trainable": bool(trainable),
        }
        given |= {"axis": axis, **_initializers(param_initializers or {})}
        regularizers: dict[str, Any] = {
            f"{leaf}_regularizer": (param_regularizers or {}).get(leaf) for leaf in ("beta", "gamma")
        }
        default = isinstance(updates_collections, str) and updates_collections == UPDATE_OPS
        special = bool(zero_debias_moving_mean) or not default
        fusable = batch_weights is None and not renorm and adjustment is None and inputs.shape.rank in (2, 4)
        by_fused = fused is not False and fusable and (special or inputs.shape.rank == 2)
        # What debiasing adds is a model variable on the plain way only, as there.
        getter = model_getter(plain=LEAVES if by_fused else ())
        with tf.variable_scope(scope, "BatchNorm", [inputs], reuse=reuse, custom_getter=getter) as entered:
            if not by_fused and batch_weights is None and not special:
                given |= {"momentum": decay, "fused": fused, "adjustment": adjustment, **regularizers}
                given |= {"renorm": renorm, "renorm_clipping": renorm_clipping, "renorm_momentum": renorm_decay}
                layer = BatchNormalization(**given, name=entered.name, _scope=entered, _reuse=reuse)
                layer.called = NAMING.call
                outputs = layer(inputs, training=is_training)
                made = {leaf: getattr(layer, leaf) for leaf in _LEAVES}
            else:
                _refuse_beside_own({"renorm": renorm, "adjustment": adjustment})
                # The original's plain way does not look at the regularizers.
                given |= {"decay": decay, "batch_weights": batch_weights, **(regularizers if by_fused else {})}
                own = _Own(entered.name, updates_collections, bool(zero_debias_moving_mean), by_fused)
                outputs, made = own.build(inputs, is_training, given)
            for leaf, variable in made.items():
                if variable is not None:
                    named_outputs.add_variable(variable, variables_collections, leaf)
            if activation_fn is not None:
                outputs = activation_fn(outputs)
            return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


def _initializers(given: dict[str, Any]) -> dict[str, Any]:
    return {f"{leaf}_initializer": given.get(leaf, default()) for leaf, default in _INITIALIZERS.items()}


def _refuse_beside_own(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value:
            raise errors.ArgumentError(
                f"`{name}` is not supported with batch_weights, updates_collections or zero_debias_moving_mean."
            )


class _Own(NamedTuple):
    """One of contrib's own two ways, fused or plain."""

    scope: str
    collections: Any
    debias: bool
    fused: bool

    def build(self, inputs: tf.Tensor, is_training: Any, given: dict[str, Any]) -> tuple[tf.Tensor, dict[str, Any]]:
        """Returns the output, and the variables by name."""
        options = self._options(is_training, given)
        if inputs.shape.as_list()[options.axis] is None:
            raise errors.ShapeError(
                errors.explain("`inputs` has an undefined channel dimension", got=str(inputs.shape))
            )
        switches = Switches.of(is_training, None)
        checked = Inputs.of(inputs, options)
        moves = not switch.known_false(is_training)
        names = op_names.of_own(
            self.fused,
            checked.axes.rank,
            is_training,
            moves=moves and self.collections != [],
            in_place=self.collections is None,
            debias=self.debias,
        )
        request = assembly.request(self.scope, checked, switches, options, NAMING._replace(ops=names))
        base.check_site(options.strategy, request)
        order = assembly.order(request, switches, options)
        made = assembly.create(request, options)
        result = assembly.run(made, checked, request, order, switches, options)
        for name in self._further_collections():
            for op in result.updates:
                tf.add_to_collection(name, op)
        return result.y, {"beta": made.beta, "gamma": made.gamma, **request.made}

    def _options(self, is_training: Any, given: dict[str, Any]) -> Options:
        overridden = catalog.chosen_default() is not None
        kept_by = dialect.at_this_place(dialect.strategy(self.collections), is_training)
        if self.debias and isinstance(kept_by, (Collection, Inline)) and not overridden:
            kept_by = ZeroDebias(kept_by)
        return dialect.options(
            update_strategy=kept_by,
            bessel_correction=self.fused,
            zero_debias=self.debias and overridden,
            **given,
        )

    def _further_collections(self) -> list[str]:
        one = self.collections is None or isinstance(self.collections, str)
        return [] if one or catalog.chosen_default() is not None else list(self.collections)[1:]
