import tensorflow as tf


def batch_norm(x, is_training, decay, name="bn"):
    return tf.contrib.layers.batch_norm(x, decay=decay, is_training=is_training, updates_collections=None, scale=True,
                                        scope=name)


def conv(x, channels, stride, is_training, decay, name):
    with tf.variable_scope(name):
        w = tf.get_variable("w", [3, 3, x.get_shape()[-1].value, channels],
                            initializer=tf.contrib.layers.xavier_initializer_conv2d())
        x = tf.nn.conv2d(x, w, [1, stride, stride, 1], "SAME")
        return tf.nn.relu(batch_norm(x, is_training, decay))
