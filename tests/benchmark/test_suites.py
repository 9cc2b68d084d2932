"""The other suites, as small as they get, in one process whose mode of TensorFlow they set."""

import importlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from tf1bn import errors
from tf1bn.benchmark import import_time, inference, memory, network, plot, variants
from tf1bn.benchmark.options import Options

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Fewer networks than the suite has, of fewer layers, since a real one takes seconds to build; one of them is wrong.
PROGRAM = """
import json
from tf1bn.benchmark import implementations, import_time, network, report, suites
from tf1bn.benchmark.options import Options
from tf1bn.examples import models

models.CONVOLUTIONS, network.BATCH = 4, 8
import_time.PROGRAMS["tensorflow"] = import_time.PROGRAMS["tensorflow_again"] = "print([[1.0, 2.0]])"
wrong = implementations.Implementation("wrong", lambda x, on: implementations.textbook(x, on) * 1.1)
every = network._variants(Options(), [])
network._variants = lambda options, peers: {
    **{name: every[name] for name in ("biases", "tf1bn_frozen", "tf1bn_placeholder")}, "wrong": (wrong, False)
}
options = Options(("textbook",), rounds=1, milliseconds=0.0, sessions=1, quiet=True, layers=(2, 3))
own = Options((), rounds=1, milliseconds=0.0, sessions=1, quiet=True, batches=(2,))
found = {name: suites.run(name, own) for name in ("inference", "import_time", "network")}
found["graph_build"] = suites.run("graph_build", options)
print(json.dumps({name: [report.content(result), report.text(result)] for name, result in found.items()}))
"""


@pytest.fixture(scope="module")
def measured():
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_network_is_timed_where_its_first_step_is_right(measured):
    [case] = measured["network"][0]["cases"]
    assert set(case["times"]) == {"biases", "tf1bn_frozen", "tf1bn_placeholder"}
    assert case["absent"]["wrong"].startswith("wrong: ")
    assert case["counts"]["tf1bn_frozen"]["ops"] > case["counts"]["biases"]["ops"]
    peaks = {name: case["counts"][name][memory.PEAK] for name in case["times"]}
    assert 1 < peaks["biases"] < peaks["tf1bn_frozen"] < 100
    assert max(case["errors"][name] for name in case["times"] if name != "biases") < network.TOLERANCE


def test_inference_is_timed_folded_static_and_switched(measured):
    [case] = measured["inference"][0]["cases"]
    names = {"biases", "biases_again", "folded", "tf1bn_static", "tf1bn_placeholder"}
    assert case["name"] == "batch 2" and set(case["times"]) == names
    assert max(case["errors"].values()) < inference.TOLERANCE and not case["absent"]


def test_graphs_are_built_at_each_depth(measured):
    names = [case["name"] for case in measured["graph_build"][0]["cases"]]
    assert names == ["2 layers, per layer", "3 layers, per layer", "2 layers, first run", "3 layers, first run"]
    assert measured["graph_build"][0]["cases"][2]["counts"]["textbook"]["ops"] > 10


def test_imports_are_timed_in_processes_of_their_own(measured):
    whole, added = measured["import_time"][0]["cases"]
    assert set(whole["times"]) == set(import_time.PROGRAMS)
    [used], [layer] = (added["times"][name][0] for name in ("tf1bn", "tf1bn, and a first layer"))
    assert 0 < used < layer
    assert whole["process_times"]["tensorflow"] == [[2e6]] and added["process_times"]["tf1bn"][0][0] > 0


def test_every_suite_has_processor_times_and_notes_the_cores(measured):
    for content, text in measured.values():
        for case in content["cases"]:
            assert set(case["process_times"]) == set(case["times"])
        assert content["cases"][0]["busy"]["own"] > 0 and "this process had" in text


def test_every_report_has_its_table_and_goals(measured):
    for name, (content, text) in measured.items():
        assert content["suite"] == name and all(goal["goal"] in text for goal in content["goals"])
        assert all(variant in text for case in content["cases"] for variant in case["times"])


def test_a_process_that_cannot_import_is_an_error(monkeypatch):
    monkeypatch.setattr(import_time, "PROGRAMS", {variants.OURS: "import tensorflow_of_tomorrow"})
    with pytest.raises(errors.ArgumentError, match="a process that imports failed: ModuleNotFoundError"):
        import_time.run(Options(rounds=1, quiet=True))


@pytest.mark.parametrize("suite", variants.SUITES)
def test_a_plan_names_all_that_would_be_timed(suite):
    planned = importlib.import_module(f"tf1bn.benchmark.{suite}").plan(Options(peers=("textbook",)))
    if suite == "network":
        assert {f"tf1bn_{name}" for name in ("again", "collection", "ema", "frozen")} < set(planned["variants"])
    if suite == "import_time":
        assert planned["programs"] == list(import_time.PROGRAMS)
    else:
        assert any(name.startswith("textbook") for name in planned["variants"]) and planned["absent"] == {}


def test_the_native_kernel_is_timed_twice_for_its_noise():
    planned = network.plan(Options(peers=(), kernels=("native",)))
    native = [name for name in planned["variants"] if name.startswith("tf1bn:native")]
    assert native == ["tf1bn:native", "tf1bn:native_again", "tf1bn:native_placeholder"]


def test_one_run_is_drawn(result):
    assert plot.only([result("step")]) == result("step")
    with pytest.raises(errors.ArgumentError, match="a plot shows one run. Got '2 states of oneDNN'; expected one"):
        plot.only([result("step")] * 2)


def test_there_is_nothing_to_draw_without_shapes(result, layer_case, tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(errors.ArgumentError, match="there is nothing to draw"):
        plot.draw(result("step", layer_case("60x100", mean=1e4, tf1bn=1.0)), tmp_path / "a.png")
