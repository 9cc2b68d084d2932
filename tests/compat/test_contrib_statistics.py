"""contrib's streaming metrics and losses of distances, over batches, against NumPy of all values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import losses, metrics

RANDOM = np.random.RandomState(4)
P = np.round(RANDOM.rand(3, 8), 2).astype(np.float32)
Y = RANDOM.randint(0, 2, (3, 8))
W = RANDOM.rand(3, 8).astype(np.float32)


def streamed(make: Any, *arrays: Any) -> Any:
    """Returns the value of a metric after all batches."""
    fed = [tf.placeholder(array.dtype, array.shape[1:]) for array in arrays]
    value, update = make(*fed)
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        for batch in range(len(arrays[0])):
            session.run(update, dict(zip(fed, (array[batch] for array in arrays), strict=True)))
        if isinstance(value, tuple):
            feed = dict(zip(fed, (array[-1] for array in arrays), strict=True))
            return session.run(value, feed)
        return session.run(value)


@pytest.mark.parametrize("weighted", [False, True])
def test_covariance_and_correlation(graph: tf.Graph, weighted: bool) -> None:
    labels = RANDOM.rand(3, 8).astype(np.float32)
    given = (P, labels, W) if weighted else (P, labels)
    wanted = np.cov(P.ravel(), labels.ravel(), aweights=W.ravel()) if weighted else np.cov(P.ravel(), labels.ravel())
    if weighted:  # unbiased by the sum of the weights, as contrib has it
        total = W.sum(dtype=np.float64)
        x, y = (a.ravel() - np.average(a.ravel(), weights=W.ravel()) for a in (P, labels))
        wanted = np.array([[0, (W.ravel() * x * y).sum() / (total - 1)], [0, 0]])
    np.testing.assert_allclose(streamed(metrics.streaming_covariance, *given), wanted[0, 1], rtol=1e-4)
    if not weighted:
        r = np.corrcoef(P.ravel(), labels.ravel())[0, 1]
        np.testing.assert_allclose(streamed(metrics.streaming_pearson_correlation, *given), r, rtol=1e-4)


def test_areas_are_the_share_of_pairs_in_order(graph: tf.Graph) -> None:
    above = P.ravel()[Y.ravel() == 1][:, None] - P.ravel()[Y.ravel() == 0][None]
    wanted = ((above > 0) + 0.5 * (above == 0)).mean()
    np.testing.assert_allclose(streamed(lambda p, y: metrics.streaming_dynamic_auc(y, p), P, Y), wanted, rtol=1e-6)
    bounds = streamed(lambda p, y: metrics.auc_with_confidence_intervals(y, p, logit_transformation=False), P, Y)
    np.testing.assert_allclose(bounds.auc, wanted, rtol=1e-4)
    np.testing.assert_allclose(bounds.upper - bounds.auc, bounds.auc - bounds.lower, rtol=1e-4)
    histogram = streamed(lambda p, y: metrics.auc_using_histogram(tf.cast(y, tf.bool), p, [0.0, 1.0], 1000), P, Y)
    np.testing.assert_allclose(histogram, wanted, atol=0.01)


def test_agreement_beyond_chance(graph: tf.Graph) -> None:
    a, b = RANDOM.randint(0, 3, (3, 8)), RANDOM.randint(0, 3, (3, 8))
    table = np.zeros((3, 3))
    np.add.at(table, (a.ravel(), b.ravel()), 1)
    table /= table.sum()
    chance = (table.sum(0) * table.sum(1)).sum()
    wanted = (np.trace(table) - chance) / (1 - chance)
    np.testing.assert_allclose(streamed(lambda x, y: metrics.cohen_kappa(x, y, 3), a, b), wanted, rtol=1e-6)


def test_rates_and_scores(graph: tf.Graph) -> None:
    hard, y = P.ravel() > 0.5, Y.ravel() == 1
    false_positive, false_negative = (hard & ~y).sum() / (~y).sum(), (~hard & y).sum() / y.sum()
    binary = (P > 0.5).astype(np.int64)
    np.testing.assert_allclose(streamed(metrics.streaming_false_positive_rate, binary, Y), false_positive)
    np.testing.assert_allclose(streamed(metrics.streaming_false_negative_rate, binary, Y), false_negative)
    at = streamed(lambda p, t: metrics.streaming_false_positive_rate_at_thresholds(p, t, [0.5]), P, Y)
    np.testing.assert_allclose(at, [false_positive], rtol=1e-5)
    for limits, name, wanted in (
        ([0.5, 0.7], "true_positives", lambda p: (p & y).sum()),
        ([0.3], "false_positives", lambda p: (p & ~y).sum()),
        ([0.5], "true_negatives", lambda p: (~p & ~y).sum()),
        ([0.6], "false_negatives", lambda p: (~p & y).sum()),
    ):
        metric = getattr(metrics, f"streaming_{name}_at_thresholds")
        found = streamed(lambda p, t, metric=metric, limits=limits: metric(p, t, limits), P, Y)
        np.testing.assert_array_equal(found, [wanted(P.ravel() > limit) for limit in limits])
        assert any(variable.op.name == name for variable in tf.local_variables())
    best = 0.0
    for limit in np.linspace(0, 1, 201):
        tp, fp, fn = ((P.ravel() > limit) & y).sum(), ((P.ravel() > limit) & ~y).sum(), ((P.ravel() <= limit) & y).sum()
        best = max(best, 2 * tp / (2 * tp + fp + fn))
    np.testing.assert_allclose(streamed(lambda p, t: metrics.f1_score(t, p, num_thresholds=201), P, Y), best, rtol=1e-3)
    assert streamed(metrics.count, P) == 24
    np.testing.assert_allclose(streamed(metrics.count, P, W), W.sum(), rtol=1e-5)


@pytest.mark.parametrize("limit", [None, 10])
def test_values_are_joined(graph: tf.Graph, limit: int | None) -> None:
    joined = streamed(lambda x: metrics.streaming_concat(x, max_size=limit), P)
    np.testing.assert_array_equal(joined, P.ravel()[:limit])
    table = RANDOM.rand(3, 2, 4).astype(np.float32)
    wide = streamed(lambda x: metrics.streaming_concat(x, axis=1), table)
    np.testing.assert_array_equal(wide, np.concatenate(list(table), 1))


def test_average_precision_of_the_best_classes(graph: tf.Graph) -> None:
    best, labels = np.array([[[2, 0, 5], [1, 3, 2]]]), np.array([[[0, 5], [4, 4]]])
    got = streamed(metrics.streaming_sparse_average_precision_at_top_k, best, labels)
    np.testing.assert_allclose(got, ((1 / 2 + 2 / 3) / 2 + 0) / 2, rtol=1e-6)


X = RANDOM.randn(9, 4)
GROUPS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 1])


def test_triplets_take_the_nearest_negative_beyond_the_positive(plain_graph: tf.Graph, run: Any) -> None:
    squared = ((X[:, None] - X[None]) ** 2).sum(-1)
    terms = []
    for a in range(9):
        for p in np.flatnonzero((GROUPS[a] == GROUPS) & (np.arange(9) != a)):
            others = squared[a][GROUPS[a] != GROUPS]
            beyond = others[others > squared[a, p]]
            terms.append(max(0, 1 + squared[a, p] - (beyond.min() if len(beyond) else others.max())))
    got = run(losses.triplet_semihard_loss(tf.constant(GROUPS), tf.constant(X)))
    np.testing.assert_allclose(got, np.mean(terms), rtol=1e-9)


def test_lifted_structure(plain_graph: tf.Graph, run: Any) -> None:
    distance = np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1))
    own = np.array([np.exp(1 - distance[i][GROUPS[i] != GROUPS]).sum() for i in range(9)])
    terms = [
        max(0, np.log(own[i] + own[j]) + distance[i, j]) ** 2 / 2
        for i in range(9)
        for j in range(i + 1, 9)
        if GROUPS[i] == GROUPS[j]
    ]
    loss = losses.lifted_struct_loss(tf.constant(GROUPS), tf.constant(X))
    np.testing.assert_allclose(run(loss), np.mean(terms), rtol=1e-9)
    x = tf.zeros([3, 2], tf.float64)
    [gradient] = tf.gradients(losses.lifted_struct_loss(tf.constant([0, 0, 1]), x), [x])
    assert np.isfinite(run(gradient)).all()


def test_pairs(plain_graph: tf.Graph, run: Any) -> None:
    a, p = X.astype(np.float32), RANDOM.randn(9, 4).astype(np.float32)
    same = (GROUPS[:, None] == GROUPS[None]) / (GROUPS[:, None] == GROUPS[None]).sum(1, keepdims=True)
    logits = a.astype(np.float64) @ p.T
    entropy = -(same * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum(1).mean()
    wanted = entropy + 0.25 * 0.002 * ((a**2).sum(1).mean() + (p**2).sum(1).mean())
    np.testing.assert_allclose(
        run(losses.npairs_loss(tf.constant(GROUPS), tf.constant(a), tf.constant(p))), wanted, rtol=1e-5
    )
    sparse = [tf.SparseTensor([[0, int(group)]], [1], [1, 3]) for group in GROUPS]
    multi = losses.npairs_loss_multilabel(sparse, tf.constant(a), tf.constant(p))
    np.testing.assert_allclose(run(multi), wanted, rtol=1e-5)
    distance = np.sqrt(((a - p).astype(np.float64) ** 2).sum(1))
    label = np.arange(9) % 2
    contrast = (label * distance**2 + (1 - label) * np.maximum(3 - distance, 0) ** 2).mean()
    got = run(losses.contrastive_loss(tf.constant(label), tf.constant(a), tf.constant(p), 3.0))
    np.testing.assert_allclose(got, contrast, rtol=1e-5)


REFUSALS = {
    "alpha": (lambda: metrics.auc_with_confidence_intervals([1], [1.0], alpha=2), "is no share"),
    "curve": (lambda: metrics.streaming_dynamic_auc([1], [1.0], "X"), "curve must be either ROC or PR, X unknown"),
    "recall": (lambda: metrics.precision_at_recall([1], [1.0], 2), "must be in the range"),
    "classes": (lambda: metrics.cohen_kappa([1], [1], 1), "there are too few classes"),
    "labels": (lambda: metrics.auc_using_histogram([1], [1.0], [0, 1]), "are not of type bool"),
    "bools": (lambda: metrics.precision_recall_at_equal_thresholds([1], [1.0]), "labels of another type than bool"),
    "axis": (lambda: metrics.streaming_concat(tf.ones([2]), axis=3), "there is no such axis"),
    "rank": (lambda: metrics.streaming_concat(tf.placeholder(tf.float32)), "the rank of `values` is not known"),
    "size": (lambda: metrics.streaming_concat(tf.placeholder(tf.float32, [None, None])), "statically known size"),
    "shapes": (lambda: metrics.streaming_covariance(tf.ones([2]), tf.ones([3])), "are incompatible"),
    "floats": (lambda: metrics.accuracy([1.0], [1.0]), "labels of this type are not compared"),
    "dtypes": (lambda: metrics.accuracy([1.0], [1]), "Dtypes of predictions and labels should match"),
    "sparse": (lambda: losses.npairs_loss_multilabel([1], X, X), "holds something that is not sparse"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_fit_is_refused(plain_graph: tf.Graph, name: str) -> None:
    act, text = REFUSALS[name]
    with pytest.raises(errors.Tf1bnError, match=text):
        act()
