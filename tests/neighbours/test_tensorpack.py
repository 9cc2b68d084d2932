"""tensorpack trains networks with our layer: one tower, towers that share it, and towers that do not."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

tp = pytest.importorskip("tensorpack", reason="run by `make test-neighbours`, where tensorpack is installed")

import tf1bn  # noqa: E402
from tests import patience  # noqa: E402
from tf1bn import distribute  # noqa: E402
from tf1bn.testing import reference  # noqa: E402
from tf1bn.testing.graphs import MODES, graph_mode  # noqa: E402

STEPS, DECAY = 3, 0.5
X = np.random.default_rng(0).normal([3, -1, 0, 5], [2, 1, 3, 1], (16, 4)).astype(np.float32)
START = reference.Statistics(np.zeros(4), np.ones(4))


class Network(tp.ModelDesc):
    """A batch norm and a dense layer. ``options`` makes the batch norm's arguments of the tower that is being built."""

    def __init__(self, options=lambda tower: {}):
        self._options = options

    def inputs(self):
        return [tf.TensorSpec([None, 4], tf.float32, "x"), tf.TensorSpec([None], tf.float32, "t")]

    def build_graph(self, x, t):
        tower = tp.get_current_tower_context()
        x = tf1bn.batch_norm(x, tower.is_training, scope="bn", decay=DECAY, **self._options(tower))
        y = tf.identity(tf1bn.dense(x, 1, scope="out")[:, 0], name="y")
        return tf.reduce_mean(tf.square(y - t), name="loss")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)


def data(values):
    return tp.DataFromList([[x, x[0]] for x in values], shuffle=False)


def train(model, folder, trainer=None, batch=16, callbacks=()):
    """Trains in the default graph and returns what was saved, by name."""
    tp.logger.set_logger_dir(str(folder), action="d")
    config = tp.TrainConfig(
        model=model,
        data=tp.QueueInput(tp.BatchData(tp.RepeatedData(data(X), -1), batch)),
        callbacks=[*callbacks, tp.ModelSaver()],
        steps_per_epoch=STEPS,
        max_epoch=1,
    )
    tp.launch_train_with_config(config, trainer or tp.SimpleTrainer())
    reader = tf.train.load_checkpoint(str(folder))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def moved(saved, batches):
    """Whether the averages took in these batches, one after the other."""
    wanted = reference.moving_averages([batch.astype(np.float64) for batch in batches], DECAY, START)
    found = [saved[f"bn/moving_{leaf}"] for leaf in ("mean", "variance")]
    return all(np.allclose(value, exact, 1e-5, 1e-6) for value, exact in zip(found, wanted, strict=True))


def moved_by_shards(saved, times):
    """Whether the averages took in so many shards. Which tower gets which is up to tensorpack's threads."""
    return any(moved(saved, shards) for shards in itertools.product(np.split(X, 2), repeat=times))


@pytest.mark.parametrize("mode", [MODES[0], MODES[-1]], ids=str)
@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
def test_one_tower_moves_the_averages_once_in_each_step(strategy, mode, tmp_path):
    with graph_mode(mode):
        saved = train(Network(lambda tower: {"update_strategy": strategy}), tmp_path)
    assert moved(saved, [X] * STEPS)


def test_evaluation_within_training_moves_nothing_and_a_predictor_reads_what_was_saved(tmp_path):
    with graph_mode():
        evaluation = tp.InferenceRunner(tp.BatchData(data(X + 7), 4), [tp.ScalarStats("loss")])
        saved = train(Network(), tmp_path, callbacks=[evaluation])
    assert moved(saved, [X] * STEPS)
    with graph_mode():
        start = tp.SmartInit(tf.train.latest_checkpoint(str(tmp_path)))
        names = {"input_names": ["x"], "output_names": ["y"]}
        [y] = tp.OfflinePredictor(tp.PredictConfig(model=Network(), session_init=start, **names))(X)
    value = {name: array.astype(np.float64) for name, array in saved.items()}
    normal = (X - value["bn/moving_mean"]) / np.sqrt(value["bn/moving_variance"] + 1e-3)
    hidden = normal * value["bn/gamma"] + value["bn/beta"]
    np.testing.assert_allclose(y, hidden @ value["out/kernel"][:, 0] + value["out/bias"], 1e-4, 1e-5)


def test_the_first_tower_alone_moves_them_where_the_layer_is_told_so(tmp_path):
    """What tensorpack's own batch norm does. Else either tower moves them, in an order that no one knows."""

    def first(tower):
        return {"statistics": distribute.Statistics(averages="first", index=int(not tower.is_main_training_tower))}

    with graph_mode():
        saved = train(Network(first), tmp_path, tp.SyncMultiGPUTrainerParameterServer([0, 1]), len(X) // 2)
    assert moved_by_shards(saved, STEPS)


def test_towers_with_averages_of_their_own_save_those_of_the_first(tmp_path):
    with graph_mode():
        saved = train(Network(), tmp_path, tp.SyncMultiGPUTrainerReplicated([0, 1]), len(X) // 2)
    assert not [name for name in saved if "tower1" in name]
    assert moved_by_shards(saved, STEPS)


def test_a_program_on_tensorpacks_own_batch_norm_runs_where_the_package_is_named(tmp_path):
    """Its layer is made of tf.layers, which only `tf1bn run` has on today's TensorFlow."""
    command = [sys.executable, "-m", "tf1bn", "run", "--tf1bn_package=tensorpack"]
    command += [os.path.join(os.path.dirname(__file__), "own_batch_norm.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience.SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    saved = dict(np.load(tmp_path / "saved.npz"))
    wanted = reference.moving_averages([saved["x"].astype(np.float64)] * STEPS, DECAY, START)
    np.testing.assert_allclose(saved["bn|mean|EMA"], wanted.mean, 1e-5, 1e-6)
    np.testing.assert_allclose(saved["bn|variance|EMA"], wanted.variance, 1e-5)
