"""What all commands share, with a command made for the purpose."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from tf1bn.commands import parsing

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from tf1bn import errors
from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form.")
_NUMBER = _FLAGS.float("number", 1.0, "A number.")
_END = _FLAGS.enum("end", "well", ["well", "refused", "usage", "interrupt", "code", "complaint"], "How it ends.")

def work(words):
    print("from inside")
    if _END.value == "refused":
        raise errors.DataError("no such data")
    if _END.value == "usage":
        raise parsing.UsageError("these do not go together")
    if _END.value == "interrupt":
        raise KeyboardInterrupt
    report = parsing.Report(f"words {words}", {"number": _NUMBER.value, "rows": [(_NUMBER.value, "x")]})
    if _END.value == "code":
        return report._replace(exit_code=1)
    return report._replace(complaint="mind this") if _END.value == "complaint" else report

parsing.Command(work, _FLAGS, _FORMAT, words="WORD WORD", exactly=2).start("tf1bn test", sys.argv[1:], "What it does.")
"""


def run(*words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_text_goes_to_stdout_and_what_the_work_prints_to_stderr():
    done = run("a", "--number=2", "b")
    assert (done.returncode, done.stdout, done.stderr) == (0, "words ['a', 'b']\n", "from inside\n")


def test_json_is_one_object_with_null_for_what_json_cannot_write():
    done = run("a", "b", "--format=json", "--number=nan")
    assert json.loads(done.stdout) == {"number": None, "rows": [[None, "x"]]}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "what stands behind the flags is missing: WORD WORD"),
        (["a"], "WORD WORD, stand behind the flags; got a."),
        (["a", "b", "c"], "got a b c."),
        (["a", "b", "--numbr=2"], "Unknown command line flag 'numbr'. Did you mean: number"),
        (["a", "b", "--number=x"], "number"),
        (["a", "b", "--end=usage"], "these do not go together"),
    ],
)
def test_wrong_usage_is_two_and_prints_nothing(words, text):
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and done.stderr.endswith("\nTry --help.\n") and "Traceback" not in done.stderr


@pytest.mark.parametrize(("end", "code", "error"), [("refused", 1, "no such data"), ("interrupt", 130, "interrupted")])
def test_a_refusal_is_a_line_and_an_object(end, code, error):
    text = run("a", "b", f"--end={end}")
    assert (text.returncode, text.stdout) == (code, "") and text.stderr.endswith(f"error: {error}\n")
    data = run("a", "b", f"--end={end}", "--format=json")
    assert (data.returncode, json.loads(data.stdout)) == (code, {"error": error})


def test_a_report_has_its_exit_code_and_its_complaint():
    assert run("a", "b", "--end=code").returncode == 1
    done = run("a", "b", "--end=complaint")
    assert done.returncode == 0 and done.stdout == "words ['a', 'b']\n" and done.stderr.endswith("mind this\n")


def test_help_shows_the_text_and_the_flags_of_the_command_only():
    done = run("--help")
    assert done.returncode == 0 and done.stdout.startswith("What it does.\nflags:\n\ntf1bn test:\n  --end:")
    assert "--[no]logtostderr" not in done.stdout
    assert "--[no]logtostderr" in run("--helpfull").stdout


def test_flags_are_of_the_process_only_when_a_command_starts():
    own = parsing.Flags()
    held = own.string("only_of_this_test", "x", "Text.")
    assert "only_of_this_test" not in flags.FLAGS
    own.values(["program", "--only_of_this_test=y"])
    assert held.value == "y"
