"""Names of the ops that the originals' batch norms leave in a graph, for programs that look them up.

``graph.get_tensor_by_name("bn/cond/Merge:0")`` is how programs of TensorFlow 1 reach a layer in a graph that was
imported. The output and the entries of the collection of updates stand under the names that the originals give them.
What else the originals name is not there, only counted, so that a second call on the same layer counts on as there.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core import switch
from tf1bn.core.naming import ENTRY, OUTPUT, OpName, OpNames

_MOVE = "AssignMovingAvg"
_CONDITIONAL = OpName("cond")


def of_class(
    fused: bool, training: Any, *, moves: bool, renorm: bool, adjusted: bool, groups: bool, casts: int
) -> OpNames:
    """Returns the names of ``tf.layers.batch_normalization``.

    Args:
      fused: whether the original takes the fused kernel.
      training: the switch.
      moves: whether the call moves averages.
      renorm: batch renormalization.
      adjusted: ``adjustment``.
      groups: virtual batches.
      casts: how often the original casts half precision before its last cast; 0 for other dtypes.
    """
    if fused:
        return OpNames((*_fused(training), *([_moved()] * 2 if moves else ())))
    names: list[OpName] = [OpName("Cast")] * casts
    names += [OpName("Reshape")] if groups else []
    if moves and known(training):
        names += [OpName(_MOVE), OpName(_MOVE), _moved(), OpName("AssignNewValue", (), ENTRY)] if renorm else []
        names += [] if renorm else [_moved()] * 2
    elif moves:
        names += [_CONDITIONAL] * (2 + 4 * renorm + 2 * adjusted) + [OpName("cond", _results(1), ENTRY)] * 2
    return OpNames((*names, _output(groups, casts)))


def of_own(fused: bool, rank: int, training: Any, *, moves: bool, in_place: bool, debias: bool) -> OpNames:
    """Returns the names of the two ways that contrib has of its own, fused and plain.

    Args:
      fused, training, moves: as in :func:`of_class`.
      rank: of the input.
      in_place: whether the output waits for the update.
      debias: the debiased moving mean.
    """
    images = fused and rank == 2
    # There the variable scope is entered a second time, which takes its name, in upper or lower case, once more.
    names = [OpName(tf.get_variable_scope().name.rpartition("/")[2])]
    names += [OpName("Reshape")] if images else []
    if fused:
        names.append(_fused(training)[0]._replace(role="" if images or (in_place and moves) else OUTPUT))
    if moves and known(training):
        first = OpName(_MOVE, (), ENTRY) if debias else _moved()
        names += [first, _moved()]
    elif moves:
        waits = in_place and fused and not images
        names.append(OpName("cond", _results(1), OUTPUT) if waits else OpName("cond", _results(2), ENTRY))
    if images:
        names.append(OpName("Reshape", (), OUTPUT))
    elif not fused:
        names.append(_output(False, 0))
    elif in_place and moves and known(training):
        names.append(OpName("Identity", (), OUTPUT))
    return OpNames(tuple(names), tensors=True)


def known(training: Any) -> bool:
    """Whether a switch is known while building."""
    return switch.known_true(training) or switch.known_false(training)


def resource() -> bool:
    """Whether averages that are made or shared here are resource variables."""
    wanted = tf.get_variable_scope().use_resource
    return bool(tf.control_flow_v2_enabled() or (tf.resource_variables_enabled() if wanted is None else wanted))


def _fused(training: Any) -> list[OpName]:
    if known(training):
        return [OpName("FusedBatchNormV3", (), OUTPUT)]
    return [OpName("cond", _results(1), OUTPUT), _CONDITIONAL]


def _moved() -> OpName:
    return OpName(_MOVE, ("AssignSubVariableOp",) if resource() else (), ENTRY)


def _results(count: int) -> tuple[str, ...]:
    """Returns the names of the first results of a conditional, below its name."""
    word = "Identity" if tf.control_flow_v2_enabled() else "Merge"
    return tuple(f"{word}_{i}" if i else word for i in range(count))


def _output(groups: bool, casts: int) -> OpName:
    if groups:
        return OpName("Reshape", (), OUTPUT)
    return OpName("Cast", (), OUTPUT) if casts else OpName("batchnorm", ("add_1",), OUTPUT)
