"""slim.learning.train, slim.evaluation and their relatives of tf.contrib.training, on real checkpoints."""

from __future__ import annotations

import glob
import json
import pathlib
import threading
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import slim
from tf1bn.compat.contrib import evaluation, training_loop

X = np.array([[0.0], [1.0], [2.0], [3.0]], np.float32)


def line() -> tuple[Any, Any, Any]:
    """A line through points of y = 2 x + 1 with a batch norm's statistics beside it; returns output, labels, loss."""
    with slim.arg_scope([slim.batch_norm], decay=0.5):
        slim.batch_norm(tf.constant(X), scope="bn")
    y = slim.fully_connected(tf.constant(X), 1, activation_fn=None, scope="fc")
    labels = tf.constant(2 * X + 1)
    slim.losses.mean_squared_error(y, labels)
    return y, labels, slim.losses.get_total_loss()


def train(folder: pathlib.Path | None, steps: int | None, **options: Any) -> Any:
    """Trains in a graph of its own and returns the last loss."""
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        loss = line()[2]
        tf.summary.scalar("loss", loss)
        train_op = slim.learning.create_train_op(loss, tf.train.GradientDescentOptimizer(0.1))
        given = {"save_summaries_secs": 600, **options}
        return slim.learning.train(train_op, folder and str(folder), number_of_steps=steps, **given)


def held(folder: pathlib.Path, name: str) -> Any:
    return tf.train.load_variable(str(folder), name)


def test_training_saves_and_goes_on_where_it_was(tmp_path):
    first = train(tmp_path, 5)
    assert held(tmp_path, "global_step") == 5
    np.testing.assert_allclose(held(tmp_path, "bn/moving_mean"), [1.5 * (1 - 0.5**5)])
    last = train(tmp_path, 60)
    assert held(tmp_path, "global_step") == 60 and last < first
    assert glob.glob(str(tmp_path / "events*"))


def test_training_without_a_folder_returns_the_last_loss():
    assert train(None, 300) < 1e-3


def test_training_stops_where_the_input_ends(tmp_path):
    with tf.Graph().as_default():
        batch = tf.data.make_one_shot_iterator(tf.data.Dataset.from_tensors(X).repeat(3)).get_next()
        loss = tf.reduce_sum(slim.fully_connected(batch, 1))
        train_op = slim.learning.create_train_op(loss, tf.train.GradientDescentOptimizer(0.1))
        slim.learning.train(train_op, str(tmp_path))
    assert held(tmp_path, "global_step") == 3


def test_training_starts_from_values_and_calls_its_own_step(tmp_path):
    seen = []

    def step(session, train_op, global_step, switches):
        loss, stop = training_loop.train_step(session, train_op, global_step, switches)
        seen.append(loss)
        return loss, stop or len(seen) == 2

    with tf.Graph().as_default():
        loss = line()[2]
        train_op = slim.learning.create_train_op(loss, tf.train.GradientDescentOptimizer(0.0))
        begin = slim.assign_from_values_fn({"fc/weights": np.full([1, 1], 2.0), "fc/biases": np.ones(1)})
        slim.learning.train(train_op, str(tmp_path), step, init_fn=begin, session_wrapper=lambda session: session)
    assert seen == [0.0, 0.0] and held(tmp_path, "global_step") == 2


REFUSED = {
    "no train op": ({"train_op": None}, "`train_op` cannot be None"),
    "no steps": ({"number_of_steps": 0}, "`number_of_steps` must be positive"),
    "a trace without a folder": ({"logdir": None, "trace_every_n_steps": 1}, "needs a `logdir`"),
    "a saver without a folder": ({"logdir": None, "saver": object()}, "`saver` needs a `logdir`"),
    "summaries without a folder": ({"logdir": None, "summary_op": object()}, "`summary_op` needs a `logdir`"),
    "a delay beside a sync": ({"sync_optimizer": object(), "startup_delay_steps": 1}, "must be 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_training_refuses(plain_graph, tmp_path, case):
    given, text = REFUSED[case]
    with pytest.raises(ValueError, match=text):
        slim.learning.train(**{"train_op": tf.ones([]), "logdir": str(tmp_path), **given})


def test_a_checkpoint_is_evaluated_with_summaries_at_the_end(tmp_path):
    train(tmp_path / "train", 300)
    with tf.Graph().as_default():
        y, labels, _ = line()
        value, update = slim.metrics.streaming_mean_absolute_error(y, labels)
        slim.summaries.add_scalar_summary(value, "error")
        error = slim.evaluation.evaluate_once(
            "",
            tf.train.latest_checkpoint(str(tmp_path / "train")),
            str(tmp_path / "eval"),
            num_evals=3,
            eval_op=update,
            final_op=value,
        )
    assert error < 0.05
    events = [e for path in glob.glob(str(tmp_path / "eval" / "events*")) for e in tf.train.summary_iterator(path)]
    written = {value.tag: (event.step, value.simple_value) for event in events for value in event.summary.value}
    assert written["error"] == (300, pytest.approx(error))


def test_each_new_checkpoint_is_evaluated_until_the_last(tmp_path):
    train(tmp_path, 2)
    with tf.Graph().as_default():
        update = slim.metrics.streaming_mean(line()[0])[1]
        steps = slim.evaluation.evaluation_loop(
            "",
            str(tmp_path),
            None,
            num_evals=2,
            eval_op=[update],
            final_op=[evaluation.get_or_create_eval_step(), tf.train.get_or_create_global_step()],
            summary_op=None,
            max_number_of_evaluations=1,
            timeout=1,
        )
    assert steps == [2, 2]


def test_waiting_for_a_checkpoint_ends(tmp_path):
    assert evaluation.wait_for_new_checkpoint(str(tmp_path), seconds_to_sleep=0.01, timeout=0.03) is None
    train(tmp_path, 1)
    path = evaluation.wait_for_new_checkpoint(str(tmp_path))
    assert path == tf.train.latest_checkpoint(str(tmp_path))
    assert evaluation.wait_for_new_checkpoint(str(tmp_path), path, 0.01, 0.03) is None
    assert list(evaluation.checkpoints_iterator(str(tmp_path), timeout=0)) == [path]


def test_contribs_training_loop_stops_by_its_hooks(tmp_path):
    with tf.Graph().as_default():
        train_op = slim.learning.create_train_op(line()[2], tf.train.GradientDescentOptimizer(0.1))
        hooks = [tf.train.StopAtStepHook(last_step=4)]
        loss = training_loop.train_monitored(train_op, str(tmp_path), hooks=hooks)
    assert loss > 0 and held(tmp_path, "global_step") == 4
    with tf.Graph().as_default(), pytest.raises(ValueError, match="`logdir` is None"):
        training_loop.train_monitored(tf.ones([]), None)


def test_a_hook_without_summaries_writes_the_graph_alone(plain_graph, tmp_path):
    hook = evaluation.SummaryAtEndHook(str(tmp_path))
    hook.begin()
    with tf.Session() as session:  # in which nothing is initialised
        hook.after_create_session(session, None)
        hook.end(session)
    (path,) = tmp_path.glob("events*")
    found = list(tf.train.summary_iterator(str(path)))
    assert any(event.graph_def for event in found) and not any(event.summary.value for event in found)


def test_hooks_need_a_place_and_one_counter(plain_graph):
    with pytest.raises(ValueError, match="`log_dir` or `summary_writer`"):
        evaluation.SummaryAtEndHook()
    for _ in range(2):
        tf.add_to_collection(tf.GraphKeys.EVAL_STEP, tf.get_variable(f"e{_}", [], tf.int64))
    with pytest.raises(ValueError, match="several counters"):
        evaluation.get_or_create_eval_step()


def test_checkpoints_are_read_by_the_words_of_contrib(tmp_path):
    train(tmp_path, 1)
    read = slim.load_variable(checkpoint_dir=str(tmp_path), name="global_step:0")
    assert read == 1 == slim.load_variable(str(tmp_path), "global_step")
    assert ("fc/weights", [1, 1]) in slim.list_variables(checkpoint_dir=str(tmp_path))
    assert slim.load_checkpoint(filepattern=str(tmp_path)).has_tensor("fc/biases")
    assert slim.load_checkpoint(ckpt_dir_or_file=str(tmp_path)).has_tensor("fc/biases")
    with tf.Graph().as_default(), tf.Session() as session:
        v = tf.get_variable("w", [1, 1])
        slim.init_from_checkpoint(checkpoint_dir=str(tmp_path), assignment_map={"fc/weights": v})
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(v), tf.train.load_variable(str(tmp_path), "fc/weights"))
    with pytest.raises(TypeError, match="`name` is missing"):
        slim.load_variable(str(tmp_path))
    with pytest.raises(TypeError, match="Pass the checkpoint once"):
        slim.list_variables()
    with pytest.raises(TypeError, match="`assignment_map` is missing"):
        slim.init_from_checkpoint(str(tmp_path))


def test_traces_have_the_name_that_slim_gave_them(tmp_path):
    train(tmp_path, 5, trace_every_n_steps=2)
    traces = sorted(path.name for path in tmp_path.glob("*.json"))
    assert traces == [f"tf_trace-{step}.json" for step in (1, 3, 5)]
    assert "traceEvents" in json.loads((tmp_path / traces[0]).read_text())


@pytest.mark.parametrize("ignored", [False, True])
def test_a_thread_of_a_queue_that_does_not_stop_is_told_unless_it_is_ignored(monkeypatch, ignored):
    release = threading.Event()

    def late(*_: Any) -> None:
        threading.Thread(target=release.wait, name="QueueRunnerThread-late", daemon=True).start()

    try:
        if ignored:
            train(None, 2, init_fn=late, ignore_live_threads=True)
        else:
            with pytest.raises(RuntimeError, match="threads still running. Got 'QueueRunnerThread-late'"):
                train(None, 2, init_fn=late)
    finally:
        release.set()
