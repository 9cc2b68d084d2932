"""The contract of a rule: its bad graph yields exactly its code, its good graph nothing from any rule."""

import types

import pytest

from tf1bn import errors
from tf1bn.audit import finding, runner
from tf1bn.audit.rules import catalog

SEEN_IN_A_GRAPH = [code for code in catalog.codes() if catalog.get(code).bad.__doc__ != "No graph shows it." and
                   set(catalog.get(code).RULE.detection) & set("SC")]  # fmt: skip


def codes_of(sample):
    return {item.code for item in runner.audit(sample.model()).findings}


@pytest.mark.parametrize("code", SEEN_IN_A_GRAPH)
def test_bad_graph_yields_exactly_its_code(code, flavour):
    assert codes_of(catalog.get(code).bad()) == {code}


@pytest.mark.parametrize("code", catalog.codes())
def test_good_graph_is_clean_under_every_rule(code, flavour):
    assert codes_of(catalog.get(code).good()) == set()


def test_catalogue_is_complete():
    assert catalog.codes() == tuple(f"BN{number:03d}" for number in range(1, 55))
    assert len(SEEN_IN_A_GRAPH) == 51  # BN033 needs a session, BN051 and BN053 are advice


@pytest.mark.parametrize("code", catalog.codes())
def test_finding_names_severity_scope_and_fix(code):
    rule = catalog.get(code)
    assert rule.RULE.severity in finding.SEVERITIES
    sample = rule.bad()
    for item in runner.audit(sample.model()).findings if sample is not None else ():
        assert item.confidence in finding.CONFIDENCES
        assert item.message.endswith(".") and item.fix and item.scope is not None


@pytest.mark.parametrize("code", catalog.codes())
def test_page_has_title_and_headings(code):
    page = catalog.page(code)
    assert page.startswith(f"{code}: ")
    assert all(heading in page for heading in ("What it checks.", "Why it matters.", "Fix.", "References."))


def broken(**without):
    parts = {
        "RULE": finding.Rule("BN901", "a rule", "error", "S"),
        "check": lambda model: (),
        "bad": lambda: None,
        "good": lambda: None,
        "__doc__": "What it checks. Why it matters. Known limits. Fix. References.",
    }
    return types.SimpleNamespace(**{**parts, **without})


def test_rule_without_rule_row_is_refused():
    with pytest.raises(errors.ArgumentTypeError, match="needs RULE with a code"):
        catalog.check_rule(broken(RULE=None))


def test_rule_without_check_is_refused():
    with pytest.raises(errors.ArgumentTypeError, match="no function 'check'"):
        catalog.check_rule(broken(check=None))


def test_rule_with_short_page_is_refused():
    with pytest.raises(errors.ArgumentTypeError, match="lacks a heading"):
        catalog.check_rule(broken(__doc__="What it checks."))


def test_unknown_code_is_answered_with_the_closest():
    with pytest.raises(errors.UnknownNameError, match="unknown audit rule 'BN01'"):
        catalog.get("BN01")
