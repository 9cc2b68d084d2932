"""``WarmStartSettings``: variables begin with the values of another checkpoint, moving averages included."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph.model import GraphModel


class _Fields(NamedTuple):
    ckpt_to_initialize_from: str
    vars_to_warm_start: Any
    var_name_to_vocab_info: Any
    var_name_to_prev_var_name: Any


class WarmStartSettings(_Fields):
    """Which variables begin with values of a checkpoint.

    Unlike in TensorFlow, a regular expression takes moving averages of batch norms, too, whose names it matches:
    with the weights of one network and the initial averages the network computes something else. Only a list of
    names or of expressions means exactly the variables that it names.

    Attributes:
      ckpt_to_initialize_from: a checkpoint, a folder of checkpoints, or a SavedModel's ``variables/variables``.
      vars_to_warm_start: a regular expression for trainable variables; a list of variables, or of names or regular
        expressions for all variables; None for those of ``var_name_to_vocab_info`` alone.
      var_name_to_vocab_info: name -> ``tf.estimator.VocabInfo`` for embeddings whose vocabulary has changed.
      var_name_to_prev_var_name: name -> name in the checkpoint, where they differ.

    Raises:
      ArgumentError: no checkpoint is given.
    """

    __slots__ = ()

    def __new__(
        cls,
        ckpt_to_initialize_from: str,
        vars_to_warm_start: Any = ".*",
        var_name_to_vocab_info: Any = None,
        var_name_to_prev_var_name: Any = None,
    ) -> WarmStartSettings:
        if not ckpt_to_initialize_from:
            raise errors.ArgumentError("name a checkpoint or a folder of checkpoints.", where="WarmStartSettings")
        return super().__new__(
            cls,
            os.fspath(ckpt_to_initialize_from),
            vars_to_warm_start,
            var_name_to_vocab_info or {},
            var_name_to_prev_var_name or {},
        )


def settings_of(given: Any, model_dir: str) -> WarmStartSettings | None:
    """Returns the settings that an Estimator's ``warm_start_from`` means.

    A folder or file of a checkpoint is taken as it is; a SavedModel gives its own variables.

    Raises:
      ArgumentTypeError: neither a path nor settings.
      ArgumentError: the folder of the model itself.
    """
    if given is None:
        return None
    if isinstance(given, (str, bytes, os.PathLike)):
        path = os.fsdecode(given)
        if os.path.exists(os.path.join(path, "saved_model.pb")):
            path = os.path.join(path, "variables", "variables")
        given = WarmStartSettings(path)
    if not isinstance(given, WarmStartSettings):
        raise errors.ArgumentTypeError(
            errors.explain("`warm_start_from` has another type", got=given, expected="a path or WarmStartSettings")
        )
    if os.path.realpath(given.ckpt_to_initialize_from) == os.path.realpath(model_dir):
        raise errors.ArgumentError(
            "`warm_start_from` is the Estimator's own folder. It goes on from there without; name another folder."
        )
    return given


def apply(settings: WarmStartSettings) -> None:
    """Makes the initializers of the graph's variables read the checkpoint.

    Raises:
      CheckpointMissingError: there is no checkpoint.
    """
    source = _existing(settings.ckpt_to_initialize_from)
    tf.logging.info("warm start from %s", source)
    expression = settings.vars_to_warm_start
    statistics = list(_statistics(expression)) if isinstance(expression, str) else []
    ours = {variable.op.name for variable in statistics}
    names = {now: before for now, before in settings.var_name_to_prev_var_name.items() if now not in ours}
    tf.train.warm_start(source, expression, settings.var_name_to_vocab_info or None, names or None)
    _take_statistics(source, statistics, settings.var_name_to_prev_var_name)


def _existing(path: str) -> str:
    found = tf.train.latest_checkpoint(path) if tf.gfile.IsDirectory(path) else path
    if found is None or not tf.train.checkpoint_exists(found):
        raise errors.CheckpointMissingError(
            errors.explain("there is no checkpoint to start from", got=path), where="WarmStartSettings"
        )
    return str(found)


def _take_statistics(source: str, statistics: Iterable[Any], previous: Mapping[str, str]) -> None:
    """Makes the averages begin with those of the checkpoint."""
    stored = dict(tf.train.list_variables(source))
    taken, missing = {}, []
    for variable in statistics:
        name = previous.get(variable.op.name, variable.op.name)
        if name in stored and list(stored[name]) == variable.shape.as_list():
            taken[name] = variable
        else:
            missing.append(variable.op.name)
    if taken:
        tf.train.init_from_checkpoint(source, taken)
    if missing:
        warnings.warn(
            f"Estimator: warm start from {source}: it has no moving averages of that name and shape for "
            f"{', '.join(missing)}; these keep their initial values beside weights of another network.",
            errors.Tf1bnWarning,
            stacklevel=6,
        )


def _statistics(expression: str) -> Iterator[Any]:
    """Yields the averages of batch norms whose names the expression matches."""
    graph = tf.get_default_graph()
    by_name = {variable.op.name: variable for variable in tf.global_variables()}
    seen = set()
    for site in GraphModel(graph).sites:
        for name in (entry.name for entry in site.statistics):
            matched = re.match(expression, name) is not None
            if matched and name in by_name and name not in seen:
                seen.add(name)
                yield by_name[name]


__all__ = ["WarmStartSettings"]
