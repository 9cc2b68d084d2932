import tensorflow as tf

from . import layers


def network(x, is_training, decay):
    h = tf.reshape(x, [-1, 28, 28, 1])
    for number, channels in enumerate([8, 16]):
        h = layers.conv(h, channels, 2, is_training, decay, "conv%d" % number)
    return tf.contrib.layers.fully_connected(tf.contrib.layers.flatten(h), 10, None, scope="out")
