"""Each suite once, as small as it gets; nothing here looks at a time."""

import json

import pytest

QUICK = ("--rounds=1", "--sessions=1", "--milliseconds=0", "--noprogress")


@pytest.fixture
def measured(tmp_path):
    """Returns the path of a result that is made up."""

    def write(name="result.json", suite="step", cores=2, onednn=True, **microseconds):
        facts = {"elements": 6000, "channels": 100, "rank": 2, "relu": False, "mean": 0.0}
        times = {key: [[value] * 3] for key, value in (microseconds or {"tf1bn": 10.0, "textbook": 20.0}).items()}
        case = {"name": "60x100", "facts": facts, "times": times, "errors": {}, "absent": {}, "counts": {}}
        machine = {"processor": "none", "cores": cores, "system": "-", "python": "-", "tensorflow": "-"}
        machine["onednn"] = onednn
        head = {"format": "tf1bn benchmark", "version": 1, "suite": suite, "machine": machine}
        path = tmp_path / name
        path.write_text(json.dumps({**head, "cases": [case], "goals": []}))
        return path

    return write


def test_a_step_is_timed_beside_the_textbook_and_absent_peers_are_named(run_json):
    content = run_json("benchmark", *QUICK, "--suite=step", "--shapes=4x3x3x4", "--peers=textbook,slim")
    assert [case["name"] for case in content["cases"]] == ["4x3x3x4", "4x3x3x4 +relu"]
    for case in content["cases"]:
        assert {"ident", "tf1bn", "tf1bn_collection", "tf1bn_again", "textbook"} <= set(case["times"])
        assert "slim" in case["times"] or case["absent"]["slim"].startswith("not installed: ")
        assert max(case["errors"].values()) < 1e-5
    assert content["machine"]["cores"] >= 1 and any(goal["holds"] is None for goal in content["goals"])


def test_a_dry_run_says_what_would_be_timed(run_json):
    plan = run_json("benchmark", "--dry_run", "--shapes=6x5", "--relu=no", "--mean=100")
    assert plan["dry_run"] is True and plan["cases"] == ["6x5 mean 100"] and "textbook" in plan["variants"]


def test_earlier_results_are_reported_together(run, measured):
    files = f"--load={measured()},{measured('b.json', tf1bn=10.0, textbook=9.0)}"
    done = run("benchmark", files)
    assert done.returncode == 0, done.stderr
    assert "60x100 [run 2]" in done.stdout and "worst 0.90" in done.stdout


def test_both_states_of_onednn_are_reported_side_by_side(run, run_json, measured, tmp_path):
    files = f"--load={measured()},{measured('b.json', onednn=False, tf1bn=15.0)}"
    done = run("benchmark", files, "--base=textbook")
    assert "oneDNN off / oneDNN on:" in done.stdout and "tf1bn      1.50" in done.stdout, done.stderr
    both = tmp_path / "both.json"
    both.write_text(json.dumps(run_json("benchmark", files)))
    assert run("benchmark", f"--load={both}", "--base=textbook").stdout == done.stdout
    plot = run("benchmark", f"--load={both}", f"--plot={tmp_path / 'a.png'}")
    assert plot.returncode == 1 and "a plot shows one run" in plot.stderr


def test_a_dry_run_names_the_states_of_onednn(run_json):
    flags = ("--dry_run", "--shapes=6x5", "--peers=")
    assert run_json("benchmark", *flags, "--onednn=off,both")["onednn"] == ["off", "on"]


def test_a_plot_is_drawn_of_earlier_results_and_never_over_another_file(run, measured, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "step.png"
    flags = (f"--load={measured()}", f"--plot={picture}")
    done = run("benchmark", *flags)
    assert done.returncode == 0 and f"wrote {picture}" in done.stdout, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = run("benchmark", *flags)
    assert again.returncode == 1 and "exists and would be overwritten" in again.stderr
    nowhere = run("benchmark", flags[0], f"--plot={tmp_path / 'none' / 'step.png'}")
    assert nowhere.returncode == 1 and "there is no folder" in nowhere.stderr


def test_results_that_do_not_go_together_are_refused(run, measured, tmp_path):
    (tmp_path / "broken.json").write_text("{")
    for files, words in (
        ([measured("a.json", suite="network")], "results of another suite"),
        ([measured(), measured("b.json", cores=64)], "results of different runs do not go together"),
        ([tmp_path / "broken.json"], "cannot be read as JSON"),
        ([tmp_path / "absent.json"], "cannot be read as JSON"),
    ):
        done = run("benchmark", f"--load={','.join(map(str, files))}")
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ("--suite=speed",),
        ("--peers=caffe",),
        ("--batches=0",),
        ("--layers=many",),
        ("--rounds=0",),
        ("--suite=network", "--plot=a.png"),
        ("--load=a.json", "--dry_run"),
        ("--load=a.json", "--onednn=on"),
        ("--onednn=yes",),
        ("--onednn=both", "--plot=a.png"),
        ("--suite=network", "--base=slim"),
        ("step",),
    ],
)
def test_wrong_usage_is_answered_at_once(run, flags):
    done = run("benchmark", *flags)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_wrong_shape_is_refused(run):
    done = run("benchmark", "--shapes=64,28")
    assert done.returncode == 1 and "not a shape" in done.stderr
