import itertools

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.datasets import Split
from tf1bn.datasets.batches import batches, in_order, steps_per_epoch


def split_of(count):
    """Images that carry their own index, so that a batch tells whether images and labels still belong together."""
    return Split(np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1) / 2, np.arange(count))


def take(count, iterator):
    return [batch.labels.tolist() for batch in itertools.islice(iterator, count)]


def test_images_and_labels_stay_together():
    for batch in itertools.islice(batches(split_of(10), 3, seed=0), 20):
        np.testing.assert_array_equal(batch.images[:, 0, 0, 0] * 2, batch.labels)
        assert batch.images.shape == (3, 1, 1, 1)


def test_epoch_holds_every_example_at_most_once_and_leaves_out_the_rest():
    run = batches(split_of(11), 3, seed=4)
    for _ in range(5):
        epoch = sum(take(3, run), [])
        assert len(set(epoch)) == 9


def test_epoch_of_full_batches_holds_every_example():
    assert sorted(sum(take(4, batches(split_of(12), 3, seed=0)), [])) == list(range(12))


def test_each_epoch_has_a_new_order():
    epochs = [tuple(sum(take(4, batches(split_of(12), 3, seed=0, start_step=4 * epoch)), [])) for epoch in range(6)]
    assert len(set(epochs)) == 6


def test_every_example_gets_its_turn_although_each_epoch_leaves_some_out():
    assert set(sum(take(60, batches(split_of(11), 8, seed=0)), [])) == set(range(11))


def test_order_is_the_frozen_numpy_stream_of_seed_and_epoch():
    expected = np.random.RandomState([3, 1]).permutation(7)
    assert take(2, batches(split_of(7), 3, seed=3, start_step=2)) == [expected[:3].tolist(), expected[3:6].tolist()]


def test_same_seed_gives_the_same_batches_and_another_seed_others():
    first, again, other = (take(20, batches(split_of(20), 4, seed=seed)) for seed in (1, 1, 2))
    assert first == again and first != other


@pytest.mark.parametrize("step", [0, 1, 2, 3, 4, 7, 19])
def test_run_resumed_at_a_step_gets_the_batches_of_the_uninterrupted_run(step):
    whole = take(30, batches(split_of(11), 3, seed=9))
    assert take(30 - step, batches(split_of(11), 3, seed=9, start_step=step)) == whole[step:]


def test_start_at_a_far_step_needs_no_iteration():
    far = 2**32 - 1
    expected = np.random.RandomState([0, far // 3]).permutation(9)[:3]
    assert take(1, batches(split_of(9), 3, seed=0, start_step=far)) == [expected.tolist()]


def test_global_random_state_is_neither_used_nor_changed():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    take(5, batches(split_of(9), 3, seed=0))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_changing_a_batch_leaves_the_split_alone():
    split = split_of(4)
    next(batches(split, 4, seed=0)).images[...] = -1
    np.testing.assert_array_equal(split.images, split_of(4).images)


def test_batch_may_be_the_whole_split():
    assert sorted(next(batches(split_of(5), 5, seed=0)).labels) == list(range(5))


@pytest.mark.parametrize(
    ("size", "expected"), [(2, [[0, 1], [2, 3], [4]]), (5, [[0, 1, 2, 3, 4]]), (9, [[0, 1, 2, 3, 4]])]
)
def test_in_order_yields_everything_once_with_the_last_partial_batch(size, expected):
    found = list(in_order(split_of(5), size))
    assert [batch.labels.tolist() for batch in found] == expected
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in found]), split_of(5).images)


def test_in_order_over_an_empty_split_yields_nothing():
    assert list(in_order(split_of(0), 3)) == []


def test_steps_per_epoch_counts_full_batches():
    assert [steps_per_epoch(split_of(10), size) for size in (1, 3, 5, 10)] == [10, 3, 2, 1]


@pytest.mark.parametrize(
    ("call", "where"),
    [(lambda s, b: batches(s, b, seed=0), "batches"), (steps_per_epoch, "steps_per_epoch")],
)
def test_batch_larger_than_the_split_is_refused_at_the_call(call, where):
    text = rf"^{where}: the split is too small for one full batch\. Got 6; expected a `batch_size` of at most 5"
    with pytest.raises(errors.ArgumentError, match=text):
        call(split_of(5), 6)


@pytest.mark.parametrize("call", [lambda s, b: batches(s, b, seed=0), in_order, steps_per_epoch])
def test_batch_size_is_checked_at_the_call(call):
    with pytest.raises(errors.ArgumentError, match=r"`batch_size` is out of range\. Got 0; expected at least 1"):
        call(split_of(5), 0)
    with pytest.raises(errors.ArgumentTypeError, match=r"`batch_size` must be an integer, not float\. Got 2\.0"):
        call(split_of(5), 2.0)
    with pytest.raises(errors.ArgumentTypeError, match=r"`batch_size` must be an integer, not bool\. Got True"):
        call(split_of(5), True)


@pytest.mark.parametrize("call", [lambda s, b: batches(s, b, seed=0), in_order, steps_per_epoch])
def test_unequal_numbers_of_images_and_labels_are_refused(call):
    with pytest.raises(errors.ArgumentError, match=r"images and labels differ in number\. Got \(3, 4\)"):
        call(Split(np.zeros(3), np.zeros(4)), 1)


@pytest.mark.parametrize("name", ["seed", "start_step"])
def test_seed_and_start_are_checked(name):
    arguments = {"seed": 0, name: -1}
    with pytest.raises(errors.ArgumentError, match=rf"`{name}` is out of range\. Got -1; expected 0 to 4294967295"):
        batches(split_of(5), 1, **arguments)
    with pytest.raises(errors.ArgumentTypeError, match=rf"`{name}` must be an integer, not NoneType"):
        batches(split_of(5), 1, **{**arguments, name: None})


def test_numpy_integers_are_integers():
    assert take(2, batches(split_of(5), np.int64(2), seed=np.uint8(1))) == take(2, batches(split_of(5), 2, seed=1))
