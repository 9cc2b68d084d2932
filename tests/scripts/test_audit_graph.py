"""scripts/audit_graph.py as a program: output, exit codes, refusals."""

import functools
import json

import pytest
import tensorflow.compat.v1 as tf

from tf1bn.audit import samples


@pytest.fixture
def run(run):
    """Runs the script and returns the finished process."""
    return functools.partial(run, "audit_graph")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A broken and a clean program as .meta files."""
    folder = tmp_path_factory.mktemp("graphs")
    for name, updates in (("broken", ()), ("clean", None)):
        with samples.program() as p:
            bn = p.norm(p.conv(p.images()))
            p.train(p.loss(bn.output), updates)
            p.save()
            tf.train.export_meta_graph(str(folder / f"{name}.meta"))
    return folder


def test_findings_have_exit_code_one(files, run):
    done = run(f"--graph={files / 'broken.meta'}")
    assert done.returncode == 1 and "BN001 error" in done.stdout and "fix:" in done.stdout


def test_clean_graph_has_exit_code_zero(files, run):
    done = run(f"--graph={files / 'clean.meta'}")
    assert done.returncode == 0 and "0 errors" in done.stdout and "Traceback" not in done.stderr


def test_json(files, run):
    done = run(f"--graph={files / 'broken.meta'}", "--format=json")
    data = json.loads(done.stdout)
    assert {item["code"] for item in data["findings"]} == {"BN001"} and len(data["sites"]) == 1


@pytest.mark.parametrize("form", ["sarif", "dot"])
def test_other_formats(files, form, run):
    done = run(f"--graph={files / 'broken.meta'}", f"--format={form}")
    assert done.returncode == 1 and "BN001" in done.stdout


def test_ignore_fail_on_and_suppressions(files, tmp_path, run):
    (tmp_path / "accepted.txt").write_text("BN001:bn  # known\n")
    graph = f"--graph={files / 'broken.meta'}"
    assert run(graph, "--ignore=BN001").returncode == 0
    assert run(graph, f"--suppressions={tmp_path / 'accepted.txt'}").returncode == 0
    assert run(graph, "--select=BN022", "--fail_on=info").returncode == 0


def test_explain_prints_the_page(run):
    done = run("--explain=BN001")
    assert done.returncode == 0 and "Why it matters." in done.stdout


def test_help_is_no_error(run):
    done = run("--help")
    assert done.returncode == 0 and "--graph" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "either --graph or --explain"),
        (["--grpah=x"], "Unknown command line flag"),
        (["--explain=BN999"], "unknown audit rule 'BN999'"),
        (["--graph=/nowhere.meta"], "cannot be read"),
        (["--explain=BN001", "stray"], "stray arguments: stray"),
        (["--explain=BN001", "--dry_run"], "--dry_run belongs to --fix"),
        (["--graph=x", "--format=xml"], "should be one of"),
    ],
)
def test_wrong_usage_has_exit_code_two(arguments, text, run):
    done = run(*arguments)
    assert done.returncode == 2 and text in done.stderr and "Traceback" not in done.stderr


def test_fix_writes_a_clean_graph(files, tmp_path, run):
    new = tmp_path / "fixed.meta"
    done = run(f"--graph={files / 'broken.meta'}", f"--fix={new}")
    assert done.returncode == 0 and "attached" in done.stdout
    assert run(f"--graph={new}").returncode == 0


def test_fix_of_a_clean_graph_is_refused(files, tmp_path, run):
    done = run(f"--graph={files / 'clean.meta'}", f"--fix={tmp_path / 'fixed.meta'}")
    assert done.returncode == 1 and "refused: repair: nothing to repair" in done.stderr


def test_picture(files, tmp_path, run):
    done = run(f"--graph={files / 'broken.meta'}", f"--picture={tmp_path / 'site.dot'}")
    assert "picture:" in done.stderr and "digraph" in (tmp_path / "site.dot").read_text()


def test_a_picture_that_cannot_be_drawn_hides_no_finding(files, tmp_path, run):
    done = run(f"--graph={files / 'broken.meta'}", f"--picture={tmp_path / 'site.txt'}")
    assert done.returncode == 2 and "BN001 error" in done.stdout and "a picture needs another name" in done.stderr
