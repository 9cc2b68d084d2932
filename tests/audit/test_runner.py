"""The audit as a whole: what is told to it, what it leaves out, and what happens when a rule crashes."""

import types

import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit import assert_healthy, audit, runner, samples, suppressions
from tf1bn.audit.finding import Rule


def broken_program(**arguments):
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()), "net/bn", **arguments)
        p.train(p.loss(bn.output), ())
        p.save()
    return p.graph


def codes(report):
    return sorted({item.code for item in report.findings})


def test_select_runs_only_the_named_rules():
    assert codes(audit(broken_program(), select=["BN022"])) == []
    assert codes(audit(broken_program(), select="bn001")) == ["BN001"]


@pytest.mark.parametrize("text", ["BN001", "BN0*", "BN001:net/*", "*:net/bn"])
def test_suppressed_findings_are_counted_and_not_listed(text):
    report = audit(broken_program(), ignore=[text])
    assert report.findings == () and len(report.suppressed) == 2


def test_suppression_of_another_scope_does_not_cover():
    assert codes(audit(broken_program(), ignore="BN001:other/*")) == ["BN001"]


def test_malformed_suppression_is_named():
    with pytest.raises(errors.ArgumentError, match="audit: this is no suppression. Got 'BN1'"):
        audit(broken_program(), ignore="BN1")


def test_suppression_file(tmp_path):
    path = tmp_path / "audit.txt"
    path.write_text("# accepted\n\nBN001:net/*  # frozen tower\n")
    assert suppressions.read_file(str(path)) == (suppressions.Suppression("BN001", "net/*"),)
    with pytest.raises(errors.ArgumentError, match="cannot be read"):
        suppressions.read_file(str(tmp_path / "none"))


def test_unknown_train_op_is_answered_with_the_closest():
    with pytest.raises(errors.UnknownNameError, match=r"no op 'trian'.*Did you mean 'train'"):
        audit(broken_program(), train_op="trian")


def test_unknown_fetch_is_named():
    with pytest.raises(errors.UnknownNameError, match="no op 'nothing'"):
        audit(broken_program(), fetches=["nothing"])


def test_damaged_checkpoint_is_named(tmp_path):
    with pytest.raises(errors.CheckpointError, match="cannot be read"):
        audit(broken_program(), checkpoint=str(tmp_path / "none"))


def test_checkpoint_file_is_read(tmp_path):
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        p.save()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run([tf.assign(v, tf.ones_like(v) * 3) for v in tf.global_variables() if "gamma" in v.name])
            path = tf.train.Saver().save(session, str(tmp_path / "model"))
    assert codes(audit(f"{path}.meta", checkpoint=path)) == ["BN024"]


def test_crash_of_a_rule_is_a_finding():
    def check(model):
        raise ZeroDivisionError("boom")

    rule = types.SimpleNamespace(RULE=Rule("BN999", "a crash", "error", "S"), check=check)
    found = list(runner.run_rule(rule, samples.trained(1).model()))
    assert [item.code for item in found] == ["BN000"]
    assert "BN999 crashed" in found[0].message and "boom" in found[0].message


def test_findings_are_sorted_worst_first():
    with samples.program() as p:
        bn = p.norm(p.conv(p.images(), bias=True))
        p.train(p.loss(bn.output), ())
        p.save()
    assert [item.severity for item in audit(p.graph).findings] == ["error", "error", "info"]


def test_finding_names_variable_update_train_op_and_path():
    first = audit(broken_program()).findings[0]
    assert first.variable == "net/bn/moving_mean" and first.target == "train" and first.op in first.message
    assert first.path[0] == "train" and first.path[-1] == first.op


def test_assert_healthy_passes_on_a_healthy_train_op():
    with samples.program() as p:
        step = p.train(p.loss(p.norm(p.conv(p.images())).output))
    assert assert_healthy(step).findings == ()


def test_assert_healthy_fails_with_the_fix():
    with samples.program() as p:
        step = p.train(p.loss(p.norm(p.conv(p.images())).output), ())
    with pytest.raises(AssertionError, match=r"(?s)2 batch-norm findings.*BN001.*Fix: Create the train op"):
        assert_healthy(step)


def test_assert_healthy_judges_the_given_train_op_and_not_a_better_one():
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        inner = p.train(p.loss(bn.output), ())
        outer = tf.group(inner, *bn.updates)
    assert_healthy(outer)
    with pytest.raises(AssertionError, match="BN001"):
        assert_healthy(inner)


def test_graph_without_batch_norm_says_so():
    report = audit(tf.Graph())
    assert report.sites == () and "No batch norm" in report.notes[0]


@pytest.mark.parametrize(
    ("arguments", "state"),
    [({}, "training"), ({"training": False, "learn": False}, "frozen"), ({"learn": False}, "statistics only")],
)
def test_state_of_a_site(arguments, state):
    sites = audit(samples.trained(1, **arguments).graph).sites
    assert [site.state for site in sites] == [state]


def test_separate_run_is_a_state_and_no_error():
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        tf.group(*bn.updates, name="update_step")
        p.train(p.loss(bn.output), ())
        p.save()
    report = audit(p.graph)
    assert report.sites[0].state == "updates in a separate run"
    assert {(item.severity, item.confidence) for item in report.findings} == {("info", "low")}
    assert any("--fetch=update_step" in note for note in report.notes)
    assert audit(p.graph, fetches="update_step").findings == ()
