"""Some networks of ``networks.py`` in Keras 3, with names of their own, so that only topology and shapes match them."""

from __future__ import annotations

import keras
from keras import layers

EPSILON = 1e-3


def _norm(x, **options):
    return layers.BatchNormalization(epsilon=EPSILON, **options)(x)


def mlp():
    x = image = keras.Input((12, 12, 1))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Activation("sigmoid")(_norm(layers.Dense(100, use_bias=False)(x)))
    return keras.Model(image, layers.Dense(10)(x))


def resnet():
    def conv(x, filters, size, strides=1):
        return _norm(layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x))

    x = image = keras.Input((15, 14, 3))
    x = layers.ReLU()(conv(x, 8, 7, 2))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for filters, stride in ((8, 1), (12, 2)):
        short = conv(x, filters, 1, stride) if stride > 1 else x
        y = layers.ReLU()(conv(x, filters, 3, stride))
        x = layers.ReLU()(layers.Add()([conv(y, filters, 3), short]))
    return keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def mobile():
    def conv(x, filters, size, **options):
        return _norm(layers.Conv2D(filters, size, padding="same", use_bias=False, **options)(x))

    x = image = keras.Input((9, 9, 3))
    x = layers.ReLU(6.0)(conv(x, 4, 3, strides=2))
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False)(x)
    x = layers.ReLU(6.0)(_norm(x))
    x = conv(layers.ReLU(6.0)(conv(x, 6, 1)), 6, 3, dilation_rate=2)
    return keras.Model(image, layers.GlobalAveragePooling2D()(layers.SeparableConv2D(7, 3)(x)))


def generator():
    x = noise = keras.Input((6,))
    x = layers.ReLU()(_norm(layers.Dense(45, use_bias=False)(x)))
    x = layers.Reshape((3, 3, 5))(x)
    x = layers.Conv2DTranspose(4, 4, 2, padding="same", use_bias=False)(x)
    x = layers.Conv2DTranspose(2, 5, 2, padding="same", activation="tanh")(layers.ReLU()(_norm(x)))
    return keras.Model(noise, x)


def recurrent():
    x = steps = keras.Input((5, 3))
    x = layers.LSTM(6)(layers.LSTM(4, return_sequences=True)(x))
    return keras.Model(steps, layers.Dense(2)(x))


def gated():
    x = steps = keras.Input((4, 3))
    return keras.Model(steps, layers.Dense(2)(layers.GRU(5, reset_after=False)(x)))


def flattened():
    x = image = keras.Input((6, 5, 2))
    x = layers.Conv2D(3, 3, 2, activation="relu")(x)
    x = _norm(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(3)(layers.Dense(4, activation="relu")(x)))


def averaged():
    x = inputs = keras.Input((4,))
    x = layers.ReLU()(_norm(layers.Dense(5, use_bias=False)(x)))
    return keras.Model(inputs, layers.Dense(3)(x))


def slim():
    x = image = keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, 2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(_norm(x, scale=False))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(x)))


def renormed():
    x = inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(3)(_norm(x, renorm=True)))


ALL = {
    item.__name__: item
    for item in (mlp, resnet, mobile, generator, recurrent, gated, flattened, averaged, slim, renormed)
}
