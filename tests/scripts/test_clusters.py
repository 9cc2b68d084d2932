"""Clusters of real processes: what they train, how they survive, how they end. Every launch has a time limit."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest
import tensorflow.compat.v1 as tf

from tests import patience
from tf1bn.examples import local_cluster

ENDLESS = 1_000_000


class Cluster:
    """A running launch_local.py with train.py behind it; a context manager that leaves no process behind."""

    def __init__(self, line, environment):
        self._lines = []
        self._process = subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stderr:
            self._lines.append(line)

    @property
    def stderr(self):
        return "".join(self._lines)

    def wait_for(self, pattern):
        """Returns once something is written."""
        self._wait(lambda: re.search(pattern, self.stderr))

    def _wait(self, true):
        end = time.monotonic() + patience.SECONDS
        while not true():
            assert time.monotonic() < end and self._process.poll() is None, self.stderr[-4000:]
            time.sleep(0.02)

    def wait_for_checkpoint(self, folder):
        """Returns once the chief has saved, so that all workers train."""
        self._wait(lambda: (folder / "checkpoint").exists())

    def reaches_checkpoint(self, folder):
        """The same, but for False where the cluster ends before."""
        while not (folder / "checkpoint").exists():
            if self._process.poll() is not None:
                return False
            time.sleep(0.02)
        return True

    def pid_of(self, name):
        """Returns the number of the last process of a task."""
        self.wait_for(rf"{name} started: process (\d+)")
        return int(re.findall(rf"{name} started: process (\d+)", self.stderr)[-1])

    def send(self, number):
        self._process.send_signal(number)

    def report(self):
        """Returns the report, once the launcher has ended and its processes with it."""
        self._process.wait(timeout=patience.SECONDS + 30)
        self._reader.join(patience.SECONDS)
        stdout = self._process.stdout.read()
        for number in re.findall(r"started: process (\d+)", self.stderr):
            assert not runs(int(number)), f"process {number} was left behind\n{self.stderr[-4000:]}"
        return json.loads(stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()


def runs(number):
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture
def cluster(command, tmp_path):
    """Starts train.py on two workers, and a ps where one is needed."""

    def start(distribution, *flags, launch=()):
        servers = 1 if distribution == "ps" else 0
        ours = ["--format=json", "--workers=2", f"--ps={servers}", f"--timeout_seconds={patience.SECONDS}", *launch]
        theirs = [f"--distribution={distribution}", f"--model_dir={tmp_path}", "--decay=0.9"]
        theirs += [f"--timeout_seconds={patience.SECONDS}", *flags]
        line, environment = command("launch_local", *ours, "--", "train.py", *theirs)
        small = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}
        return Cluster(line, {**environment, **small})

    return start


def starts(report):
    return {each["name"]: each["starts"] for each in report["processes"]}


def accuracy_of(stderr):
    return float(re.search(r"\[worker 0\] test_accuracy: (\S+)", stderr)[1])


def step_of(folder):
    return int(tf.train.load_checkpoint(str(folder)).get_tensor("global_step"))


def test_missing_workers_are_an_error_in_time(run, tmp_path):
    port = local_cluster.free_ports(1)[0]
    text = json.dumps({"worker": [f"127.0.0.1:{port}", "127.0.0.1:1"]})
    place = ["--job_name=worker", "--task_index=0", f"--cluster={text}"]
    done = run("train", "--distribution=multi_worker", *place, "--timeout_seconds=1", f"--model_dir={tmp_path}")
    assert done.returncode == 1
    assert "error: wait_for_hosts: nobody listens at 127.0.0.1:1 after 1 s" in done.stderr
    assert not list(tmp_path.glob("*"))


@pytest.mark.slow
def test_a_killed_worker_comes_back_while_the_others_train_on(cluster, tmp_path):
    with cluster("ps", "--steps=600", launch=["--restarts=1"]) as running:
        running.wait_for(r"\[worker 0\] mlp inline: \d+/600")
        os.kill(running.pid_of("worker 1"), signal.SIGKILL)
        report = running.report()
    assert (report["exit_code"], report["ended_by"]) == (0, "completion"), running.stderr
    assert starts(report) == {"ps 0": 1, "worker 0": 1, "worker 1": 2}
    assert "worker 1 failed with exit code 137; starting it again" in running.stderr
    assert 600 <= step_of(tmp_path) <= 601
    assert accuracy_of(running.stderr) > 0.9


@pytest.mark.slow
def test_workers_in_step_wait_for_a_killed_one_to_come_back(cluster, tmp_path):
    with cluster("ps", "--synchronous", "--statistics=own", "--steps=300", launch=["--restarts=1"]) as running:
        running.wait_for(r"\[worker 0\] mlp inline: \d+/300")
        os.kill(running.pid_of("worker 1"), signal.SIGKILL)
        report = running.report()
    assert (report["exit_code"], report["ended_by"]) == (0, "completion"), running.stderr
    assert starts(report) == {"ps 0": 1, "worker 0": 1, "worker 1": 2}
    assert step_of(tmp_path) == 300
    assert accuracy_of(running.stderr) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("distribution", [["ps", "--synchronous"], ["multi_worker"]], ids=lambda flags: flags[0])
def test_workers_that_share_statistics_all_start_again(distribution, cluster, tmp_path):
    launch = ["--restarts=1", "--restart_together", "--grace_seconds=3"]
    with cluster(*distribution, "--steps=300", "--save_every=20", launch=launch) as running:
        running.wait_for_checkpoint(tmp_path)
        os.kill(running.pid_of("worker 1"), signal.SIGKILL)
        report = running.report()
    assert (report["exit_code"], report["ended_by"]) == (0, "completion"), running.stderr
    assert set(starts(report).values()) == {2}
    assert re.search(r"resuming at step [1-9]\d*", running.stderr)
    assert step_of(tmp_path) == 300
    assert accuracy_of(running.stderr) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("distribution", [["ps", "--synchronous"], ["multi_worker"]], ids=lambda flags: flags[0])
def test_a_worker_that_stands_still_is_an_error_in_time(distribution, cluster, tmp_path):
    # The limit holds for the start, too, which is slow on a busy machine: one that is too short is tried again, longer.
    for seconds in (10, 100, patience.SECONDS):
        flags = [f"--steps={ENDLESS}", "--save_every=10", f"--timeout_seconds={seconds}"]
        with cluster(*distribution, *flags, launch=["--grace_seconds=1"]) as running:
            if not running.reaches_checkpoint(tmp_path):
                continue
            os.kill(running.pid_of("worker 1"), signal.SIGSTOP)
            report = running.report()
        break
    assert (report["exit_code"], report["failed"]) == (1, "worker 0"), running.stderr
    assert re.search(r"\[worker 0\] error: train: a step did not end: .* \(DeadlineExceeded", running.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("distribution", [["ps", "--synchronous"], ["multi_worker"]], ids=lambda flags: flags[0])
def test_an_interrupted_cluster_saves_and_the_same_command_goes_on(distribution, cluster, tmp_path):
    launch = [f"--grace_seconds={patience.SECONDS}"]  # on a busy machine a worker takes long to leave
    with cluster(*distribution, f"--steps={ENDLESS}", "--save_every=10", launch=launch) as running:
        running.wait_for_checkpoint(tmp_path)
        running.send(signal.SIGINT)
        report = running.report()
    assert (report["exit_code"], report["ended_by"]) == (130, "SIGINT")
    codes = {each["name"]: each["exit_code"] for each in report["processes"] if "worker" in each["name"]}
    assert codes == {"worker 0": 143, "worker 1": 143}, running.stderr
    step = step_of(tmp_path)
    with cluster(*distribution, f"--steps={step + 5}") as running:
        report = running.report()
    assert report["exit_code"] == 0, running.stderr
    assert f"[worker 0] resuming at step {step}\n" in running.stderr
    assert step_of(tmp_path) == step + 5
