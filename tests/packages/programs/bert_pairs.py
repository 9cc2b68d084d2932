"""A small BERT of bert-tensorflow with its own optimizer, trained to tell which of two words a sentence has."""
import numpy as np
import tensorflow as tf
from bert import modeling, optimization

tf.logging.set_verbosity(tf.logging.ERROR)
tf.set_random_seed(0)
rng = np.random.RandomState(0)
labels = rng.randint(0, 2, 64)
words = rng.randint(4, 20, size=(64, 8))
words[np.arange(64), rng.randint(0, 8, 64)] = labels + 2

config = modeling.BertConfig(
    vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
input_ids = tf.placeholder(tf.int32, [64, 8])
input_mask = tf.ones([64, 8], tf.int32)
answer = tf.placeholder(tf.int32, [64])
model = modeling.BertModel(config, is_training=True, input_ids=input_ids, input_mask=input_mask)
logits = tf.layers.dense(model.get_pooled_output(), 2)
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=answer, logits=logits))
tf.train.get_or_create_global_step()
train = optimization.create_optimizer(loss, init_lr=5e-3, num_train_steps=300, num_warmup_steps=10, use_tpu=False)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    losses = [sess.run([loss, train], {input_ids: words, answer: labels})[0] for _ in range(200)]
print("loss: %.3f -> %.3f" % (losses[0], losses[-1]))
assert losses[-1] < losses[0] / 2
