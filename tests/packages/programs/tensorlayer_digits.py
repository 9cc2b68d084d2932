"""TensorLayer 1.11: layers around an InputLayer, batch norm with separate graphs by reuse, tl.utils.fit."""
import numpy as np
import tensorflow as tf
import tensorlayer as tl

tf.logging.set_verbosity(tf.logging.ERROR)
tf.set_random_seed(0)
rng = np.random.RandomState(0)
labels = rng.randint(0, 2, 200)
images = (rng.normal(size=(200, 8, 8, 1)) + labels[:, None, None, None]).astype(np.float32)


def model(x, is_train, reuse):
    with tf.variable_scope("model", reuse=reuse):
        net = tl.layers.InputLayer(x, name="input")
        net = tl.layers.Conv2d(net, 8, (3, 3), (1, 1), padding="SAME", name="conv")
        net = tl.layers.BatchNormLayer(net, is_train=is_train, act=tf.nn.relu, name="bn")
        net = tl.layers.MaxPool2d(net, (2, 2), name="pool")
        net = tl.layers.FlattenLayer(net, name="flatten")
        return tl.layers.DenseLayer(net, n_units=2, name="output")


x = tf.placeholder(tf.float32, [None, 8, 8, 1])
y_ = tf.placeholder(tf.int64, [None])
net = model(x, True, False)
test = model(x, False, True)
cost = tl.cost.cross_entropy(net.outputs, y_, name="cost")
correct = tf.equal(tf.argmax(test.outputs, 1), y_)
acc = tf.reduce_mean(tf.cast(correct, tf.float32))
train_op = tf.train.AdamOptimizer(0.01).minimize(cost, var_list=net.all_params[:2] + net.all_params[-2:])

sess = tf.InteractiveSession()
tl.layers.initialize_global_variables(sess)
net.print_params(False)
before = sess.run(cost, {x: images, y_: labels})
tl.utils.fit(sess, net, train_op, cost, images, labels, x, y_, acc=acc, batch_size=20, n_epoch=20, print_freq=5,
             eval_train=False)
after, accuracy = sess.run([cost, acc], {x: images, y_: labels})
tl.files.save_npz_dict(net.all_params, name="tensorlayer_model.npz", sess=sess)
print("loss: %.3f -> %.3f, accuracy %.3f" % (before, after, accuracy))
assert after < before / 2 and accuracy > 0.9
