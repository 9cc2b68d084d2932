"""Networks of slim, on one image each."""
import tensorflow as tf
from tensorflow.contrib.slim.python.slim.nets import alexnet, inception, overfeat, resnet_v1, resnet_v2, vgg
from values import normal


def inference(network, size):
    return network(normal(1, size, size, 3), 7, is_training=False)[0]


CASES = {
    "alexnet_v2": lambda: inference(alexnet.alexnet_v2, 224),
    "vgg_a": lambda: inference(vgg.vgg_a, 224),
    "overfeat": lambda: inference(overfeat.overfeat, 231),
    "inception_v1": lambda: inference(inception.inception_v1, 224),
    "inception_v2": lambda: inference(inception.inception_v2, 224),
    "inception_v3": lambda: inference(inception.inception_v3, 299),
    "resnet_v1_50": lambda: inference(resnet_v1.resnet_v1_50, 64),
    "resnet_v2_50": lambda: inference(resnet_v2.resnet_v2_50, 64),
}
SCALE = 0.3
