"""TFRecords of PNG images through slim.dataset and its provider, slim.learning.train, and slim.evaluation.

The images are bars of four directions with noise; the program draws them and writes them in shards.
"""
import os
import sys

import numpy as np
import tensorflow as tf

slim = tf.contrib.slim
SIZE, STEPS, PER_SHARD = 12, 120, 160
NAMES = ["level", "upright", "falling", "rising"]
folder = sys.argv[1]
random = np.random.RandomState(3)


def draw(label):
    image = random.randint(0, 120, [SIZE, SIZE, 1])
    at = random.randint(2, SIZE - 2)
    lines = [image[at], image[:, at], image.reshape(-1)[::SIZE + 1], image.reshape(-1)[SIZE - 1:-1:SIZE - 1]]
    lines[label] += 100
    return image.astype(np.uint8)


def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def write(split, shards):
    with tf.Graph().as_default(), tf.Session() as sess:
        pixels = tf.placeholder(tf.uint8, [SIZE, SIZE, 1])
        png = tf.image.encode_png(pixels)
        for shard in range(shards):
            name = os.path.join(folder, "bars_%s_%05d-of-%05d.tfrecord" % (split, shard, shards))
            with tf.python_io.TFRecordWriter(name) as writer:
                for _ in range(PER_SHARD):
                    label = random.randint(4)
                    example = tf.train.Example(features=tf.train.Features(feature={
                        "image/encoded": feature(sess.run(png, {pixels: draw(label)})),
                        "image/format": feature(b"png"),
                        "image/class/label": feature(int(label)),
                    }))
                    writer.write(example.SerializeToString())


def get_split(split, shards):
    keys_to_features = {
        "image/encoded": tf.FixedLenFeature((), tf.string, default_value=""),
        "image/format": tf.FixedLenFeature((), tf.string, default_value="png"),
        "image/class/label": tf.FixedLenFeature([], tf.int64, default_value=tf.zeros([], dtype=tf.int64)),
    }
    items_to_handlers = {
        "image": slim.tfexample_decoder.Image(shape=[SIZE, SIZE, 1], channels=1),
        "label": slim.tfexample_decoder.Tensor("image/class/label", shape=[]),
    }
    return slim.dataset.Dataset(
        data_sources=os.path.join(folder, "bars_%s_*.tfrecord" % split),
        reader=tf.TFRecordReader,
        decoder=slim.tfexample_decoder.TFExampleDecoder(keys_to_features, items_to_handlers),
        num_samples=shards * PER_SHARD,
        items_to_descriptions={"image": "A bar.", "label": "Its direction."},
        num_classes=4,
        labels_to_names=dict(enumerate(NAMES)))


def load_batch(dataset, batch_size, is_training):
    provider = slim.dataset_data_provider.DatasetDataProvider(
        dataset, shuffle=is_training, common_queue_capacity=200, common_queue_min=50)
    image, label = provider.get(["image", "label"])
    image = tf.to_float(image) / 128.0 - 1.0
    return tf.train.batch([image, label], batch_size=batch_size, num_threads=1, capacity=4 * batch_size)


def net(images, is_training):
    bn_params = {"is_training": is_training, "decay": 0.9}
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params=bn_params):
        h = slim.conv2d(images, 8, [3, 3], scope="conv1")
        h = slim.max_pool2d(h, [2, 2], scope="pool1")
        h = slim.conv2d(h, 16, [3, 3], scope="conv2")
    h = slim.flatten(slim.max_pool2d(h, [2, 2], scope="pool2"))
    return slim.fully_connected(h, 4, activation_fn=None, scope="logits")


def train(logdir):
    dataset = get_split("train", 2)
    assert sorted(dataset.decoder.list_items()) == ["image", "label"]
    images, labels = load_batch(dataset, 32, True)
    logits = net(images, True)
    slim.losses.sparse_softmax_cross_entropy(logits, labels)
    total_loss = slim.losses.get_total_loss()
    right = tf.reduce_mean(tf.to_float(tf.equal(tf.argmax(logits, 1), labels)))
    recent = tf.train.ExponentialMovingAverage(0.9)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, recent.apply([right]))
    train_op = slim.learning.create_train_op(total_loss, tf.train.AdamOptimizer(0.01))
    slim.learning.train(train_op, logdir, number_of_steps=STEPS, log_every_n_steps=50, save_interval_secs=600)
    return recent.average_name(right)


def evaluate(logdir):
    images, labels = load_batch(get_split("test", 1), 40, False)
    predictions = tf.argmax(net(images, False), 1)
    values, updates = slim.metrics.aggregate_metric_map({
        "accuracy": slim.metrics.streaming_accuracy(predictions, labels),
    })
    return slim.evaluation.evaluate_once(
        "", tf.train.latest_checkpoint(logdir), os.path.join(folder, "eval"), num_evals=PER_SHARD // 40,
        eval_op=list(updates.values()), final_op=values["accuracy"])


write("train", 2)
write("test", 1)
logs = os.path.join(folder, "logs")
with tf.Graph().as_default():
    recent = train(logs)
reader = tf.train.NewCheckpointReader(tf.train.latest_checkpoint(logs))
assert reader.get_tensor("global_step") == STEPS
biased = reader.get_tensor(recent)
print("trained: %.4f" % biased)
with tf.Graph().as_default():
    print("restored: %.4f" % evaluate(logs))
