"""``slim.tfexample_decoder``: decoders of ``tf.train.Example`` and ``SequenceExample``, and the handler of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.slim_data.data_decoder import DataDecoder
from tf1bn.compat.slim_data.item_handlers import (
    BackupHandler,
    BoundingBox,
    BoundingBoxSequence,
    ItemHandler,
    ItemHandlerCallback,
    KeypointsSequence,
    LookupTensor,
    NumBoxesSequence,
    SparseTensor,
    Tensor,
)

__all__ = [
    "BackupHandler",
    "BoundingBox",
    "BoundingBoxSequence",
    "Image",
    "ItemHandler",
    "ItemHandlerCallback",
    "KeypointsSequence",
    "LookupTensor",
    "NumBoxesSequence",
    "SparseTensor",
    "TFExampleDecoder",
    "TFSequenceExampleDecoder",
    "Tensor",
]


class Image(ItemHandler):
    """A decoded image: JPEG, PNG, GIF or BMP by its bytes, or raw values where the format feature says ``raw``.

    Args:
      image_key, format_key: features of the bytes and of the format.
      shape: that the image gets; needed for raw values.
      channels: of the result.
      dtype: of the result.
      repeated: whether the feature holds several images.
      dct_method: of JPEG, as ``tf.image.decode_jpeg`` has it.
    """

    def __init__(
        self,
        image_key: str | None = None,
        format_key: str | None = None,
        shape: Any = None,
        channels: int | None = 3,
        dtype: Any = tf.uint8,
        repeated: bool = False,
        dct_method: str = "",
    ) -> None:
        self._image, self._format = image_key or "image/encoded", format_key or "image/format"
        super().__init__([self._image, self._format])
        self._shape, self._channels, self._dtype = shape, channels, tf.as_dtype(dtype)
        self._repeated, self._method = repeated, dct_method

    def tensors_to_item(self, keys_to_tensors: Mapping[str, Any]) -> Any:
        """Returns the image, or all images one on top of the other."""
        data, form = keys_to_tensors[self._image], keys_to_tensors[self._format]
        if self._repeated:
            return tf.map_fn(lambda one: self._decoded(one, form), data, dtype=self._dtype)
        return self._decoded(data, form)

    def _decoded(self, data: Any, form: Any) -> Any:
        raw = tf.logical_or(tf.equal(form, "raw"), tf.equal(form, "RAW"))
        image = tf.cond(raw, lambda: tf.decode_raw(data, self._dtype), lambda: self._compressed(data))
        image.set_shape([None, None, self._channels])
        return image if self._shape is None else tf.reshape(image, self._shape)

    def _compressed(self, data: Any) -> Any:
        channels = self._channels or 0

        def jpeg() -> Any:
            return tf.image.decode_jpeg(data, channels=channels, dct_method=self._method)

        def other() -> Any:
            return tf.image.decode_image(data, channels=channels)

        return tf.cast(tf.cond(tf.image.is_jpeg(data), jpeg, other), self._dtype)


class TFExampleDecoder(DataDecoder):
    """Decodes a serialized ``tf.train.Example``.

    Args:
      keys_to_features: how each feature is parsed, as for ``tf.io.parse_single_example``.
      items_to_handlers: the handler of each item.
    """

    def __init__(self, keys_to_features: Mapping[str, Any], items_to_handlers: Mapping[str, ItemHandler]) -> None:
        self._features, self._handlers = dict(keys_to_features), dict(items_to_handlers)

    def list_items(self) -> list[str]:
        """Returns the names of all items."""
        return list(self._handlers)

    def decode(self, data: Any, items: Sequence[str] | None = None) -> list[Any]:
        """Returns the tensors of items, by default of all."""
        parsed = _shaped(tf.io.parse_single_example(data, self._features), self._features)
        return _items(self._handlers, parsed, items)


class TFSequenceExampleDecoder(DataDecoder):
    """Decodes a serialized ``tf.train.SequenceExample``.

    Raises:
      ArgumentError: a feature of the context and of the sequence with the same name.
    """

    def __init__(
        self,
        keys_to_context_features: Mapping[str, Any],
        keys_to_sequence_features: Mapping[str, Any],
        items_to_handlers: Mapping[str, ItemHandler],
    ) -> None:
        twice = set(keys_to_context_features) & set(keys_to_sequence_features)
        if twice:
            raise errors.ArgumentError(
                errors.explain("a key is that of a context and of a sequence", got=sorted(twice)),
                where="TFSequenceExampleDecoder",
            )
        self._context, self._sequence = dict(keys_to_context_features), dict(keys_to_sequence_features)
        self._handlers = dict(items_to_handlers)

    def list_items(self) -> Any:
        """Returns the names of all items."""
        return self._handlers.keys()

    def decode(self, data: Any, items: Sequence[str] | None = None) -> list[Any]:
        """Returns the tensors of items, by default of all."""
        context, sequence = tf.io.parse_single_sequence_example(data, self._context, self._sequence)
        return _items(self._handlers, {**sequence, **_shaped(context, self._context)}, items)


def _shaped(parsed: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, Any]:
    """Gives features of a fixed length their shape."""
    return {
        key: tf.reshape(value, features[key].shape) if isinstance(features[key], tf.io.FixedLenFeature) else value
        for key, value in parsed.items()
    }


def _items(handlers: Mapping[str, ItemHandler], parsed: Mapping[str, Any], items: Sequence[str] | None) -> list[Any]:
    return [
        handlers[item].tensors_to_item({key: parsed[key] for key in handlers[item].keys}) for item in items or handlers
    ]
