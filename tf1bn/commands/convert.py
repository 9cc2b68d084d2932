"""Takes the weights of a TensorFlow 1 checkpoint to PyTorch, safetensors, NumPy, Keras 3 or ONNX, and back.

  tf1bn convert --source=run/model --graph=run/model.meta --outputs=logits --to=torch \\
      --output=model.pt --model=net:Net --verify
  tf1bn convert --source=run/model --graph=run/model.meta --to=safetensors --dry_run
  tf1bn convert --from=model.pt --graph=run/model.meta --source=run/model --output=back/model

What each variable is comes from the ops that use it. What is not certain is a question, which --map answers. The
report says what weights do not carry: padding, epsilon, momentum, activations.

Exit codes: 0 done, 1 refused, with open questions, or not the same by --verify; 2 wrong usage.
"""

from __future__ import annotations

import json
from typing import Any

from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_SOURCE = _FLAGS.string("source", None, "Prefix of the checkpoint; with --from, the one whose rest is kept.")
_GRAPH = _FLAGS.string("graph", None, "Its .meta file. Without it, roles come from names, and doubts are asked.")
_OUTPUTS = _FLAGS.list("outputs", None, "Tensors of the forward pass: NAME or KEY=NAME, separated by commas.")
_INPUTS = _FLAGS.list("inputs", None, "Tensors to feed: NAME or KEY=NAME; by default the placeholders needed.")
_SWITCH = _FLAGS.multi_string(
    "switch", [], "NAME or NAME=VALUE: value of a placeholder or variable in inference, False by default; repeated."
)
_TO = _FLAGS.enum("to", None, ["torch", "safetensors", "npz", "keras", "onnx"], "Form of the target.")
_FROM = _FLAGS.string("from", None, "Takes this state (safetensors, npz, PyTorch) back to a checkpoint.")
_OUTPUT = _FLAGS.string("output", None, "The file to write; with --from, the prefix of the checkpoint.")
_LIKE = _FLAGS.string("like", None, "State of the target, or a list of its names and shapes: gives the names.")
_MAP = _FLAGS.string("map", None, "JSON file: layer or tensor -> its name in the target, or answers.")
_DIALECT = _FLAGS.enum(
    "dialect", None, ["torch", "tensorflow"], "Whose names and axes; by default tensorflow in npz, else torch."
)
_MODEL = _FLAGS.string("model", None, "module:callable that returns the PyTorch module or the Keras model.")
_VERIFY = _FLAGS.bool("verify", False, "Run source and target on the same inputs and compare.")
_FEED = _FLAGS.string("feed", None, "An .npz file of inputs for --verify, by key or name; made up otherwise.")
_FACTS = _FLAGS.enum("facts", "text", ["none", "text", "python"], "How to print what weights do not carry.")
_ORDER = _FLAGS.enum("order", "forward", ["forward", "name"], "Order in which tensors are listed and written.")
_EMA = _FLAGS.bool("ema", False, "Take the ExponentialMovingAverage of each weight that has one.")
_SHARD_MB = _FLAGS.float("shard_mb", 512.0, "Most megabytes in one file.", lower_bound=0.001)
_OVERWRITE = _FLAGS.bool("overwrite", False, "Replace what is there.")
_DRY_RUN = _FLAGS.bool("dry_run", False, "Print the plan and write nothing.")


@_FLAGS.multi_flags_validator(["to", "from"], message="give one of --to and --from")
def _one_direction(given: dict[str, Any]) -> bool:
    return (given["to"] is None) != (given["from"] is None)


@_FLAGS.multi_flags_validator(["source", "from", "graph"], message="--source is required; with --from, --graph is")
def _has_source(given: dict[str, Any]) -> bool:
    return bool(given["graph"] if given["from"] else given["source"])


@_FLAGS.multi_flags_validator(["output", "dry_run"], message="--output is required, unless --dry_run is given")
def _has_output(given: dict[str, Any]) -> bool:
    return bool(given["output"] or given["dry_run"])


@_FLAGS.multi_flags_validator(
    ["to", "graph", "outputs", "model", "verify", "dry_run"],
    message="--to=onnx and --verify need --graph and --outputs; --to=keras, and --verify of weights, need --model; "
    "--verify has nothing to run for npz and nothing to compare in a dry run",
)
def _can_run(given: dict[str, Any]) -> bool:
    verify, to = given["verify"], given["to"]
    if (to == "onnx" or verify) and not (given["graph"] and given["outputs"]):
        return False
    if verify and (given["dry_run"] or to in ("npz", None)):
        return False
    return bool(given["model"]) or not (to == "keras" or (verify and to in ("torch", "safetensors")))


@_FLAGS.validator("switch", message="must be NAME or NAME=VALUE, where VALUE is true, false or a number")
def _switches_are_values(given: list[str]) -> bool:
    try:
        return all(item.partition("=")[0] and _value(item) is not None for item in given)
    except ValueError:
        return False


@_FLAGS.multi_flags_validator(
    ["inputs", "outputs"], message="a KEY=NAME pair lacks its key or its name, or a key repeats"
)
def _pairs_are_whole(given: dict[str, Any]) -> bool:
    return all(names is None or _named(names) is not None for names in given.values())


def _value(switch: str) -> Any:
    _, equals, text = switch.partition("=")
    return json.loads(text.lower()) if equals else False


def _named(names: list[str] | None) -> Any:
    """Returns names as they are, or key -> name where there are keys; None where one is not whole."""
    if names is None or not all(names) or not any("=" in name for name in names):
        return names if names and all(names) else None
    pairs = [name.partition("=") for name in names]
    found = {key: tensor for key, _, tensor in pairs if key and tensor}
    return found if len(found) == len(pairs) else None


def _forward() -> dict[str, Any]:
    switches = {item.partition("=")[0]: _value(item) for item in _SWITCH.value}
    return {"outputs": _named(_OUTPUTS.value), "inputs": _named(_INPUTS.value), "switches": switches or None}


def _work() -> parsing.Report:
    return _back() if _FROM.value else {"onnx": _onnx, "keras": _keras}.get(_TO.value, _weights)()


def _weights() -> parsing.Report:
    from tf1bn import convert
    from tf1bn.convert import converting

    options = _forward() | {"graph": _GRAPH.value, "like": _LIKE.value, "mapping": _MAP.value}
    plan = converting.plan_apart(_SOURCE.value, _TO.value, dialect=_DIALECT.value, ema=_EMA.value, **options)
    if _ORDER.value == "name":
        plan = plan._replace(entries=tuple(sorted(plan.entries, key=lambda entry: entry.target.name)))
    report = _of_plan(plan)
    if _DRY_RUN.value:
        return _finish(report, "nothing written (--dry_run)", 1 if plan.doubts else 0)
    done = convert.convert(
        _SOURCE.value,
        _OUTPUT.value,
        to=_TO.value,
        plan=plan,
        ema=_EMA.value,
        shard_mb=_SHARD_MB.value,
        overwrite=_OVERWRITE.value,
    )
    report.content["files"] = list(done.files)
    return _verified(report, _written(done.files), plan, _MODEL.value, state=done.files[-1])


def _written(files: Any) -> str:
    return f"written: {files[0]}" if len(files) == 1 else f"written: {len(files) - 1} files and {files[-1]}"


def _onnx() -> parsing.Report:
    from tf1bn import convert, export

    options = {key: value for key, value in _forward().items() if key != "outputs"}
    done = export.export(
        _GRAPH.value,
        _SOURCE.value,
        _named(_OUTPUTS.value),
        _OUTPUT.value or "model.onnx",
        to="onnx",
        ema=_EMA.value,
        feed=_feed(),
        overwrite=_OVERWRITE.value,
        dry_run=_DRY_RUN.value,
        **options,
    )
    content = {"files": [done.path] if done.path else [], "checks": list(done.checks), "notes": list(done.notes)}
    report = parsing.Report("\n".join(f"checked: {text}" for text in done.checks), content)
    if not _VERIFY.value:
        return _finish(report, f"written: {done.path}" if done.path else "nothing written (--dry_run)")
    plan = convert.plan_conversion(_SOURCE.value, "npz", graph=_GRAPH.value, ema=_EMA.value, **_forward())
    return _verified(report, f"written: {done.path}", plan, done.path)


def _keras() -> parsing.Report:
    from tf1bn import convert
    from tf1bn.convert import filling, verifying

    model = verifying.resolve(_MODEL.value)
    done = convert.fill(
        model,
        _SOURCE.value,
        _GRAPH.value,
        mapping=_MAP.value,
        ema=_EMA.value,
        output=_OUTPUT.value,
        overwrite=_OVERWRITE.value,
        dry_run=_DRY_RUN.value,
        **_forward(),
    )
    report = _of_plan(done.plan)
    report.content.update(
        filled=list(done.filled), untouched=list(done.untouched), files=[done.file] if done.file else []
    )
    report = report._replace(text=f"{report.text}\n{filling.as_text(done)}")
    if _DRY_RUN.value:
        return _finish(report, "nothing written (--dry_run)")
    return _verified(report, f"written: {done.file}", done.plan, model)


def _back() -> parsing.Report:
    from tf1bn import convert
    from tf1bn.convert import plan as plans

    done = convert.convert_back(
        _FROM.value,
        _OUTPUT.value or "model",
        graph=_GRAPH.value,
        base=_SOURCE.value,
        mapping=_MAP.value,
        dialect=_DIALECT.value,
        overwrite=_OVERWRITE.value,
        dry_run=_DRY_RUN.value,
        **_forward(),
    )
    lists = {name: list(getattr(done, name)) for name in ("taken", "kept", "absent", "unused")}
    text = "\n".join(
        f"{name}: {len(items)}{': ' if items else ''}{', '.join(items[:6])}{', ...' * (len(items) > 6)}"
        for name, items in lists.items()
    )
    head = f"{_FROM.value} -> {_OUTPUT.value or 'model'}, undoing what makes each tensor of a variable:"
    plan = plans.as_text(done.plan).partition("\n")[2]
    report = parsing.Report(f"{head}\n{plan}\n{text}", {"plan": plans.as_json(done.plan), **lists})
    report.content["target"] = done.target
    return _finish(report, f"written: {done.target}" if done.target else "nothing written (--dry_run)")


def _of_plan(plan: Any) -> parsing.Report:
    from tf1bn.convert import facts
    from tf1bn.convert import plan as plans

    content = {"plan": plans.as_json(plan), "facts": facts.as_json(plan), "comments": facts.as_comments(plan)}
    text = plans.as_text(plan)
    if _FACTS.value != "none":
        rest = facts.as_comments(plan).rstrip() if _FACTS.value == "python" else facts.as_text(plan)
        text += f"\n\nnot in the weights:\n{rest}" if _FACTS.value == "text" else f"\n\n{rest}"
    return parsing.Report(text, content)


def _verified(report: parsing.Report, line: str, plan: Any, target: Any, state: str | None = None) -> parsing.Report:
    """Adds what was written and, where it is asked for, the comparison of both sides."""
    if not _VERIFY.value:
        return _finish(report, line)
    from tf1bn import convert
    from tf1bn.convert.proof import verdict as verdicts

    verdict = convert.verify(
        _SOURCE.value, target, graph=_GRAPH.value, plan=plan, state=state, feed=_feed(), ema=_EMA.value, **_forward()
    )
    report.content["verdict"] = verdicts.as_json(verdict)
    return _finish(report, f"{line}\n{verdicts.as_text(verdict)}", 0 if verdict.agrees else 1)


def _feed() -> dict[str, Any]:
    import numpy as np

    from tf1bn import errors

    try:
        return dict(np.load(_FEED.value)) if _FEED.value else {}
    except (OSError, ValueError) as error:
        raise errors.DataError(errors.explain(f"the file {_FEED.value!r} cannot be read ({error})")) from error


def _finish(report: parsing.Report, line: str, exit_code: int = 0) -> parsing.Report:
    return parsing.Report(f"{report.text}\n{line}".lstrip("\n"), report.content, exit_code)


COMMAND = parsing.Command(_work, _FLAGS, _FORMAT)
