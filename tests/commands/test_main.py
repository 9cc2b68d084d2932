"""``tf1bn`` as a program."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tf1bn
from tests.scale import steps
from tf1bn import exits
from tf1bn.commands import main, table

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


def run(*words, **options):
    command = [sys.executable, "-m", "tf1bn", *map(str, words)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_is_the_map_and_no_failure(words, capsys):
    assert main.main(words) == 0
    shown = capsys.readouterr()
    assert shown.out == main.overview() + "\n" and shown.err == ""


def test_the_map_explains_every_exit_code(capsys):
    main.main(["help"])
    shown = capsys.readouterr().out.partition("Exit codes:\n")[2]
    assert [line.split()[0] for line in shown.splitlines()] == ["0", "1", "2", "124", "130", "141", "143"]
    assert (exits.DONE, exits.REFUSED, exits.USAGE, exits.TIMED_OUT) == (0, 1, 2, 124)
    assert (exits.after(2), exits.after(15)) == (130, 143)


def test_without_a_word_it_is_used_wrongly(capsys):
    assert main.main([]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "Graphs and checkpoints:" in shown.err


@pytest.mark.parametrize(
    ("word", "meant"), [("inspct", "inspect"), ("native-stock", "native-to-stock"), ("--hlep", "")]
)
def test_another_word_is_wrong_usage(word, meant, capsys):
    assert main.main([word]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and f"there is no command '{word}'" in shown.err and "Try tf1bn --help" in shown.err
    assert f"Did you mean '{meant}'" in shown.err if meant else "Did you mean" not in shown.err


def test_help_of_another_word_is_wrong_usage(capsys):
    assert main.main(["help", "audti"]) == 2
    assert "Did you mean 'audit'?" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tf1bn {tf1bn.__version__}\n"


def test_the_module_is_the_command():
    done = run("--help")
    assert (done.returncode, done.stdout) == (0, main.overview() + "\n")
    assert run("nothing").returncode == 2


def test_help_loads_no_tensorflow_no_numpy_and_no_command():
    program = (
        "import sys\n"
        "from tf1bn.commands import main\n"
        "assert main.main(['--help']) == 0\n"
        "loaded = [name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'numpy', 'absl')]\n"
        "assert not loaded, loaded\n"
        "ours = {name for name in sys.modules if name.startswith('tf1bn.commands.')}\n"
        "assert ours == {'tf1bn.commands.main', 'tf1bn.commands.table'}, ours\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


HELP_OF_EACH = """
import contextlib, io, json, os, sys
from tf1bn.commands import main

shown = {}
for words in json.loads(sys.argv[1]):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(writing, 1)
        try:
            main.main(words)
        except SystemExit as end:
            sys.stdout.flush()
            loaded = any(name in sys.modules for name in ("tensorflow", "numpy"))
            os._exit(99 if loaded and words != ["run", "--help"] else end.code or 0)
        os._exit(98)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    shown[" ".join(words)] = [os.waitstatus_to_exitcode(os.wait()[1]), text]
print(json.dumps(shown))
"""


def test_every_command_shows_its_help_both_ways_without_tensorflow():
    asked = [words for row in table.ROWS for words in ([row.name, "--help"], ["help", row.name])]
    command = [sys.executable, "-c", HELP_OF_EACH, json.dumps(asked)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    for row in table.ROWS:
        code, text = shown[f"{row.name} --help"]
        assert code == 0, (row.name, code)
        assert f"tf1bn {row.name}" in text and "scripts/" not in text
        if row.name != "run":
            assert f"\nflags:\n\ntf1bn {row.name}:\n" in text and "--format: <text|json" in text
        assert shown[f"help {row.name}"] == [code, text]


def test_a_command_works_and_fails_like_its_script():
    for flags, code in (["--explain=BN001"], 0), (["--explain=BN999"], 2), (["--nonsense"], 2), (["stray"], 2):
        script = subprocess.run(
            [sys.executable, ROOT / "scripts" / "audit_graph.py", *flags],
            env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        command = run("audit", *flags)
        assert (script.returncode, script.stdout) == (code, command.stdout)
        assert (command.returncode, command.stderr) == (code, script.stderr)


def test_a_starter_works_where_nothing_is_installed(tmp_path):
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py", "--steps=0"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "steps" in done.stderr


def test_the_help_of_a_script_names_scripts():
    text = (
        "Trains for `tf1bn evaluate`.\n\n  tf1bn compare-checkpoints a b\n  tf1bn launch -- tf1bn train --x\n"
        "  tf1bn run x.py\n  --to=tf1bn"
    )
    assert main.by_script(text) == (
        "Trains for scripts/evaluate.py.\n\n  python scripts/compare_checkpoints.py a b\n"
        "  python scripts/launch_local.py -- train.py --x\n  tf1bn run x.py\n  --to=tf1bn"
    )


def test_run_runs_a_program_as_the_runner_does(tmp_path):
    (tmp_path / "beside.py").write_text("word = 'beside'\n")
    (tmp_path / "program.py").write_text(
        "import sys, beside\nprint(sys.argv, sys.path[0], beside.word)\nsys.exit(int(sys.argv[1]))\n"
    )
    done = run("run", tmp_path / "program.py", 7)
    assert done.returncode == 7, done.stderr
    assert done.stdout == f"{[str(tmp_path / 'program.py'), '7']} {tmp_path} beside\n"
    assert run("run").returncode == 2


READER = """
import os, subprocess, sys

reading, writing = os.pipe()
os.close(reading)  # a reader who is gone before the first word
done = subprocess.run(sys.argv[1:], stdout=writing, stderr=subprocess.PIPE, text=True)
print(done.returncode, done.stderr, end="")
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["help", "train"],
        ["train", "--help"],
        ["run", "--help"],
        ["completion", "zsh"],
        ["audit", "--explain=BN001"],
        ["audit", "--explain=BN001", "--format=json"],
    ],
    ids=" ".join,
)
def test_a_reader_who_goes_away_gets_no_traceback(words):
    command = [sys.executable, "-c", READER, sys.executable, "-m", "tf1bn", *words]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.stdout == f"{exits.READER_GONE} ", done.stdout


def test_complaints_to_nobody_leave_quietly_too():
    command = [sys.executable, "-c", READER.replace("stderr=subprocess.PIPE", "stderr=writing"), sys.executable]
    done = subprocess.run([*command, "-m", "tf1bn", "nothing"], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout == f"{exits.READER_GONE} None", done.stdout


def test_native_tells_what_it_takes(capsys):
    for words, text in (["native"], "build or info"), (["native", "make"], "'make' is not one of build, info"):
        done = run(*words)
        assert (done.returncode, done.stdout) == (2, "") and text in done.stderr


AT_ONCE = """
import functools, sys
from tf1bn import progress
from tf1bn.commands import main
progress.shown = functools.partial(progress.shown, patience_seconds=0.0)
main.main(sys.argv[1:])
"""


@pytest.mark.parametrize("stderr", ["gone", "closed"])
def test_work_ends_well_where_nobody_reads_its_progress(stderr, tmp_path):
    prefix = str(tmp_path / "model")
    steps.write_tensors(prefix, 10, 0)
    command = [sys.executable, "-c", AT_ONCE, "compare-checkpoints", "--format=json", prefix, prefix]
    reading, writing = os.pipe()
    os.close(reading)
    if stderr == "closed":
        command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=writing, text=True)
    os.close(writing)
    assert done.returncode == exits.DONE
    assert json.loads(done.stdout)["same"] == 40


def test_without_stderr_its_number_goes_to_no_file_and_complaints_not_to_stdout(tmp_path):
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "tf1bn", "inspect", "--format=json"]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (exits.USAGE, "")
    program = "import os; from tf1bn import printing; printing.open_closed(); print(os.readlink('/proc/self/fd/2'))"
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", program]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert done.stdout == f"{os.devnull}\n"
