"""Inspecting reads names and statistics: memory does not grow with the rest of a checkpoint."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import patience
from tf1bn.checkpoint import crc32c, protos, shard

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from /proc")
_ROOT = Path(__file__).resolve().parents[2]
_MIB = 1 << 20
_RUN = """
import json, re, sys
from tf1bn import checkpoint
found = checkpoint.inspect(sys.argv[1])
# Not ru_maxrss, which a child inherits from the process that started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
print(json.dumps([len(found.sites), found.tensors, len(found.problems), peak]))
"""


def sparse_checkpoint(prefix, sites, kernel_bytes):
    """Writes real statistics between kernels that are holes of the file: a gigabyte that takes no room."""
    items, offset = shard.IndexItems(), 0
    data = np.full(64, 1.5, np.float32).tobytes()
    crc = crc32c.mask(crc32c.value(data))
    with open(f"{prefix}.data-00000-of-00001", "xb") as file:
        for at in range(sites):
            for leaf in ("gamma", "beta", "moving_mean", "moving_variance"):
                file.seek(offset)
                file.write(data)
                entry = protos.Entry(1, (64,), 0, offset, len(data), crc)
                items.add(f"net/unit_{at}/BatchNorm/{leaf}", 1, (64,), [((), entry)])
                offset += len(data)
            shape = (kernel_bytes // 4,)
            entry = protos.Entry(1, shape, 0, offset, kernel_bytes, 12345)
            items.add(f"net/unit_{at}/weights", 1, shape, [((), entry)])
            offset += kernel_bytes
        file.truncate(offset)
    items.write(f"{prefix}.index", protos.Header(1))


def test_a_gigabyte_is_inspected_in_64_mib(tmp_path):
    os.makedirs(tmp_path / "model" / "variables")
    sparse_checkpoint(tmp_path / "model" / "variables" / "variables", 100, 10 * _MIB + 4)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path / "model")],
        env=os.environ | {"PYTHONPATH": str(_ROOT)}, capture_output=True, text=True,
        timeout=patience.SECONDS, check=True,
    )  # fmt: skip
    sites, tensors, problems, peak = json.loads(done.stdout)
    assert (sites, tensors, problems) == (100, 500, 0)
    assert peak < 64 * _MIB
