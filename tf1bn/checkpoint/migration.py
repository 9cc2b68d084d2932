"""Carries out a plan: a new index over copied or linked data, and one more data file for what changed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tf1bn import errors, progress
from tf1bn.checkpoint import conversions, dtypes, protos, shard, staging
from tf1bn.checkpoint.bundle import Bundle, TensorInfo, data_path, slice_shape
from tf1bn.checkpoint.plan import SYNTHESISED, Plan, Step
from tf1bn.checkpoint.shard import Extents, IndexItems, Part, ShardWriter
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint
from tf1bn.checkpoint.wire import damaged

_CHUNK_ELEMENTS = 1 << 17
_COMPANION_LIMIT = 1 << 20


class Migration(NamedTuple):
    """What :func:`migrate` did.

    Attributes:
      target: prefix of the new checkpoint.
      plan: what was carried out.
      linked: whether the data files are hard links.
      shards: number of data files.
      written_bytes: size of the converted and synthesised tensors.
      verified: number of tensors that were read again and compared; 0 when not asked for.
    """

    target: str
    plan: Plan
    linked: bool
    shards: int
    written_bytes: int
    verified: int


def migrate(
    plan: Plan,
    target: str | os.PathLike[str],
    *,
    link: bool = False,
    overwrite: bool = False,
    verify: bool = False,
) -> Migration:
    """Writes the checkpoint that a plan describes.

    The source is opened for reading only. Its data files are copied (or linked), tensors whose bytes change go
    into one more data file, and the index is written anew. All is flushed and moved into place in the end, the
    index last: if the process is killed or the disk fills up, there is either no target or a whole one.

    Args:
      plan: from :func:`tf1bn.checkpoint.plan_migration`; must have no troubles.
      target: prefix of the new checkpoint; its directory must exist.
      link: hard links instead of copies: no time and no space, but both checkpoints then share their bytes.
      overwrite: replaces a checkpoint that is there. It stays until the new one is complete.
      verify: reads every tensor of the new files again and compares it with the source, checksums included,
        before anything is moved into place.

    Returns:
      a :class:`Migration`.

    Raises:
      CheckpointPlanError: the plan has troubles, or target and source are the same.
      CheckpointExistsError: the target exists, or another migration is writing it.
      CheckpointMissingError, CheckpointDamagedError: the source cannot be read, or bytes do not agree.
      CheckpointError: the disk is full or may not be written; nothing is left behind.
    """
    target = os.fspath(target)
    with errors.located("migrate", source=plan.source, target=target):
        plan.require()
        staging.check_free(target, plan.source, overwrite)
        with open_checkpoint(plan.source) as source:
            _check_fits(plan, source)
            try:
                with staging.Staging(target, overwrite).open() as place:
                    shards, size = _write(plan, source, place.prefix, link)
                    verified = compare_with_plan(plan, source, place.prefix) if verify else 0
                    place.commit()
            except OSError as error:
                raise errors.CheckpointError(
                    errors.explain(
                        "the target could not be written, nothing is left of it", got=error.strerror or str(error)
                    )
                ) from error
        return Migration(target, plan, link and isinstance(source, Bundle), shards, size, verified)


def _check_fits(plan: Plan, source: Checkpoint) -> None:
    """Refuses a plan that was made for another state of the source."""
    for step in plan.steps:
        if step.source and step.source not in source.tensors:
            raise errors.CheckpointPlanError(
                errors.explain(f"the plan takes {step.source!r}, which {source.prefix!r} lacks", fix="Plan again.")
            )
    if isinstance(source, Bundle):
        # Opened before anything is written, as a data file may be missing or cut off.
        source.shards()


def _write(plan: Plan, source: Checkpoint, prefix: str, link: bool) -> tuple[int, int]:
    """Writes all files below the hidden prefix; returns the number of data files and the bytes of the new one."""
    own = source.header.shards if isinstance(source, Bundle) else 0
    # A plan of new names alone needs no new data.
    fresh = not own or any(_is_new(step, source) for step in plan.steps)
    total = own + fresh
    # The new file comes last in number, so that entries of the old ones keep theirs.
    items = IndexItems()
    writer = ShardWriter(data_path(prefix, own, total), own) if fresh else None
    try:
        size = 0
        for step in progress.each(plan.steps, "writing", "tensors"):
            number = dtypes.of_name(step.dtype).number
            if writer is not None and _is_new(step, source):
                placed = [(part.extents, writer.add(number, part)) for part in produce(step, plan, source)]
                size += sum(entry.size for _, entry in placed)
            else:
                assert isinstance(source, Bundle)
                placed = source.slice_entries(step.source) or [
                    ((), source.entries[step.source]._replace(shape=step.shape))
                ]
            items.add(step.target, number, step.shape, placed)
        if writer is not None:
            writer.close()
    finally:
        if writer is not None:
            writer.abandon()
    for at in range(own):
        put = staging.link_file if link else staging.copy_file
        put(data_path(source.prefix, at, own), data_path(prefix, at, total))
    version = source.header.version if isinstance(source, Bundle) else protos.Header(1).version
    items.write(prefix + ".index", protos.Header(total, version))
    return total, size


def _is_new(step: Step, source: Checkpoint) -> bool:
    """Returns whether the bytes of a target tensor are not among the source's: a reshape needs no new ones."""
    return not isinstance(source, Bundle) or step.action == SYNTHESISED or bool(step.conversion)


def _whole_parts(other: Bundle, name: str) -> Iterator[Part]:
    for part in _raw_parts(other, other.tensors[name], other.tensors[name].shape):
        yield part._replace(chunks=tuple(part.chunks))


def produce(step: Step, plan: Plan, source: Checkpoint) -> Iterator[Part]:
    """Yields the parts of a target tensor, computed from the source; one, or one per slice.

    Raises:
      CheckpointDamagedError: bytes of the source do not agree with their checksum.
    """
    dtype = dtypes.of_name(step.dtype)
    if step.value == "template":
        with Bundle(plan.template) as other:
            # All of it before the file closes; it is a graph of objects, and small.
            yield from list(_whole_parts(other, step.target))
        return
    if step.target in plan.given:
        yield shard.array_part(plan.given[step.target], dtype)
        return
    if not step.source:
        yield Part(step.shape, _constant(step, dtype))
        return
    info = source.tensors[step.source]
    if not step.conversion:
        yield from _raw_parts(source, info, step.shape)
        return
    if not dtypes.is_float(dtype):
        raise errors.CheckpointPlanError(errors.explain(f"{step.source} is no floating-point tensor", got=step.dtype))
    for part in _raw_parts(source, info, step.shape):
        yield Part(part.shape, _converted(step, dtype, part, _companion(step, source)), None, part.extents)


def _raw_parts(source: Checkpoint, info: TensorInfo, shape: tuple[int, ...]) -> Iterator[Part]:
    """Yields the stored bytes of a source tensor, checksums verified as they are read."""
    if isinstance(source, Bundle):
        for extents, entry in source.slice_entries(info.name) or [((), source.entries[info.name])]:
            yield Part(entry.shape if extents else shape, source.checked(info.name, entry), entry.crc, extents)
        return
    for extents in info.slices or ((),):
        part_shape = slice_shape(info.shape, extents) if extents else shape
        if info.dtype.number == dtypes.STRING:
            value = np.array([text for piece in source.slice_values(info.name, extents) for text in piece], object)
            yield shard.array_part(value, info.dtype, extents)._replace(shape=part_shape)
        else:
            chunks = (piece.tobytes() for piece in source.slice_values(info.name, extents))
            yield Part(part_shape, chunks, None, extents)


def _companion(step: Step, source: Checkpoint) -> np.ndarray | None:
    if not step.companion:
        return None
    info = source.tensors[step.companion]
    wanted = (1, source.tensors[step.source].elements)
    if info.elements not in wanted or info.elements > _COMPANION_LIMIT:
        what = f"{step.companion} does not fit {step.source}"
        raise errors.CheckpointPlanError(errors.explain(what, got=info.shape, expected="one number, or as many"))
    return dtypes.as_floats(source.read(step.companion).reshape(-1), info.dtype)


def _converted(step: Step, dtype: dtypes.DType, part: Part, companion: np.ndarray | None) -> Iterator[bytes]:
    at = 0
    for chunk in part.chunks:
        value = dtypes.as_floats(np.frombuffer(chunk, dtype.numpy), dtype)
        second = companion if companion is None or companion.size == 1 else companion[at : at + value.size]
        # A companion of as many numbers goes along with the pieces.
        at += value.size
        yield dtypes.from_floats(conversions.apply(step.conversion, value, second), dtype).tobytes()


def _constant(step: Step, dtype: dtypes.DType) -> Iterator[bytes]:
    number = {"ones": 1.0, "zeros": 0.0}.get(step.value)
    number = float(step.value.removeprefix("constant ")) if number is None else number
    value = conversions.apply(step.conversion, np.full(1, number))
    element = dtypes.from_floats(value, dtype)
    left = int(np.prod(step.shape, dtype=object))
    while left:
        count = min(left, _CHUNK_ELEMENTS)
        yield np.repeat(element, count).tobytes()
        left -= count


def compare_with_plan(plan: Plan, source: Checkpoint, prefix: str) -> int:
    """Reads every tensor of a migrated checkpoint and compares it with what the plan makes of the source.

    Returns:
      how many tensors were compared.

    Raises:
      CheckpointDamagedError: names, shapes, types, checksums or bytes differ.
    """
    with Bundle(prefix) as made:
        if sorted(made.tensors) != sorted(step.target for step in plan.steps):
            raise damaged("the new checkpoint has other tensors than the plan")
        sizes = [made.tensors[step.target].size_bytes for step in plan.steps]
        with progress.stage("checking", sum(sizes), progress.BYTES) as done:
            for step, end in zip(plan.steps, itertools.accumulate(sizes), strict=True):
                _check_step(step, plan, source, made, done)
                done.reach(end)
    return len(plan.steps)


def _check_step(step: Step, plan: Plan, source: Checkpoint, made: Bundle, done: progress.Progress) -> None:
    info = made.tensors[step.target]
    if (info.dtype.name, info.shape) != (step.dtype, step.shape):
        raise damaged(f"{step.target} came out with another type or shape", got=(info.dtype.name, info.shape))
    for part, (extents, entry) in zip(produce(step, plan, source), _placed(made, step.target), strict=True):
        if dtypes.of_name(step.dtype).size:  # of strings more bytes are stored than are counted
            part = part._replace(chunks=done.through(part.chunks, len))
        known = part.crc is None or part.crc == entry.crc  # equal bytes have equal checksums
        if part.extents != extents or not known or not _same_bytes(made, entry, part):
            raise damaged(f"{step.target} does not come out as planned")
        if part.crc is None:
            made.verify_entry(step.target, entry)


def _placed(made: Bundle, name: str) -> list[tuple[Extents, protos.Entry]]:
    return made.slice_entries(name) or [((), made.entries[name])]


def _same_bytes(made: Bundle, entry: protos.Entry, part: Part) -> bool:
    at = 0
    for chunk in part.chunks:
        # A reader gives no more at a time, and a chunk may be a whole tensor.
        for start in range(0, len(chunk), 1 << 20):
            piece = chunk[start : start + (1 << 20)]
            if made.read_piece(entry, at, len(piece)) != piece:
                return False
            at += len(piece)
    return at == entry.size
