"""What is said of machines of every kind, none of which need be this one."""

import signal

import pytest

from tf1bn.machine import diagnosis, known, report
from tf1bn.machine.facts import Facts
from tf1bn.machine.line import FATAL, LEVELS, NOTE, OK, PROBLEM
from tf1bn.machine.probe import Answer
from tf1bn.machine.processor import Processor

SAID = {
    "version": "2.21.0",
    "lacking": [],
    "place": "/site/tensorflow",
    "onednn": True,
    "built_with_cuda": False,
    "gpus": [],
    "step": "",
    "native": {},
}
GOOD = Facts(
    python="3.11.7",
    executable="/usr/bin/python3",
    system="Linux 6",
    processor=Processor("A processor", "x86_64", "AVX2 with FMA", frozenset({"avx", "avx2", "fma"})),
    versions={"tensorflow": "2.21.0", "numpy": "2.4.6", "absl-py": "2.5.1", "matplotlib": "3.11.2"},
    providers=("tensorflow",),
    answer=Answer(0, SAID),
)


def with_versions(**versions):
    return GOOD._replace(versions={**GOOD.versions, **{name.replace("_", "-"): v for name, v in versions.items()}})


def said(**facts):
    return GOOD._replace(answer=Answer(0, {**SAID, **facts}))


def without(*names):
    return {name: version for name, version in GOOD.versions.items() if name not in names}


# What is odd about a machine, the topic and level of the line that says so, a word of it, and of how to mend it.
CASES = {
    "old Python": (GOOD._replace(python="3.9.2"), "python", FATAL, "3.9.2", "3.10 to 3.13"),
    "no NumPy": (GOOD._replace(versions=without("numpy")), "numpy", FATAL, "not installed", "pip install 'numpy"),
    "old NumPy": (with_versions(numpy="1.19.5"), "numpy", FATAL, "1.19.5; tf1bn needs 1.23", "numpy>=1.23"),
    "no TensorFlow": (GOOD._replace(providers=(), answer=None), "tensorflow", FATAL, "not installed", "pip install"),
    "old TensorFlow": (said(version="2.14.1"), "tensorflow", FATAL, "2.14.1", "tensorflow>=2.15"),
    "no such instruction": (
        GOOD._replace(answer=Answer(-signal.SIGILL, {})), "tensorflow", FATAL, "SIGILL", "instructions that the proc"
    ),
    "no import": (
        GOOD._replace(answer=Answer(1, {}, "ImportError: no libfoo")), "tensorflow", FATAL, "libfoo", "--force-reinst"
    ),
    "no import beside NumPy 2": (
        with_versions(tensorflow="2.15.1")._replace(answer=Answer(1, {}, "ImportError: numpy.core")),
        "tensorflow", FATAL, "numpy.core", "pip install 'numpy<2'"
    ),
    "names gone": (said(lacking=["train.Saver", "cond"]), "tensorflow", PROBLEM, "lacks train.Sav", "newer tf1bn"),
    "wrong numbers": (said(step="got (0.0,)"), "tensorflow", FATAL, "wrong: got (0.0,)", "another release"),
    "two TensorFlows": (
        with_versions(tensorflow_cpu="2.21.0")._replace(providers=("tensorflow", "tensorflow-cpu")),
        "tensorflow", PROBLEM, "several", "pip uninstall tensorflow tensorflow-cpu"
    ),
    "metadata of another": (with_versions(tensorflow="2.20.0"), "tensorflow", PROBLEM, "2.20.0", "--force-reinstall"),
    "nightly": (
        with_versions(tf_nightly="2.21.0.dev1")._replace(providers=("tf-nightly",)),
        "tensorflow", NOTE, "does not count tf-nightly", "--no-deps"
    ),
    "no AVX": (
        GOOD._replace(processor=Processor("Old", "x86_64", "SSE4.2", frozenset({"sse4_2"}))),
        "processor", PROBLEM, "need AVX", "another one"
    ),
    "oneDNN asked for in vain": (
        said(onednn=False)._replace(variables={"TF_ENABLE_ONEDNN_OPTS": "1"}), "onednn", PROBLEM, "off;", "Unset"
    ),
    "driver without CUDA": (GOOD._replace(nvidia=True), "gpu", PROBLEM, "sees no processor", "built with CUDA"),
    "driver with CUDA": (
        said(built_with_cuda=True)._replace(nvidia=True), "gpu", PROBLEM, "sees no processor", "[and-cuda]"
    ),
    "damaged library": (
        GOOD._replace(native="/x.so", native_trouble="it is damaged"), "native", PROBLEM, "damaged", "build --force"
    ),
    "library of another machine": (
        said(native={"error": "no AVX here"})._replace(native="/x.so"), "native", PROBLEM, "no AVX", "build --force"
    ),
    "old Keras asked for in vain": (
        GOOD._replace(variables={"TF_USE_LEGACY_KERAS": "1"}), "keras", PROBLEM, "tf.keras fails", "tf_keras==2.21.*"
    ),
    "old Keras of another": (with_versions(tf_keras="2.19.0"), "keras", PROBLEM, "another Tens", "tf_keras==2.21.*"),
    "old extra": (with_versions(safetensors="0.4.1"), "[convert]", PROBLEM, "0.4.1 is older", "tf1bn[convert]"),
    "no extra": (GOOD, "[torch]", NOTE, "torch is not installed", "tf1bn[torch]"),
    "no library": (GOOD, "native", NOTE, "not built", "python -m tf1bn.native build"),
    "NumPy 2 beside an old TensorFlow": (said(version="2.15.1"), "numpy", PROBLEM, "built for NumPy 1", "numpy<2"),
    "Keras 3": (with_versions(keras="3.15.1"), "keras", NOTE, "moves no average", "tf1bn.batch_norm"),
    "tf_slim": (with_versions(tf_slim="1.1.0"), "tf-slim", NOTE, "every batch_norm raises", "tf1bn run"),
    "Estimator": (with_versions(tensorflow_estimator="2.15.0"), "tensorflow-estimator", NOTE, "not import", "tf1bn"),
    "Sonnet 2": (with_versions(dm_sonnet="2.0.2"), "dm-sonnet", NOTE, "requires TensorFlow 2", "tf1bn migrate"),
    "tflearn": (with_versions(tflearn="0.5.0"), "tflearn", NOTE, "is_sequence", "tf1bn"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_odd_has_a_line_that_says_how_to_mend_it(case):
    facts, topic, level, word, mend = CASES[case]
    lines = diagnosis.diagnose(facts)
    found = [line for line in lines if line.topic == topic and line.level == level and word in line.text]
    assert len(found) == 1, lines
    assert mend in found[0].mend
    assert diagnosis.works(lines) == (level != FATAL)


@pytest.mark.parametrize("case", CASES)
def test_every_line_is_whole(case):
    for line in diagnosis.diagnose(CASES[case][0]):
        assert line.topic and line.text and line.level in LEVELS
        assert line.mend or line.level == OK


def test_a_good_machine_has_no_problem():
    lines = diagnosis.diagnose(GOOD)
    assert {line.level for line in lines} <= {OK, NOTE}
    assert report.verdict(lines) == "tf1bn works here; 0 problems."


def test_what_is_there_is_told():
    facts = said(gpus=["A100"], native={"levels": ["avx2", "plain"], "threads": 4})._replace(
        native="/x.so", versions={**GOOD.versions, "keras": "2.15.0", "tf-keras": "2.21.0"}
    )
    told = {line.topic: line.text for line in diagnosis.diagnose(facts) if line.level == OK}
    assert told["gpu"] == "A100" and told["native"] == "built, /x.so; levels: avx2, plain; threads: 4"
    assert told["keras"].startswith("Keras 2.15.0, tf_keras 2.21.0; TF_USE_LEGACY_KERAS is not set")
    assert told["onednn"] == "on; TF_ENABLE_ONEDNN_OPTS is not set"
    assert told["tensorflow"].startswith("2.21.0, of the distribution tensorflow 2.21.0")


def test_hidden_processors_are_no_problem():
    facts = GOOD._replace(nvidia=True, variables={"CUDA_VISIBLE_DEVICES": ""})
    (line,) = [line for line in diagnosis.diagnose(facts) if line.topic == "gpu"]
    assert line.level == OK and "hides all" in line.text


def test_older_versions_beside_old_ones_are_known_to_work():
    old = {"tensorflow": "2.15.1", "numpy": "1.26.4", "keras": "2.15.0", "tf-slim": "1.1.0", "dm-sonnet": "1.36"}
    assert known.lines({**old, "tensorflow-estimator": "2.15.0", "tflearn": "0.5.0"}) == []


def test_text_counts_what_is_to_mend():
    lines = diagnosis.diagnose(with_versions(numpy="1.19.5", safetensors="0.1"))
    text = report.as_text(lines, "1.2.3").splitlines()
    assert text[0] == "tf1bn 1.2.3" and text[-1] == "tf1bn cannot work here: 1 to mend first, and 1 problems."
    at = next(number for number, line in enumerate(text) if line.startswith("FATAL    numpy"))
    assert text[at + 1].strip() == "-> pip install 'numpy>=1.23'"


def test_json_has_the_facts_and_the_lines():
    lines = diagnosis.diagnose(GOOD)
    content = report.as_json(lines, GOOD, "1.2.3")
    assert content["works"] is True and content["tensorflow"] == "2.21.0" and content["onednn"] is True
    assert content["providers"] == {"tensorflow": "2.21.0"} and content["native"] == {"path": None}
    assert [line["text"] for line in content["lines"]] == [line.text for line in lines]
    nothing = report.as_json([], GOOD._replace(providers=(), answer=None), "1.2.3")
    assert nothing["tensorflow"] is None and nothing["gpus"] == []
