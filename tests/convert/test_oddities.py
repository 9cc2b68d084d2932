"""Odd networks: converted right, and back bit for bit, or stopped by a question."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.convert import oddities
from tf1bn import convert, errors
from tf1bn.checkpoint.source import open_checkpoint
from tf1bn.testing.graphs import graph_mode


def _saved(build, folder, session):
    """Gives every variable numbers of its own and saves; returns the prefix and what the builder gives."""
    made = build()
    scores, port = made if isinstance(made, tuple) else (made, None)
    tf.identity(scores, "scores")
    session.run(tf.global_variables_initializer())
    numbers = np.random.default_rng(3)
    for variable in tf.global_variables():
        value = numbers.normal(size=variable.shape.as_list()) * 0.5
        value = np.abs(value) + 0.5 if "variance" in variable.op.name else value
        session.run(variable.initializer, {variable.initializer.inputs[1]: value})
    return tf.train.Saver().save(session, str(folder / "model")), port


@pytest.mark.parametrize("name", oddities.RIGHT)
def test_an_odd_network_computes_the_same_and_comes_back(name, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here: run `make test-convert`")
    with graph_mode() as graph, tf.Session(graph=graph) as session:
        prefix, port = _saved(oddities.RIGHT[name], tmp_path, session)
        holders = [item.outputs[0] for item in graph.get_operations() if item.type == "Placeholder"]
        numbers = np.random.default_rng(4)
        feed = {item: numbers.normal(size=[2, *item.shape.as_list()[1:]]).astype(np.float32) for item in holders}
        expected = session.run("scores:0", feed)
    options = {"graph": prefix + ".meta", "outputs": ["scores"]}
    convert.convert(prefix, tmp_path / "m.npz", to="npz", dialect="torch", **options)
    with np.load(tmp_path / "m.npz") as state:
        found = port(oddities.Torch({key: torch.from_numpy(state[key]) for key in state.files}), *feed.values())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)
    convert.convert_back(tmp_path / "m.npz", tmp_path / "back", base=prefix, **options)
    with open_checkpoint(prefix) as before, open_checkpoint(tmp_path / "back") as after:
        assert set(before.tensors) == set(after.tensors)
        assert all(before.read(key).tobytes() == after.read(key).tobytes() for key in before.tensors)


@pytest.mark.parametrize("name", oddities.ASKED)
def test_an_odd_network_is_asked_about(name, tmp_path):
    build, text = oddities.ASKED[name]
    with graph_mode() as graph, tf.Session(graph=graph) as session:
        prefix, _ = _saved(build, tmp_path, session)
    for outputs in (["scores"], None):
        plan = convert.plan_conversion(prefix, graph=prefix + ".meta", outputs=outputs)
        assert any(text in doubt.text for doubt in plan.doubts), plan.doubts
    with pytest.raises(errors.ConvertError, match="questions are open, nothing was written"):
        convert.convert(prefix, tmp_path / "m.npz", to="npz", dialect="torch", graph=prefix + ".meta")
    assert not (tmp_path / "m.npz").exists()
