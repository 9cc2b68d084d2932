"""``Estimator.train``: what it leaves in the folder, how it goes on, how it ends."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.compat.estimator import small
from tf1bn import errors
from tf1bn.compat import estimator

ROOT = pathlib.Path(__file__).resolve().parents[3]


def make(folder, **options):
    config = estimator.RunConfig(**{"save_checkpoints_steps": 4, "tf_random_seed": 1, **options})
    return estimator.Estimator(small.make_model_fn(), folder, config)


def step_of(model) -> int:
    return int(model.get_variable_value("global_step"))


def test_steps_are_of_a_call_and_max_steps_of_the_model(folder):
    model = make(folder)
    assert model.train(small.batches(), steps=3) is model and step_of(model) == 3
    assert step_of(make(folder).train(small.batches(), steps=3)) == 6
    assert step_of(make(folder).train(small.batches(), max_steps=8)) == 8
    newest = model.latest_checkpoint()
    before = os.stat(newest + ".index").st_mtime_ns
    make(folder).train(lambda: pytest.fail("the input is not read"), max_steps=8)
    assert model.latest_checkpoint() == newest and os.stat(newest + ".index").st_mtime_ns == before


def test_training_ends_with_the_input(folder):
    assert step_of(make(folder).train(small.batches(repeat=False))) == 3


def test_an_empty_input_is_logged(folder, caplog):
    empty = lambda: tf.data.Dataset.from_tensor_slices(({"x": small.X[:0]}, small.Y[:0])).batch(4)  # noqa: E731
    with caplog.at_level("WARNING", logger="tensorflow"):
        make(folder).train(empty)
    assert "made no step" in caplog.text


def test_the_folder_has_what_1_15_wrote(folder):
    make(folder, keep_checkpoint_max=2).train(small.batches(), steps=10)
    names = sorted(name for name in os.listdir(folder) if "tfevents" not in name)
    kept = [f"model.ckpt-{step}.{kind}" for step in (10, 8) for kind in ("data-00000-of-00001", "index", "meta")]
    assert names == ["checkpoint", "graph.pbtxt", *kept]
    assert len(os.listdir(folder)) == len(names) + 1
    assert 'model_checkpoint_path: "model.ckpt-10"' in pathlib.Path(folder, "checkpoint").read_text()


def test_graphs_are_left_out_on_request(folder):
    make(folder, checkpoint_save_graph_def=False).train(small.batches(), steps=1)
    assert not [name for name in os.listdir(folder) if name.endswith((".meta", ".pbtxt"))]


def test_no_checkpoints_are_saved_on_request(folder):
    make(folder, save_checkpoints_steps=None, save_checkpoints_secs=None).train(small.batches(), steps=2)
    assert tf.train.latest_checkpoint(folder) is None


class Notes(tf.train.CheckpointSaverListener, tf.train.SessionRunHook):
    def __init__(self):
        self.saved, self.runs = [], 0

    def begin(self):
        pass

    def end(self, session, step=None):
        pass

    def after_save(self, session, step):
        self.saved.append(int(step))

    def after_run(self, run_context, run_values):
        self.runs += 1


def test_hooks_run_with_each_step_and_listeners_with_each_checkpoint(folder):
    listener, hook = Notes(), Notes()
    make(folder).train(small.batches(), hooks=[hook], steps=6, saving_listeners=[listener])
    assert listener.saved == [0, 4, 6] and hook.runs == 6


def test_a_saver_hook_of_the_program_takes_the_place_of_ours(folder):
    listener = Notes()
    saver = tf.train.CheckpointSaverHook(folder, save_steps=3)
    make(folder).train(small.batches(), hooks=[saver], steps=6, saving_listeners=[listener])
    assert listener.saved == [0, 3, 6]


def test_the_scaffold_of_the_program_is_used(folder):
    seen = []

    def model_fn(features, labels, mode):
        spec = small.make_model_fn()(features, labels, mode)
        saver = tf.train.Saver([v for v in tf.global_variables() if "beta" not in v.name], max_to_keep=1)
        kernel = next(v for v in tf.global_variables() if v.op.name == "kernel")
        init = lambda scaffold, session: seen.append(session.run(kernel))  # noqa: E731
        return spec._replace(scaffold=tf.train.Scaffold(saver=saver, init_fn=init))

    model = estimator.Estimator(model_fn, folder, estimator.RunConfig(save_checkpoints_steps=1))
    model.train(small.batches(), steps=3)
    np.testing.assert_allclose(seen, [small.KERNEL])
    assert "bn/beta" not in model.get_variable_names() and "bn/gamma" in model.get_variable_names()
    assert len([name for name in os.listdir(folder) if name.endswith(".index")]) == 1


def test_a_loss_that_is_not_a_number_stops_training(folder):
    def model_fn(features, labels, mode):
        kernel = tf.get_variable("kernel", [], initializer=tf.zeros_initializer())
        step = tf.assign_add(tf.train.get_global_step(), 1)
        return estimator.EstimatorSpec(mode, loss=tf.log(kernel - 1.0), train_op=step)

    with pytest.raises(tf.train.NanLossDuringTrainingError):
        estimator.Estimator(model_fn, folder).train(small.batches(), steps=2)


@pytest.mark.parametrize(
    "input_fn",
    [
        lambda: (tf.constant(small.X), tf.constant(small.Y)),
        lambda: [{"x": tf.constant(small.X)}, tf.constant(small.Y)],
        lambda: tf.data.Dataset.from_tensors((small.X, small.Y)).repeat(),
        lambda: tf.data.make_one_shot_iterator(tf.data.Dataset.from_tensors((small.X, small.Y)).repeat()).get_next(),
        estimator.inputs.numpy_input_fn(small.X, small.Y, batch_size=60, num_epochs=None, shuffle=False),
    ],
    ids=["tensors", "list", "data set", "iterator", "queue"],
)
def test_inputs_of_all_kinds_give_the_same_step(input_fn, folder):
    model = make(folder)
    model.train(input_fn, steps=1)
    np.testing.assert_allclose(small.averages_of(model), small.reference_averages(1, size=60), rtol=1e-5)


def test_functions_get_what_they_ask_for_and_copies_of_params(folder):
    seen = []

    def input_fn(params, mode, config):
        params["list"].append(1)
        seen.append((mode, params["list"], config.model_dir))
        return small.batches()()

    class Model:
        def __call__(self, features, labels, params, config, mode):
            seen.append((mode, params["list"], config.model_dir))
            return small.make_model_fn()(features, labels, mode)

    model = estimator.Estimator(Model(), folder, params={"list": []})
    model.train(input_fn, steps=1)
    assert seen == [("train", [1], folder), ("train", [], folder)] and model.params == {"list": []}
    model.params["list"].append(2)
    assert model.params == {"list": []}


def test_a_program_reads_the_variables_of_the_newest_checkpoint(folder):
    model = make(folder)
    with pytest.raises(errors.CheckpointMissingError, match="there is no checkpoint in .*Call train first"):
        model.get_variable_names()
    model.train(small.batches(), steps=1)
    assert {"bn/gamma", "bn/moving_variance", "global_step", "kernel"} <= set(model.get_variable_names())
    assert model.get_variable_value("kernel").shape == (3,)
    assert model.latest_checkpoint() == os.path.join(folder, "model.ckpt-1")


def test_ops_go_where_device_fn_says(folder):
    seen = []

    def model_fn(features, labels, mode):
        spec = small.make_model_fn()(features, labels, mode)
        seen.append(tf.get_variable_scope() and spec.loss.device)
        return spec

    config = estimator.RunConfig(device_fn=lambda op: "/device:CPU:0")
    estimator.Estimator(model_fn, folder, config).train(small.batches(), steps=1)
    assert seen == ["/device:CPU:0"]


TERMINATED = """
import sys
import tensorflow.compat.v1 as tf
from tests.compat.estimator import small
from tf1bn.compat import estimator

class Tell(tf.train.SessionRunHook):
    def after_run(self, run_context, run_values):
        print("step", flush=True)

config = estimator.RunConfig(save_checkpoints_steps=10**6)
model = estimator.Estimator(small.make_model_fn(), sys.argv[1], config)
exporter = estimator.FinalExporter("final", small.receiver)
estimator.train_and_evaluate(
    model,
    estimator.TrainSpec(small.batches(), max_steps=10**7, hooks=[Tell()]),
    estimator.EvalSpec(small.batches(), exporters=exporter),
)
"""


def test_sigterm_saves_a_checkpoint_and_ends_the_process(folder, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(TERMINATED))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, str(script), folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    for _ in range(5):
        assert process.stdout.readline() == "step\n", process.stderr.read()[-3000:]
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 143, err[-3000:]
    assert "SIGTERM: training stops after this step" in err
    model = make(folder)
    assert step_of(model) >= 5 and not os.path.exists(os.path.join(folder, "eval"))
    assert step_of(model.train(small.batches(), steps=1)) >= 6


def test_a_handler_of_the_program_stays_in_charge(folder):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    try:

        class Kill(tf.train.SessionRunHook):
            def after_run(self, run_context, run_values):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0)

        model = make(folder).train(small.batches(), hooks=[Kill()], steps=2)
        assert heard == [1, 1] and step_of(model) == 2
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_training_in_another_thread_handles_no_signal(folder):
    found = []
    thread = threading.Thread(target=lambda: found.append(make(folder).train(small.batches(), steps=2)))
    thread.start()
    thread.join()
    assert step_of(found[0]) == 2


def test_sessions_are_configured_by_the_program(folder, monkeypatch):
    seen = []
    plain = tf.Session.__init__

    def noted(session, target="", graph=None, config=None):
        seen.append(config)
        plain(session, target, graph, config)

    monkeypatch.setattr(tf.Session, "__init__", noted)
    model = make(folder, session_config=tf.ConfigProto(inter_op_parallelism_threads=1))
    model.train(small.batches(), steps=1)
    model.evaluate(small.batches(), steps=1)
    next(model.predict(small.batches()))
    model.export_saved_model(os.path.join(folder, "export"), small.receiver)
    assert len(seen) >= 4 and {config.inter_op_parallelism_threads for config in seen} == {1}
    seen.clear()
    make(folder).evaluate(small.batches(), steps=1)
    assert [config.allow_soft_placement for config in seen] == [True]


@pytest.mark.parametrize("steps, points", [(None, 0), (0, 0), (2, 2)])
def test_summaries_come_every_so_many_steps(folder, steps, points):
    make(folder, save_summary_steps=steps, log_step_count_steps=None).train(small.batches(), steps=4)
    events = [
        event
        for name in os.listdir(folder)
        if "tfevents" in name
        for event in tf.train.summary_iterator(os.path.join(folder, name))
        if any(value.tag == "loss" for value in event.summary.value)
    ]
    assert len(events) == points
