"""What holds for every script: help, wrong usage, exit codes."""

import re
import subprocess
import sys

import pytest

# launch_local.py: see test_launch_local.py
SCRIPTS = ("train", "evaluate", "compare_strategies", "demo", "export_model", "native_to_stock")
REQUIRED = {
    "native_to_stock": ["--graph=x.meta", "--output=y"],
    "evaluate": ["--model_dir=x"],
    "export_model": ["--graph=x.meta", "--checkpoint=x", "--outputs=x", "--output=y"],
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_answers_without_importing_tensorflow(script, command):
    line, environment = command(script)
    code = (
        "import runpy, sys\n"
        f"path = {line[1]!r}\n"
        "sys.path.insert(0, path.rpartition('/')[0])\n"
        "sys.argv = [path, '--help']\n"
        "try:\n"
        "    runpy.run_path(path, run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_the_purpose_and_the_flags(script, run):
    done = run(script, "--help")
    assert done.returncode == 0
    assert "Exit codes:" in done.stdout and "--format" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("flag", "text"), [("--nonsense=1", "Unknown command line flag 'nonsense'"), ("--format=xml", "should be one of")]
)
def test_unknown_flags_and_values_are_wrong_usage(script, flag, text, run):
    done = run(script, flag)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and "Try --help" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_stray_arguments_are_wrong_usage(script, run):
    done = run(script, *REQUIRED.get(script, ()), "stray")
    assert (done.returncode, done.stdout) == (2, "")
    assert "stray arguments: stray" in done.stderr


@pytest.mark.parametrize(
    ("script", "flags", "text"),
    [
        ("train", ["--model=mpl"], "should be one of"),
        ("train", ["--steps=0"], "0 is not"),
        ("train", ["--steps=many"], "many"),
        ("train", ["--decay=1.0"], r"must be in \[0, 1\)"),
        ("train", ["--learning_rate=0"], "must be above 0"),
        ("train", ["--init_stddev=nan"], "must be above 0"),
        ("train", ["--seed=-1"], "seed"),
        ("train", ["--batch_size=0"], "batch_size"),
        ("train", ["--distribution=ps"], "ps needs a cluster and the place of this process"),
        ("train", ["--devices=2"], "`devices` belongs to mirrored and towers, not to none"),
        ("train", ["--distribution=ps", "--job_name=worker"], "go together; add --cluster"),
        ("train", ["--task_index=0"], "go together; add --cluster"),
        ("train", ["--distribution=mirrored", "--nosynchronous"], "mirrored is synchronous"),
        ("evaluate", [], "model_dir"),
        ("evaluate", ["--model_dir=a", "--checkpoint=b"], "model_dir"),
        ("evaluate", ["--model_dir=a", "--singles=0"], "singles"),
        ("compare_strategies", ["--models=mlp,rnn"], "must list some of cnn, mlp"),
        ("compare_strategies", ["--points=1"], "points"),
        ("demo", ["--steps=-3"], "steps"),
    ],
)
def test_bad_values_are_wrong_usage(script, flags, text, run):
    done = run(script, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(text, done.stderr) and "Traceback" not in done.stderr
