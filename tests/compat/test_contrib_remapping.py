"""Matrices of a checkpoint in the order of a new vocabulary, against the rows that the files name."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import framework, remapping

WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3)
SEVEN = tf.constant_initializer(7.0)


@pytest.fixture
def files(tmp_path: pathlib.Path) -> dict[str, str]:
    """A checkpoint with ``w`` and ``b``, and vocabularies of rows and columns."""
    lines = {"old": "a b c d", "new": "c x a", "old_columns": "p q r", "new_columns": "r p y"}
    for name, words in lines.items():
        (tmp_path / name).write_text("\n".join(words.split()) + "\n")
    with tf.Graph().as_default(), tf.Session() as session:
        made = [tf.get_variable("w", initializer=WEIGHTS), tf.get_variable("b", initializer=WEIGHTS[:, :1])]
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver(made).save(session, str(tmp_path / "model"))
    return {"checkpoint": path, **{name: str(tmp_path / name) for name in lines}}


def test_rows_follow_the_new_vocabulary(graph, run, files):
    start = framework.load_embedding_initializer(
        files["checkpoint"], "w", 3, 3, files["old"], files["new"], num_oov_buckets=1, initializer=SEVEN
    )
    made = run(tf.get_variable("embedding", [4, 3], initializer=start))
    np.testing.assert_array_equal(made, [WEIGHTS[2], [7, 7, 7], WEIGHTS[0], [7, 7, 7]])


def test_words_behind_the_counted_ones_are_new(plain_graph, run, files):
    start = framework.load_embedding_initializer(
        files["checkpoint"], "w", 3, 3, files["old"], files["new"], old_vocab_size=2, initializer=SEVEN
    )
    made = run(tf.get_variable("embedding", [3, 3], initializer=start))
    np.testing.assert_array_equal(made, [[7, 7, 7], [7, 7, 7], WEIGHTS[0]])


def test_columns_follow_theirs_and_both_get_buckets(plain_graph, run, files):
    start = framework.load_and_remap_matrix_initializer(
        files["checkpoint"],
        "w",
        3,
        3,
        old_row_vocab_file=files["old"],
        new_row_vocab_file=files["new"],
        old_col_vocab_file=files["old_columns"],
        new_col_vocab_file=files["new_columns"],
        num_row_oov_buckets=1,
        num_col_oov_buckets=1,
        initializer=SEVEN,
        max_rows_in_memory=2,
    )
    made = run(tf.get_variable("w", [4, 4], initializer=start))
    wanted = np.full([4, 4], 7.0)
    wanted[0, :2], wanted[2, :2] = WEIGHTS[2][[2, 0]], WEIGHTS[0][[2, 0]]
    np.testing.assert_array_equal(made, wanted)


def test_a_part_of_a_partitioned_variable_gets_its_rows(plain_graph, run, files):
    start = framework.load_and_remap_matrix_initializer(
        files["checkpoint"], "w", 4, 2, old_col_vocab_file=files["old_columns"], new_col_vocab_file=files["new_columns"]
    )
    parts = tf.get_variable("w", [4, 2], initializer=start, partitioner=tf.fixed_size_partitioner(2))
    np.testing.assert_array_equal(run(tf.convert_to_tensor(parts)), WEIGHTS[:, [2, 0]])


def test_biases_start_at_zero_and_slots_follow_the_part_of_their_variable(plain_graph, run, files):
    start = framework.load_linear_multiclass_bias_initializer(
        files["checkpoint"], "b", 3, files["old"], files["new"], 1
    )
    np.testing.assert_array_equal(run(tf.get_variable("b", [4, 1], initializer=start)), [[6], [0], [0], [0]])

    class Second:
        def single_offset(self, shape):
            return 2

    slot = framework.load_variable_slot_initializer(
        files["checkpoint"], "w", Second(), 3, 3, old_row_vocab_file=files["old"], new_row_vocab_file=files["new"]
    )
    np.testing.assert_array_equal(run_alone(slot([1, 3])), WEIGHTS[:1])


def run_alone(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def test_new_words_of_an_embedding_are_drawn_with_the_width_as_variance(plain_graph, files):
    start = framework.load_embedding_initializer(files["checkpoint"], "w", 3, 3, files["old"], files["new"], -1, 2000)
    made = run_alone(start([2003, 3]))[3:]
    assert abs(made.std() * np.sqrt(3) - 0.88) < 0.03  # a normal distribution cut off at two deviations
    assert np.abs(made).max() <= 2 / np.sqrt(3) + 1e-6


def made(**changes):
    given = {"old_row_vocab_file": "old", "new_row_vocab_file": "new", **changes}
    return remapping.load_and_remap_matrix_initializer("checkpoint", "w", 3, 3, **given)


REFUSED = {
    "no function": (lambda: made(initializer=3), TypeError, "cannot be called"),
    "no vocabulary": (
        lambda: made(old_row_vocab_file=None, new_row_vocab_file=None),
        ValueError,
        "no vocabulary to follow.*init_from_checkpoint",
    ),
    "half a pair": (lambda: made(old_col_vocab_file="a"), ValueError, "`new_col_vocab_file` belong together"),
    "buckets": (lambda: made(num_row_oov_buckets=-1), ValueError, "`num_row_oov_buckets` must not be negative"),
    "dtype": (lambda: made()([3, 3], tf.float64), TypeError, "must be float32.*tensor w"),
    "width": (lambda: made()([3, 4]), ValueError, "another shape"),
    "height": (lambda: made()([4, 3]), ValueError, "another shape"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(plain_graph, case):
    call, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        call()
