"""``tf.contrib.tensorboard.plugins.projector``: which embeddings TensorBoard's projector shows.

The messages are made here from their fields, so the package tensorboard need not be there to write them.
"""

from __future__ import annotations

import os
from typing import Any

import tensorflow.compat.v1 as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from tf1bn import errors

PROJECTOR_FILENAME = "projector_config.pbtxt"

_FIELDS: dict[str, tuple[tuple[str, int, str], ...]] = {
    "SpriteMetadata": (("image_path", 1, "string"), ("single_image_dim", 2, "uint32*")),
    "EmbeddingInfo": (
        ("tensor_name", 1, "string"),
        ("metadata_path", 2, "string"),
        ("bookmarks_path", 3, "string"),
        ("tensor_shape", 4, "uint32*"),
        ("sprite", 5, "SpriteMetadata"),
        ("tensor_path", 6, "string"),
    ),
    "ProjectorConfig": (
        ("model_checkpoint_path", 1, "string"),
        ("embeddings", 2, "EmbeddingInfo*"),
        ("model_checkpoint_dir", 3, "string"),
    ),
}
"""Message -> name, number and type of each field; ``*`` is a repeated one."""


def _messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="projector_config.proto", package="tensorboard", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in _FIELDS.items():
        made = file.message_type.add(name=message)
        for name, number, kind in fields:
            label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            field = made.field.add(name=name, number=number, label=label)
            plain = kind.removesuffix("*")
            field.type = {"string": kinds.TYPE_STRING, "uint32": kinds.TYPE_UINT32}.get(plain, kinds.TYPE_MESSAGE)
            if plain in _FIELDS:
                field.type_name = f".tensorboard.{plain}"
    # A pool of its own: tensorboard, where it is installed, has put messages of these names into the default one.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: _class(pool, pool.FindMessageTypeByName(f"tensorboard.{name}")) for name in _FIELDS}


def _class(pool: Any, descriptor: Any) -> Any:
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)  # protobuf before 4.22


_made = _messages()
SpriteMetadata = _made["SpriteMetadata"]
EmbeddingInfo = _made["EmbeddingInfo"]
ProjectorConfig = _made["ProjectorConfig"]


def visualize_embeddings(summary_writer: Any, config: Any) -> None:
    """Writes the settings of the projector to ``projector_config.pbtxt`` in the folder of a writer.

    Args:
      summary_writer: a ``tf.summary.FileWriter``, or its folder.
      config: a ``ProjectorConfig``; without a checkpoint, TensorBoard takes the newest in that folder.

    Raises:
      ArgumentError: the writer has no folder.
    """
    folder = summary_writer if isinstance(summary_writer, str) else summary_writer.get_logdir()
    if folder is None:
        raise errors.ArgumentError("the writer has no folder. Use tf.summary.FileWriter.", where="visualize_embeddings")
    folder = os.fspath(folder)
    tf.gfile.MakeDirs(folder)
    with tf.gfile.GFile(os.path.join(folder, PROJECTOR_FILENAME), "w") as file:
        file.write(text_format.MessageToString(config))


__all__ = ["PROJECTOR_FILENAME", "EmbeddingInfo", "ProjectorConfig", "SpriteMetadata", "visualize_embeddings"]
