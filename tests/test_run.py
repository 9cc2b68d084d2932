"""``python -m tf1bn.run``: its command line, and programs as users start them."""

import pathlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest

from tests import warm
from tf1bn import errors, run

ROOT = pathlib.Path(__file__).resolve().parents[1]


Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(warmed: warm.Interpreter) -> Start:
    """Runs ``python -m tf1bn.run`` in a folder."""
    return lambda folder, *arguments: warmed.run(["-m", "tf1bn.run", *arguments], folder)


def start_cold(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same where TensorFlow is not imported yet."""
    command = [sys.executable, "-m", "tf1bn.run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=warm.ENVIRONMENT, cwd=folder, check=False)


def write(path: pathlib.Path, text: str) -> str:
    path.write_text(textwrap.dedent(text))
    return path.name


def test_flags_before_the_script_are_ours_and_after_it_the_programs() -> None:
    options = run.parse(
        ["--tf1bn_update_strategy=ema", "--tf1bn_report", "--tf1bn_path", "a", "-tf1bn_path=b", "s.py", "--help", "-x"]
    )
    assert options == run.Options("s.py", ("--help", "-x"), "ema", True, ("a", "b"))
    assert run.parse(["s.py", "--tf1bn_report"]) == run.Options("s.py", ("--tf1bn_report",))


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "tf1bn.run: no program given"),
        (["--steps=3", "s.py"], "unknown flag before SCRIPT. Got '--steps=3'.*come after SCRIPT"),
        (["--tf1bn_report=1", "s.py"], "unknown flag before SCRIPT"),
        (["--tf1bn_update_strategy="], "--tf1bn_update_strategy has no value"),
        (["--tf1bn_path"], "--tf1bn_path has no value"),
    ],
)
def test_wrong_command_lines_are_refused(argv: list[str], text: str) -> None:
    with pytest.raises(errors.ArgumentError, match=text):
        run.parse(argv)


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("nowhere", "--tf1bn_path: no such folder. Got '.*nowhere'"),
        ("site-packages/old", "is an installed package's. Got '.*old'. Name the package itself: --tf1bn_package=old"),
    ],
)
def test_folders_that_cannot_be_served_are_refused(named: str, text: str, tmp_path: pathlib.Path) -> None:
    package = tmp_path / "site-packages" / "old"
    package.mkdir(parents=True)
    for path in (package / "__init__.py", tmp_path / "s.py"):
        path.write_text("")
    with pytest.raises(errors.ProgramError, match=text):
        run.run(run.Options(str(tmp_path / "s.py"), folders=(str(tmp_path / named),)))


def test_a_flag_of_ours_after_the_script_is_told(start: Start, tmp_path: pathlib.Path) -> None:
    script = write(tmp_path / "s.py", "import sys; print(sys.argv[1:])")
    told = start(tmp_path, script, "--tf1bn_report", "--tf1bn_reports")
    assert told.returncode == 0 and told.stdout == "['--tf1bn_report', '--tf1bn_reports']\n"
    assert told.stderr.count("after SCRIPT") == 1 and "'--tf1bn_report' stands after SCRIPT" in told.stderr


def test_help_and_usage_errors_load_no_tensorflow(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys; from tf1bn import run; code = run.main(sys.argv[1:]); assert 'tensorflow' not in sys.modules; "
    )
    for argument, code, words in (("--help", 0, "--tf1bn_report"), ("--what", 2, "unknown flag")):
        command = [sys.executable, "-c", program + "sys.exit(code)", argument]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert result.returncode == code and words in result.stdout + result.stderr, result.stderr


def test_a_program_that_forgot_its_updates_becomes_right_without_an_edit(tmp_path: pathlib.Path, start: Start) -> None:
    script = write(
        tmp_path / "forgot.py",
        """
        import numpy as np
        import tensorflow as tf
        tf.app.flags.DEFINE_integer("steps", 1, "Number of steps.")
        FLAGS = tf.app.flags.FLAGS

        def main(_):
            x = tf.placeholder(tf.float32, [None, 2])
            with tf.variable_scope("bn"):
                y = tf.layers.batch_normalization(x, training=True, momentum=0.5, name="a")
            train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y ** 2))
            with tf.Session() as sess:
                sess.run(tf.global_variables_initializer())
                for _ in range(FLAGS.steps):
                    sess.run(train, {x: [[2.0, 4.0], [6.0, 8.0]]})
                print("mean", sess.run("bn/a/moving_mean:0").tolist())

        if __name__ == "__main__":
            tf.app.run()
        """,
    )
    wrong = start(tmp_path, script, "--steps=2")
    assert wrong.returncode == 0 and "mean [0.0, 0.0]" in wrong.stdout, wrong.stderr
    right = start_cold(tmp_path, "--tf1bn_update_strategy=inline", "--tf1bn_report", script, "--steps=2")
    assert right.returncode == 0 and "mean [3.0, 4.5]" in right.stdout, right.stderr
    assert "tf.layers.batch_normalization x1" in right.stderr and "bn/a: train, inline" in right.stderr


def test_the_report_of_a_program_that_forgets_its_updates_says_what_to_do(tmp_path: pathlib.Path, start: Start) -> None:
    """BN001 at error level in the graph of each drop-in; in the one that runs its updates, nothing."""
    script = write(
        tmp_path / "forgets.py",
        """
        import tensorflow as tf
        from tensorflow.contrib import slim

        def layers(x):
            return tf.layers.batch_normalization(x, training=True, name="bn")

        def of_slim(x):
            return slim.batch_norm(x, is_training=True, scope="bn")

        def contrib(x):
            return tf.contrib.layers.batch_norm(x, is_training=True, scope="bn")

        for call in (layers, of_slim, contrib, "right", contrib):
            right = call == "right"
            with tf.Graph().as_default():
                x = tf.placeholder(tf.float32, [None, 2])
                loss = tf.reduce_sum((layers if right else call)(x) ** 2)
                with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS) if right else []):
                    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
                with tf.Session() as sess:
                    sess.run(tf.global_variables_initializer())
                    sess.run(train, {x: [[2.0, 4.0], [6.0, 8.0]]})
                    print(call if right else call.__name__, sess.run("bn/moving_mean:0").any())
        """,
    )
    result = start(tmp_path, "--tf1bn_report", script)
    moved = "layers False of_slim False contrib False right True contrib False"
    assert result.returncode == 0 and result.stdout.split() == moved.split(), result.stderr
    _, *parts = re.split(r"\n  graph \d of 5: ", result.stderr)
    forgot = [*parts[:3], parts[4]]
    for text, call in zip(forgot, ("tf.layers", "slim", "slim", "slim"), strict=True):
        assert text.count("BN001 error (high confidence)  bn") == 2 and f"a call of {call}" in text, text
        assert "--tf1bn_update_strategy=inline" in text.splitlines()[-1], text
    assert " error (" not in parts[3] and "--tf1bn_update_strategy" not in parts[3], parts[3]
    assert "--tf1bn_update_strategy=inline" in result.stderr.splitlines()[-1]


def test_a_failure_of_the_program_is_shown_as_its_own(tmp_path: pathlib.Path, start: Start) -> None:
    script = write(tmp_path / "fails.py", "import tensorflow as tf\nfor i in xrange(3):\n    pass\n")
    result = start(tmp_path, script)
    assert result.returncode == 1
    assert "run.py" not in result.stderr.split("Traceback")[1]
    assert 'File "fails.py", line 2, in <module>' in result.stderr and "NameError" in result.stderr
    assert "tf1bn.run: fails.py: `xrange` is Python 2." in result.stderr


def test_exit_codes_pass_and_refusals_are_one(tmp_path: pathlib.Path, start: Start) -> None:
    assert start(tmp_path, write(tmp_path / "seven.py", "import sys\nsys.exit(7)\n")).returncode == 7
    refused = start(tmp_path, write(tmp_path / "two.py", "print 'x'\n"))
    assert refused.returncode == 1 and refused.stderr.startswith("two.py: line 1 is Python 2")
    unknown = start(tmp_path, "--tf1bn_update_strategy=inlin", "seven.py")
    assert unknown.returncode == 1 and "Did you mean 'inline'" in unknown.stderr
