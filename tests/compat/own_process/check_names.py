"""Every public name of 1.15 in some modules of tf.contrib: served by every way to it, or refused with the reason."""

import importlib
import pathlib
import re

import pytest

import tf1bn.compat.v1 as tf
from tests.compat import names_of_1_15 as original
from tf1bn import errors
from tf1bn.compat import absent

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "old_programs.md"

# Module -> the least share of its names that is served.
SHARES = {
    "crf": 1.0,
    "summary": 1.0,
    "nn": 1.0,
    "util": 1.0,
    "signal": 1.0,
    "stateless": 1.0,
    "image": 1.0,
    "tensorboard.plugins.projector": 1.0,
    "opt": 0.7,
    "rnn": 1.0,
    "layers": 1.0,
    "framework": 1.0,
    "training": 1.0,
    "metrics": 1.0,
    "losses": 1.0,
    "losses.metric_learning": 0.8,
    "seq2seq": 1.0,
    "legacy_seq2seq": 1.0,
    "lookup": 1.0,
    "data": 1.0,
    "slim": 1.0,
}


def names(path: str) -> set[str]:
    return set(original.MODULES[path].split())


def served(path: str) -> set[str]:
    module = importlib.import_module(f"tf1bn.compat.v1.contrib.{path}")
    return {name for name in names(path) if hasattr(module, name)}


@pytest.mark.parametrize("path", original.MODULES)
def test_the_share_of_served_names_holds(path: str) -> None:
    assert len(served(path)) / len(names(path)) >= SHARES[path], sorted(names(path) - served(path))


def test_the_documentation_counts_right() -> None:
    rows = re.findall(r"^\| `contrib\.([\w.]+)` \| (\d+) of (\d+) \| (.*)\|$", PAGE.read_text(), re.MULTILINE)
    assert set(original.MODULES) == {path for path, *_ in rows}
    for path, count, total, absences in rows:
        assert (int(count), int(total)) == (len(served(path)), len(names(path)))
        assert set(re.findall(r"`(\w+)`", absences)) == names(path) - served(path)


def test_data_sets_of_1_4_are_served_beside_those_of_1_15() -> None:
    assert set(original.DATA_OF_1_4.split()) <= set(dir(tf.contrib.data))


@pytest.mark.parametrize("path", original.MODULES)
def test_each_absent_name_says_why_and_what_to_use(path: str) -> None:
    module = importlib.import_module(f"tf1bn.compat.v1.contrib.{path}")
    for name in names(path) - served(path):
        why, use = absent.REASONS[name]
        assert why and use
        with pytest.raises(errors.AbsentError, match="Use "):
            getattr(module, name)


@pytest.mark.parametrize("path", original.MODULES)
def test_each_served_name_is_found_by_attribute_and_by_import(path: str) -> None:
    module = importlib.import_module(f"tf1bn.compat.v1.contrib.{path}")
    found = tf.contrib
    for part in path.split("."):
        found = getattr(found, part)
    for name in served(path):
        assert getattr(found, name) is getattr(module, name)
    assert served(path) <= set(dir(module))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("slim.nets", "inception"),
        ("slim.nets.resnet_v1", "resnet_v1_50"),
        ("slim.nets.vgg", "vgg_16"),
        ("slim.python.slim.nets.inception_v3", "inception_v3"),
        ("slim.python.slim.nets.resnet_utils", "conv2d_same"),
        ("slim.python.slim.data.tfexample_decoder", "TFExampleDecoder"),
        ("slim.dataset_data_provider", "DatasetDataProvider"),
        ("rnn.python.ops.rnn_cell", "LayerNormBasicLSTMCell"),
        ("rnn.python.ops.lstm_ops", "LSTMBlockCell"),
        ("layers.python.layers.feature_column", "real_valued_column"),
        ("layers.python.ops.sparse_ops", "dense_to_sparse_tensor"),
        ("training.python.training.bucket_ops", "bucket"),
        ("losses.python.metric_learning.metric_loss_ops", "triplet_semihard_loss"),
        ("seq2seq.python.ops.attention_wrapper", "BahdanauAttention"),
        ("seq2seq.python.ops.attention_wrapper", "_maybe_mask_score"),
        ("seq2seq.python.ops.beam_search_decoder", "gather_tree_from_array"),
        ("seq2seq.python.ops.helper", "CustomHelper"),
        ("lookup.lookup_ops", "index_table_from_file"),
        ("data.python.ops.batching", "map_and_batch"),
    ],
)
def test_modules_of_the_original_are_imported_by_their_path(path: str, name: str) -> None:
    assert callable(getattr(importlib.import_module(f"tf1bn.compat.v1.contrib.{path}"), name)) or name == "inception"
