"""Every network with real PyTorch: the same numbers on the same inputs, each mutation caught, and back bit for bit."""

import json

import numpy as np
import pytest

from tests.convert import mutations
from tf1bn import convert, errors
from tf1bn.checkpoint.source import open_checkpoint

torch = pytest.importorskip("torch", reason="PyTorch is not installed here: run `make test-convert`")
torch.set_num_threads(1)  # its threads wait in circles for a busy machine
modules = pytest.importorskip("tests.convert.modules")


@pytest.mark.parametrize("name", mutations.ALL)
def test_a_module_with_the_weights_computes_what_the_graph_does(name, saved, options, tmp_path):
    plan = convert.plan_conversion(saved(name), "torch", like=getattr(modules, name)().state_dict(), **options(name))
    assert not plan.doubts
    done = convert.convert(saved(name), tmp_path / "model.pt", plan=plan)
    module = getattr(modules, name)()
    verdict = convert.verify(saved(name), module, plan=plan, state=done.files[0], **options(name))
    assert verdict.agrees and verdict.largest < 1e-5 and not verdict.parted and verdict.layers
    wrong = mutations.mutated(plan, name)
    convert.convert(saved(name), tmp_path / "wrong.pt", plan=wrong)
    found = convert.verify(saved(name), module, plan=wrong, state=tmp_path / "wrong.pt", **options(name))
    assert not found.agrees and found.largest > 1e-3
    assert found.parted == mutations.ALL[name][2]
    with pytest.raises(errors.ConvertError, match=f"the first layer that differs is '{found.parted}'"):
        found.require()


@pytest.mark.parametrize("name", mutations.ALL)
@pytest.mark.parametrize("form", ["pt", "safetensors"])
def test_a_round_trip_keeps_every_bit(name, form, saved, options, tmp_path):
    if form == "safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"model.{form}"
    to = "torch" if form == "pt" else form
    done = convert.convert(saved(name), path, to=to, shard_mb=0.0001, **options(name))
    assert len(done.files) > 2, "it is written in shards"
    back = convert.convert_back(done.files[-1], tmp_path / "back", base=saved(name), **options(name))
    assert not back.absent and not back.unused
    with open_checkpoint(saved(name)) as before, open_checkpoint(tmp_path / "back") as after:
        assert set(before.tensors) == set(after.tensors)
        for key in before.tensors:
            assert before.read(key).tobytes() == after.read(key).tobytes(), key


def test_weights_trained_in_pytorch_serve_the_graph(saved, options, tmp_path):
    module = modules.recurrent()
    with torch.no_grad():  # both biases have numbers of their own: the graph has one, and a constant
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    torch.save(module.state_dict(), tmp_path / "trained.pt")
    convert.convert_back(tmp_path / "trained.pt", tmp_path / "back", **options("recurrent"))
    verdict = convert.verify(str(tmp_path / "back"), module, **options("recurrent"))
    assert verdict.agrees and verdict.largest < 1e-5


def test_safetensors_are_what_its_own_library_reads(saved, options, tmp_path):
    library = pytest.importorskip("safetensors.torch")
    convert.convert(saved("mobile"), tmp_path / "m.safetensors", to="safetensors", **options("mobile"))
    convert.convert(saved("mobile"), tmp_path / "m.pt", **options("mobile"))
    one, two = library.load_file(tmp_path / "m.safetensors"), torch.load(tmp_path / "m.pt", weights_only=True)
    assert set(one) == set(two) and all(torch.equal(one[name], two[name]) for name in one)
    assert (tmp_path / "m.safetensors").stat().st_mode & 0o777 == (tmp_path / "m.pt").stat().st_mode & 0o777


@pytest.mark.parametrize("form", ["safetensors", "json", "txt"])
def test_the_names_of_a_file_are_taken(form, saved, options, tmp_path):
    """A target's state, or a list of its names and shapes, gives the names; its order is that of the file."""
    wanted = {f"net.{number}.{word}": value for number, word, value in (
        (0, "weight", torch.zeros(3, 2, 3, 3)), (0, "bias", torch.zeros(3)), (2, "weight", torch.zeros(12)),
        (2, "bias", torch.zeros(12)), (2, "running_mean", torch.zeros(12)), (2, "running_var", torch.zeros(12)),
        (3, "weight", torch.zeros(4, 12)), (3, "bias", torch.zeros(4)), (5, "weight", torch.zeros(3, 4)),
        (5, "bias", torch.zeros(3)))}  # fmt: skip
    path = tmp_path / f"like.{form}"
    shapes = {name: list(value.shape) for name, value in wanted.items()}
    if form == "safetensors":
        pytest.importorskip("safetensors.torch").save_file(wanted, path)
    elif form == "json":
        path.write_text(json.dumps(shapes))
    else:
        path.write_text("".join(f"{name} {shape}\n" for name, shape in shapes.items()))
    plan = convert.plan_conversion(saved("flattened"), like=path, **options("flattened"))
    assert not plan.doubts
    assert {entry.target.name: list(entry.target.shape) for entry in plan.entries} == shapes
    assert {layer.scope: layer.name for layer in plan.layers} == {
        "conv": "net.0", "bn": "net.2", "turned": "net.3", "head": "net.5",
    }  # fmt: skip


def test_bfloat16_keeps_its_bits(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    value = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
    for form, to in (("pt", "torch"), ("safetensors", "safetensors")):
        convert.convert({"dense/kernel": value}, tmp_path / f"half.{form}", to=to)
    loaded = torch.load(tmp_path / "half.pt", weights_only=True)["dense.weight"]
    assert loaded.dtype == torch.bfloat16 and loaded.float().tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_module_of_another_shape_is_refused(saved, options):
    with pytest.raises(errors.ConvertError, match="does not run on inputs of shapes"):
        convert.verify(saved("mlp"), modules.resnet(), **options("mlp"))
