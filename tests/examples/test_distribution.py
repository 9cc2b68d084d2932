import pytest

from tf1bn import errors
from tf1bn.distribute import cluster
from tf1bn.examples.distribution import ONE_DEVICE, Distribution, task_of

WORKERS = cluster.make_task({"worker": ["h:1", "h:2"]}, "worker", 1)
SERVED = cluster.make_task({"worker": ["h:1", "h:2"], "ps": ["h:3"]}, "worker", 0)
PS = cluster.make_task({"worker": ["h:1", "h:2"], "ps": ["h:3"]}, "ps", 0)


def test_one_device_is_the_default_and_leaves_no_record():
    assert Distribution("none") == ONE_DEVICE
    assert (ONE_DEVICE.members, ONE_DEVICE.is_chief, ONE_DEVICE.serves, ONE_DEVICE.record()) == (1, True, False, None)


@pytest.mark.parametrize("engine", ["mirrored", "towers"])
def test_devices_of_one_process_are_two_unless_given(engine):
    assert Distribution(engine).members == 2
    four = Distribution(engine, devices=4)
    assert four.record() == {"engine": engine, "members": 4, "statistics": "combined"}
    assert four.is_chief and four.synchronous


def test_parameter_servers_are_asynchronous_unless_asked():
    free, joint = Distribution("ps", task=SERVED), Distribution("ps", task=SERVED, synchronous=True)
    assert (free.synchronous, free.statistics, joint.statistics) == (False, "own", "combined")
    assert (free.members, free.is_chief, free.serves) == (2, True, False)
    assert joint.record() == {"engine": "ps", "members": 2, "statistics": "combined", "synchronous": True, "ps": 1}
    assert Distribution("ps", task=PS).serves


def test_workers_take_their_number_from_the_cluster():
    found = Distribution("multi_worker", task=WORKERS)
    assert (found.members, found.is_chief, found.synchronous, found.statistics) == (2, False, True, "combined")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"engine": "mirorred"}, "unknown `distribution`. Got 'mirorred'; .*Did you mean 'mirrored'"),
        ({"engine": "towers", "statistics": "all"}, "unknown `statistics`"),
        ({"engine": "towers", "devices": 0}, "`devices` must be a positive integer"),
        ({"engine": "towers", "devices": True}, "`devices` must be a positive integer"),
        ({"engine": "none", "devices": 2}, "`devices` belongs to mirrored and towers, not to none"),
        ({"engine": "multi_worker", "devices": 2, "task": WORKERS}, "`devices` belongs to mirrored and towers"),
        ({"engine": "mirrored", "synchronous": False}, "mirrored is synchronous"),
        ({"engine": "towers", "task": WORKERS}, "a task of a cluster belongs to ps and multi_worker, not to towers"),
        ({"engine": "ps"}, "ps needs a cluster and the place .*`tf1bn launch`"),
        ({"engine": "multi_worker"}, "multi_worker needs a cluster"),
        ({"engine": "ps", "task": WORKERS}, "a cluster for ps needs at least one ps"),
        ({"engine": "multi_worker", "task": SERVED}, "a cluster for multi_worker has no ps"),
        ({"engine": "ps", "task": SERVED, "statistics": "combined"}, "asynchronous workers never meet"),
        ({"engine": "towers", "timeout_seconds": 0}, "`timeout_seconds` must be above 0"),
        ({"engine": "towers", "timeout_seconds": float("inf")}, "`timeout_seconds` must be above 0"),
    ],
)
def test_choices_that_do_not_fit_together_are_refused(given, text):
    with pytest.raises(errors.ArgumentError, match=text):
        Distribution(**given)


def test_a_batch_smaller_than_its_shards_is_refused():
    with pytest.raises(errors.ArgumentError, match="smaller than the number of its shards. Got 3; expected at least 4"):
        Distribution("towers", devices=4).check_batch(3)
    Distribution("towers", devices=4).check_batch(4)
    Distribution("ps", task=SERVED).check_batch(1)


def test_a_task_comes_from_flags_before_the_environment():
    environment = cluster.environment_of(WORKERS)
    assert task_of(SERVED.cluster.text(), "worker", 0, environment) == SERVED
    assert task_of(None, None, None, environment) == WORKERS
    assert task_of(None, None, None, {}) is None


def test_a_part_of_the_flags_is_refused():
    with pytest.raises(errors.ArgumentError, match="go together; add --task_index"):
        task_of(SERVED.cluster.text(), "worker", None)
