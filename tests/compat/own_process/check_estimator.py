"""Where programs find ``tf.estimator``: every spelling of its time gives the same, and what is absent says so."""

from __future__ import annotations

import pathlib
import textwrap

import pytest

import tf1bn.compat.v1 as tf
from tf1bn import errors, run
from tf1bn.compat import estimator
from tf1bn.compat.estimator import early_stopping, learn_estimator, learn_experiment, learn_ops, tpu_optimizer

STATEMENTS = {
    "from tensorflow import estimator as x": estimator.Estimator,
    "from tensorflow.estimator import Estimator as x": estimator.Estimator,
    "import tensorflow.estimator as x": estimator.Estimator,
    "import tensorflow.compat.v1.estimator as x": estimator.Estimator,
    "import tensorflow.compat.v1 as tf; x = tf.estimator": estimator.Estimator,
    "from tensorflow.python.estimator import estimator as x": estimator.Estimator,
    "from tensorflow.python.estimator.estimator import Estimator as x": estimator.Estimator,
    "from tensorflow.python.estimator import run_config as x": estimator.Estimator,
    "from tensorflow.python.estimator.model_fn import EstimatorSpec as x": estimator.EstimatorSpec,
    "from tensorflow.python.estimator.run_config import RunConfig as x": estimator.RunConfig,
    "from tensorflow.python.estimator.training import train_and_evaluate as x": estimator.train_and_evaluate,
    "from tensorflow.python.estimator.inputs.numpy_io import numpy_input_fn as x": estimator.inputs.numpy_input_fn,
    "from tensorflow.python.estimator.export.export import ServingInputReceiver as x": (
        estimator.export.ServingInputReceiver
    ),
    "from tensorflow.python.estimator.export.export_output import PredictOutput as x": estimator.export.PredictOutput,
    "import tensorflow_estimator as tfe; x = tfe.estimator": estimator.Estimator,
    "from tensorflow_estimator import estimator as x": estimator.Estimator,
    "from tensorflow_estimator.python.estimator.estimator import Estimator as x": estimator.Estimator,
    "from tensorflow_estimator.python.estimator import early_stopping as m; x = m.read_eval_metrics": (
        early_stopping.read_eval_metrics
    ),
    "from tensorflow.contrib.estimator import add_metrics as x": estimator.add_metrics,
    "from tensorflow.contrib.estimator import stop_if_higher_hook as x": early_stopping.stop_if_higher_hook,
    "from tensorflow.contrib.tpu import TPUEstimator as x": estimator.tpu.TPUEstimator,
    "from tensorflow.contrib.tpu.python.tpu.tpu_config import TPUConfig as x": estimator.tpu.TPUConfig,
    "from tensorflow.contrib.tpu.python.tpu.tpu_estimator import TPUEstimatorSpec as x": estimator.tpu.TPUEstimatorSpec,
    "from tensorflow.contrib.tpu.python.tpu import tpu_optimizer as m; x = m.CrossShardOptimizer": (
        tpu_optimizer.CrossShardOptimizer
    ),
    "import tensorflow as tf; x = tf.tpu.CrossShardOptimizer": tpu_optimizer.CrossShardOptimizer,
    "from tensorflow.contrib.learn import Estimator as x": learn_estimator.Estimator,
    "from tensorflow.contrib.learn.python.learn.estimators.model_fn import ModelFnOps as x": learn_ops.ModelFnOps,
    "from tensorflow.contrib.learn.python.learn import learn_runner as m; x = m.run": learn_experiment.run,
    "from tensorflow.contrib.learn import learn_runner as m; x = m.run": learn_experiment.run,
    "from tensorflow.contrib.learn.python.learn import metric_spec as m; x = m.MetricSpec": learn_ops.MetricSpec,
    "import tensorflow as tf; x = tf.estimator.CheckpointSaverHook": tf.train.CheckpointSaverHook,
}


def start(folder: pathlib.Path, text: str, **options: object) -> dict:
    script = folder / "program.py"
    script.write_text(textwrap.dedent(text))
    return run.run(run.Options(str(script), **options))


def test_every_spelling_gives_the_same(tmp_path: pathlib.Path) -> None:
    lines = [f"{statement.replace(' as x', f' as x{n}')}" for n, statement in enumerate(STATEMENTS)]
    lines = [line.replace("; x = ", f"; x{n} = ") for n, line in enumerate(lines)]
    seen = start(tmp_path, "\n".join(lines))
    for number, (statement, wanted) in enumerate(STATEMENTS.items()):
        found = seen[f"x{number}"]
        found = found if callable(found) else found.Estimator
        assert found is wanted, statement


@pytest.mark.parametrize(
    "line, text",
    [
        (
            "tf.estimator.BoostedTreesClassifier",
            "tf.estimator.BoostedTreesClassifier: tf.estimator left TensorFlow with 2.16.*with a model_fn",
        ),
        ("tf.estimator.LinearEstimator", "Use tf.estimator.Estimator with a model_fn"),
        ("tf.estimator.MultiClassHead", "Use tf.losses and tf.metrics in the model_fn"),
        ("tf.contrib.learn.DNNClassifier", "Use tf.estimator.DNNClassifier with columns of tf.feature_column"),
        ("tf.contrib.learn.monitors", "Use hooks of tf.train"),
        ("tf.contrib.estimator.replicate_model_fn", "train on one device; tf1bn.distribute"),
        ("tf.estimator.tpu.experimental", "TPU embeddings are not served"),
        ("tf.contrib.tpu.keras_to_tpu_model", "the rest needs a TPU"),
        ("tf.estimator.Estimater", "Did you mean 'Estimator'"),
    ],
)
def test_what_is_absent_names_the_way_out(line: str, text: str) -> None:
    with pytest.raises(errors.AbsentError, match=text):
        eval(line)


FORGETFUL = """
import sys
import numpy as np
import tensorflow as tf

def model_fn(features, labels, mode):
    net = tf.layers.batch_normalization(features, training=mode == tf.estimator.ModeKeys.TRAIN)
    loss = tf.losses.mean_squared_error(labels, tf.layers.dense(net, 1))
    train_op = tf.train.AdamOptimizer(0.01).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

x = np.random.RandomState(0).randn(40, 3).astype(np.float32)
input_fn = tf.estimator.inputs.numpy_input_fn(x, x[:, :1], batch_size=8, shuffle=False)
model = tf.estimator.Estimator(model_fn, sys.argv[1])
model.train(input_fn)
moved = model.get_variable_value("batch_normalization/moving_variance")
"""


def test_forgotten_updates_are_warned_about_and_stand_in_the_report(
    tmp_path: pathlib.Path, capfd: pytest.CaptureFixture
) -> None:
    with pytest.warns(errors.Tf1bnWarning, match="train_op does not run these updates .*batch_normalization/"):
        seen = start(tmp_path, FORGETFUL, argv=(str(tmp_path / "model"),), report=True)
    assert (seen["moved"] == 1).all()
    report = capfd.readouterr().err
    assert "BN001" in report and "tf.estimator.Estimator x1" in report


def test_another_strategy_moves_them_without_an_edit(tmp_path: pathlib.Path) -> None:
    seen = start(tmp_path, FORGETFUL, argv=(str(tmp_path / "model"),), update_strategy="inline")
    assert (seen["moved"] != 1).all()
