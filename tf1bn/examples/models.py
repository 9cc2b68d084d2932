"""Two networks for images of digits, with and without batch normalization."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.layers.batch_norm import batch_norm
from tf1bn.layers.conv2d import conv2d
from tf1bn.layers.dense import dense
from tf1bn.strategies.base import UpdateStrategy
from tf1bn.terms import DEFAULT_DECAY

CLASSES = 10
CONVOLUTIONS = 19


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """How a network is built.

    Attributes:
      batch_norm: whether its layers are normalised; without, they have biases instead.
      update_strategy: registered name or object; None for the current default.
      decay: share of the old average kept.
      init_stddev: standard deviation of normal initial weights; None for Glorot uniform.
      use_batch_statistics: which statistics normalise; None follows ``is_training``.
      statistics: how shards of a batch come by common statistics, as in ``tf1bn.batch_norm``.
      kernel: the implementation, as in ``tf1bn.batch_norm``.
      normalizer: another batch norm in the place of tf1bn's, as a function of input and ``is_training``; the fields
        above that describe tf1bn's are then not used.
    """

    batch_norm: bool = True
    update_strategy: str | UpdateStrategy | None = None
    decay: float = DEFAULT_DECAY
    init_stddev: float | None = None
    use_batch_statistics: Any = None
    statistics: Any = None
    kernel: str | None = None
    normalizer: Callable[[tf.Tensor, Any], tf.Tensor] | None = None


class Outputs(NamedTuple):
    """What a network computes.

    Attributes:
      logits: ``[batch, 10]``.
      pre_activations: input of each hidden layer's nonlinearity, by layer name, first layer first.
      normalised: input of each batch norm, by its full variable scope name.
    """

    logits: tf.Tensor
    pre_activations: dict[str, tf.Tensor]
    normalised: dict[str, tf.Tensor]


def mlp(images: tf.Tensor, is_training: Any, options: ModelOptions) -> Outputs:
    """Two hidden layers of 100 sigmoid units, each batch-normalised before the sigmoid.

    Variables: ``hidden1/kernel``, ``hidden1/batch_norm/{gamma,beta,moving_mean,moving_variance}``, ...,
    ``logits/{kernel,bias}``; without batch norm ``hidden1/{kernel,bias}``.

    Args:
      images: float32 ``[batch, height, width, channels]``.
      is_training: as in ``tf1bn.batch_norm``.
      options: the rest.
    """
    layers = _Layers(is_training, options)
    x = _flat(images)
    for number in (1, 2):
        x = layers.hidden(dense, x, 100, tf.nn.sigmoid, f"hidden{number}")
    return layers.outputs(x)


def cnn(images: tf.Tensor, is_training: Any, options: ModelOptions) -> Outputs:
    """19 convolutions 3x3 of depth 4, 8, ..., 76, every third with stride 2, then 100 units; relu throughout.

    Variables: ``conv1/kernel``, ``conv1/batch_norm/...``, ..., ``dense/kernel``, ``dense/batch_norm/...``,
    ``logits/{kernel,bias}``.

    Args:
      images: float32 ``[batch, height, width, channels]``.
      is_training: as in ``tf1bn.batch_norm``.
      options: the rest.
    """
    layers = _Layers(is_training, options)
    x = images
    for number in range(1, CONVOLUTIONS + 1):
        strides = 2 if number % 3 == 0 else 1
        x = layers.hidden(conv2d, x, 4 * number, tf.nn.relu, f"conv{number}", kernel_size=3, strides=strides)
    x = layers.hidden(dense, _flat(x), 100, tf.nn.relu, "dense")
    return layers.outputs(x)


class Model(NamedTuple):
    """A network with the loss and the optimizer that train it.

    Attributes:
      network: images, is_training and options to outputs.
      loss: logits and labels to a scalar.
      optimizer: learning rate to an optimizer.
      averages_loss: whether the loss is the mean over the batch, not the sum.
    """

    network: Callable[[tf.Tensor, Any, ModelOptions], Outputs]
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    optimizer: Callable[[float], tf.train.Optimizer]
    averages_loss: bool

    def loss_of_shard(self, logits: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Returns what a shard adds to the loss of a batch of that many rows: the loss is the sum over all shards."""
        loss = self.loss(logits, labels)
        return loss * tf.cast(tf.size(labels) / rows, loss.dtype) if self.averages_loss else loss


def summed_softmax_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the softmax cross entropy summed over the batch."""
    return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def mean_sigmoid_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the sigmoid cross entropy of the ten outputs with the one-hot label, averaged over all of them."""
    targets = tf.one_hot(labels, CLASSES)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))


MODELS = {
    "mlp": Model(mlp, summed_softmax_loss, tf.train.GradientDescentOptimizer, averages_loss=False),
    "cnn": Model(cnn, mean_sigmoid_loss, tf.train.AdamOptimizer, averages_loss=True),
}


@dataclasses.dataclass
class _Layers:
    """The layers of one network; each has an initializer seed of its own, so that its weights depend on no other op."""

    is_training: Any
    options: ModelOptions
    pre_activations: dict[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    normalised: dict[str, tf.Tensor] = dataclasses.field(default_factory=dict)

    def hidden(self, layer: Any, x: tf.Tensor, size: int, activation: Any, scope: str, **arguments: Any) -> tf.Tensor:
        normalizer = self._normalize if self.options.batch_norm else None
        y = layer(x, size, normalizer=normalizer, kernel_initializer=self._initializer(), scope=scope, **arguments)
        self.pre_activations[scope] = y
        return activation(y)

    def outputs(self, x: tf.Tensor) -> Outputs:
        logits = dense(x, CLASSES, kernel_initializer=self._initializer(), scope="logits")
        return Outputs(logits, self.pre_activations, self.normalised)

    def _normalize(self, x: tf.Tensor) -> tf.Tensor:
        self.normalised[f"{tf.get_variable_scope().name}/batch_norm"] = x
        if self.options.normalizer is not None:
            return self.options.normalizer(x, self.is_training)
        return batch_norm(
            x,
            self.is_training,
            update_strategy=self.options.update_strategy,
            decay=self.options.decay,
            use_batch_statistics=self.options.use_batch_statistics,
            statistics=self.options.statistics,
            kernel=self.options.kernel,
            scope="batch_norm",
        )

    def _initializer(self) -> Any:
        seed = len(self.pre_activations) + 1
        if self.options.init_stddev is None:
            return tf.glorot_uniform_initializer(seed=seed)
        return tf.random_normal_initializer(stddev=self.options.init_stddev, seed=seed)


def _flat(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, [-1, x.shape[1:].num_elements()])
