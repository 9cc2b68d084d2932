"""contrib.summary: event files as TensorFlow reads them."""

from __future__ import annotations

import contextlib
import pathlib
import re
import sqlite3
import struct
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_summary as summary


def events(folder: pathlib.Path) -> list[Any]:
    (path,) = folder.glob("events.out.tfevents.*")
    return list(tf.train.summary_iterator(str(path)))


def values(folder: pathlib.Path) -> list[tuple[int, str, Any]]:
    return [(event.step, value.tag, value) for event in events(folder) for value in event.summary.value]


def test_numbers_are_written_at_the_global_step(graph, tmp_path):
    step = tf.train.create_global_step()
    with (
        summary.create_file_writer(str(tmp_path), flush_millis=1000).as_default() as _,
        summary.always_record_summaries(),
    ):
        with tf.name_scope("part"):
            summary.scalar("loss", tf.cast(step, tf.float32) * 2)
            summary.scalar("a b", 3, family="group", step=tf.constant(7))
        flush = summary.flush()
    ops = summary.all_summary_ops()
    assert len(ops) == 2
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), *summary.summary_writer_initializer_op()])
        for _ in range(2):
            session.run(ops)
            session.run(tf.assign_add(step, 1))
        session.run(flush)
    found = sorted((at, tag, value.simple_value) for at, tag, value in values(tmp_path))
    assert found == [(0, "part/loss", 0), (1, "part/loss", 2), *[(7, "group/part/group/a_b", 3)] * 2]


def test_all_kinds_are_read_back(plain_graph, tmp_path):
    writer = summary.create_file_writer(str(tmp_path), name="mine", filename_suffix=".test")
    writer.set_as_default()
    try:
        with summary.always_record_summaries():
            summary.histogram("weights", tf.constant([1.0, 2.0, 2.0]), step=1)
            summary.image("pixels", tf.zeros([4, 5, 6, 3]), max_images=2, step=2)
            summary.audio("sound", tf.zeros([1, 8]), 8000, 1, step=3)
            summary.generic("tensor", tf.constant([1, 2]), tf.SummaryMetadata(display_name="name"), step=4)
        event = summary.import_event(tf.constant(tf.Event(step=9).SerializeToString()))
        with tf.Session() as session:
            summary.initialize(tf.get_default_graph(), session)
            session.run([summary.all_summary_ops(), event])
            session.run(writer.close())
    finally:
        summary.recording.SETTINGS.writer = None
    assert next(tmp_path.glob("*.test"))
    found = {tag: (at, value) for at, tag, value in values(tmp_path)}
    assert found["weights"][1].histo.num == 3 and found["weights"][1].histo.sum == 5
    images = sorted(tag for tag in found if tag.startswith("pixels"))
    assert images == ["pixels/image/0", "pixels/image/1"] and found[images[0]][1].image.width == 6
    assert next(value.audio.sample_rate for tag, (_, value) in found.items() if tag.startswith("sound")) == 8000
    assert found["tensor"][0] == 4 and found["tensor"][1].metadata.display_name == "name"
    np.testing.assert_array_equal(tf.make_ndarray(found["tensor"][1].tensor), [1, 2])
    written = events(tmp_path)
    assert any(entry.graph_def for entry in written) and any(entry.step == 9 for entry in written)


def test_a_database_has_the_numbers(graph, tmp_path):
    path = tmp_path / "events.sqlite"
    writer = summary.create_db_writer(f"file:{path}", "trial", "first", "me")
    with writer.as_default(), summary.always_record_summaries():
        wrote = summary.scalar("loss", tf.constant(2.5), step=tf.constant(3, tf.int64))
        with tf.control_dependencies([wrote]):
            flush = summary.flush()
    with tf.Session() as session:
        session.run(summary.summary_writer_initializer_op())
        session.run(flush)
        session.run(writer.close())
    with contextlib.closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT tag_name, step, data, run_name, experiment_name, user_name FROM Tensors "
            "JOIN Tags ON series = tag_id JOIN Runs USING (run_id) JOIN Experiments USING (experiment_id) "
            "JOIN Users ON Users.user_id = Experiments.user_id WHERE step IS NOT NULL"
        ).fetchall()
    assert rows == [("loss", 3, struct.pack("<f", 2.5), "first", "trial", "me")]


@pytest.mark.parametrize(("name", "value"), [("experiment_name", "<a>"), ("run_name", "a\n"), ("user_name", "a_b")])
def test_names_that_a_database_cannot_have_are_refused(plain_graph, name, value):
    with pytest.raises(ValueError, match=re.escape(f"`{name}` is not possible. Got {value!r}")):
        summary.create_db_writer("file:x", **{name: value})


def test_summaries_are_recorded_at_multiples_of_a_step(graph, tmp_path):
    step = tf.train.create_global_step()
    with summary.create_file_writer(str(tmp_path)).as_default():
        with summary.record_summaries_every_n_global_steps(3):
            should = summary.should_record_summaries()
            wrote = summary.scalar("x", 1.0)
        with summary.never_record_summaries():
            summary.scalar("never", 1.0)
        summary.scalar("not asked for", 1.0)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            summary.initialize(session=session)
            seen = []
            for _ in range(7):
                seen.append(session.run([wrote, should]))
                session.run(summary.all_summary_ops())
                session.run(tf.assign_add(step, 1))
            session.run(summary.flush())
    assert [bool(pair[0]) for pair in seen] == [bool(pair[1]) for pair in seen] == [n % 3 == 0 for n in range(7)]
    assert {(at, tag) for at, tag, _ in values(tmp_path)} == {(0, "x"), (3, "x"), (6, "x")}


def test_without_a_writer_nothing_is_made(plain_graph):
    with summary.always_record_summaries():
        assert summary.scalar("x", 1.0).type == "NoOp" and summary.flush().type == "NoOp"
        with summary.create_file_writer(None).as_default():
            assert summary.graph(tf.constant("")).type == "NoOp"
    assert summary.all_summary_ops() == [] and summary.create_file_writer(None).close().type == "NoOp"
    with tf.Session() as session:
        assert not session.run(summary.should_record_summaries())
    assert summary.eval_dir("a") == "a/eval" and summary.eval_dir("a", "b") == "a/eval_b"


def test_what_is_refused(plain_graph, tmp_path):
    for call in (summary.initialize, lambda: summary.import_event("")):
        with pytest.raises(RuntimeError, match="no default writer. Use `with tf.contrib.summary.create_file_writer"):
            call()
    with summary.create_file_writer(str(tmp_path)).as_default(), summary.always_record_summaries():
        with pytest.raises(RuntimeError, match="initialize: there is no session"):
            summary.initialize()
        with pytest.raises(ValueError, match="`step` must be a scalar"):
            summary.scalar("x", 1.0, step=[1, 2])
        with pytest.raises(TypeError, match=r"`param` must be a tensor. Got 'Graph'. Use initialize\(graph="):
            summary.graph(tf.get_default_graph())
