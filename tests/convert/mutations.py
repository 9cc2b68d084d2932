"""One wrong conversion per network, as scripts of this kind get it wrong, with the shapes still right."""

from __future__ import annotations

import dataclasses

from tf1bn.convert.steps import Blocks, ChannelsFirst, Reshape, Transpose


def _steps(change):
    """Returns a mutation that changes the steps of every part of a tensor."""

    def mutate(target):
        parts = tuple(dataclasses.replace(part, steps=tuple(change(part.steps))) for part in target.parts)
        assert parts != target.parts, "the mutation changes nothing"
        assert [part.shape for part in parts] == [part.shape for part in target.parts]
        return dataclasses.replace(target, parts=parts)

    return mutate


def _turned(*axes):
    return _steps(lambda steps: [Transpose(axes), *steps[1:]])


UNTURNED = _steps(lambda steps: [step for step in steps if not isinstance(step, Transpose)])
UNPERMUTED = _steps(lambda steps: [step for step in steps if not isinstance(step, ChannelsFirst)])
GATES = _steps(lambda steps: [Blocks(0, (0, 1, 2, 3)) if isinstance(step, Blocks) else step for step in steps])

# network -> (tensor, mutation, the layer that must be named as the first that differs; empty where none can be seen)
ALL = {
    "mlp": ("hidden2.weight", UNTURNED, "hidden2.batch_norm"),
    "cnn": ("conv2.weight", _turned(3, 2, 1, 0), "conv2.batch_norm"),  # height and width
    "resnet": ("block0.conv2.weight", _turned(2, 3, 0, 1), "block0.conv2.bn"),  # in and out
    "mobile": (
        "depthwise.weight",
        _steps(lambda steps: [Transpose((3, 2, 0, 1)), Reshape((2, 4, 3, 3), steps[1].after)]),  # multiplier first
        "depthwise.bn",
    ),
    "generator": ("project.weight", UNPERMUTED, "project.bn"),
    "recurrent": ("layer0.basic_lstm_cell.weight_ih_l0", GATES, "head"),
    "gated": ("rnn.gru_cell.gates.bias", _steps(lambda steps: [*steps, Blocks(0, (1, 0))]), "head"),
    "flattened": ("turned.weight", UNPERMUTED, "turned"),
    "shared": ("twin.conv.weight", _turned(3, 2, 1, 0), "twin.conv.bn"),
    "averaged": ("hidden.bn.running_mean", _steps(lambda steps: [*steps, Blocks(0, (4, 3, 2, 1, 0))]), "hidden.bn"),
    "first": ("head.weight", _steps(lambda steps: [*steps, ChannelsFirst(1, 4)]), "head"),  # permuted where nothing is
    "sequence": ("conv.weight", _turned(1, 2, 0), "conv"),
    "slim": ("head.weight", UNPERMUTED, "head"),
}


def mutated(plan, name):
    """Returns a plan with the network's mutation."""
    tensor, mutate, _ = ALL[name]
    entries = [
        entry._replace(target=mutate(entry.target)) if entry.target.name == tensor else entry for entry in plan.entries
    ]
    assert entries != list(plan.entries), f"the plan has no {tensor}"
    return plan._replace(entries=tuple(entries))
