"""Two ranks of Horovod, in two processes, train what one device trains with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("horovod", reason="run by `make test-horovod`, where Horovod is built")

from tests import own_process, patience
from tests.distribute import engines
from tests.neighbours import rank
from tf1bn.testing.graphs import MODES, graph_mode


@pytest.fixture(scope="module", params=["resource", "reference"])
def ranks(request, tmp_path_factory):
    """The variables of both ranks, by name, after training."""
    folder = tmp_path_factory.mktemp(request.param)
    horovodrun = Path(sys.executable).with_name("horovodrun")
    command = [sys.executable, str(horovodrun), "-np", "2", "-H", "localhost:2", "--gloo", sys.executable]
    done = subprocess.run(
        [*command, "-m", "tests.neighbours.rank", str(folder), request.param],
        cwd=own_process.ROOT,
        env={**os.environ, "PYTHONPATH": str(own_process.ROOT)},
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [{name.replace("|", "/"): value for name, value in np.load(folder / f"{i}.npz").items()} for i in range(2)]


@pytest.fixture(scope="module")
def whole():
    """The variables of one device that had the whole batch."""
    with graph_mode(MODES[0]):
        return engines.single(rank.STEPS)


def test_both_ranks_end_with_the_same_variables(ranks):
    first, second = ranks
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


@pytest.mark.parametrize("kind", rank.KINDS)
def test_weights_slots_and_averages_are_those_of_one_device_with_the_whole_batch(kind, ranks, whole):
    wanted = {name: value for name, value in whole.items() if name.startswith("momentum/")}
    assert len([name for name in wanted if "moving" in name]) == 4
    for name, value in wanted.items():
        np.testing.assert_allclose(ranks[0][name.replace("momentum/", f"{kind}/")], value, 1e-7, 1e-10, err_msg=name)
