"""A small convolutional classifier in the words of TFLearn 0.5, with its batch normalization and its DNN trainer."""
import numpy as np
import tflearn
from tflearn.layers.conv import conv_2d, max_pool_2d
from tflearn.layers.core import dropout, fully_connected, input_data
from tflearn.layers.estimator import regression
from tflearn.layers.normalization import batch_normalization

rng = np.random.RandomState(0)
labels = rng.randint(0, 2, 200)
images = rng.normal(size=(200, 8, 8, 1)) + labels[:, None, None, None]
targets = np.eye(2)[labels]

tflearn.init_graph(seed=1)
net = input_data(shape=[None, 8, 8, 1], name="input")
net = conv_2d(net, 8, 3, activation="relu", regularizer="L2")
net = batch_normalization(net)
net = max_pool_2d(net, 2)
net = fully_connected(net, 16, activation="tanh")
net = dropout(net, 0.8)
net = fully_connected(net, 2, activation="softmax")
net = regression(net, optimizer="adam", learning_rate=0.01, loss="categorical_crossentropy", name="target")

model = tflearn.DNN(net, tensorboard_verbose=0, tensorboard_dir="tflearn_logs")
before = model.evaluate(images, targets)[0]
model.fit({"input": images}, {"target": targets}, n_epoch=4, batch_size=20, show_metric=True, run_id="digits")
after = model.evaluate(images, targets)[0]
model.save("tflearn_digits.tfl")
model.load("tflearn_digits.tfl")
print("accuracy: %.3f -> %.3f" % (before, after))
assert after > 0.9
