"""The mean of a normal distribution by variational inference, in Edward 1.3.5, beside the exact posterior."""
import edward as ed
import numpy as np
import tensorflow as tf
from edward.models import Normal

ed.set_seed(42)
rng = np.random.RandomState(0)
x_data = rng.normal(2.0, 1.0, size=50)

mu = Normal(loc=0.0, scale=1.0)
x = Normal(loc=mu, scale=1.0, sample_shape=50)
qmu = Normal(loc=tf.get_variable("qmu/loc", []), scale=tf.nn.softplus(tf.get_variable("qmu/scale", [])))

inference = ed.KLqp({mu: qmu}, data={x: x_data})
inference.run(n_samples=10, n_iter=600, optimizer=tf.train.AdamOptimizer(0.03))

mean, deviation = ed.get_session().run([qmu.mean(), qmu.stddev()])
exact = x_data.sum() / 51.0, (1 / 51.0) ** 0.5
print("posterior: %.3f +- %.3f, exact %.3f +- %.3f" % ((mean, deviation) + exact))
assert abs(mean - exact[0]) < 0.1 and abs(deviation - exact[1]) < 0.05
