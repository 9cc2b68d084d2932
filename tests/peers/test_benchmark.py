"""The benchmark finds the originals, and what they compute is what it expects of a step."""

from __future__ import annotations

import pytest

from tf1bn.benchmark import peers, step, variants
from tf1bn.benchmark.options import Options


@pytest.mark.parametrize("relu", [False, True])
def test_each_original_takes_the_step_that_is_expected_of_it(legacy: None, relu: bool) -> None:
    options = Options(rounds=1, milliseconds=0.0, sessions=1, quiet=True, shapes=((6, 5, 5, 8),), relu=(relu,))
    [case] = step.run(options)
    installed = {name for name in variants.PEERS if not peers.missing(name)}
    assert installed >= {"textbook", "slim", "slim_collection", "tf_layers"}
    assert installed <= set(case.times), case.absent
    assert max(case.errors.values()) < 1e-5
