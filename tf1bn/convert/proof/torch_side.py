"""A module of PyTorch on the inputs of the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf1bn import errors, extras
from tf1bn.convert import states
from tf1bn.convert.plan import Plan
from tf1bn.convert.proof import axes
from tf1bn.convert.proof.results import Results


def run(module: Any, plan: Plan, source: Results, state: states.State | None = None) -> Results:
    """Returns what a module computes, in evaluation mode, with the numbers of a state if one is given.

    Args:
      module: an ``nn.Module``; a function of tensors does, too, but its layers cannot be looked into.
      plan: says which layer of the source each submodule is, by its name.
      source: what the source was fed and gave; maps are turned to channels first.
      state: numbers to load into the module; every tensor of both must fit.

    Raises:
      ConvertError: the module does not take the state or the inputs, or gives something else.
    """
    torch = extras.load("torch")
    if state is not None:
        _fill(torch, module, state)
    layers, hooks = _watched(module, plan)
    fed = [torch.from_numpy(np.ascontiguousarray(axes.channels_first(source.inputs[key], plan.axes.get(key, ""))))
           for key in source.inputs]  # fmt: skip
    if hasattr(module, "eval"):
        module.eval()
    try:
        with torch.no_grad():
            given = module(*fed)
    except Exception as error:  # a module raises whatever it likes
        shapes = [tuple(item.shape) for item in fed]
        raise errors.ConvertError(
            errors.explain(f"the module does not run on inputs of shapes {shapes} ({str(error)[:300]})")
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    return Results(source.inputs, named(given, list(source.outputs), states.array), layers)


def _fill(torch: Any, module: Any, state: states.State) -> None:
    assert state.read is not None
    want = {name: str(value.dtype).removeprefix("torch.") for name, value in module.state_dict().items()}
    tensors = {}
    for name in state.shapes:
        value = np.array(state.read(name))
        kind = state.dtypes.get(name, "")
        tensor = torch.from_numpy(value.view(np.int16) if kind == "bfloat16" else value)
        tensors[name] = tensor.view(torch.bfloat16) if kind == "bfloat16" else tensor
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise errors.ConvertError(
            errors.explain(
                f"the module does not take the weights: {str(error)[:600]}",
                got=f"{len(tensors)} tensors",
                expected=f"the {len(want)} of the module",
                fix="Give the names of its state with `like`.",
            )
        ) from error


def _watched(module: Any, plan: Plan) -> tuple[dict[str, np.ndarray], list[Any]]:
    """Hooks the submodules that are layers; the first call of each is kept.

    One with submodules of its own may give their results, not the layer's, so it is not looked at.
    """
    found: dict[str, np.ndarray] = {}
    hooks = []
    names = {layer.name for layer in plan.layers}
    for name, part in module.named_modules() if hasattr(module, "named_modules") else ():
        if name in names and not any(True for _ in part.children()):

            def keep(_: Any, __: Any, result: Any, name: str = name) -> None:
                if name not in found and hasattr(result, "detach"):
                    found[name] = states.array(result)

            hooks.append(part.register_forward_hook(keep))
    return found, hooks


def named(given: Any, keys: Sequence[str], array: Any) -> dict[str, np.ndarray]:
    """Returns results by the keys of the source's outputs.

    Raises:
      ConvertError: there are fewer results than outputs.
    """
    if isinstance(given, Mapping):
        found = {key: array(given[key]) for key in keys if key in given}
    else:
        several = list(given) if isinstance(given, tuple | list) else [given]
        found = {key: array(value) for key, value in zip(keys, several, strict=False)}
    if len(found) < len(keys):
        raise errors.ConvertError(
            errors.explain("the target gives other outputs", got=sorted(found), expected=f"{keys}")
        )
    return found
