"""slim: arg_scope with normalizer_fn, create_train_op, a saver of model variables."""
import tensorflow as tf
import tensorflow.contrib.slim as slim
from tensorflow.examples.tutorials.mnist import input_data

flags = tf.app.flags
flags.DEFINE_string("slim_dir", None, "Where to write the checkpoint.")
flags.DEFINE_integer("slim_steps", 120, "Number of steps.")
FLAGS = flags.FLAGS


def net_arg_scope(weight_decay=1e-4, is_training=True):
    batch_norm_params = {"is_training": is_training, "decay": 0.9, "epsilon": 0.001, "scale": True,
                         "updates_collections": tf.GraphKeys.UPDATE_OPS}
    with slim.arg_scope([slim.conv2d, slim.fully_connected],
                        weights_regularizer=slim.l2_regularizer(weight_decay),
                        weights_initializer=slim.variance_scaling_initializer(),
                        activation_fn=tf.nn.relu,
                        normalizer_fn=slim.batch_norm,
                        normalizer_params=batch_norm_params):
        with slim.arg_scope([slim.max_pool2d], padding="SAME") as scope:
            return scope


def net(images, is_training):
    with slim.arg_scope(net_arg_scope(is_training=is_training)):
        with tf.variable_scope("small", values=[images]):
            end = slim.repeat(images, 2, slim.conv2d, 8, [3, 3], stride=2, scope="conv1")
            end = slim.max_pool2d(end, [2, 2], scope="pool1")
            end = slim.flatten(end)
            end = slim.fully_connected(end, 32, scope="fc1")
            end = slim.dropout(end, 0.9, is_training=is_training)
            return slim.fully_connected(end, 10, activation_fn=None, normalizer_fn=None, scope="logits")


def main(_):
    mnist = input_data.read_data_sets("data", reshape=False)
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 28, 28, 1])
        labels = tf.placeholder(tf.int64, [None])
        logits = net(images, True)
        tf.losses.softmax_cross_entropy(slim.one_hot_encoding(labels, 10), logits)
        total_loss = tf.losses.get_total_loss()
        global_step = slim.get_or_create_global_step()
        train_op = slim.learning.create_train_op(total_loss, tf.train.AdamOptimizer(0.01), global_step=global_step)
        accuracy = tf.reduce_mean(tf.to_float(tf.equal(tf.argmax(logits, 1), labels)))
        saver = tf.train.Saver(slim.get_model_variables())
        scores = []
        with tf.Session() as sess:
            sess.run(tf.group(tf.global_variables_initializer(), tf.local_variables_initializer()))
            for _ in range(FLAGS.slim_steps):
                x, y = mnist.train.next_batch(64)
                scores.append(sess.run([accuracy, train_op], {images: x, labels: y})[0])
            assert sess.run(global_step) == FLAGS.slim_steps
            path = saver.save(sess, FLAGS.slim_dir + "/model.ckpt")
        print("trained: %.4f" % (sum(scores[-20:]) / 20))
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 28, 28, 1])
        predictions = tf.argmax(net(images, False), 1)
        init_fn = slim.assign_from_checkpoint_fn(path, slim.get_model_variables("small"))
        with tf.Session() as sess:
            init_fn(sess)
            right = sess.run(predictions, {images: mnist.test.images}) == mnist.test.labels
            print("restored: %.4f" % right.mean())


if __name__ == "__main__":
    tf.app.run()
