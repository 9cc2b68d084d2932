"""The model function of spleeter in an Estimator: a U-Net for each of two instruments, on spectrograms that are made up."""
import numpy as np
import tensorflow as tf
from spleeter.model import model_fn

tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
rng = np.random.RandomState(0)
FRAMES, BINS = 64, 64
params = {
    "mix_name": "mix", "instrument_list": ["vocals", "accompaniment"], "n_channels": 2, "T": FRAMES, "F": BINS,
    "frame_length": 126, "frame_step": 32, "learning_rate": 3e-3,
    "model": {"type": "unet.unet", "params": {"conv_n_filters": [4, 4, 8, 8, 8, 8]}}}
low = np.zeros((FRAMES, BINS, 2), np.float32)
low[:, :BINS // 2] = 1.0


def input_fn():
    parts = rng.uniform(size=(2, 8, FRAMES, BINS, 2)).astype(np.float32)
    vocals, rest = parts[0] * low, parts[1] * (1 - low)
    features = {"mix_spectrogram": vocals + rest}
    labels = {"vocals_spectrogram": vocals, "accompaniment_spectrogram": rest}
    return tf.data.Dataset.from_tensor_slices((features, labels)).batch(4).repeat()


config = tf.estimator.RunConfig(tf_random_seed=1, save_checkpoints_steps=200)
estimator = tf.estimator.Estimator(model_fn=model_fn, model_dir="spleeter_model", params=params, config=config)
estimator.train(input_fn, steps=1)
before = estimator.evaluate(input_fn, steps=2)["loss"]
estimator.train(input_fn, steps=60)
after = estimator.evaluate(input_fn, steps=2)["loss"]
print("loss: %.4f -> %.4f" % (before, after))
assert after < before
