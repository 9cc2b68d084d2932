"""The page on conversion, followed word for word in a fresh folder."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed here: run `make test-convert`")

ROOT = pathlib.Path(__file__).parents[2]


def test_the_example_and_its_commands_run_as_they_stand(tmp_path):
    text = (ROOT / "docs/convert.md").read_text(encoding="utf-8")
    commands, example, net, proof = (
        re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[place]
        for language, place in (("sh", 0), ("python", 0), ("py", 0), ("py", 1))
    )
    (tmp_path / "net.py").write_text(net)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    for name, program in (("example.py", example), ("proof.py", proof)):
        (tmp_path / name).write_text(program)
        run(name)
    lines = commands.replace("\\\n", " ").splitlines()
    outputs = [run("-m", "tf1bn", *line.split()[1:]) for line in lines]
    assert len(outputs) == 3 and "nothing written" in outputs[0]
    assert "verified: at most" in outputs[1] and "written: run/back" in outputs[2]
