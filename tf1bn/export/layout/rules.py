"""How each type of op is turned: a rule gives the op its inputs, and says how its outputs are held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf1bn.export.draft import Ref, parse
from tf1bn.export.layout.tensors import Flat, Unturned, axis_last
from tf1bn.graph.data_formats import FORMATTED, channels_first, make_last, to_first, to_last
from tf1bn.graph.variables import VARIABLE_OPS


def formatted(work: Any, name: str) -> None:
    """An op with a `data_format`: what changes besides its inputs is a table of its own."""
    node, inputs = work.new.nodes[name], work.inputs(name)
    row = FORMATTED[node.op]
    if not channels_first(node):
        raise Unturned("it is channels last, on a channels-first image")
    # Without a rank nobody knows which axis is the last.
    rank = work.rank(inputs[row.inputs[0]])
    if rank < 3:
        raise Unturned("the rank of its image is unknown, or below 3")
    make_last(node)
    for position in row.vectors:
        inputs[position] = _reordered(work, inputs[position], rank, to_last(rank))
    given = [
        work.last(ref) if at in row.inputs else ref if at in row.vectors else work.first(ref)
        for at, ref in enumerate(inputs)
    ]
    work.feed(name, given)
    if row.output:
        work.mark(name)
        work.sites.append(((name, 0), (name, 0)))


def elementwise(work: Any, name: str) -> None:
    """One input, or a second one that is a number: the order of the elements does not matter."""
    ref, *rest = work.inputs(name)
    if any(other in work.state for other in rest):
        raise Unturned("a second operand is an image")
    if ref not in work.state:
        raise Unturned("its first operand is no image")
    work.feed(name, [work.given(ref), *map(work.first, rest)])
    work.mark(name, state=work.state[ref])


def broadcast(work: Any, name: str) -> None:
    """Operands that broadcast against each other."""
    inputs = work.inputs(name)
    # Behind a flattening the axes are gone, and only the order of the elements can be followed.
    flats = [work.state[ref] for ref in inputs if isinstance(work.state.get(ref), Flat)]
    if flats:
        _flat_operands(work, name, inputs, flats[0])
        return
    rank = max(work.rank(ref) for ref in inputs if ref in work.state)
    if work.rank((name, 0)) != rank:
        raise Unturned("its result has another rank than the image")
    work.feed(name, [work.broadcast(ref, rank) for ref in inputs])
    work.mark(name)


def _flat_operands(work: Any, name: str, inputs: Sequence[Ref], flat: Flat) -> None:
    size = math.prod(flat.first)
    given = []
    for ref in inputs:
        shape = work.shape(ref)
        if work.state.get(ref) == flat or shape == () or (shape is not None and all(n == 1 for n in shape)):
            given.append(work.given(ref))
        elif ref not in work.state and shape is not None and shape[-1] == size:
            given.append(work.gather(work.given(ref), flat.order(), len(shape) - 1, f"{ref[0]}/channels_last"))
        else:
            raise Unturned("an operand beside a flattened image has an unknown or another order")
    work.feed(name, given)
    work.mark(name, state=flat)


def reduction(work: Any, name: str) -> None:
    """Axes in the second input, and `keep_dims`."""
    ref, axes = work.inputs(name)
    places = _axes(work, _image(work, ref), axes)
    new = work.constant(f"{name}/axes", [axis_last(axis, work.rank(ref)) for axis in places], work.old.dtype(axes))
    work.feed(name, [work.given(ref), new])
    if work.old.nodes[name].attr["keep_dims"].b:
        work.mark(name)
    else:
        _without(work, name, work.rank(ref), places)


def arg_reduction(work: Any, name: str) -> None:
    """One axis in the second input, which goes away."""
    ref, axis = work.inputs(name)
    places = _axes(work, _image(work, ref), axis)
    new = work.constant(f"{name}/axis", axis_last(places[0], work.rank(ref)), work.old.dtype(axis))
    _without(work, name, work.rank(ref), places)
    work.feed(name, [work.given(ref), new])


def concat(work: Any, name: str) -> None:
    """All inputs but the last, along the axis that the last one is."""
    *parts, axis = work.inputs(name)
    _along(work, name, parts, axis, lambda given, new: [*given, new])
    work.mark(name)


def old_concat(work: Any, name: str) -> None:
    """All inputs but the first, along the axis that the first one is."""
    axis, *parts = work.inputs(name)
    _along(work, name, parts, axis, lambda given, new: [new, *given])
    work.mark(name)


def split(work: Any, name: str) -> None:
    """The axis, and what is split into equal parts."""
    axis, ref = work.inputs(name)
    _along(work, name, [ref], axis, lambda given, new: [new, *given])
    work.mark(name, int(work.old.nodes[name].attr["num_split"].i))


def split_sizes(work: Any, name: str) -> None:
    """What is split, the sizes of the parts, and the axis."""
    ref, sizes, axis = work.inputs(name)
    _along(work, name, [ref], axis, lambda given, new: [*given, work.first(sizes), new])
    work.mark(name, int(work.old.nodes[name].attr["num_split"].i))


def gather(work: Any, name: str) -> None:
    """Entries of one dimension."""
    ref, indices, axis = work.inputs(name)
    if work.rank(indices) != 1 or indices in work.state or work.old.nodes[name].attr["batch_dims"].i:
        raise Unturned("its indices are no vector")
    _along(work, name, [ref], axis, lambda given, new: [*given, work.first(indices), new])
    work.mark(name)


def _along(work: Any, name: str, parts: Sequence[Ref], axis: Ref, order: Any) -> None:
    rank = work.rank(parts[0])
    if any(work.rank(ref) != rank or isinstance(work.state.get(ref), Flat) for ref in parts) or rank < 3:
        raise Unturned("its operands are no images of one rank")
    place = _axes(work, parts[0], axis)[0]
    new = work.constant(f"{name}/axis", axis_last(place, rank), work.old.dtype(axis))
    work.feed(name, order([work.last(ref) for ref in parts], new))


def per_dimension(work: Any, name: str) -> None:
    """Further inputs with one row for each dimension, such as paddings, multiples, begin and size."""
    ref, *rest = work.inputs(name)
    rank = work.rank(_image(work, ref))
    vectors = [_reordered(work, other, rank, to_last(rank)) if work.rank(other) else other for other in rest]
    work.feed(name, [work.given(ref), *vectors])
    work.mark(name)


def spaced(work: Any, name: str) -> None:
    """Block shape and paddings with one row for each dimension behind the batch."""
    ref, *rest = work.inputs(name)
    rank = work.rank(_image(work, ref))
    # The batch has no row here, so all places are one less.
    order = [axis - 1 for axis in to_last(rank)[1:]]
    if any((work.shape(other) or (0,))[0] != rank - 1 for other in rest):
        raise Unturned("its blocks leave out dimensions of the image")
    work.feed(name, [work.given(ref), *(_reordered(work, other, rank - 1, order) for other in rest)])
    work.mark(name)


def reverse(work: Any, name: str) -> None:
    """Axes that are turned round."""
    ref, axes = work.inputs(name)
    places = [axis_last(axis, work.rank(ref)) for axis in _axes(work, _image(work, ref), axes)]
    work.feed(name, [work.given(ref), work.constant(f"{name}/axes", places, work.old.dtype(axes))])
    work.mark(name)


def transpose(work: Any, name: str) -> None:
    """A transposition of the image, which may be the one that the new graph has already."""
    ref, perm = work.inputs(name)
    order, rank = work.constant_value(perm), work.rank(_image(work, ref))
    if order is None:
        raise Unturned("its order is no constant")
    new = [to_first(rank)[axis] for axis in order.tolist()]
    # The program's own transposition to channels last: the new graph holds that already.
    if new == list(range(rank)):
        work.place[name, 0] = work.given(ref)
        return
    work.feed(name, [work.given(ref), work.constant(f"{name}/perm", new, work.old.dtype(perm))])


def shape(work: Any, name: str) -> None:
    """The shape, in the order that its readers know."""
    (ref,) = work.inputs(name)
    rank = work.rank(_image(work, ref))
    node = work.feed(name, [work.given(ref)])
    # int32 is the op's default, which a graph may leave out.
    kind = node.attr["out_type"].type or 3
    work.place[name, 0] = work.gather((name, 0), to_first(rank), 0, f"{name}/channels_first", kind)


def uncounted(work: Any, name: str) -> None:
    """A result that no order changes, such as a sum of all."""
    work.feed(name, [work.given(ref) for ref in work.inputs(name)])


def squeeze(work: Any, name: str) -> None:
    """Dimensions of size 1 that go away."""
    (ref,) = work.inputs(name)
    sizes = work.shape(_image(work, ref))
    listed = work.old.nodes[name].attr["squeeze_dims"].list.i
    places = [axis % len(sizes) for axis in listed] or [axis for axis, size in enumerate(sizes) if size == 1]
    _without(work, name, len(sizes), places)
    node = work.feed(name, [work.given(ref)])
    node.attr["squeeze_dims"].list.i[:] = sorted(axis_last(axis, len(sizes)) for axis in places)


def expand(work: Any, name: str) -> None:
    """A further dimension of size 1 between those of the image."""
    ref, axis = work.inputs(name)
    rank = work.rank(_image(work, ref))
    value = work.constant_value(axis)
    # Before the channels it would part them from the batch, and no order of images has that.
    if value is None or not int(value) % (rank + 1) >= 2:
        raise Unturned("the new dimension is not one of the image")
    place = int(value) % (rank + 1) - 1
    work.feed(name, [work.given(ref), work.constant(f"{name}/axis", place, work.old.dtype(axis))])
    work.mark(name)


def strided_slice(work: Any, name: str) -> None:
    """A part of an image by begin, end and strides."""
    ref, *ends = work.inputs(name)
    rank, node = work.rank(_image(work, ref)), work.old.nodes[name]
    values = [work.constant_value(end) for end in ends]
    if any(value is None for value in values) or node.attr["ellipsis_mask"].i or node.attr["new_axis_mask"].i:
        raise Unturned("its bounds are no constants for each dimension")
    count = len(values[0])
    # Bounds may be given for the first dimensions only, and the last ones move to the front.
    rows = [[*value.tolist(), *[default] * (rank - count)] for value, default in zip(values, (0, 0, 1), strict=True)]
    masks = {key: int(node.attr[key].i) for key in ("begin_mask", "end_mask", "shrink_axis_mask")}
    for key in ("begin_mask", "end_mask"):
        masks[key] |= sum(1 << axis for axis in range(count, rank))
    gone = [axis for axis in range(rank) if masks["shrink_axis_mask"] >> axis & 1]
    if gone:
        _without(work, name, rank, gone)
    else:
        work.mark(name)
    order = to_last(rank)
    new = [
        work.constant(f"{name}/{word}", [row[axis] for axis in order], work.old.dtype(ends[0]))
        for word, row in zip(("begin", "end", "strides"), rows, strict=True)
    ]
    node = work.feed(name, [work.given(ref), *new])
    for key, mask in masks.items():
        node.attr[key].i = sum(1 << place for place, axis in enumerate(order) if mask >> axis & 1)


def reshape(work: Any, name: str) -> None:
    """A reshape that flattens each image; its readers know the order of the elements."""
    ref, target = work.inputs(name)
    sizes, result = work.shape(_image(work, ref)), work.shape((name, 0))
    if result is None or len(result) != 2 or None in sizes[1:] or result[1] != math.prod(sizes[1:]):
        raise Unturned("it does more than to flatten each image, or sizes are unknown")
    work.feed(name, [work.given(ref), work.first(target)])
    # With one channel, or one pixel, both orders are the same.
    if sizes[1] > 1 and math.prod(sizes[2:]) > 1:
        work.mark(name, state=Flat(tuple(sizes[1:])))


def matmul(work: Any, name: str) -> None:
    """A dense layer behind a flattened image: the rows of its kernel take the image's order."""
    ref, kernel = work.inputs(name)
    node = work.old.nodes[name]
    flat = work.state.get(ref)
    if not isinstance(flat, Flat) or kernel in work.state or node.attr["transpose_a"].b:
        raise Unturned("it multiplies something else than flattened images with a kernel")
    axis = 1 if node.attr["transpose_b"].b else 0
    work.feed(name, [work.given(ref), _permuted(work, kernel, flat.order(), axis, name)])
    work.sites.append(((name, 0), (name, 0)))


def _permuted(work: Any, kernel: Ref, order: list[int], axis: int, reader: str) -> Ref:
    """Returns a kernel with its rows in another order: the stored values where nothing else reads them."""
    chain, name = [reader], kernel[0]
    while work.old.nodes[name].op in ("Identity", "ReadVariableOp"):
        chain.append(name)
        name = parse(work.old.nodes[name].input[0])[0]
    node = work.old.nodes[name]
    alone = work.readers[name] == [chain[-1]] and all(
        work.readers[item] == [chain[i]] for i, item in enumerate(chain[1:])
    )
    outside = any(ref[0] in (name, *chain[1:]) for ref in work.outputs)
    # Anybody else who reads the kernel wants its rows as they were.
    if alone and not outside and node.op in VARIABLE_OPS and name in work.values:
        work.values[name] = np.take(work.values[name], order, axis)
        return work.given(kernel)
    value = work.constant_value(kernel)
    if value is not None:
        return work.constant(f"{kernel[0]}/channels_last", np.take(value, order, axis), work.old.dtype(kernel))
    return work.gather(work.given(kernel), order, axis, f"{kernel[0]}/channels_last")


def _image(work: Any, ref: Ref) -> Ref:
    """Returns a tensor that is an image with channels last."""
    if work.state.get(ref) is not True:
        raise Unturned("what it works on is not the image itself")
    return ref


def _axes(work: Any, ref: Ref, axes: Ref) -> list[int]:
    value = work.constant_value(axes)
    if value is None:
        raise Unturned("its axis is no constant")
    return [int(axis) % work.rank(ref) for axis in np.ravel(value)]


def _reordered(work: Any, ref: Ref, rank: int, order: Sequence[int]) -> Ref:
    """Returns a vector, or a matrix, with one row for each dimension in the order of channels last."""
    value = work.constant_value(ref)
    if value is not None:
        if len(value) != rank:
            return work.place.get(ref, ref)
        return work.constant(f"{ref[0]}/channels_last", value[list(order)], work.old.dtype(ref))
    return work.gather(work.first(ref), order, 0, f"{ref[0]}/channels_last", work.old.dtype(ref))


def _without(work: Any, name: str, rank: int, gone: Sequence[int]) -> None:
    """Notes how a result is held from which some dimensions are gone, if it can be."""
    left = [axis for axis in to_last(rank) if axis not in gone]
    # The dimensions that are left stand in their old order, so the result is what it was.
    if left == sorted(left):
        return
    if len(left) > 2 and left[-1] == 1 and left[:-1] == sorted(left[:-1]) and left[0] == 0:
        work.mark(name)
        return
    raise Unturned("what is left of the image has neither order")
