"""Every graph of the corpus: bugs are found, look-alikes are left alone."""

import collections

import pytest

from tests.audit.corpus.cases import CASES
from tf1bn.audit import runner
from tf1bn.audit.rules import catalog


@pytest.mark.parametrize("case", CASES, ids=str)
def test_errors_are_exactly_those_of_the_graph(case, flavour):
    report = runner.audit(case.build().model())
    errors = {item.code for item in report.findings if item.severity == "error"}
    assert errors == ({case.code} if case.has_bug else set())
    assert runner.CRASH not in {item.code for item in report.findings}


def test_every_e_rule_has_three_bugs_and_three_look_alikes():
    counts = collections.Counter((case.code, case.has_bug) for case in CASES)
    e_rules = {c for c in catalog.codes() if catalog.get(c).RULE.severity == "error"} | {"BN015"}
    e_rules -= {"BN033", "BN053"}  # of a session, and of a program that has no graph
    assert {code: (counts[code, True], counts[code, False]) for code in e_rules if
            min(counts[code, True], counts[code, False]) < 3} == {}  # fmt: skip
