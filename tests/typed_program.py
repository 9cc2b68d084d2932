"""A program as a user with a type checker writes it: `mypy --strict` finds nothing wrong where tf1bn is installed.

`make release-check` checks it against the wheel. It also runs: it trains, restores, audits, inspects and exports.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import audit, checkpoint, datasets, errors, export, population


class Doubled:
    """A strategy of the program's own: inline, with the decay squared."""

    name = "doubled"

    def create(self, request: tf1bn.Request) -> Any:
        return request.averages()

    def read(self, state: Any) -> tf1bn.Moments:
        averages: tf1bn.Averages = state
        return tf1bn.Moments(averages.mean.read_value(), averages.variance.read_value())

    def update(self, state: Any, batch: tf1bn.Moments, decay: Any) -> tf1bn.UpdatePlan:
        moved = [
            average.assign_sub((average.read_value() - value) * (1.0 - decay * decay), read_value=False)
            for average, value in ((state.mean, batch.mean), (state.variance, batch.variance))
        ]
        return tf1bn.UpdatePlan(moved, "output")


def network(images: Any, is_training: bool) -> Any:
    """Returns logits."""

    def normalised(h: Any) -> Any:
        return tf1bn.batch_norm(h, is_training, update_strategy="doubled", decay=0.9)

    h = tf1bn.dense(tf.reshape(images, [-1, 64]), 32, activation=tf.nn.relu, normalizer=normalised)
    return tf1bn.dense(h, 10)


def train(digits: datasets.Dataset, prefix: str) -> audit.Report:
    """Trains, saves, and returns what the auditor says."""
    with tf.Graph().as_default(), tf.Session() as session:
        images, labels = tf.placeholder(tf.float32, [None, 8, 8, 1], "images"), tf.placeholder(tf.int64, [None])
        logits = tf.identity(network(images, True), name="logits")
        loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
        train_op: tf.Operation = tf1bn.minimize(tf.train.AdamOptimizer(0.01), loss)
        session.run(tf.global_variables_initializer())
        for _, batch in zip(range(100), datasets.batches.batches(digits.train, 60, seed=0), strict=False):
            session.run(train_op, {images: batch.images, labels: batch.labels})
        tf1bn.saver().save(session, prefix)
        return audit.assert_healthy(train_op)


def accuracy(digits: datasets.Dataset, prefix: str) -> float:
    """Returns the share of right answers of the restored network."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 8, 8, 1])
        classes = tf.argmax(network(images, False), axis=1)
        tf.train.Saver().restore(session, prefix)
        found: np.ndarray[Any, Any] = session.run(classes, {images: digits.test.images})
        return float(np.mean(found == digits.test.labels))


def main() -> None:
    """Does it all."""
    tf.disable_eager_execution()
    tf1bn.register_strategy("doubled", Doubled())
    digits: datasets.Dataset = datasets.digits.load(size=8)
    folder = Path(tempfile.mkdtemp())
    prefix = str(folder / "model")
    report = train(digits, prefix)
    assert [site.scope for site in report.sites] and accuracy(digits, prefix) > 0.8
    sites: int = len(checkpoint.inspect(prefix).sites)
    done: population.Reestimation = population.reestimate(
        f"{prefix}.meta", [digits.train.images[:200]], checkpoint=prefix, feed="images", output=folder / "again"
    )
    written: export.Export = export.export(f"{prefix}.meta", prefix, "logits", folder / "served")
    print(sites, len(done.sites), written.path)
    try:
        tf1bn.batch_norm(tf.zeros([2, 2]), True, decay=2.0)
    except errors.ArgumentError as error:
        text: str = error.text
        print(text)


if __name__ == "__main__":
    main()
