import json
import subprocess
import sys

import pytest

from tf1bn import errors
from tf1bn.distribute import cluster

TWO = {"worker": ["h:1", "h:2"], "ps": ["h:3"]}


def test_the_first_worker_is_the_chief():
    tasks = [cluster.make_task(TWO, *place) for place in (("worker", 0), ("worker", 1), ("ps", 0))]
    assert [task.is_chief for task in tasks] == [True, False, False]
    assert [task.rank for task in tasks] == [0, 1, -1]
    assert [task.is_ps for task in tasks] == [False, False, True]
    assert [task.device for task in tasks] == ["/job:worker/task:0", "/job:worker/task:1", "/job:ps/task:0"]
    assert (tasks[1].address, tasks[1].peers, str(tasks[1])) == ("h:2", ["h:1", "h:3"], "worker 1")


def test_a_chief_counts_among_those_who_train():
    found = cluster.parse_cluster({"chief": ["h:9"], "worker": ["h:1"]})
    assert (found.workers, found.chief_device) == (2, "/job:chief/task:0")
    assert cluster.make_task(found, "chief", 0).is_chief and not cluster.make_task(found, "worker", 0).is_chief
    assert cluster.make_task(found, "worker", 0).rank == 1


def test_a_cluster_survives_its_text_and_its_environment():
    task = cluster.make_task(json.dumps(TWO), "worker", 1)
    assert cluster.parse_cluster(task.cluster.text()) == task.cluster
    assert task.cluster.jobs == TWO
    assert cluster.task_from_environment(cluster.environment_of(task)) == task


@pytest.mark.parametrize("value", ["", " ", "{}", '{"cluster": {}, "task": {"type": "worker", "index": 0}}'])
def test_without_a_cluster_the_environment_names_no_task(value):
    assert cluster.task_from_environment({"TF_CONFIG": value}) is None
    assert cluster.task_from_environment({}) is None


def test_the_environment_of_the_process_is_the_default(monkeypatch):
    task = cluster.make_task(TWO, "ps", 0)
    monkeypatch.setenv("TF_CONFIG", cluster.environment_of(task)["TF_CONFIG"])
    assert cluster.task_from_environment() == task


def test_an_index_may_be_a_string_and_other_keys_are_left_alone():
    content = {"cluster": TWO, "task": {"type": "worker", "index": "1"}, "environment": "cloud"}
    assert cluster.task_from_environment({"TF_CONFIG": json.dumps(content)}).rank == 1


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("{", "the cluster is no JSON: .* Got '{'"),
        ("[]", "the cluster is no JSON object"),
        ({"workers": ["h:1"]}, r"unknown jobs in the cluster. Got \['workers'\]; expected chief or worker or ps"),
        ({"worker": ["h:1"], "evaluator": ["h:2"]}, "unknown jobs.*`tf1bn evaluate`"),
        ({"worker": "h:1"}, "the job 'worker' is no list of addresses. Got 'h:1'"),
        ({"worker": ["h"]}, "no address in the job 'worker'. Got 'h'; expected host:port"),
        ({"worker": ["h:0"]}, "no address"),
        ({"worker": ["h:65536"]}, "no address"),
        ({"worker": [3]}, "no address in the job 'worker'. Got 3"),
        ({"worker": ["h:1"], "ps": ["h:1"]}, r"two tasks of the cluster have one address. Got \['h:1'\]"),
        ({"chief": ["h:1", "h:2"]}, "a cluster has one chief"),
        ({"ps": ["h:1"]}, "nobody in the cluster trains"),
    ],
)
def test_an_impossible_cluster_is_refused(given, text):
    with pytest.raises(errors.ArgumentError, match=f"^cluster: {text}"):
        cluster.parse_cluster(given)


@pytest.mark.parametrize(
    ("job", "index", "kind", "text"),
    [
        ("chief", 0, errors.ArgumentError, "no such job. Got 'chief'; expected worker, ps"),
        ("worker", 2, errors.ArgumentError, "no worker of that index. Got 2; expected 0 to 1"),
        ("worker", -1, errors.ArgumentError, "no worker of that index"),
        ("worker", True, errors.ArgumentTypeError, "index of a task is an integer. Got True"),
        ("worker", "0", errors.ArgumentTypeError, "index of a task is an integer. Got '0'"),
    ],
)
def test_a_task_that_is_not_there_is_refused(job, index, kind, text):
    with pytest.raises(kind, match=f"^task: .*{text}"):
        cluster.make_task(TWO, job, index)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("no", "its value is no JSON"),
        (json.dumps({"cluster": TWO}), "`task` is missing or incomplete. Expected .*worker"),
        (json.dumps({"cluster": TWO, "task": {"type": "worker"}}), "`task` is missing or incomplete"),
    ],
)
def test_an_unreadable_environment_is_refused(value, text):
    with pytest.raises(errors.ArgumentError, match=f"^TF_CONFIG: {text}"):
        cluster.task_from_environment({"TF_CONFIG": value})


def test_a_launcher_can_read_clusters_without_tensorflow():
    code = "import sys; from tf1bn.examples import local_cluster; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
