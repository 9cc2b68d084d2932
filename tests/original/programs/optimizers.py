"""contrib.opt: three steps, dense and sparse gradients, with the variables that hold their state."""
import tensorflow as tf
from values import normal

O = tf.contrib.opt


def steps(optimizer, sparse=False):
    """A variable after a step; `measure.py` runs each output twice and moves what is in UPDATE_OPS."""
    table = tf.get_variable("table", initializer=normal(4, 3))
    used = tf.gather(table, [1, 3]) if sparse else table
    # Linear: 1.15 lets a decay of weights run before their gradient is computed, or after.
    loss = tf.reduce_sum(used * normal(*used.get_shape().as_list(), seed=5))
    done = optimizer.minimize(loss, global_step=tf.train.get_or_create_global_step())
    with tf.control_dependencies([done]):
        return [table.read_value(), table.read_value() + 0]


POSITIVE = True  # squares, which some of them keep, are
CASES = {
    "AdaMax": lambda: steps(O.AdaMaxOptimizer(0.1)),
    "AdaMax, sparse": lambda: steps(O.AdaMaxOptimizer(0.1), True),
    "AddSign": lambda: steps(O.AddSignOptimizer(0.1)),
    "AddSign, sparse": lambda: steps(O.AddSignOptimizer(0.1), True),
    "PowerSign": lambda: steps(O.PowerSignOptimizer(0.1)),
    "Nadam": lambda: steps(O.NadamOptimizer(0.1)),
    "Nadam, sparse": lambda: steps(O.NadamOptimizer(0.1), True),
    "LazyAdam": lambda: steps(O.LazyAdamOptimizer(0.1)),
    "LazyAdam, sparse": lambda: steps(O.LazyAdamOptimizer(0.1), True),
    "AdamGS": lambda: steps(O.AdamGSOptimizer(tf.train.get_or_create_global_step(), 0.1)),
    "LazyAdamGS, sparse": lambda: steps(O.LazyAdamGSOptimizer(tf.train.get_or_create_global_step(), 0.1), True),
    "AdamW": lambda: steps(O.AdamWOptimizer(0.01, 0.1)),
    "AdamW, sparse": lambda: steps(O.AdamWOptimizer(0.01, 0.1), True),
    "MomentumW": lambda: steps(O.MomentumWOptimizer(0.01, 0.1, 0.9)),
    "LARS": lambda: steps(O.LARSOptimizer(0.1)),
    "RegAdagrad": lambda: steps(O.RegAdagradOptimizer(0.1)),
    "RegAdagrad, sparse": lambda: steps(O.RegAdagradOptimizer(0.1), True),
    "GGT": lambda: steps(O.GGTOptimizer(0.1, window=2)),
    "Shampoo": lambda: steps(O.ShampooOptimizer(tf.train.get_or_create_global_step(), learning_rate=0.1)),
    "MovingAverage": lambda: steps(O.MovingAverageOptimizer(tf.train.GradientDescentOptimizer(0.1), 0.9)),
    "VariableClipping": lambda: steps(O.VariableClippingOptimizer(tf.train.GradientDescentOptimizer(0.1), {}, 1.0)),
    "clip_gradients_by_global_norm": lambda: O.clip_gradients_by_global_norm([(normal(3, 4), tf.zeros([3, 4]))], 1.0),
}
