"""Q-learning in a chain of states, with TRFL's loss and its update of a target network."""
import numpy as np
import tensorflow as tf
import trfl

STATES, ACTIONS = 5, 2
tf.set_random_seed(0)
rng = np.random.RandomState(0)

state = tf.placeholder(tf.int32, [None])
action = tf.placeholder(tf.int32, [None])
reward = tf.placeholder(tf.float32, [None])
discount = tf.placeholder(tf.float32, [None])
following = tf.placeholder(tf.int32, [None])


def network(states, scope):
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        hidden = tf.layers.dense(tf.one_hot(states, STATES), 16, activation=tf.nn.relu, name="hidden")
        return tf.layers.dense(hidden, ACTIONS, name="values")


values = network(state, "online")
loss, extra = trfl.qlearning(values, action, reward, discount, network(following, "target"))
train = tf.train.AdamOptimizer(0.01).minimize(tf.reduce_mean(loss))
update = trfl.update_target_variables(tf.trainable_variables("target"), tf.trainable_variables("online"), tau=0.2)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(400):
        states = rng.randint(0, STATES - 1, 32)
        actions = rng.randint(0, ACTIONS, 32)
        after = np.clip(states + 2 * actions - 1, 0, STATES - 1)
        done = after == STATES - 1
        feed = {state: states, action: actions, reward: done.astype(float), discount: 0.9 * (1 - done), following: after}
        error = sess.run([extra.td_error, train, update], feed)[0]
        if step == 0:
            first = np.abs(error).mean()
    learned = sess.run(values, {state: np.arange(STATES - 1)})
print("error: %.3f -> %.3f" % (first, np.abs(error).mean()))
assert (learned[:, 1] > learned[:, 0]).all()
assert np.abs(learned[:, 1] - 0.9 ** np.arange(3, -1, -1)).max() < 0.1
