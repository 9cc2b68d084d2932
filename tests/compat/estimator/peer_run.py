"""Runs of Estimators, written for TensorFlow 1.15, by the original or by ours; prints facts about them as JSON.

    python peer_run.py original|ours KIND=FOLDER...

KIND ``whole`` trains, evaluates, predicts and exports in FOLDER; ``tpu`` does so with a TPUEstimator; ``alternating``
is ``train_and_evaluate`` with exporters and hooks; ``continue`` evaluates what is there, trains on and evaluates again.
"""

import glob
import json
import os
import sys
from typing import Any

import numpy as np

WHO, *JOBS = sys.argv[1:]
if WHO == "original":
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
else:
    import tf1bn.compat.v1 as tf
RANDOM = np.random.RandomState(0)
X = RANDOM.randn(90, 3).astype(np.float32) * [1, 2, 3] + [0, 1, -2]
X = X.astype(np.float32)
Y = (X.sum(1) > -1).astype(np.int64)
W = [RANDOM.randn(3, 4).astype(np.float32), RANDOM.randn(4, 2).astype(np.float32)]


def network(x: Any, training: bool) -> Any:
    hidden = tf.matmul(x, tf.get_variable("w0", [3, 4], initializer=tf.constant_initializer(W[0])))
    hidden = tf.layers.batch_normalization(hidden, momentum=0.8, training=training, name="bn")
    return tf.matmul(
        tf.nn.relu(hidden), tf.get_variable("w1", [4, 2], initializer=tf.constant_initializer(W[1])), name="logits"
    )


def train_op(loss: Any) -> Any:
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        return tf.train.MomentumOptimizer(0.05, 0.9).minimize(loss, tf.train.get_global_step())


def model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
    logits = network(features["x"], mode == tf.estimator.ModeKeys.TRAIN)
    probabilities = tf.nn.softmax(logits)
    predictions = {"class": tf.argmax(logits, 1), "probabilities": probabilities}
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {
            "predict": tf.estimator.export.PredictOutput(predictions),
            "serving_default": tf.estimator.export.ClassificationOutput(scores=probabilities),
            "score": tf.estimator.export.RegressionOutput(probabilities[:, 0]),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    tf.summary.histogram("logits", logits)
    metrics = {"accuracy": tf.metrics.accuracy(labels, predictions["class"])}
    op = train_op(loss) if mode == tf.estimator.ModeKeys.TRAIN else None
    return tf.estimator.EstimatorSpec(mode, predictions, loss, op, metrics)


def tpu_model_fn(features: Any, labels: Any, mode: str, params: Any) -> Any:
    tpu = tf.estimator.tpu
    logits = network(features["x"], mode == tf.estimator.ModeKeys.TRAIN)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tpu.TPUEstimatorSpec(mode, predictions={"logits": logits})
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)

    def metric_fn(labels: Any, logits: Any) -> Any:
        return {
            "accuracy": tf.metrics.accuracy(labels, tf.argmax(logits, 1)),
            "size": tf.metrics.mean(params["batch_size"]),
        }

    def host_call_fn(step: Any) -> Any:
        return tf.identity(step)

    op = train_op(loss) if mode == tf.estimator.ModeKeys.TRAIN else None
    return tpu.TPUEstimatorSpec(
        mode,
        loss=loss,
        train_op=op,
        eval_metrics=(metric_fn, [labels, logits]),
        host_call=(host_call_fn, [tf.train.get_global_step()]),
    )


def train_input() -> Any:
    data = tf.data.Dataset.from_tensor_slices(({"x": X}, Y))
    return data.repeat().batch(16)


def tpu_input(params: Any) -> Any:
    return tf.data.Dataset.from_tensor_slices(({"x": X}, Y)).repeat().batch(params["batch_size"])


def eval_input() -> Any:
    return tf.estimator.inputs.numpy_input_fn({"x": X}, Y, batch_size=32, shuffle=False)()


def receiver() -> Any:
    serialized = tf.placeholder(tf.string, [None], name="examples")
    features = tf.parse_example(serialized, {"x": tf.FixedLenFeature([3], tf.float32)})
    return tf.estimator.export.ServingInputReceiver(features, {"examples": serialized}, {"raw": {"x": features["x"]}})


def raw_receiver() -> Any:
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def number(value: Any) -> Any:
    return np.asarray(value, np.float64).round(6).tolist()


def files(folder: str) -> list[str]:
    """Paths below a folder, without times and hosts in names."""
    found = []
    for place, _, names in os.walk(folder):
        parts = ["TIME" if part.isdigit() else part for part in os.path.relpath(place, folder).split(os.sep)]
        found += ["/".join([*parts, "events" if ".tfevents." in name else name]) for name in names]
    return sorted(set(found))


def variables(folder: str) -> dict[str, Any]:
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(folder))
    return {name: number(reader.get_tensor(name)) for name in sorted(reader.get_variable_to_shape_map())}


def tags(folder: str) -> dict[str, list[int]]:
    """Tag of each summary in a folder's event files -> its steps; speeds are left out, they come by time."""
    found: dict[str, list[int]] = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.tfevents.*"))):
        for event in tf.train.summary_iterator(path):
            for value in event.summary.value:
                if not value.tag.endswith("/sec"):
                    found.setdefault(value.tag, []).append(event.step)
    return found


def saved_model(folder: bytes) -> Any:
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], folder.decode())
        signatures = {
            name: [definition.method_name, sorted(definition.inputs), sorted(definition.outputs)]
            for name, definition in meta.signature_def.items()
        }
        ran = {}
        for name, definition in meta.signature_def.items():
            if sorted(definition.inputs) == ["x"]:
                feed = {definition.inputs["x"].name: X[:5]}
                ran[name] = {key: number(session.run(info.name, feed)) for key, info in definition.outputs.items()}
        names = sorted(variable.op.name for variable in tf.global_variables())
        return {"tags": sorted(meta.meta_info_def.tags), "signatures": signatures, "ran": ran, "variables": names}


def whole(config: Any, folder: str) -> dict[str, Any]:
    model = tf.estimator.Estimator(model_fn, folder, config, {"rate": 0.1})
    steps: list[int] = []

    class Listener(tf.train.CheckpointSaverListener):
        def after_save(self, session: Any, global_step_value: int) -> None:
            steps.append(int(global_step_value))

    model.train(train_input, steps=12, saving_listeners=[Listener()])
    model.train(train_input, max_steps=25)
    model.train(train_input, max_steps=25)
    metrics = model.evaluate(eval_input)
    named = model.evaluate(eval_input, steps=2, name="part")
    predictions = [
        number(entry["probabilities"]) for entry in model.predict(eval_input, predict_keys=["probabilities"])
    ]
    exported = model.export_saved_model(os.path.join(folder, "export"), receiver)
    raw = model.export_savedmodel(os.path.join(folder, "raw"), raw_receiver, as_text=True)
    return {
        "saved": steps,
        "metrics": {name: number(value) for name, value in metrics.items()},
        "named": {name: number(value) for name, value in named.items()},
        "predictions": predictions,
        "exported": saved_model(exported),
        "raw": saved_model(raw),
        "values": [number(model.get_variable_value("bn/moving_mean")), model.get_variable_names()],
        "tags": [tags(folder), tags(model.eval_dir()), tags(model.eval_dir("part"))],
    }


def tpu(_: Any, folder: str) -> dict[str, Any]:
    config = tf.estimator.tpu.RunConfig(
        model_dir=folder, save_checkpoints_steps=10, save_summary_steps=5, log_step_count_steps=5
    )
    model = tf.estimator.tpu.TPUEstimator(
        tpu_model_fn, config=config, use_tpu=False, train_batch_size=16, eval_batch_size=8, predict_batch_size=4
    )
    model.train(tpu_input, max_steps=20)
    metrics = model.evaluate(tpu_input, steps=3)
    predictions = model.predict(tpu_input)
    first = [number(next(predictions)["logits"]) for _ in range(3)]
    exported = model.export_saved_model(os.path.join(folder, "export"), raw_receiver)
    return {
        "metrics": {name: number(value) for name, value in metrics.items()},
        "predictions": first,
        "exported": saved_model(exported),
        "tags": [tags(folder), tags(model.eval_dir())],
    }


def resume(config: Any, folder: str) -> dict[str, Any]:
    model = tf.estimator.Estimator(model_fn, folder, config, {"rate": 0.1})
    before = model.evaluate(eval_input)
    model.train(train_input, steps=5)
    after = model.evaluate(eval_input)
    return {name: [number(before[name]), number(after[name])] for name in before}


def supervised_receiver() -> Any:
    return tf.estimator.experimental.build_raw_supervised_input_receiver_fn(
        {"x": tf.placeholder(tf.float32, [None, 3], name="x")}, tf.placeholder(tf.int64, [None], name="y")
    )()


def signatures_of(folder: bytes, tag: str) -> Any:
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, [tag], folder.decode())
        return {
            name: [definition.method_name, sorted(definition.inputs), sorted(definition.outputs)]
            for name, definition in meta.signature_def.items()
        }


def alternating(config: Any, folder: str) -> dict[str, Any]:
    """Trains and evaluates in turn, with exporters, until early stopping; then a warm start elsewhere."""
    E = tf.estimator
    model = E.add_metrics(
        E.Estimator(model_fn, folder, config, {}),
        lambda labels, predictions: {
            "ones": tf.metrics.mean(predictions["class"]),
            "zero": tf.metrics.mean(labels * 0),
        },
    )
    hooks = [
        E.experimental.stop_if_no_increase_hook(model, "zero", 20, run_every_secs=None, run_every_steps=1),
        E.experimental.InMemoryEvaluatorHook(model, eval_input, name="memory", every_n_iter=7),
    ]
    exporters = [
        E.LatestExporter("latest", raw_receiver, exports_to_keep=2),
        E.FinalExporter("final", raw_receiver),
        E.BestExporter("best", raw_receiver, compare_fn=lambda best_eval_result, current_eval_result: True),
    ]
    metrics, paths = E.train_and_evaluate(
        model,
        E.TrainSpec(train_input, max_steps=90, hooks=hooks),
        E.EvalSpec(eval_input, steps=None, throttle_secs=0, exporters=exporters),
    )
    exported = model.experimental_export_all_saved_models(
        os.path.join(folder, "all"),
        {
            E.ModeKeys.TRAIN: supervised_receiver,
            E.ModeKeys.EVAL: supervised_receiver,
            E.ModeKeys.PREDICT: raw_receiver,
        },
    )
    kept = {name: len(os.listdir(os.path.join(folder, "export", name))) for name in ("latest", "best")}
    warm = E.Estimator(
        model_fn, folder + "_warm", config, {}, E.WarmStartSettings(folder, ["w0", "bn/gamma", "bn/moving_.*"])
    )
    warm.train(train_input, steps=1)
    return {
        "metrics": {name: number(value) for name, value in metrics.items()},
        "paths": [path is not None for path in paths],
        "kept": kept,
        "signatures": {tag: signatures_of(exported, tag) for tag in ("serve", "train", "eval")},
        "tags": [tags(folder), tags(model.eval_dir()), tags(model.eval_dir("memory"))],
        "warm": variables(folder + "_warm"),
    }


KINDS = {"whole": whole, "alternating": alternating, "tpu": tpu, "continue": resume}


def main() -> None:
    config = tf.estimator.RunConfig(
        tf_random_seed=3, save_checkpoints_steps=10, save_summary_steps=5, keep_checkpoint_max=3, log_step_count_steps=5
    )
    facts = {}
    for kind, folder in (job.split("=", 1) for job in JOBS):
        facts[kind] = KINDS[kind](config, folder) | {"files": files(folder), "variables": variables(folder)}
    print("FACTS" + json.dumps(facts))


if __name__ == "__main__":
    main()
