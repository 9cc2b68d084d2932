"""The projector's settings as TensorBoard reads them."""

from __future__ import annotations

import types

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import projector

TEXT = """model_checkpoint_path: "model.ckpt"
embeddings {
  tensor_name: "words"
  metadata_path: "words.tsv"
  sprite {
    image_path: "sprite.png"
    single_image_dim: 28
    single_image_dim: 27
  }
}
embeddings {
  tensor_name: "others"
}
"""


def test_settings_are_written_beside_the_events(plain_graph, tmp_path):
    config = projector.ProjectorConfig()
    config.model_checkpoint_path = "model.ckpt"
    embedding = config.embeddings.add()
    embedding.tensor_name, embedding.metadata_path = "words", "words.tsv"
    embedding.sprite.image_path = "sprite.png"
    embedding.sprite.single_image_dim.extend([28, 27])
    config.embeddings.extend([projector.EmbeddingInfo(tensor_name="others")])
    with tf.summary.FileWriter(str(tmp_path / "logs")) as writer:
        projector.visualize_embeddings(writer, config)
    assert (tmp_path / "logs" / "projector_config.pbtxt").read_text() == TEXT
    projector.visualize_embeddings(str(tmp_path / "other"), config)
    assert (tmp_path / "other" / "projector_config.pbtxt").read_text() == TEXT


def test_the_fields_are_those_of_tensorboard():
    pytest.importorskip("tensorboard")
    from tensorboard.plugins.projector import projector_config_pb2 as original

    for name in ("ProjectorConfig", "EmbeddingInfo", "SpriteMetadata"):
        theirs, ours = (getattr(module, name).DESCRIPTOR.fields for module in (original, projector))
        assert [(f.name, f.number, f.type, f.label) for f in theirs] == [
            (f.name, f.number, f.type, f.label) for f in ours
        ]


def test_a_writer_without_a_folder_is_refused():
    with pytest.raises(ValueError, match="the writer has no folder. Use tf.summary.FileWriter"):
        projector.visualize_embeddings(types.SimpleNamespace(get_logdir=lambda: None), projector.ProjectorConfig())
