"""Batch norm of all towers in one call."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import kernels, place, switch, synchronised, variables
from tf1bn.core import moments as moments_lib
from tf1bn.core.values import Moments
from tf1bn.layers import arguments, assembly, merging
from tf1bn.layers import batch_norm as single
from tf1bn.layers import scope as scopes
from tf1bn.layers.call import Call, Inputs
from tf1bn.layers.options import Options, Switches
from tf1bn.strategies import base
from tf1bn.terms import DEFAULT_SCOPE

_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(single.batch_norm).parameters.items()
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY
}
_LISTED = ("batch_weights", "mask")
_REFUSED = {
    "virtual_batch_size": "which normalises groups of rows by themselves: call tf1bn.batch_norm in each tower",
    "statistics": "since the towers are all here and need no reducer",
}


def batch_norm_towers(inputs: Sequence[Any], is_training: Any, **options: Any) -> list[tf.Tensor]:
    """Normalises the shards of one batch, each on its device, by the moments of all of them together.

    The same as ``tf1bn.batch_norm`` of the concatenated shards, split again: outputs, gradients and averages are
    those of the whole batch, also where shards differ in size or are empty. For models that are written layer by
    layer over all towers. The towers exchange sums of one value per channel by ordinary ops, so this works in any
    session, nothing can hang, and the averages move once per step.

    Shapes:
      inputs: each as of ``batch_norm``, all of one rank and one number of channels; sizes may differ.
      outputs: as many, each of the shape and dtype of its input.

    Variables: those of ``batch_norm``, one set for all towers, on the current device.

    Graph effects:
      Each tower's ops are made on the device of its input. As in ``batch_norm`` otherwise: with strategies that
      attach to the output, each output depends on the one update.

    Args:
      inputs: one tensor for each tower.
      is_training: see ``batch_norm``.
      **options: keyword arguments of ``batch_norm`` except ``virtual_batch_size`` and ``statistics``.
        ``batch_weights`` and ``mask`` are lists with one entry for each tower, or None.

    Returns:
      The normalised tensors, in the order of the inputs.

    Raises:
      ArgumentTypeError: ``inputs`` is not a list of tensors, or an unknown argument.
      ArgumentError: towers that differ in dtype, rank or channels; an option that is refused.
      As ``batch_norm`` otherwise.

    Example:
      >>> shards = [tf.placeholder(tf.float32, [None, 8]) for _ in range(2)]
      >>> outputs = tf1bn.batch_norm_towers(shards, True, scope="bn")
    """
    name = scopes.display_name(options.get("scope"), DEFAULT_SCOPE)
    with errors.located("batch_norm_towers", scope=name):
        place.require_graph_mode()
        arguments.refuse_unknown({word: v for word, v in options.items() if word not in _DEFAULTS}, tuple(_DEFAULTS))
        given = {**_DEFAULTS, **options}
        _check(inputs, given)
        scopes.check(given["scope"], given["reuse"])
        switches = Switches.of(is_training, given["use_batch_statistics"])
        each = [Options.of({**given, **_listed(given, i)}) for i in range(len(inputs))]
        return _build(list(inputs), switches, each, given["scope"], given["reuse"])


def _check(inputs: Any, given: dict[str, Any]) -> None:
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise errors.ArgumentTypeError(
            errors.explain("`inputs` is not a list of tensors", got=inputs, expected="one tensor for each tower")
        )
    for name, reason in _REFUSED.items():
        if given[name] is not None:
            raise errors.ArgumentError(errors.explain(f"`{name}` does not go with towers, {reason}", got=given[name]))
    for name in _LISTED:
        value = given[name]
        if value is not None and (not isinstance(value, (list, tuple)) or len(value) != len(inputs)):
            raise errors.ArgumentError(
                errors.explain(f"`{name}` must have one entry for each tower", expected=f"a list of {len(inputs)}")
            )


def _listed(given: dict[str, Any], tower: int) -> dict[str, Any]:
    return {name: None if given[name] is None else given[name][tower] for name in _LISTED}


def _build(inputs: list[Any], switches: Switches, each: list[Options], scope: Any, reuse: Any) -> list[tf.Tensor]:
    checked = [Inputs.of(arguments.dense(x), o) for x, o in zip(inputs, each, strict=True)]
    _check_alike(checked)
    options = each[0]
    request = assembly.request(scopes.display_name(scope, DEFAULT_SCOPE), checked[0], switches, options)
    base.check_site(options.strategy, request)
    if merging.current() is not None and request.updates:
        raise errors.PlacementError(
            errors.explain("the call is inside a merged_updates block, and pools its towers itself")
        )
    foreseen = scopes.foresee(scope, DEFAULT_SCOPE, reuse)
    request = dataclasses.replace(request, scope=foreseen.name)
    variables.refuse_existing(foreseen, dict.fromkeys(single.leaves(options), request.shape), request.dtype)
    order = assembly.order(request, switches, options)
    with scopes.layer_scope(scope, DEFAULT_SCOPE, reuse, checked[0].given):
        made = assembly.create(request, options)
        resolved = switches.resolve()
        calls = []
        for one, own in zip(checked, each, strict=True):
            with place.on_device(getattr(one.given, "device", "")):
                calls.append(Call.of(one, (made.gamma, made.beta), made.kept, resolved, own))
        towers = Towers(calls)
        return assembly.finish(towers, request, order, towers.normalize()).y


def _check_alike(checked: list[Inputs]) -> None:
    """Refuses towers that could not be parts of one batch."""
    kinds = [(one.dtype.name, one.axes.rank, one.axes.parameter_shape) for one in checked]
    for kind in kinds:
        if kind != kinds[0]:
            raise errors.ArgumentError(
                errors.explain("the towers differ in dtype, rank or channels", got=kind, expected=str(kinds[0]))
            )


@dataclasses.dataclass(frozen=True)
class Towers:
    """The calls of all towers as one call, with one update."""

    calls: list[Call]

    @property
    def first(self) -> Call:
        """The call whose options, variables and switches are those of all."""
        return self.calls[0]

    @property
    def kept(self) -> Any:
        """What the towers keep together."""
        return self.first.kept

    @property
    def options(self) -> Options:
        """The options of all."""
        return self.first.options

    def spoken(self, ys: list[tf.Tensor]) -> list[list[str]]:
        """Returns, for each tower, the names of the tensor that is normalised and of the result."""
        return [pair for call, y in zip(self.calls, ys, strict=True) for pair in call.spoken(y)]

    @property
    def may_be_empty(self) -> bool:
        """Whether only the moments tell if any tower holds anything."""
        known = any(call.variant.weights is None and call.axes.values_per_channel for call in self.calls)
        return not known and not base.pools(self.kept.strategy)

    def normalize(self) -> tuple[list[tf.Tensor], Moments | None]:
        """Returns the outputs, and the moments of all towers where they were computed for them."""
        use_batch = self.first.switches.use_batch
        if use_batch is True:
            return self._by_batch()
        kept = self.first.read_outside()
        if use_batch is False:
            return self._by_averages(kept), None

        def by_batch() -> list[Any]:
            ys, batch = self._by_batch()
            return [*ys, *batch]

        def by_averages() -> list[Any]:
            return [*self._by_averages(kept), kept.mean, kept.variance, tf.zeros([], kept.mean.dtype)]

        *ys, mean, variance, count = tf.cond(use_batch, by_batch, by_averages)
        for i, call in enumerate(self.calls):
            with place.on_device(call.x.device):
                ys[i] = tf.identity(ys[i])
            ys[i].set_shape(call.x.shape)
        return ys, Moments(mean, variance, count)

    def moves(self) -> switch.Switch:
        """Returns the switch that says whether this run moves the averages, if there is anything to take in."""
        training = self.first.switches.is_training
        return training if base.may_move(self.kept.strategy) else False

    def moments_to_keep(self, batch: Moments | None) -> Moments:
        """Returns the moments that the averages take in; built where the averages move."""
        if batch is None or not self.first.switches.one:
            call = self.first
            batch = kernels.moments(call.x, call.axes, call.variant._replace(centre=_found(self._centred()[0])))
        return self.first.corrected(batch)

    def reads_before_moving(self, ys: list[tf.Tensor]) -> list[Any]:
        """Returns what must have read the averages before they move."""
        return [read for y in ys for read in self.first.reads_before_moving(y)]

    def _centred(self) -> list[moments_lib.Centred]:
        shards = [
            synchronised.Shard(kernels.widen(call.x), call.axes, call.variant.weights, call.x.device)
            for call in self.calls
        ]
        return synchronised.two_rounds(shards, synchronised.alone)

    def _by_batch(self) -> tuple[list[tf.Tensor], Moments]:
        ys, found = [], []
        for call, centred in zip(self.calls, self._centred(), strict=True):
            with place.on_device(call.x.device):
                variant = call.variant._replace(centre=_found(centred))
                y, moments = dataclasses.replace(call, kernel=kernels.PLAIN, variant=variant).by_batch()
            ys.append(y)
            found.append(moments)
        return ys, found[0]

    def _by_averages(self, kept: Moments) -> list[tf.Tensor]:
        ys = []
        for call in self.calls:
            with place.on_device(call.x.device):
                ys.append(call.by_averages(kept))
        return ys


def _found(centred: moments_lib.Centred) -> Any:
    return lambda x, axes, weights: centred
