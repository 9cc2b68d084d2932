"""Real processes without TensorFlow: how a cluster starts, what it shows, how it ends."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests import patience
from tf1bn import errors
from tf1bn.examples import local_cluster, process_groups
from tf1bn.examples.local_cluster import Launch, launch

# Writes its number and that of a child into a folder, so that a test can see whether they are gone. By then it answers
# signals as it should; and who fails waits until all others have written theirs.
PROGRAM = """
import json, os, pathlib, signal, subprocess, sys, time
folder, behaviour = pathlib.Path(sys.argv[1]), sys.argv[2]
flags = dict(word.split("=", 1) for word in sys.argv[3:])
name = flags["--job_name"] + flags["--task_index"]
if behaviour == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if behaviour == "polite":
    signal.signal(signal.SIGTERM, lambda *_: (print("saved"), sys.exit(0)))
print("ready", name, flush=True)
child = subprocess.Popen(["sleep", "300"])
(folder / f"{name}.{os.getpid()}").write_text(str(child.pid))
first = len(list(folder.glob(f"{name}.*"))) == 1
if name == "worker1" and (behaviour == "fails" or behaviour == "fails_once" and first):
    tasks = sum(map(len, json.loads(flags["--cluster"]).values()))
    while len({path.stem for path in folder.iterdir()}) < tasks:
        time.sleep(0.02)
    sys.exit(7)
if name == "worker1" and behaviour == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "fails_once" or behaviour == "serves" and name != "ps0":
    sys.exit(0)
time.sleep(300)
"""


@pytest.fixture
def asked(tmp_path):
    """Returns a launch of that program; keyword arguments replace."""
    program, folder = tmp_path / "program.py", tmp_path / "processes"
    program.write_text(PROGRAM)
    folder.mkdir()

    def make(behaviour, **changes):
        command = [sys.executable, str(program), str(folder), behaviour]
        return Launch(
            command, **{"workers": 2, "grace_seconds": patience.SECONDS, "timeout_seconds": patience.SECONDS, **changes}
        )

    yield make
    assert not living(folder), "processes were left behind"


def living(folder):
    """The processes that the program has noted and that still run, their children included."""
    noted = [int(number) for path in folder.iterdir() for number in (path.suffix[1:], path.read_text() or 0)]
    return [number for number in noted if number and runs(number)]


def runs(number):
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(true, seconds=patience.SECONDS):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def codes(result):
    return {each["name"]: each["exit_code"] for each in result.processes}


def test_the_first_failure_stops_all_and_gives_its_exit_code(asked, capfd):
    result = launch(asked("fails", ps=1))
    assert (result.exit_code, result.ended_by, result.failed) == (7, "failure", "worker 1")
    assert codes(result) == {"ps 0": 143, "worker 0": 143, "worker 1": 7}
    shown = capfd.readouterr()
    assert shown.out == "" and "[worker 1] ready worker1\n" in shown.err and "[ps 0] ready ps0\n" in shown.err
    assert "[launcher] worker 1 failed with exit code 7; stopping all" in shown.err


def test_death_by_a_signal_is_a_failure(asked):
    result = launch(asked("killed"))
    assert (result.exit_code, result.failed, codes(result)["worker 1"]) == (137, "worker 1", 137)


def test_a_failed_process_is_started_again_as_often_as_allowed(asked):
    result = launch(asked("fails_once", restarts=1))
    assert (result.exit_code, result.ended_by) == (0, "completion")
    assert [(each["name"], each["starts"]) for each in result.processes] == [("worker 0", 1), ("worker 1", 2)]
    assert launch(asked("fails", restarts=1)).processes[1]["starts"] == 2


def test_all_processes_are_started_again_together_where_asked(asked):
    result = launch(asked("fails_once", ps=1, restarts=1, together=True))
    assert (result.exit_code, result.ended_by) == (0, "completion")
    assert {each["name"]: each["starts"] for each in result.processes} == {"ps 0": 2, "worker 0": 2, "worker 1": 2}


def test_a_ps_that_serves_for_ever_is_stopped_when_the_workers_are_done(asked):
    result = launch(asked("serves", ps=1, grace_seconds=0.5))
    assert (result.exit_code, result.ended_by) == (0, "completion")
    found = codes(result)
    assert found.pop("ps 0") in (143, 137)  # on a busy machine it may not have ended within the grace
    assert found == {"worker 0": 0, "worker 1": 0}


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(asked):
    for seconds in (1.5, 15, 150):  # until the time is enough for both to start
        result = launch(asked("stubborn", timeout_seconds=seconds, grace_seconds=0.3))
        if 143 not in codes(result).values():
            break
    assert (result.exit_code, result.ended_by, result.failed) == (124, "time", None)
    assert codes(result) == {"worker 0": 137, "worker 1": 137}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_launcher_lets_its_workers_save(number, code, asked, tmp_path, capfd):
    def interrupt():
        wait_until(lambda: len(list((tmp_path / "processes").iterdir())) == 2)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = launch(asked("polite"))
    thread.join()
    assert (result.exit_code, result.ended_by) == (code, number.name)
    assert codes(result) == {"worker 0": 0, "worker 1": 0}
    assert "[worker 0] saved\n" in capfd.readouterr().err


@pytest.mark.parametrize("behaviour", ["waits", "stubborn"])
def test_a_killed_launcher_leaves_no_process_behind(behaviour, asked, tmp_path):
    asked = asked(behaviour, ps=1, grace_seconds=0.3, timeout_seconds=None)
    code = f"from tf1bn.examples.local_cluster import Launch, launch; launch({asked!r})"
    said = tmp_path / "said"
    with said.open("w") as stderr, subprocess.Popen([sys.executable, "-c", code], stderr=stderr) as launcher:
        try:
            wait_until(lambda: len(list((tmp_path / "processes").iterdir())) == 3)
            wait_until(lambda: said.read_text().count("started: process") == 3)
        finally:
            launcher.kill()
    wait_until(lambda: not living(tmp_path / "processes"))


def test_groups_are_ended_in_the_order_of_their_stages(tmp_path):
    order = tmp_path / "order"
    said = f"trap 'echo $0 >> {order}; exit' TERM; echo x >> {order}; while :; do sleep 0.05; done"
    processes = [subprocess.Popen(["sh", "-c", said, name], start_new_session=True) for name in ("ps", "worker")]
    wait_until(lambda: order.exists() and order.read_text().count("x") == 2)
    reapers = [threading.Thread(target=process.wait) for process in processes]
    for reaper in reapers:
        reaper.start()
    process_groups.guard(
        [f"+ 1 {processes[0].pid}", f"+ 0 {processes[1].pid}", "+ 0 1999999", "- 1999999"], patience.SECONDS
    )
    for reaper in reapers:
        reaper.join()
    assert order.read_text().split() == ["x", "x", "worker", "ps"]


def test_tasks_learn_their_place_by_flags_or_by_the_environment(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "of another cluster")
    by_flags, by_variable = (Launch(["a"], 2, 1, announce=way) for way in ("flags", "tf_config"))
    task = by_flags.tasks()[2]
    assert by_flags.command_of(task) == [
        "a", "--job_name=worker", "--task_index=1", f"--cluster={task.cluster.text()}"
    ]  # fmt: skip
    assert "TF_CONFIG" not in by_flags.environment_of(task)
    assert by_variable.command_of(task) == ["a"]
    assert local_cluster.cluster_lib.task_from_environment(by_variable.environment_of(task)) == task


def test_ports_are_free_and_differ():
    ports = local_cluster.free_ports(50)
    assert len(set(ports)) == 50
    with pytest.raises(errors.ArgumentError, match="not enough free ports. Got 1000000"):
        local_cluster.free_ports(1000000)


def test_a_program_is_found_as_named_or_beside(tmp_path, monkeypatch):
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "train.py").write_text("")
    monkeypatch.chdir(tmp_path)
    found = local_cluster.program_command(["train.py", "--x"], tmp_path / "beside")
    assert found == [sys.executable, str(tmp_path / "beside" / "train.py"), "--x"]
    (tmp_path / "train.py").write_text("")
    assert local_cluster.program_command(["train.py"], tmp_path / "beside") == [sys.executable, "train.py"]
    assert local_cluster.program_command(["sh", "-c"], tmp_path) == ["sh", "-c"]
    of_this_python = [sys.executable, "-m", "tf1bn", "train", "--x"]
    assert local_cluster.program_command(["tf1bn", "train", "--x"], tmp_path) == of_this_python
    for name in ("none.py", "no_such_command"):
        with pytest.raises(errors.ArgumentError, match=f"no such program. Got '{name}'"):
            local_cluster.program_command([name], tmp_path)


def test_a_program_that_cannot_be_started_leaves_nothing_running(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(errors.ArgumentError, match="^launch: .*data' cannot be started: Permission denied"):
        launch(Launch([str(tmp_path / "data")], workers=2))
