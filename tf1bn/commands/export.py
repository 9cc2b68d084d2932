"""Exports a training graph and its checkpoint as an inference graph that stands alone.

  tf1bn export --graph=run/model.meta --checkpoint=run/model --outputs=logits --to=saved_model \\
      --output=served

The training switch of the batch norms is found and turned off; everything that only training needs is left out. What
was written is loaded again, and must give the outputs of the source with its switch off, row by row independent of the
other rows, before it is moved into place.

Exit codes: 0 exported, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_GRAPH = _FLAGS.string("graph", None, "The training graph: a .meta file.", required=True)
_CHECKPOINT = _FLAGS.string("checkpoint", None, "Prefix or directory of its checkpoint.", required=True)
_OUTPUTS = _FLAGS.list("outputs", None, "Tensors to compute: NAME or KEY=NAME, separated by commas.", required=True)
_INPUTS = _FLAGS.list("inputs", None, "Tensors to feed: NAME or KEY=NAME; by default the placeholders needed.")
_TO = _FLAGS.enum(
    "to",
    None,
    ["meta", "frozen", "saved_model", "tflite", "onnx"],
    "Form of the export; by default what --for reads first, and saved_model without it.",
)
_FOR = _FLAGS.enum(
    "for",
    None,
    ["opencv", "openvino", "onnx", "tflite"],
    "What is to read the file: what it lacks is put in other words, or refused.",
)
_OUTPUT = _FLAGS.string(
    "output", None, "Where to write: a prefix (meta), a directory (saved_model) or a file.", required=True
)
_SWITCH = _FLAGS.multi_string(
    "switch", [], "NAME or NAME=VALUE: value of a placeholder or variable in inference, False by default; repeated."
)
_SIGNATURE = _FLAGS.string("signature", "serving_default", "Name of the signature.")
_EMA = _FLAGS.bool("ema", False, "Take the ExponentialMovingAverage of each weight that has one.")
_FEED = _FLAGS.string("feed", None, "An .npz file of inputs for the checks, by key or name; made up otherwise.")
_LAYOUT = _FLAGS.enum(
    "layout", None, ["NHWC"], "Make a channels-first graph channels last, for CPUs, TFLite and servers."
)
_INPUT_LAYOUT = _FLAGS.enum(
    "input_layout", None, ["NHWC"], "With --layout: feed images channels last, too; by default they are transposed."
)
_OUTPUT_LAYOUT = _FLAGS.enum(
    "output_layout", None, ["NHWC"], "With --layout: give images channels last, too; by default they are transposed."
)
_KEEP_CHANNELS_FIRST = _FLAGS.bool(
    "keep_channels_first", False, "With --layout: let ops that cannot be turned stay between two transpositions."
)
_OVERWRITE = _FLAGS.bool("overwrite", False, "Replace what is there.")
_DRY_RUN = _FLAGS.bool("dry_run", False, "Make and check the export, write nothing.")


@_FLAGS.multi_flags_validator(
    ["inputs", "outputs"], message="a KEY=NAME pair lacks its key or its name, or a key repeats"
)
def _pairs_are_whole(given: dict[str, Any]) -> bool:
    return all(names is None or _named(names) is not None for names in given.values())


@_FLAGS.validator("switch", message="must be NAME or NAME=VALUE, where VALUE is true, false or a number")
def _switches_are_values(given: Sequence[str]) -> bool:
    try:
        return all(item.partition("=")[0] and _value(item) is not None for item in given)
    except ValueError:
        return False


def _value(switch: str) -> Any:
    _, equals, text = switch.partition("=")
    return json.loads(text.lower()) if equals else False


def _named(names: Sequence[str]) -> Any:
    """Returns names as they are, or key -> name where there are keys; None where one is not whole."""
    if not all(names) or not any("=" in name for name in names):
        return list(names) if all(names) else None
    pairs = [name.partition("=") for name in names]
    found = {key: tensor for key, _, tensor in pairs if key and tensor}
    return found if len(found) == len(pairs) else None


def _export() -> parsing.Report:
    import numpy as np

    from tf1bn import errors, export

    try:
        feed = dict(np.load(_FEED.value)) if _FEED.value else {}
    except (OSError, ValueError) as error:
        raise errors.DataError(errors.explain(f"the file {_FEED.value!r} cannot be read ({error})")) from error
    done = export.export(
        _GRAPH.value,
        _CHECKPOINT.value,
        _named(_OUTPUTS.value),
        _OUTPUT.value,
        to=_TO.value,
        runtime=_FOR.value,
        inputs=None if _INPUTS.value is None else _named(_INPUTS.value),
        switches={item.partition("=")[0]: _value(item) for item in _SWITCH.value},
        signature=_SIGNATURE.value,
        ema=_EMA.value,
        feed=feed,
        layout=_LAYOUT.value,
        input_layout=_INPUT_LAYOUT.value,
        output_layout=_OUTPUT_LAYOUT.value,
        keep_channels_first=_KEEP_CHANNELS_FIRST.value,
        overwrite=_OVERWRITE.value,
        dry_run=_DRY_RUN.value,
    )
    content = _content(done)
    return parsing.Report(_text(content), content)


def _content(done: Any) -> dict[str, Any]:
    """Returns what the report says of an export."""
    return {
        "path": done.path,
        "form": done.form,
        "inputs": done.graph.inputs,
        "outputs": done.graph.outputs,
        "switches": done.graph.switches,
        "nodes_before": done.graph.nodes_before,
        "nodes": len(done.graph.graph_def.node),
        "batch_norms": done.graph.sites,
        "rewritten": list(done.graph.rewritten),
        "variables": done.variables,
        "checks": list(done.checks),
        "notes": list(done.notes),
    }


def _text(content: dict[str, Any]) -> str:
    lines = [f"{role[:-1]}: {key} = {name}" for role in ("inputs", "outputs") for key, name in content[role].items()]
    lines += [f"switch: {name} = {value}" for name, value in content["switches"].items()]
    lines.append(f"nodes: {content['nodes_before']} before, {content['nodes']} now")
    lines += [f"note: {text}" for text in content["notes"]] + [f"checked: {text}" for text in content["checks"]]
    return "\n".join([*lines, f"written: {content['path']}" if content["path"] else "nothing written (--dry_run)"])


COMMAND = parsing.Command(_export, _FLAGS, _FORMAT)
