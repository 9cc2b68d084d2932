"""Batch norms: scale, shift and the two averages; what is missing is made, what is stored otherwise is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.checkpoint.layout import BETA, GAMMA, MEAN, VARIANCE
from tf1bn.convert import features
from tf1bn.convert.layer import Doubt, Layer, Stored
from tf1bn.convert.reader import Reader
from tf1bn.convert.steps import flat
from tf1bn.convert.target import Target, constant, whole
from tf1bn.convert.uses import linear
from tf1bn.convert.uses.kind import Kind
from tf1bn.graph.variables import AUXILIARY, Variable

if TYPE_CHECKING:
    from tf1bn.graph.site import Site

NAME = "batch_norm"
_TORCH = ((GAMMA, "weight", 1.0), (BETA, "bias", 0.0), (MEAN, "running_mean", 0.0), (VARIANCE, "running_var", 1.0))
RENORM = ("moving_stddev", "renorm_mean", "renorm_stddev")
"""What batch renormalization keeps besides, under the same names in TensorFlow 1 and in Keras 3."""

_MISSING = {
    GAMMA: "there is no gamma: it scales by 1",
    BETA: "there is no beta: it shifts by 0",
    MEAN: "it keeps no mean",
    VARIANCE: "it keeps no variance",
}


def find(reader: Reader) -> None:
    """Adds the batch norms of a graph; calls on shared variables are one."""
    known: dict[tuple[Any, ...], Layer] = {}
    for site in reader.model.sites:
        chosen = {GAMMA: site.gamma, BETA: site.beta, **_statistics(reader, site)}
        key = tuple(item.node.id if item else -1 for item in chosen.values())
        if key in known:
            known[key].traits["calls"] = known[key].traits.get("calls", 1) + 1
            continue
        if set(key) != {-1}:
            known[key] = _layer(reader, site, chosen)


def _statistics(reader: Reader, site: Site) -> dict[str, Variable | None]:
    """Returns the variables of mean and variance; of several linked ones, that which normalises or is no helper."""
    found: dict[str, Variable | None] = {}
    for role, items in ((MEAN, site.mean), (VARIANCE, site.variance)):
        plain = [item for item in items if not item.name.endswith(AUXILIARY) and "renorm" not in item.name]
        read = [item for item in plain if item in _read_by(reader, site, role)]
        chosen = read or plain
        found[role] = chosen[0] if len(chosen) == 1 else None
    return found


def _read_by(reader: Reader, site: Site, role: str) -> list[Variable]:
    tensors = [item.mean if role == MEAN else item.variance for item in site.normalizers]
    return [var for tensor in tensors for var in reader.variables.among(reader.flow.origins(tensor))]


def _layer(reader: Reader, site: Site, chosen: dict[str, Variable | None]) -> Layer:
    first = site.normalizers[-1] if site.normalizers[0].mode != "moving" else site.normalizers[0]
    layer = Layer(NAME, site.scope, {})
    for role, variable in chosen.items():
        if variable is None:
            continue
        stored = reader.stored(variable)
        if role in (MEAN, VARIANCE) and variable in _read_by(reader, site, role):
            stored = stored._replace(form="identity", companion="")  # the graph itself reads it as it is
        layer.tensors[role] = stored
        if sum(size != 1 for size in stored.shape) > 1:
            question = f"{stored.key!r} has several axes {list(stored.shape)}: no other framework has such a batch norm"
            layer.doubts.append(Doubt(site.scope, question, 'give "drop": true and carry it by hand'))
    for role, items in ((MEAN, site.mean), (VARIANCE, site.variance)):
        if chosen[role] is None:
            names = [item.name for item in items]
            question = f"which of {names} is its {role}" if names else f"the graph keeps no {role} for it"
            layer.doubts.append(Doubt(site.scope, question, f'give "{role}": the name of the tensor'))
    reader.take(*chosen.values(), *site.statistics)
    layer.tensors |= _renorm(reader, site)
    out = first.output
    layer.output = reader.name(out)
    layer.why = f"{first.node.op} {first.node.name!r} normalises with it"
    layer.traits = _traits(reader, site)
    reader.add(layer, out[0])
    order = features.order(reader, out)
    if order and order.channels_last and order.channels > 1:
        layer.traits["features"] = order.channels
    elif order and order.channels != 1 and order.channels_last is None:
        question = f"{order.where!r} changes between maps and features, and the axes of the maps are unknown"
        layer.doubts.append(Doubt(site.scope, question, 'give "features": the number of channels, or 0'))
    linear.activity(reader, layer, out)
    return layer


def _renorm(reader: Reader, site: Site) -> dict[str, Stored]:
    """Returns what renormalization keeps, from the training graph: inference does not need it."""
    found = {}
    for variable in reader.origin.variables.by_node.values():
        scope, _, leaf = variable.key.rpartition("/")
        if scope == site.scope and leaf in RENORM:
            found[leaf] = reader.stored(variable)
    return found if len(found) == len(RENORM) else {}


def _traits(reader: Reader, site: Site) -> dict[str, Any]:
    from tf1bn.graph import recorded  # with the graph TensorFlow is loaded already; a plan by names needs none

    first = site.normalizers[0]
    traits: dict[str, Any] = {"epsilon": _short(first.epsilon), "statistics": site.mode}
    if first.data_format:
        traits["data_format"] = "channels_first" if first.data_format.startswith("NC") else "channels_last"
    names = {item.name for item in [*site.statistics, *site.affine]}
    origin = next((item for item in reader.origin.sites if names & {v.name for v in item.statistics}), None)
    record = recorded.record_of(reader.origin, origin) if origin is not None else None
    decay = (record or {}).get("decay")
    if not isinstance(decay, int | float) and origin is not None:
        known = [reader.origin.decay(writer) for _, writer in origin.updates()]
        decay = next((item for item in known if item is not None), None)
    if isinstance(decay, int | float):
        traits["decay"] = _short(decay)
    if origin is not None and origin.mode != "moving":
        bessel = (record or {}).get("bessel_correction")
        traits["moving_variance"] = "unbiased" if (origin.fused if bessel is None else bessel) else "biased"
    return traits


def _short(number: float) -> float:
    """Returns a float32 number as people write it."""
    return float(f"{number:.7g}")


def _vector(layer: Layer, role: str, word: str, default: float, *, order: bool) -> Target:
    stored = layer.tensors.get(role)
    if stored is None:
        some = next(iter(layer.tensors.values()))
        dtype = some.dtype if some.dtype != "float64" else "float64"
        return constant(word, (math.prod(some.shape),), dtype, (default,), _MISSING[role])
    steps = flat(stored.shape)
    return whole(word, stored, *steps, *(linear.reordered(layer, "features", 0) if order else ()))


def torch(layer: Layer) -> list[Target]:
    """The tensors of ``nn.BatchNorm1d`` to ``nn.BatchNorm3d``."""
    found = [_vector(layer, role, word, default, order=True) for role, word, default in _TORCH]
    tracked = constant("num_batches_tracked", (), "int64", (0,), "TensorFlow counts no batches", free=True)
    return [*found, tracked]


def keras(layer: Layer) -> list[Target]:
    """The variables of ``BatchNormalization``."""
    found = [_vector(layer, role, role, default, order=False) for role, _, default in _TORCH]
    return found + [_vector(layer, role, role, 0.0, order=False) for role in RENORM if role in layer.tensors]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields epsilon, momentum in the framework's own convention, and what the averages are."""
    traits = layer.traits
    if "epsilon" in traits:
        yield f"{'eps' if framework == 'torch' else 'epsilon'}={traits['epsilon']:g}"
    if "decay" in traits:
        decay = traits["decay"]
        yield f"momentum={_short(1.0 - decay) if framework == 'torch' else decay:g}"
    if traits.get("moving_variance") == "biased":
        yield (
            "the moving variance was divided by N; PyTorch keeps N - 1"
            if framework == "torch"
            else ("the moving variance was divided by N")
        )
    if RENORM[0] in layer.tensors:
        yield "it trained with renorm, which PyTorch does not have" if framework == "torch" else "renorm=True"
    if traits.get("features"):
        yield f"its features are those of flattened maps, {traits['features']} channels"


KIND = Kind(NAME, find, torch, keras, notes)
