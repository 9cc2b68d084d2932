"""The completion files, used as the shells use them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tf1bn.commands import completion, table

FLAGS = {row.name: completion.flags_of(row) for row in table.ROWS}


def complete(*words):
    """What bash offers for the last word; words are split as bash splits them, at "=" too."""
    line = " ".join(["tf1bn", *words])
    split = ["tf1bn"]
    for word in words:
        name, equals, value = word.partition("=")
        split += [name, *([equals] if equals else []), *([value] if value else [])] if word else [""]
    program = (
        f"{completion.bash(FLAGS)}\nCOMP_LINE={json.dumps(line)} COMP_POINT=${{#COMP_LINE}}\n"
        f"COMP_WORDS=({' '.join(json.dumps(word) for word in split)}) COMP_CWORD={len(split) - 1}\n"
        'COMP_POINT=${#COMP_LINE}\n_tf1bn\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@needs_bash
def test_bash_completes_commands():
    assert set(complete("")) == {*FLAGS, "help"}
    assert complete("mi") == ["migrate"]
    assert set(complete("com")) == {"compare", "compare-checkpoints", "completion"}
    assert complete("help", "doc") == ["doctor"]
    assert set(complete("completion", "")) == {"bash", "zsh"}
    assert complete("native", "b") == ["build"]
    assert complete("native", "--f") == ["--force", "--format="]


@needs_bash
def test_bash_completes_flags_of_the_command():
    assert complete("train", "--upd") == ["--update_strategy="]
    assert set(complete("fold", "--no")) == {"--nostrict", "--nodry_run", "--noprogress"}
    assert set(complete("merge", "--o")) == {"--output=", "--overwrite"}
    assert complete("merge", "--update") == []


@needs_bash
def test_bash_completes_values():
    assert set(complete("audit", "--format=")) == {"text", "json", "sarif", "dot"}
    assert complete("audit", "--format=s") == ["sarif"]
    assert complete("run", "--tf1bn_update_strategy=fr") == ["frozen"]


@needs_bash
def test_bash_completes_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.meta").write_text("")
    assert complete("run", "mod") == ["model.meta"]
    assert complete("audit", "--graph=mod") == ["model.meta"]


def test_zsh_file_knows_every_command_and_flag():
    text = completion.zsh(FLAGS)
    assert text.startswith("#compdef tf1bn\n")
    for row in table.ROWS:
        assert f"    '{row.name}:" in text and f"    {row.name}) _arguments " in text
    assert "'--to=:value:(meta frozen saved_model tflite onnx)'" in text and "'--nodry_run'" in text
    assert "'1:word:(bash zsh)'" in text and "'1:word:(build info)'" in text


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_reads_the_file(tmp_path):
    (tmp_path / "_tf1bn").write_text(completion.zsh(FLAGS))
    done = subprocess.run(["zsh", "-n", str(tmp_path / "_tf1bn")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_flags_are_those_of_each_command():
    assert FLAGS["native-to-stock"] == {
        "--graph=": (), "--output=": (), "--dry_run": (), "--nodry_run": (), "--format=": ("text", "json"), "--help": ()
    }  # fmt: skip


def test_flags_and_strategies_of_the_runner_are_the_runners():
    from tf1bn import run
    from tf1bn.strategies import catalog

    assert {flag.rstrip("=") for flag in FLAGS["run"]} == {*run.OURS, "--help"}
    assert set(FLAGS["run"]["--tf1bn_update_strategy="]) <= set(catalog.STRATEGIES.names())


def test_the_command_prints_the_file():
    root = str(Path(__file__).resolve().parents[2])
    for words, code in (["bash"], 0), (["zsh"], 0), (["fish"], 2), ([], 2), (["bash", "zsh"], 2):
        command = [sys.executable, "-m", "tf1bn", "completion", *words]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert (f"printed by `tf1bn completion {words[0]}`" in done.stdout) if not code else done.stdout == ""
