"""A pose network of DeepLabCut on a MobileNet of slim: where the bright spot of an image is."""
import numpy as np
import tensorflow as tf
from deeplabcut.pose_estimation_tensorflow.core.train import get_optimizer
from deeplabcut.pose_estimation_tensorflow.datasets import Batch
from deeplabcut.pose_estimation_tensorflow.default_config import cfg
from deeplabcut.pose_estimation_tensorflow.nnets import PoseNetFactory

tf.compat.v1.set_random_seed(0)
rng = np.random.RandomState(0)
SIDE, CELLS, BATCH = 64, 8, 4
cfg.update(net_type="mobilenet_v2_0.35", num_joints=1, batch_size=BATCH, optimizer="adam", stride=8, lr_init=0.003)

inputs = tf.compat.v1.placeholder(tf.float32, [BATCH, SIDE, SIDE, 3])
targets = tf.compat.v1.placeholder(tf.float32, [BATCH, CELLS, CELLS, 1])
net = PoseNetFactory.create(cfg)
losses = net.train({Batch.inputs: inputs, Batch.part_score_targets: targets})
learning_rate, train_op, _ = get_optimizer(losses["total_loss"], cfg)


def batch():
    cells = rng.randint(0, CELLS, (BATCH, 2))
    images, scores = np.zeros((BATCH, SIDE, SIDE, 3)), np.zeros((BATCH, CELLS, CELLS, 1))
    for image, score, (row, column) in zip(images, scores, cells):
        image[8 * row:8 * row + 8, 8 * column:8 * column + 8] = 255.0
        score[row, column] = 1.0
    return {inputs: images, targets: scores, learning_rate: 0.003}


with tf.compat.v1.Session() as sess:
    sess.run(tf.compat.v1.global_variables_initializer())
    values = [sess.run([losses["total_loss"], train_op], batch())[0] for _ in range(60)]
print("loss: %.4f -> %.4f" % (values[0], np.mean(values[-5:])))
assert np.mean(values[-5:]) < values[0] / 3
