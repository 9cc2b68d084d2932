"""ONNX files from tf2onnx, checked in onnxruntime."""

import pytest

from tests.convert import networks
from tf1bn import convert, export

onnx = pytest.importorskip("onnx", reason="ONNX is not installed here: run `make test-convert`")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed here: run `make test-convert`")


@pytest.mark.parametrize("name", ["cnn", "mobile", "generator", "recurrent", "first", "sequence"])
def test_an_onnx_file_computes_what_the_graph_does(name, saved, options, tmp_path):
    path = tmp_path / "model.onnx"
    done = export.export(f"{saved(name)}.meta", saved(name), [networks.OUTPUT], path, to="onnx")
    assert done.path == str(path) and any("outputs are those of the source" in text for text in done.checks)
    verdict = convert.verify(saved(name), path, **options(name))
    assert verdict.agrees and verdict.largest < 1e-5 and not verdict.parted


def test_a_changed_weight_is_found(saved, options, tmp_path):
    path = tmp_path / "model.onnx"
    export.export(f"{saved('generator')}.meta", saved("generator"), [networks.OUTPUT], path, to="onnx")
    model = onnx.load(path)
    largest = max(model.graph.initializer, key=lambda item: len(item.raw_data))
    largest.raw_data = largest.raw_data[4:] + largest.raw_data[:4]
    onnx.save(model, path)
    verdict = convert.verify(saved("generator"), path, **options("generator"))
    assert not verdict.agrees and verdict.parted
