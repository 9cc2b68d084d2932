"""Networks of one op each, exported for one reader: it gives TensorFlow's numbers, or was refused with reason."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.runtimes import ops, runners
from tf1bn import errors, export

READERS = {
    "opencv": (runners.opencv, runners.opencv),
    "openvino": (runners.openvino, runners.openvino),
    "onnx": (runners.onnx_file, runners.onnx_runtime),
    "tflite": (runners.tflite_file, runners.litert),
}
"""What runs the exported file, and what runs the frozen graph as it is."""


STRICTER = {
    "opencv": (
        # Of a maximum and a minimum, an ExpandDims, a Split and a Transpose it computes these, and others wrongly.
        "clip_by_value", "expand_dims, last", "expand_dims, 1", "l2_normalize, last", "shuffled channels", "slice, one",
        "split, 1", "transpose",
    ),
    "openvino": ("tile, 0",),
    "onnx": ("xdivy",),
}  # fmt: skip
"""What a reader computes and is refused all the same, since it is told apart from what it does not by little."""

TURNED = ("image: transpose to channels first", "image: transpose, and a product")

ENDS = {("opencv", "image: squeeze, not said")}
"""Refused, and not tried: the reader's process ends."""


def exported(network, runtime, folder):
    """The path of the export, or None where it is refused."""
    with tf.Graph().as_default() as graph:
        network.build()
    try:
        return export.export(graph, {}, "y", folder / "fitted", runtime=runtime, feed={"x": network.x}).path
    except errors.ExportError as error:
        assert "cannot" in str(error) or "the check failed" in str(error), error
        return None


def agree(y, wanted):
    """Whether these are the numbers, in this order; readers keep axes of size one or drop them."""
    scale = max(1.0, float(np.abs(wanted).max()))
    return np.size(y) == wanted.size and np.allclose(np.ravel(y), wanted.ravel(), 1e-4, 1e-4 * scale)


def turned(y):
    """Back to the order in which OpenCV gave it: what the graph itself turned to channels first stays so."""
    return np.transpose(y, (0, 3, 1, 2))


def gives(run, path, network):
    """Whether a reader takes the file and gives what TensorFlow does."""
    try:
        y, _ = run(path, network.x)
    except Exception:
        return False
    return agree(y, network.wanted())


@pytest.mark.exhaustive
@pytest.mark.parametrize("runtime", READERS)
@pytest.mark.parametrize("name", ops.NETWORKS)
def test_a_reader_computes_what_was_exported_for_it_and_not_what_was_refused(name, runtime, tmp_path):
    network, (run, run_plain) = ops.NETWORKS[name], READERS[runtime]
    path = exported(network, runtime, tmp_path)
    if path is None:
        if (runtime, name) in ENDS or name.split(": ")[1] in STRICTER.get(runtime, ()):
            return
        plain = ops.frozen(network, tmp_path / "plain.pb")
        assert not gives(run_plain, plain, network), f"{runtime} computes what is refused"
    else:
        y, _ = run(path, network.x)
        y = turned(y) if runtime == "opencv" and name in TURNED else y
        assert agree(y, network.wanted()), f"{runtime} computes it wrongly, and it is not refused"
