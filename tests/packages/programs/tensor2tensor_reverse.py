"""A small Transformer of tensor2tensor, with its hyperparameters and its optimizer, that learns to reverse four symbols."""
import numpy as np
import tensorflow as tf
from tensor2tensor.data_generators import problem_hparams
from tensor2tensor.models import transformer
from tensor2tensor.utils import optimize

tf.logging.set_verbosity(tf.logging.ERROR)
tf.set_random_seed(0)
rng = np.random.RandomState(0)
SYMBOLS, LENGTH, BATCH = 8, 4, 32

hparams = transformer.transformer_tiny()
hparams.num_hidden_layers = 1
hparams.hidden_size = 32
hparams.filter_size = 64
hparams.num_heads = 2
hparams.layer_prepostprocess_dropout = hparams.attention_dropout = hparams.relu_dropout = 0.0
hparams.learning_rate_schedule = "constant"
hparams.optimizer = "true_adam"
p_hparams = problem_hparams.test_problem_hparams(SYMBOLS, SYMBOLS, hparams)
hparams.problem_hparams = p_hparams

inputs = tf.placeholder(tf.int32, [BATCH, LENGTH, 1, 1])
targets = tf.reverse(inputs, [1])
features = {"inputs": inputs, "targets": targets, "target_space_id": tf.constant(1, tf.int32)}
tf.train.create_global_step()
model = transformer.Transformer(hparams, tf.estimator.ModeKeys.TRAIN, p_hparams)
logits, _ = model(features)
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
    logits=tf.reshape(logits, [-1, SYMBOLS]), labels=tf.reshape(targets, [-1])))
train_op = optimize.optimize(loss, 3e-3, hparams)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    losses = [sess.run([loss, train_op], {inputs: rng.randint(2, SYMBOLS, (BATCH, LENGTH, 1, 1))})[0] for _ in range(400)]
print("loss: %.3f -> %.3f" % (losses[0], np.mean(losses[-10:])))
assert np.mean(losses[-10:]) < losses[0] / 2
