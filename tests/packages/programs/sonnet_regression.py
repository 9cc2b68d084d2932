"""Modules of Sonnet 1 in one network, its batch norm with UPDATE_OPS and its recurrent core."""
import numpy as np
import sonnet as snt
import tensorflow as tf


class Net(snt.AbstractModule):
    def __init__(self, name="net"):
        super(Net, self).__init__(name=name)

    def _build(self, inputs, is_training):
        net = snt.Conv2D(4, 3, name="conv")(inputs)
        net = snt.BatchNorm(scale=True, name="bn")(net, is_training=is_training, test_local_stats=False)
        net = tf.nn.relu(net)
        net = snt.BatchFlatten()(net)
        net = snt.nets.MLP([16, 8], activate_final=True)(net)
        core = snt.LSTM(8)
        net, _ = core(net, core.initial_state(tf.shape(net)[0]))
        return snt.Linear(1, regularizers={"w": tf.contrib.layers.l2_regularizer(1e-4)})(net)


tf.set_random_seed(0)
rng = np.random.RandomState(0)
images = rng.normal(size=(64, 6, 6, 1)).astype(np.float32)
answers = images.mean(axis=(1, 2))

x = tf.placeholder(tf.float32, [None, 6, 6, 1])
y = tf.placeholder(tf.float32, [None, 1])
net = Net()
loss = tf.reduce_mean(tf.square(net(x, is_training=True) - y))
evaluated = tf.reduce_mean(tf.square(net(x, is_training=False) - y))
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train = tf.train.AdamOptimizer(0.01).minimize(loss + tf.losses.get_regularization_loss())

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {x: images, y: answers}
    losses = [sess.run([loss, train], feed)[0] for _ in range(150)]
    final = sess.run(evaluated, feed)
    saver = snt.get_saver(net)
    saver.save(sess, "./sonnet_model")
print("loss: %.4f -> %.4f, evaluated %.4f" % (losses[0], losses[-1], final))
assert losses[-1] < losses[0] / 3 and final < losses[0] / 2
