"""tf.train.ExponentialMovingAverage of batch moments, with tf.cond on a placeholder."""
import sys

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

mnist = input_data.read_data_sets("MNIST", one_hot=True, reshape=False)


def batch_norm(x, n_out, phase_train, scope="bn"):
    with tf.variable_scope(scope):
        beta = tf.Variable(tf.constant(0.0, shape=[n_out]), name="beta", trainable=True)
        gamma = tf.Variable(tf.constant(1.0, shape=[n_out]), name="gamma", trainable=True)
        batch_mean, batch_var = tf.nn.moments(x, [0, 1, 2], name="moments")
        ema = tf.train.ExponentialMovingAverage(decay=0.9)

        def mean_var_with_update():
            ema_apply_op = ema.apply([batch_mean, batch_var])
            with tf.control_dependencies([ema_apply_op]):
                return tf.identity(batch_mean), tf.identity(batch_var)

        mean, var = tf.cond(phase_train, mean_var_with_update, lambda: (ema.average(batch_mean), ema.average(batch_var)))
        return tf.nn.batch_normalization(x, mean, var, beta, gamma, 1e-3)


def inference(images, phase_train):
    depth, net = 1, images
    for number, channels in [(1, 8), (2, 12)]:
        kernel = tf.Variable(tf.truncated_normal([3, 3, depth, channels], stddev=0.2), name="conv%d" % number)
        net = tf.nn.conv2d(net, kernel, [1, 1, 1, 1], padding="SAME")
        net = tf.nn.relu(batch_norm(net, channels, phase_train, scope="bn%d" % number))
        net = tf.nn.max_pool(net, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME")
        depth = channels
    dim = 1
    for d in net.get_shape()[1:].as_list():
        dim *= d
    weights = tf.Variable(tf.truncated_normal([dim, 10], stddev=0.05), name="weights")
    return tf.matmul(tf.reshape(net, [-1, dim]), weights)


def run(train_dir):
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, shape=(None, 28, 28, 1))
        labels = tf.placeholder(tf.float32, shape=(None, 10))
        phase_train = tf.placeholder(tf.bool, shape=())
        logits = inference(images, phase_train)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=labels))
        train_op = tf.train.AdamOptimizer(0.01).minimize(loss)
        accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1)), tf.float32))
        saver = tf.train.Saver(tf.all_variables())
        sess = tf.InteractiveSession()
        sess.run(tf.initialize_all_variables())
        seen = []
        for step in range(100):
            batch = mnist.train.next_batch(50)
            acc, _ = sess.run([accuracy, train_op], {images: batch[0], labels: batch[1], phase_train: True})
            seen.append(acc)
        saver.save(sess, train_dir + "/ema", global_step=step)
        print("trained: %.4f" % (sum(seen[-15:]) / 15))
        sess.close()

    with tf.Graph().as_default(), tf.Session() as sess:
        images = tf.placeholder(tf.float32, shape=(None, 28, 28, 1))
        logits = inference(images, tf.constant(False))
        ckpt = tf.train.get_checkpoint_state(train_dir)
        tf.train.Saver().restore(sess, ckpt.model_checkpoint_path)
        predicted = sess.run(tf.argmax(logits, dimension=1), {images: mnist.test.images})
        print("restored: %.4f" % (predicted == mnist.test.labels.argmax(1)).mean())


run(sys.argv[1])
