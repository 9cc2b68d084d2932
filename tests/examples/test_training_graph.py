import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.datasets import Split
from tf1bn.datasets.batches import batches
from tf1bn.examples import training_graph

STRATEGIES = ("inline", "collection", "ema")


def values_of(run):
    with run.built.graph.as_default():
        return run.session.run({variable.op.name: variable for variable in tf.global_variables()})


def opened(settings, small):
    return training_graph.open_run(training_graph.build(settings, small.train.images.shape[1:]))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_looking_moves_no_variable(strategy, settings, small):
    with opened(settings(update_strategy=strategy), small) as run:
        run.step(next(batches(small.train, 50, seed=0)))
        before = values_of(run)
        run.accuracy(small.validation)
        run.accuracy(small.validation, by_averages=True)
        run.population(small.train, 50)
        run.read_averages()
        run.session.run(run.built.summaries)
        after = values_of(run)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_step_moves_the_averages_once(strategy, settings, small):
    batch = next(batches(small.train, 50, seed=0))
    with opened(settings(update_strategy=strategy, decay=0.9), small) as run:
        x = batch.images.reshape(50, -1).astype(np.float64) @ values_of(run)["hidden1/kernel"]
        run.step(batch)
        mean, variance = run.read_averages()["hidden1/batch_norm"]
    np.testing.assert_allclose(mean, 0.1 * x.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x.var(0), rtol=1e-4)


def test_forgotten_updates_leave_the_averages_at_their_initial_values(settings, small):
    with opened(settings(update_strategy="collection", forget_updates=True), small) as run:
        run.step(next(batches(small.train, 50, seed=0)))
        assert run.steps == 1
        for mean, variance in run.read_averages().values():
            assert np.all(mean == 0) and np.all(variance == 1)


def test_initial_weights_are_the_same_whatever_the_strategy(settings, small):
    kernels = []
    for changes in ({"batch_norm": False}, *({"update_strategy": name} for name in STRATEGIES)):
        with opened(settings(**changes), small) as run:
            kernels.append({name: value for name, value in values_of(run).items() if name.endswith("/kernel")})
    assert [sorted(each) for each in kernels] == [sorted(kernels[0])] * 4
    assert all(np.array_equal(each[name], kernels[0][name]) for each in kernels for name in kernels[0])
    with opened(settings(seed=4), small) as run:
        assert not np.array_equal(values_of(run)["hidden1/kernel"], kernels[0]["hidden1/kernel"])


def test_both_accuracies_agree_with_numpy(settings, small, mlp_by_hand):
    stream = batches(small.train, 50, seed=0)
    with opened(settings(), small) as run:
        for _ in range(30):
            run.step(next(stream))
        by_batch, by_averages = run.accuracy(small.test), run.accuracy(small.test, by_averages=True)
        values = values_of(run)
    for got, extra in ((by_batch, {"moments": True}), (by_averages, {})):
        logits = mlp_by_hand({**values, **extra}, small.test.images)
        assert got == pytest.approx(np.mean(logits.argmax(1) == small.test.labels), abs=1 / 150)


def test_population_statistics_are_means_over_full_batches(settings, small):
    with opened(settings(), small) as run:
        mean, variance = run.population(Split(small.train.images[:130], small.train.labels[:130]), 50)[
            "hidden1/batch_norm"
        ]
        kernel = values_of(run)["hidden1/kernel"]
    parts = [small.train.images[i : i + 50].reshape(50, -1).astype(np.float64) @ kernel for i in (0, 50)]
    np.testing.assert_allclose(mean, np.mean([x.mean(0) for x in parts], 0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variance, np.mean([x.var(0) for x in parts], 0), rtol=1e-4)


def test_an_accuracy_cuts_its_split_into_parts_of_equal_size():
    sizes = []

    def predict(images):
        sizes.append(len(images))
        return images[:, 0]

    labels = np.arange(2001)
    split = Split(np.where(labels % 3, labels, -1)[:, None], labels)
    assert training_graph.accuracy(predict, split) == pytest.approx(1334 / 2001)
    assert sizes == [667, 667, 667]


def test_an_accuracy_of_nothing_is_refused(small):
    with pytest.raises(errors.ArgumentError, match="an accuracy needs at least one image"):
        training_graph.accuracy(lambda images: images, Split(small.test.images[:0], small.test.labels[:0]))


def test_an_unknown_strategy_is_refused_with_the_known_ones(settings, small):
    with pytest.raises(errors.UnknownNameError, match="unknown update strategy 'inlin'.*Did you mean 'inline'"):
        training_graph.build(settings(update_strategy="inlin"), (8, 8, 1))
