"""The files that an inference graph can become, and how each is loaded again."""

from __future__ import annotations

import abc
import dataclasses
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from google.protobuf import message

from tf1bn import errors
from tf1bn.checkpoint import shard
from tf1bn.checkpoint.staging import Staging
from tf1bn.export import lite_signature, variables
from tf1bn.export.draft import Draft
from tf1bn.graph import loading, runnable, running

_TAG = "serve"
_METHOD = "tensorflow/serving/predict"


@dataclasses.dataclass(frozen=True)
class Product:
    """What a file shall hold.

    Attributes:
      draft: the graph, with variables.
      values: their values.
      inputs, outputs: key -> name of a tensor.
      signature: name of the signature that lists inputs and outputs.
    """

    draft: Draft
    values: dict[str, np.ndarray]
    inputs: dict[str, str]
    outputs: dict[str, str]
    signature: str

    def meta_graph(self, draft: Draft | None = None) -> Any:
        """Returns a MetaGraphDef whose variables a Saver restores, with the signature."""
        work = draft or self.draft
        meta = variables.with_initializers(work, {name: value.shape for name, value in self.values.items()})
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(meta.graph_def, name="")
            meta.signature_def[self.signature].CopyFrom(self._signature(graph))
        return meta

    def _signature(self, graph: Any) -> Any:
        definition = loading.proto_class("SignatureDef")(method_name=_METHOD)
        for infos, names in ((definition.inputs, self.inputs), (definition.outputs, self.outputs)):
            for key, name in names.items():
                tensor = graph.get_tensor_by_name(name)
                infos[key].name, infos[key].dtype = name, tensor.dtype.as_datatype_enum
                infos[key].tensor_shape.CopyFrom(tensor.shape.as_proto())
        return definition


class Loaded:
    """A written file, loaded into a session of its own.

    Args:
      session: where it is loaded.
      product: what it shall hold.
    """

    def __init__(self, session: Any, product: Product) -> None:
        self._session, self._product = session, product

    def __call__(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the outputs by key for inputs by key."""
        fed = {self._product.inputs[key]: value for key, value in feed.items()}
        try:
            return dict(self._session.run(self._product.outputs, fed))
        except (tf.errors.OpError, ValueError) as error:
            raise errors.RunError(errors.explain(f"the written graph does not run ({str(error)[:300]})")) from error

    def uninitialised(self) -> list[str]:
        """Returns the variables that have no value."""
        with self._session.graph.as_default():
            found = self._session.run(tf.report_uninitialized_variables())
        return [name.decode() for name in found]

    def close(self) -> None:
        """Closes the session."""
        self._session.close()


class Form(abc.ABC):
    """One kind of file.

    Attributes:
      ending: what a path of this kind ends with; empty for a prefix or a directory.
      constants: whether variables become constants, which one message has to hold.
    """

    ending = ""
    constants = False

    @abc.abstractmethod
    def write(self, product: Product, path: str) -> None:
        """Writes to a path where nothing is."""

    @abc.abstractmethod
    def load(self, product: Product, path: str) -> Any:
        """Loads what was written; returns something like :class:`Loaded`."""

    def check(self, draft: Draft) -> None:
        """Refuses a graph whose variables a file of this kind cannot hold; asked before any value is read.

        Raises:
          ExportError: they are of more than 2 GiB.
        """
        if self.constants:
            variables.check_shapes(draft)

    def graph_path(self, path: str) -> str | None:
        """Returns where the graph can be read again, or None."""
        return path

    def target(self, path: str) -> str:
        """Returns the path without a redundant ending."""
        return path.rstrip("/")

    def exists(self, path: str) -> bool:
        """Whether the place is taken."""
        return os.path.lexists(path)

    def commit(self, staging: Staging, path: str) -> None:
        """Moves what was written into place; what was there goes only when the new one is whole."""
        if os.path.lexists(path) and (os.path.isdir(path) or os.path.isdir(staging.prefix)):
            # A folder cannot be renamed over another one. What was there goes with the staging folder.
            os.rename(path, f"{staging.prefix}.old")
        os.rename(staging.prefix, path)


class MetaForm(Form):
    """A ``.meta`` file and a checkpoint of the same prefix."""

    def target(self, path: str) -> str:
        return path.removesuffix(".meta")

    def exists(self, path: str) -> bool:
        return os.path.lexists(f"{path}.meta") or os.path.lexists(f"{path}.index")

    def graph_path(self, path: str) -> str:
        return f"{path}.meta"

    def write(self, product: Product, path: str) -> None:
        if not product.values:
            raise errors.ExportError(errors.explain("the graph has no variable to save", fix="Export it as frozen."))
        # NumPy has no such type of its own, so its bits are written, with the name beside them.
        halves = {name: "bfloat16" for name, value in product.values.items() if value.dtype.name == "bfloat16"}
        stored = {name: value.view(np.uint16) if name in halves else value for name, value in product.values.items()}
        with open(f"{path}.meta", "xb") as file:
            file.write(_bytes(product.meta_graph()))
            file.flush()
            os.fsync(file.fileno())
        shard.write_checkpoint(path, stored, halves)

    def load(self, product: Product, path: str) -> Loaded:
        return _restored(product, f"{path}.meta", path)

    def commit(self, staging: Staging, path: str) -> None:
        # The graph first: a checkpoint counts as there once its index is, which comes last of all.
        os.replace(f"{staging.prefix}.meta", f"{path}.meta")
        staging.commit()


class FrozenForm(Form):
    """A GraphDef whose variables are constants."""

    ending = ".pb"
    constants = True

    def write(self, product: Product, path: str) -> None:
        draft = product.draft.copy()
        variables.freeze(draft, product.values)
        with open(path, "xb") as file:
            file.write(_bytes(draft.graph_def()))
            file.flush()
            os.fsync(file.fileno())

    def load(self, product: Product, path: str) -> Loaded:
        graph_def = tf.GraphDef()
        with open(path, "rb") as file:
            graph_def.ParseFromString(file.read())
        runnable.make_runnable(graph_def)
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="")
            return Loaded(tf.Session(graph=graph, config=running.as_written()), product)


class SavedModelForm(Form):
    """A SavedModel directory with one signature; TensorFlow 2 loads it with ``tf.saved_model.load``."""

    def write(self, product: Product, path: str) -> None:
        draft = product.draft.copy()
        # TensorFlow 2 loads no reference variables.
        variables.as_resources(draft)
        meta = product.meta_graph(draft)
        with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
            tf.train.import_meta_graph(meta)
            running.load(session, [(item, product.values[item.op.name]) for item in tf.global_variables()])
            builder = tf.saved_model.Builder(path)
            builder.add_meta_graph_and_variables(
                session, [_TAG], dict(meta.signature_def), strip_default_attrs=True, clear_devices=True
            )
            builder.save()

    def load(self, product: Product, path: str) -> Loaded:
        return _restored(product, path, os.path.join(path, "variables", "variables"))


class LiteForm(Form):
    """A TFLite flatbuffer with one signature."""

    ending = ".tflite"
    constants = True

    def graph_path(self, path: str) -> None:
        return None

    def write(self, product: Product, path: str) -> None:
        variables.check_size(product.values)
        between = f"{path}.saved_model"
        SavedModelForm().write(product, between)
        try:
            converter = tf.lite.TFLiteConverter.from_saved_model(between, signature_key=product.signature)
            content = converter.convert()
        except Exception as error:  # the converter raises whatever its parts raise
            text = f"TFLite cannot convert the graph ({str(error)[:400]})"
            fix = f"{_lacking(product.draft, str(error))}Export a SavedModel."
            raise errors.ExportError(errors.explain(text, fix=fix)) from error
        finally:
            shutil.rmtree(between)
        with open(path, "xb") as file:
            file.write(_signed(product, content))
            file.flush()
            os.fsync(file.fileno())

    def load(self, product: Product, path: str) -> Any:
        return _Interpreted(product, path)


def _lacking(draft: Draft, error: str) -> str:
    """Returns a sentence for each type of op that the converter complains of: where such ops are."""
    lacking = dict.fromkeys(re.findall(r"'tf\.(\w+)' op is neither", error))
    found = {op: [name for name, node in draft.nodes.items() if node.op == op] for op in lacking}
    return "".join(f"It has no {op}: {', '.join(map(repr, names[:3]))}. " for op, names in found.items() if names)


def _signed(product: Product, content: bytes) -> bytes:
    """Returns a flatbuffer with a signature. Its tensors have the names that they have in the graph."""
    interpreter = _interpreter(model_content=content)
    numbers = [
        {key: {_plain(item["name"]): item["index"] for item in details}[_plain(name)] for key, name in names.items()}
        for details, names in (
            (interpreter.get_input_details(), product.inputs),
            (interpreter.get_output_details(), product.outputs),
        )
    ]
    return lite_signature.signed(content, product.signature, *numbers)


def _interpreter(**given: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it moves to a package of its own, one day
        return tf.lite.Interpreter(**given)


class _Interpreted:
    """A flatbuffer in TFLite's interpreter, called by its signature."""

    def __init__(self, product: Product, path: str) -> None:
        self._run = _interpreter(model_path=path).get_signature_runner(product.signature)

    def __call__(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(self._run(**feed))

    def uninitialised(self) -> list[str]:
        return []

    def close(self) -> None:
        del self._run


def _plain(name: str) -> str:
    return name.removesuffix(":0")


def _restored(product: Product, graph: str, prefix: str) -> Loaded:
    """Imports a meta graph and restores its variables as any program does, with the Saver that comes of it."""
    meta = loading.load(graph).meta_graph
    runnable.make_runnable(meta.graph_def)
    with tf.Graph().as_default() as imported:
        saver = tf.train.import_meta_graph(meta)
        session = tf.Session(graph=imported, config=running.as_written())
        if product.values:
            saver.restore(session, prefix)
    return Loaded(session, product)


def _bytes(proto: Any) -> bytes:
    try:
        return bytes(proto.SerializeToString())
    except (ValueError, message.EncodeError) as error:  # which of the two depends on the version of protobuf
        raise errors.ExportError(
            errors.explain("the graph is larger than a file of this kind can be, 2 GiB", fix="Export a SavedModel.")
        ) from error


FORMS: dict[str, Form] = {
    "meta": MetaForm(),
    "frozen": FrozenForm(),
    "saved_model": SavedModelForm(),
    "tflite": LiteForm(),
}
