"""The rarer words of contrib.framework: kernels that keep norms, limits, records of files, fused graphs."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import framework

KERNELS = {
    "delta of lines": (framework.convolutional_delta_orthogonal, [3, 2, 4]),
    "delta of images": (framework.convolutional_delta_orthogonal, [3, 5, 2, 4]),
    "delta of volumes": (framework.convolutional_delta_orthogonal, [3, 2, 3, 2, 2]),
    "lines": (framework.convolutional_orthogonal_1d, [4, 2, 3]),
    "images": (framework.convolutional_orthogonal_2d, [3, 3, 2, 4]),
    "images of one pixel": (framework.convolutional_orthogonal_2d, [1, 1, 3, 3]),
    "volumes": (framework.convolutional_orthogonal_3d, [2, 2, 2, 2, 3]),
}


def convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The convolution with periodic borders."""
    axes = range(kernel.ndim - 2)
    found = 0
    for place in np.ndindex(*kernel.shape[:-2]):
        found = found + np.roll(x, [-step for step in place], list(axes)) @ kernel[place]
    return found


@pytest.mark.parametrize("case", KERNELS)
def test_a_convolution_keeps_norms_up_to_the_gain(graph, run, case):
    kind, shape = KERNELS[case]
    kernel = run(tf.get_variable("kernel", shape, tf.float64, initializer=kind(gain=1.5, seed=3, dtype=tf.float64)))
    assert kernel.shape == tuple(shape)
    x = np.random.RandomState(0).randn(*(5 for _ in shape[:-2]), shape[-2])
    np.testing.assert_allclose(np.linalg.norm(convolved(x, kernel)), 1.5 * np.linalg.norm(x), rtol=1e-9)
    if "delta" in case:
        middle = tuple((size - 1) // 2 for size in shape[:-2])
        assert np.count_nonzero(kernel) == np.count_nonzero(kernel[middle])
    elif shape[0] > 1:
        assert sum(np.abs(kernel[place]).max() > 0 for place in np.ndindex(*shape[:-2])) > 1


def test_kernels_are_repeated_by_their_seed_and_tell_their_arguments(plain_graph, run):
    first, second, other = (framework.convolutional_orthogonal_1d(seed=seed)([3, 2, 2]) for seed in (1, 1, 2))
    found = run([first, second, other])
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0.01
    config = framework.convolutional_delta_orthogonal(2.0, 5).get_config()
    assert config == {"gain": 2.0, "seed": 5, "dtype": "float32"}
    assert framework.convolutional_delta_orthogonal(**config).gain == 2.0


REFUSED_KERNELS = {
    "rank": (lambda: framework.convolutional_orthogonal_2d()([3, 2, 2]), "rank of the kernel.*Got 3"),
    "channels": (lambda: framework.convolutional_delta_orthogonal()([3, 3, 2]), "more channels in than out"),
    "sides": (lambda: framework.convolutional_orthogonal_2d()([3, 2, 2, 2]), "equal sides"),
    "dtype": (lambda: framework.convolutional_orthogonal_1d(dtype=tf.int32), "floating point.*Got 'int32'"),
}


@pytest.mark.parametrize("case", REFUSED_KERNELS)
def test_kernels_refuse(plain_graph, case):
    call, text = REFUSED_KERNELS[case]
    with pytest.raises(ValueError, match=text):
        call()


def test_limits_are_arrays_that_stay():
    spec = framework.BoundedTensorSpec([2, 3], tf.float32, 0, [1.0, 2.0, 3.0], "x")
    np.testing.assert_array_equal(spec.maximum, np.float32([1, 2, 3]))
    assert spec.minimum.dtype == np.float32 and spec.shape == [2, 3] and spec.name == "x"
    with pytest.raises(ValueError, match="read-only"):
        spec.maximum[0] = 5
    for other in (copy.deepcopy(spec), pickle.loads(pickle.dumps(spec)), framework.BoundedTensorSpec.from_spec(spec)):
        assert other == spec and (other != spec) is False and hash(other) == hash(spec)
    assert spec != framework.BoundedTensorSpec([2, 3], tf.float32, 0, [1.0, 2.0, 4.0], "x")
    assert spec != tf.TensorSpec([2, 3], tf.float32, "x")
    assert spec.is_compatible_with(tf.TensorSpec([2, 3], tf.float32))
    free = framework.BoundedTensorSpec.from_spec(tf.TensorSpec([], tf.int32))
    assert (free.minimum, free.maximum) == (tf.int32.min, tf.int32.max)
    assert "minimum=array(0., dtype=float32), maximum=array([1., 2., 3.]" in repr(spec)


@pytest.mark.parametrize(("low", "text"), [(None, "`minimum` must not be None"), ([1, 2], "`minimum` does not fit")])
def test_limits_refuse(low, text):
    with pytest.raises(ValueError, match=text):
        framework.BoundedTensorSpec([3], tf.float32, low, 1)


def test_records_of_all_files_come_in_each_pass(plain_graph, tmp_path):
    for number in range(3):
        with tf.python_io.TFRecordWriter(str(tmp_path / f"part-{number}")) as writer:
            for record in range(4):
                writer.write(b"%d-%d" % (number, record))
    reader = framework.RecordInput(str(tmp_path / "part-*"), 4, buffer_size=1, seed=5)
    pairs = framework.RecordInput(str(tmp_path / "part-0"), 1, batches=2).get_yield_op()
    records = reader.get_yield_op()
    assert [len(batch) for batch in pairs] == [1, 1] and pairs[0][0].shape == []
    with tf.Session() as session:
        found = {record for _ in range(9) for record in session.run(records)}
        assert set(np.ravel(session.run(pairs))) <= {b"0-%d" % record for record in range(4)}
    assert found <= {b"%d-%d" % (number, record) for number in range(3) for record in range(4)} and len(found) > 8


def chain() -> tf.GraphDef:
    """``a`` to ``f``, one after the other; ``g`` reads ``f``."""
    made = tf.GraphDef()
    for name, needs in {"a": "", "b": "a", "c": "b", "d": "c", "e": "d", "f": "e", "g": "f"}.items():
        made.node.add(name=name, op="Identity" if needs else "Placeholder", input=[needs] if needs else [])
    return made


def test_a_part_of_a_graph_becomes_one_op():
    made = framework.fuse_op(chain(), ["b"], ["e"], [tf.float32.as_datatype_enum], True, "whole", "Whole")
    assert [(node.name, list(node.input)) for node in made.node] == [
        *(("a", []), ("b", ["a"]), ("whole", ["b"]), ("e", ["whole"]), ("f", ["e"]), ("g", ["f"])),
    ]
    whole = made.node[2]
    assert whole.op == "Whole" and whole.attr["_output_quantized"].b
    assert list(whole.attr["_output_types"].list.type) == [tf.float32.as_datatype_enum]


def test_a_second_output_reads_the_second_of_the_op():
    graph = chain()
    graph.node.add(name="h", op="Identity", input=["c"])
    made = framework.fuse_op(graph, ["b"], ["d", "h"], [1, 1], False, "whole", "Whole")
    assert {node.name: list(node.input) for node in made.node if node.name in "dh"} == {
        "d": ["whole"],
        "h": ["whole:1"],
    }


def open_graph() -> tf.GraphDef:
    graph = chain()
    graph.node[3].input.append("a")
    return graph


REFUSED_FUSIONS = {
    "no graph": (lambda: framework.fuse_op("graph", ["b"], ["e"], [1], False, "x", "X"), TypeError, "no GraphDef"),
    "one name": (lambda: framework.fuse_op(chain(), "b", ["e"], [1], False, "x", "X"), TypeError, "list of names"),
    "no node": (lambda: framework.fuse_op(chain(), ["b"], ["z"], [1], False, "x", "X"), ValueError, "no node 'z'"),
    "open": (
        lambda: framework.fuse_op(open_graph(), ["b"], ["e"], [1], False, "x", "X"),
        TypeError,
        "'d' needs 'a'. Add it to `input_nodes`",
    ),
    "inputs of an output": (
        lambda: framework.fuse_op(open_graph(), ["b"], ["d"], [1], False, "x", "X"),
        ValueError,
        "'d' must have one input",
    ),
}


@pytest.mark.parametrize("case", REFUSED_FUSIONS)
def test_fusions_refuse(case):
    call, kind, text = REFUSED_FUSIONS[case]
    with pytest.raises(kind, match=text):
        call()
