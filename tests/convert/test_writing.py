"""Files appear whole or not at all, never over something unasked; what is missing is named."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tf1bn import convert, errors, extras
from tf1bn.convert import placing, states
from tf1bn.convert.layer import Stored
from tf1bn.convert.target import whole
from tf1bn.convert.writers import catalog, writer

WEIGHTS = {"dense/kernel": np.arange(6, dtype="f4").reshape(2, 3), "dense/bias": np.arange(3, dtype="f4")}


def test_npz_is_written_whole_and_never_over_something_unasked(tmp_path):
    path = tmp_path / "m.npz"
    done = convert.convert(WEIGHTS, path, to="npz")
    assert done.files == (str(path),) and os.listdir(tmp_path) == ["m.npz"]
    with np.load(path) as found:
        assert {name: found[name].tolist() for name in found.files} == {k: v.tolist() for k, v in WEIGHTS.items()}
    with pytest.raises(errors.ConvertError, match="exists"):
        convert.convert(WEIGHTS, path, to="npz")
    convert.convert({"dense/kernel": WEIGHTS["dense/kernel"]}, path, to="npz", overwrite=True)
    assert np.load(path).files == ["dense/kernel"]


def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    path.write_bytes(b"old")
    monkeypatch.setattr(np.lib.format, "write_array", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        convert.convert(WEIGHTS, path, to="npz", overwrite=True)
    assert os.listdir(tmp_path) == ["m.npz"] and path.read_bytes() == b"old"


def test_what_was_written_is_read_again(tmp_path, monkeypatch):
    row = catalog.WRITERS.get("npz")
    lost = writer.Writer(
        "npz", lambda path, targets, read, meta: row.write(path, targets[:1], read, meta), ".npz", False
    )
    monkeypatch.setitem(catalog.WRITERS._rows, "npz", lost)
    with pytest.raises(errors.ConvertError, match="does not hold what was planned"):
        convert.convert(WEIGHTS, tmp_path / "m.npz", to="npz")
    assert not os.listdir(tmp_path)


def test_shards_and_their_index_are_replaced_together(tmp_path):
    path = str(tmp_path / "m.bin")
    for names in (["m-1", "m-2", "m.bin.index.json"], ["m.bin"]):
        with placing.staged(path, True) as folder:
            for name in names:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(json.dumps({"weight_map": {"a": "m-1", "b": "m-2"}}) if "index" in name else name)
            assert placing.commit(folder, names, path, True) == [str(tmp_path / name) for name in names]
        assert sorted(os.listdir(tmp_path)) == sorted(names)


_KILLED = """
import os, signal, sys
from tf1bn.convert import placing
count, move = int(sys.argv[3]), os.replace

def replaced(*paths):
    global count
    if not count:
        os.kill(os.getpid(), signal.SIGKILL)
    count -= 1
    move(*paths)

os.replace = replaced
with placing.staged(sys.argv[1], sys.argv[2] == "over") as folder:
    names = ["m-1", "m-2", "m.bin.index.json"]
    for name in names:
        with open(os.path.join(folder, name), "w") as file:
            file.write('{"weight_map": {"a": "m-1", "b": "m-2"}}' if "index" in name else "new")
    placing.commit(folder, names, sys.argv[1], sys.argv[2] == "over")
"""


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
@pytest.mark.parametrize("over", ["new", "over"])
def test_a_kill_between_two_files_leaves_no_target_and_the_next_run_clears_up(moved, over, tmp_path):
    path = str(tmp_path / "m.bin")
    if over == "over":
        (tmp_path / "m.bin").write_text("old")

    def run(count):
        return subprocess.run([sys.executable, "-c", _KILLED, path, over, str(count)], check=False).returncode

    done = run(moved)
    assert done == (0 if moved == 3 else -signal.SIGKILL)
    assert os.path.exists(path + ".index.json") == (moved == 3) and not os.path.exists(path)
    if moved < 3:
        assert run(3) == 0, "the next run is not refused for what the killed one left"
    assert sorted(os.listdir(tmp_path)) == ["m-1", "m-2", "m.bin.index.json"]


def test_an_index_says_which_file_has_which_tensor(tmp_path):
    groups = [[whole(name, Stored(name, (3,), "float32"))] for name in "ab"]
    writer.write_index(str(tmp_path / "i.json"), groups, ["one", "two"])
    assert json.loads((tmp_path / "i.json").read_text()) == {
        "metadata": {"total_size": 24},
        "weight_map": {"a": "one", "b": "two"},
    }


@pytest.mark.parametrize("module", ["safetensors", "torch", "onnx", "tf2onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_the_way_to_get_it(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(errors.MissingExtraError, match=rf"needs the package '{module}'.*pip install 'tf1bn\["):
        extras.load(module)


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(errors.ConvertError, match="cannot be written"):
        convert.convert("nowhere", tmp_path / "absent" / "m.npz", to="npz")
    with pytest.raises(errors.ArgumentError, match="`shard_mb` must be above 0"):
        convert.convert(WEIGHTS, tmp_path / "m.npz", to="npz", shard_mb=0)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.safetensors", b"\xff" * 16, "its header is too long"),
        ("a.safetensors", b"\x02", "cannot be read"),
        ("a.npz", b"no zip", "cannot be read"),
        ("a.json", b"{", "cannot be read"),
        ("a.txt", b"conv.weight 3", "cannot be read"),
    ],
)
def test_a_damaged_state_is_refused(name, content, text, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.ConvertError, match=text):
        states.load(tmp_path / name)


def test_lists_of_names_and_shapes_are_states(tmp_path):
    (tmp_path / "a.txt").write_text("conv.weight [4, 3, 3, 3]\nstep []\n")
    (tmp_path / "a.json").write_text('[["conv.weight", [4, 3, 3, 3]], ["step", []]]')
    for name in ("a.txt", "a.json"):
        assert states.load(tmp_path / name).shapes == {"conv.weight": (4, 3, 3, 3), "step": ()}
    with pytest.raises(errors.ConvertError, match="names and shapes only"):
        convert.convert_back(tmp_path / "a.txt", tmp_path / "back", graph="g.meta")
