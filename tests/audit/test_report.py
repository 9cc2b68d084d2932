"""The report in each format."""

import json
import os
import pathlib
import stat

import pytest

from tf1bn import errors
from tf1bn.audit import report, runner, samples
from tf1bn.audit.rules import catalog


def result(code="BN001"):
    return runner.audit(catalog.get(code).bad().model())


def test_text_says_what_where_path_and_fix():
    text = report.to_text(result())
    for part in (
        "1 batch norm, 2 errors",
        "BN001 error (high confidence)  bn",
        "what:",
        "path: train ->",
        "fix:",
        "--explain=BN001",
    ):
        assert part in text


def test_json_has_sites_and_findings():
    data = json.loads(report.to_json(result()))
    assert data["sites"][0]["scope"] == "bn"
    assert set(data["findings"][0]) >= {"code", "severity", "confidence", "scope", "variable", "message", "fix"}


def test_json_of_a_clean_graph_has_no_findings():
    assert json.loads(report.to_json(runner.audit(samples.trained(1).model())))["findings"] == []


def test_sarif_has_rule_level_and_place():
    run = json.loads(report.to_sarif(result()))["runs"][0]
    assert run["tool"]["driver"]["rules"] == [{"id": "BN001"}]
    assert run["results"][0]["level"] == "error"
    assert "moving_mean" in run["results"][0]["message"]["text"]


def test_dot_shows_the_missing_edge_in_red():
    text = report.to_dot(result())
    assert text.count("{") == text.count("}") and "color=red" in text and 'label="missing"' in text


def test_unknown_format_is_named():
    with pytest.raises(errors.UnknownNameError, match="unknown format. Got 'xml'"):
        report.render(result(), "xml")


def test_picture_without_graphviz_is_dot_text(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    target = report.draw(result(), str(tmp_path / "site.png"))
    assert target.endswith("site.dot") and "digraph" in pathlib.Path(target).read_text()


def test_picture_with_graphviz_is_drawn_by_it(tmp_path, monkeypatch):
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\n/bin/cat > "$3"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    target = report.draw(result(), str(tmp_path / "site.svg"))
    assert target.endswith("site.svg") and "digraph" in pathlib.Path(target).read_text()


def test_picture_of_unknown_ending_is_named(tmp_path):
    with pytest.raises(errors.ArgumentError, match="a picture needs another name"):
        report.draw(result(), str(tmp_path / "site.bmp"))


def test_picture_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(errors.ArgumentError, match="cannot be drawn"):
        report.draw(result(), str(tmp_path / "no" / "site.dot"))
