"""contrib.layers and tf.layers."""
import tensorflow as tf
from values import images, normal, sequence, volume

L = tf.contrib.layers

CASES = {
    "conv2d": lambda: L.conv2d(images(), 4, 3),
    "conv2d, valid, stride, batch norm": lambda: L.conv2d(
        images(), 4, [3, 3], stride=2, padding="VALID", activation_fn=None, normalizer_fn=L.batch_norm),
    "conv2d, rate, regularizer": lambda: L.conv2d(images(), 4, 3, rate=2, weights_regularizer=L.l2_regularizer(0.1)),
    "conv2d, no biases, collection": lambda: L.conv2d(
        images(), 4, 3, biases_initializer=None, scope="s", outputs_collections="outputs"),
    "convolution1d": lambda: L.convolution1d(sequence(), 4, 3),
    "conv3d": lambda: L.conv3d(volume(), 3, 3),
    "conv2d_transpose": lambda: L.conv2d_transpose(images(), 4, 3, stride=2),
    "conv2d_transpose, valid, batch norm": lambda: L.conv2d_transpose(
        images(), 4, [3, 3], 2, "VALID", normalizer_fn=L.batch_norm),
    "conv3d_transpose": lambda: L.conv3d_transpose(volume(), 3, 3, stride=2),
    "separable": lambda: L.separable_conv2d(images(), 5, 3, 2),
    "separable, depthwise only": lambda: L.separable_conv2d(images(), None, 3, 2, stride=2),
    "separable, batch norm": lambda: L.separable_conv2d(
        images(), 5, [3, 3], depth_multiplier=1, normalizer_fn=L.batch_norm),
    "conv2d_in_plane": lambda: L.conv2d_in_plane(images(), 3),
    "fully_connected": lambda: L.fully_connected(images(), 5),
    "fully_connected, batch norm": lambda: L.fully_connected(
        normal(4, 6), 5, normalizer_fn=L.batch_norm, normalizer_params={"is_training": True, "updates_collections": None}),
    "batch_norm": lambda: L.batch_norm(images()),
    "batch_norm, inference, scale": lambda: L.batch_norm(images(), is_training=False, scale=True),
    "batch_norm, inline, activation": lambda: L.batch_norm(
        images(), activation_fn=tf.nn.relu, updates_collections=None, center=False),
    "batch_norm, rank 2": lambda: L.batch_norm(normal(6, 4), decay=0.9, epsilon=0.01),
    "batch_norm, not fused": lambda: L.batch_norm(images(), fused=False),
    "batch_norm, channels first": lambda: L.batch_norm(normal(2, 3, 4, 4), data_format="NCHW", fused=False),
    "batch_norm, renorm": lambda: L.batch_norm(images(), renorm=True, fused=False),
    "batch_norm, zero debias": lambda: L.batch_norm(images(), zero_debias_moving_mean=True, updates_collections=None),
    "batch_norm, weights": lambda: L.batch_norm(
        normal(6, 4), batch_weights=tf.constant([1.0, 0, 1, 1, 1, 0]), fused=False),
    "batch_norm, initializers": lambda: L.batch_norm(images(), param_initializers={"beta": tf.ones_initializer()}),
    "layer_norm": lambda: L.layer_norm(images()),
    "layer_norm, last axis": lambda: L.layer_norm(normal(3, 4, 5), begin_norm_axis=2, activation_fn=tf.nn.relu),
    "instance_norm": lambda: L.instance_norm(images()),
    "group_norm": lambda: L.group_norm(normal(2, 4, 4, 8), groups=4),
    "group_norm, mean close to zero": lambda: L.group_norm(normal(2, 4, 4, 8), groups=2, mean_close_to_zero=True),
    "unit_norm": lambda: L.unit_norm(normal(3, 4), 1),
    "flatten": lambda: L.flatten(images()),
    "max_pool2d": lambda: L.max_pool2d(images(), 2),
    "avg_pool2d": lambda: L.avg_pool2d(images(), [3, 3], 1, "SAME"),
    "max_pool3d": lambda: L.max_pool3d(volume(), 2),
    "avg_pool3d": lambda: L.avg_pool3d(volume(), 2),
    "dropout, inference": lambda: L.dropout(images(), is_training=False),
    "one_hot_encoding": lambda: L.one_hot_encoding(tf.constant([1, 0, 2]), 4),
    "repeat": lambda: L.repeat(images(), 2, L.conv2d, 4, 3),
    "stack": lambda: L.stack(normal(3, 4), L.fully_connected, [5, 6], scope="st"),
    "bias_add": lambda: L.bias_add(images(), tf.nn.relu),
    "spatial_softmax": lambda: L.spatial_softmax(images()),
    "maxout": lambda: L.maxout(normal(3, 6), 3),
    "embed_sequence": lambda: L.embed_sequence(tf.constant([[1, 2], [0, 3]]), 5, 4),
    "bow_encoder": lambda: L.bow_encoder(tf.constant([[1, 2], [0, 3]]), 5, 4),
    "embedding_lookup_unique": lambda: L.embedding_lookup_unique(normal(5, 4), tf.constant([[1, 2], [1, 3]])),
    "safe_embedding_lookup_sparse": lambda: L.safe_embedding_lookup_sparse(
        [normal(5, 4)], tf.SparseTensor([[0, 0], [2, 1]], tf.constant([1, 3], tf.int64), [3, 2])),
    "softmax": lambda: L.softmax(sequence()),
    "relu": lambda: L.relu(normal(3, 4), 5),
    "relu6": lambda: L.relu6(normal(3, 4), 5),
    "linear": lambda: L.linear(normal(3, 4), 5),
    "legacy_fully_connected": lambda: L.legacy_fully_connected(normal(3, 4), 5),
    "regularizers": lambda: [
        L.l1_regularizer(0.3)(normal(3, 4)), L.l2_regularizer(0.3)(normal(3, 4)),
        L.l1_l2_regularizer(0.1, 0.2)(normal(3, 4)),
        L.sum_regularizer([L.l2_regularizer(0.1), L.l1_regularizer(0.2)])(normal(3, 4))],
    "gdn": lambda: L.gdn(tf.abs(images())),
    "dense_to_sparse": lambda: L.dense_to_sparse(tf.constant([[1, 0], [2, 3]])).values,
    "images_to_sequence": lambda: L.images_to_sequence(images()),
    "sequence_to_images": lambda: L.sequence_to_images(normal(8, 4, 3), 2),
    "tf.layers.dense": lambda: tf.layers.dense(sequence(), 6, tf.nn.relu),
    "tf.layers.conv1d": lambda: tf.layers.conv1d(sequence(), 4, 3, dilation_rate=2, padding="same"),
    "tf.layers.conv2d": lambda: tf.layers.conv2d(images(), 4, 3, (2, 2), name="c"),
    "tf.layers.conv3d": lambda: tf.layers.conv3d(volume(), 3, 2),
    "tf.layers.conv2d_transpose": lambda: tf.layers.conv2d_transpose(images(), 4, 3, 2, "same"),
    "tf.layers.conv3d_transpose": lambda: tf.layers.conv3d_transpose(normal(1, 3, 3, 3, 2), 2, 2, 2),
    "tf.layers.separable_conv1d": lambda: tf.layers.separable_conv1d(sequence(), 4, 3),
    "tf.layers.separable_conv2d": lambda: tf.layers.separable_conv2d(images(), 4, 3, depth_multiplier=2),
    "tf.layers.batch_normalization": lambda: tf.layers.batch_normalization(images(), training=True),
    "tf.layers.batch_normalization, axis 1": lambda: tf.layers.batch_normalization(
        normal(2, 3, 4), axis=1, training=True),
    "tf.layers.batch_normalization, renorm": lambda: tf.layers.batch_normalization(
        images(), training=True, renorm=True, renorm_clipping={"rmax": 2.0, "rmin": 0.5, "dmax": 1.0}, fused=False),
    "tf.layers.batch_normalization, virtual": lambda: tf.layers.batch_normalization(
        normal(4, 3, 3, 2), training=True, virtual_batch_size=2),
    "tf.layers.max_pooling1d": lambda: tf.layers.max_pooling1d(sequence(), 2, 2),
    "tf.layers.average_pooling2d": lambda: tf.layers.average_pooling2d(images(), 2, 2, "same"),
    "tf.layers.dropout": lambda: tf.layers.dropout(images()),
    "tf.layers.flatten": lambda: tf.layers.flatten(images()),
}
