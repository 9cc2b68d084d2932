"""Checkpoints as public code bases write them, each with its verdict: sites, problems, and whether it migrates at once.

The names are made by program, in the spelling of the code base; the verdict was written down before the run.
"""

import numpy as np
import pytest

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import shard, source

EMA = "/ExponentialMovingAverage"
PLAIN = ("gamma", "beta", "moving_mean", "moving_variance")
OK, ASKS = "migrates", "asks"


def value(*shape, seed=0):
    return np.asarray(np.random.RandomState(seed + sum(shape)).random_sample(shape) + 0.5, np.float32)


def bn(scope, leaves=PLAIN, sep="/", shape=(4,)):
    return {f"{scope}{sep}{leaf}": value(*shape, seed=at) for at, leaf in enumerate(leaves)}


def with_slots(tensors, *words, ends=("gamma", "beta", "weights", "kernel", "W", "w"), head=""):
    """Adds slots of trained variables, as an optimizer in scope ``head`` names them."""
    trained = [name for name in tensors if name.endswith(ends)]
    return tensors | {f"{head}{name}/{word}": tensors[name] + 1 for name in trained for word in words}


def averaged(tensors, ends=("",)):
    return tensors | {name + EMA: data + 2 for name, data in tensors.items() if name.endswith(ends)}


def slim(*scopes, leaves=PLAIN):
    made = {}
    for scope in scopes:
        made |= {f"{scope}/weights": value(3, 3, 4, 4)} | bn(f"{scope}/BatchNorm", leaves)
    return made


MMDNN = ("scale", "bias", "mean", "var")
FLAT = ("gamma", "beta", "moving_mean", "moving_var")
INCEPTION = ("InceptionV3/Conv2d_1a_3x3", "InceptionV3/Mixed_5b/Branch_0/Conv2d_0a_1x1")
STEP = {"global_step": np.array(7, np.int64)}

# name -> tensors, number of sites, codes of the problems, whether a migration to tf1bn goes through unasked
WILD = {
    "slim Inception v3, everything averaged": (
        with_slots(averaged(slim(*INCEPTION, leaves=PLAIN[1:])), "RMSProp", "RMSProp_1") | STEP, 2, ["BN027"] * 2, OK),
    "slim Inception v3, what is trained averaged": (
        averaged(slim(*INCEPTION, leaves=PLAIN[1:]), ("weights", "beta")) | STEP, 2, [], OK),
    "slim ResNet, Momentum": (
        with_slots(slim("resnet_v1_50/conv1", "resnet_v1_50/block1/unit_1/bottleneck_v1/shortcut"), "Momentum")
        | {"resnet_v1_50/logits/biases": value(4), "resnet_v1_50/mean_rgb": value(3)}, 2, [], OK),
    "slim MobileNet, RMSProp in a scope": (
        with_slots(slim("MobilenetV1/Conv2d_0"), "RMSProp", "RMSProp_1", head="train/"), 1, [], OK),
    "DeepLab": (with_slots(slim("xception_65/entry_flow/conv1_1", "aspp0", "image_pooling"), "Momentum"), 3, [], OK),
    "object detection": (
        bn("FeatureExtractor/MobilenetV2/Conv/BatchNorm")
        | bn("FeatureExtractor/MobilenetV2/expanded_conv/depthwise/BatchNorm")
        | bn("WeightSharedConvolutionalBoxPredictor/BoxPredictionTower/conv2d_0/BatchNorm/feature_0")
        | {"BoxPredictor_0/BoxEncodingPredictor/biases": value(12)}, 3, [], OK),
    "EfficientNet on TPU, everything averaged": (
        averaged(bn("efficientnet-b0/stem/tpu_batch_normalization") | bn("efficientnet-b0/tpu_batch_normalization_1")),
        2, ["BN027"] * 2, OK),
    "tensorpack": (
        with_slots({"conv0/W": value(3, 3, 3, 4)} | bn("conv0/bn", ("gamma", "beta", "mean/EMA", "variance/EMA")),
                   "Momentum") | {"EMA/train-error/biased": value(1), "learning_rate": value(1)}, 1, [], OK),
    "Keras in TF1": (
        bn("batch_normalization_v1") | bn("batch_normalization_v1_1")
        | {"training/Adam/iter": np.array(1, np.int64), "training/Adam/batch_normalization_v1/gamma/m": value(4)},
        2, [], OK),
    "InsightFace, MXNet symbols": (
        bn("bn_data", FLAT, "_") | bn("stage1_unit1_bn1", FLAT, "_") | bn("fc1", FLAT, "_")
        | {"conv0_weight": value(7, 7, 3, 4), "fc1_weight": value(9, 4), "fc1_bias": value(4), "relu0_gamma": value(4)},
        3, [], OK),
    "MXNet Gluon": (
        bn("resnetv10_batchnorm0", ("gamma", "beta", "running_mean", "running_var"), "_"), 1, [], OK),
    "MMdnn": (
        bn("bn2a_branch2a", MMDNN, "_") | bn("batchnorm_1", MMDNN, "_")
        | {"res2a_branch2a_weight": value(1, 1, 4, 4)}, 2, [], OK),
    "MXNet in a spelling of its own": (
        bn("head_bn", ("gamma", "beta", "moving_mu", "moving_s2"), "_"), 1, ["BN022"], ASKS),
    "Sonnet v1": (
        with_slots(bn("resnet/batch_norm", PLAIN[1:], shape=(1, 1, 1, 4)) | {"resnet/conv_2d/w": value(3, 3)}, "Adam"),
        1, [], OK),
    "lingvo, whose gamma has two meanings": (
        bn("enc/conv_L0/bn", [leaf + "/var" for leaf in PLAIN]), 1, ["BN030"], ASKS),
    "BERT, which has none": (
        {f"bert/layer_0/LayerNorm/{leaf}{slot}": value(4) for leaf in PLAIN[:2] for slot in ("", "/adam_m", "/adam_v")},
        0, [], ASKS),
    "two networks, one optimizer in the scope of one": (
        with_slots(bn("m1/batch_normalization") | bn("m2/batch_normalization"), "Adam", "Adam_1", head="m1/")
        | {"m1/beta1_power": value(), "m1/beta2_power": value()}, 2, [], OK),
    "averages of operations": (
        {f"moments{n}/normalize/{m}{EMA}": value(4) for n in ("", "_1", "_2") for m in ("mean", "variance")},
        3, [], OK),
    "slim without its statistics": (
        {f"conv{n}/BatchNorm/beta": value(4) for n in range(3)}, 3, ["BN022"] * 3, OK),
    "gamma alone": ({"conv/bn/gamma": value(4), "conv/kernel": value(3, 4)}, 1, ["BN022"], OK),
    "zero debias": (
        bn("net/BatchNorm", PLAIN[1:]) | {"net/BatchNorm/net/BatchNorm/moving_mean/biased": value(4),
                                          "net/BatchNorm/net/BatchNorm/moving_mean/local_step": value()}, 1, [], OK),
    "a normalised observation beside": (bn("actor/bn") | {"obs/mean": value(7), "obs/var": value(7)}, 1, [], OK),
    "batch renormalization of TensorFlow 1.8": (
        bn("batch_normalization", (*PLAIN, "renorm_mean", "renorm_stddev"))
        | {"batch_normalization/renorm_mean_weight": value(), "batch_normalization/renorm_stddev_weight": value()},
        1, [], OK),
    "PyTorch's words in slashes": (bn("net/bn", ("weight", "bias", "running_mean", "running_var")), 1, [], ASKS),
}  # fmt: skip


@pytest.mark.parametrize("name", WILD)
def test_a_wild_checkpoint_gets_its_verdict(name, write, monkeypatch):
    monkeypatch.setattr(shard.os, "fsync", lambda _: None)
    tensors, sites, codes, migrates = WILD[name]
    prefix = write(tensors)
    found = checkpoint.inspect(prefix)
    assert (len(found.sites), [problem.code for problem in found.problems]) == (sites, codes)
    assert sites or found.notes
    plan = checkpoint.plan_migration(prefix, "tf1bn")
    assert bool(plan.troubles) == (migrates == ASKS), plan.troubles


@pytest.mark.parametrize("name", [name for name, row in WILD.items() if row[3] == OK])
def test_no_value_is_lost_on_the_way_to_tf1bn(name, write, tmp_path):
    """Every tensor arrives once, bit for bit, but for helpers that the plan says it leaves out."""
    tensors = WILD[name][0]
    plan = checkpoint.plan_migration(write(tensors), "tf1bn")
    checkpoint.migrate(plan, tmp_path / "out", verify=True)
    left_out = {drop.name for drop in plan.dropped}
    assert all(name.endswith(("biased", "local_step")) or "renorm" in name for name in left_out)
    targets = {step.source: step.target for step in plan.steps if step.source}
    assert set(targets) == set(tensors) - left_out
    with source.open_checkpoint(tmp_path / "out") as made:
        for name, target in targets.items():
            assert made.read(target).tobytes() == tensors[name].tobytes(), name


def test_a_pickle_of_stylegan_is_called_what_it_is(tmp_path):
    (tmp_path / "network.pkl").write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\n" + bytes(64))
    with pytest.raises(errors.CheckpointUnsupportedError, match="is a Python pickle, not a checkpoint of TensorFlow"):
        checkpoint.inspect(tmp_path / "network.pkl")
