import numpy as np
import tensorflow as tf

NET = "small"
STEPS = 150
BATCH = np.int(64)
DECAY = 0.9
OPTIMIZER = tf.train.RMSPropOptimizer(0.003)
