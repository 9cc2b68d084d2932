"""SavedModels of an Estimator: one graph for each mode, its signatures, and the variables of a checkpoint."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import export_outputs, modes
from tf1bn.compat.estimator.modes import ModeKeys

_SUPERVISED = {ModeKeys.TRAIN: export_outputs.TrainOutput, ModeKeys.EVAL: export_outputs.EvalOutput}


def signatures(spec: Any, receiver: Any) -> dict[str, Any]:
    """Returns the signatures of an export.

    A kind of output that does not fit the inputs is left out, and logged: classification and regression take one
    string of serialized examples. A warning says when no signature is left.
    """
    outputs = _outputs(spec)
    groups = {"": receiver.receiver_tensors, **(getattr(receiver, "receiver_tensors_alternatives", None) or {})}
    found, refused = {}, {}
    for group, tensors in groups.items():
        for key, output in outputs.items():
            name = f"{group}:{key}" if group else key
            try:
                signature = output.as_signature_def(tensors)
                _require_fed(tensors, signature)
                found[name] = signature
            except errors.ArgumentError as error:
                refused[name] = str(error)
    for name, why in refused.items():
        tf.logging.info("the export has no signature %r: %s", name, why)
    if spec.mode == ModeKeys.PREDICT:
        valid = tf.saved_model.signature_def_utils.is_valid_signature
        found = {name: signature for name, signature in found.items() if valid(signature)}
    if not found:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items())
        warnings.warn(f"the export can serve none of its outputs. {reasons}", errors.Tf1bnWarning, stacklevel=4)
    return found


def _outputs(spec: Any) -> dict[str, Any]:
    if spec.mode == ModeKeys.PREDICT:
        return dict(spec.export_outputs)
    metrics = dict(spec.eval_metric_ops)
    predictions = spec.predictions if not isinstance(spec.predictions, dict) or spec.predictions else None
    return {spec.mode: _SUPERVISED[spec.mode](spec.loss, predictions, metrics)}


def _require_fed(tensors: Mapping[str, Any], signature: Any) -> None:
    """Refuses outputs that need a placeholder which the inputs do not feed."""
    graph = tf.get_default_graph()
    fed = {_dense(tensor).op for tensor in tensors.values()} | {
        part.op for tensor in tensors.values() if isinstance(tensor, tf.SparseTensor) for part in _parts(tensor)
    }
    names = [_name(info) for info in signature.outputs.values()]
    pending, seen = [graph.as_graph_element(name, allow_operation=False).op for name in names], set(fed)
    while pending:
        operation = pending.pop()
        if operation in seen:
            continue
        seen.add(operation)
        if operation.type == "Placeholder":
            raise errors.ArgumentError(
                errors.explain(
                    f"its outputs depend on the placeholder {operation.name!r}, which is no input", got=sorted(tensors)
                )
            )
        pending += [tensor.op for tensor in operation.inputs]


def _name(info: Any) -> str:
    return info.name or info.coo_sparse.values_tensor_name or info.composite_tensor.components[0].name


def _parts(tensor: Any) -> tuple[Any, ...]:
    return tensor.indices, tensor.values, tensor.dense_shape


def _dense(tensor: Any) -> Any:
    return tensor.values if isinstance(tensor, tf.SparseTensor) else tensor


def add_graph(
    builder: Any, spec: Any, receiver: Any, checkpoint: str | None, config: Any, first: bool, strip: bool
) -> None:
    """Adds the current graph to a SavedModel, and, as the first one, the variables of a checkpoint.

    Args:
      checkpoint: None for initial values.
      strip: whether attributes with their default values are left out, for older runtimes.

    Raises:
      ExportError: the checkpoint lacks variables of the graph.
    """
    scaffold = spec.scaffold
    init = scaffold.local_init_op
    init = tf.train.Scaffold.default_local_init_op() if init is None else init
    saver = scaffold.saver or tf.train.Saver(sharded=True)
    arguments = {
        "tags": list(modes.EXPORT_TAGS[spec.mode]),
        "signature_def_map": signatures(spec, receiver),
        "assets_collection": tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS),
        "main_op": init,
        "saver": saver,
        "strip_default_attrs": strip,
    }
    with tf.Session(config=config) as session:
        if not first:
            builder.add_meta_graph(**arguments)
            return
        if checkpoint is None:
            session.run(tf.global_variables_initializer())
        else:
            _restore(saver, session, checkpoint, spec.mode)
        builder.add_meta_graph_and_variables(session, **arguments)


def _restore(saver: Any, session: Any, checkpoint: str, mode: str) -> None:
    try:
        saver.restore(session, checkpoint)
    except (tf.errors.NotFoundError, ValueError) as error:
        raise errors.ExportError(
            errors.explain(
                f"the graph of mode {mode!r} has variables that {checkpoint} has not, or of another shape: {error}",
                fix="model_fn must make the same variables in every mode.",
            )
        ) from error


def copy_assets(folder: str, assets: Mapping[str, str] | None) -> None:
    """Copies further files into ``assets.extra`` of an export: destination, relative -> source."""
    for destination, source in (assets or {}).items():
        path = os.path.join(folder, "assets.extra", destination)
        tf.gfile.MakeDirs(os.path.dirname(path))
        tf.gfile.Copy(source, path)
