"""The report as text, JSON, SARIF and DOT. No TensorFlow."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from tf1bn import errors
from tf1bn.audit.finding import Finding, Report, SiteInfo

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PICTURES = (".png", ".svg", ".pdf")


def to_text(report: Report) -> str:
    """Returns the report for a person: each finding with its place, evidence and fix."""
    counts = {level: sum(item.severity == level for item in report.findings) for level in ("error", "warning", "info")}
    lines = [
        f"{report.where}: {_many(len(report.sites), 'batch norm')}, "
        + ", ".join(_many(count, level) if level != "info" else f"{count} info" for level, count in counts.items())
    ]
    if report.train_ops:
        lines.append(f"train op: {', '.join(report.train_ops)}")
    for finding in report.findings:
        lines += [
            "",
            f"{finding.code} {finding.severity} ({finding.confidence} confidence)  {finding.scope or '(graph)'}",
        ]
        lines.append(f"  what: {finding.message}")
        if finding.path:
            lines.append(f"  path: {' -> '.join(finding.path)}   (missing)")
        lines.append(f"  fix:  {finding.fix}")
    if report.sites:
        lines += ["", "batch norms:"]
        lines += [f"  {_site_line(site)}" for site in report.sites]
    lines += [f"note: {note}" for note in report.notes]
    if report.suppressed:
        lines.append(f"note: {_many(len(report.suppressed), 'finding')} suppressed.")
    if report.findings:
        lines.append(f"More about a code: --explain={report.findings[0].code}")
    return "\n".join(lines) + "\n"


def to_json(report: Report) -> str:
    """Returns the report as one JSON object with `sites` and `findings`."""
    return json.dumps(
        {
            "graph": report.where,
            "train_ops": list(report.train_ops),
            "sites": [{**site._asdict(), "variables": list(site.variables)} for site in report.sites],
            "findings": [finding.as_dict() for finding in report.findings],
            "suppressed": [finding.as_dict() for finding in report.suppressed],
            "notes": list(report.notes),
        },
        indent=2,
    )


def to_sarif(report: Report) -> str:
    """Returns the report as SARIF 2.1.0, which code hosts and editors read."""
    codes = sorted({finding.code for finding in report.findings})
    results = [
        {
            "ruleId": finding.code,
            "level": _LEVELS[finding.severity],
            "message": {"text": f"{finding.message} Fix: {finding.fix}"},
            "locations": [
                {
                    "physicalLocation": {"artifactLocation": {"uri": report.where.replace(" ", "%20")}},
                    "logicalLocations": [{"fullyQualifiedName": finding.op or finding.scope, "kind": "resource"}],
                }
            ],
            "properties": {"confidence": finding.confidence, "scope": finding.scope, "variable": finding.variable},
        }
        for finding in report.findings
    ]
    driver = {"name": "tf1bn-audit", "rules": [{"id": code} for code in codes]}
    return json.dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "results": results}],
        },
        indent=2,
    )


def to_dot(report: Report) -> str:
    """Returns a drawing of every site that has a finding; a missing edge is red and dashed."""
    lines = ["digraph audit {", "  rankdir=LR;", '  node [shape=box, fontname="Helvetica", fontsize=10];']
    sites = {site.scope: site for site in report.sites}
    for number, finding in enumerate(report.findings):
        lines += _cluster(number, finding, sites.get(finding.scope))
    return "\n".join([*lines, "}"]) + "\n"


def draw(report: Report, path: str) -> str:
    """Draws the report into a file and returns the file's name.

    With Graphviz installed a `.png`, `.svg` or `.pdf` is drawn; without it the DOT text is written beside it,
    under the same name with `.dot`.

    Raises:
      ArgumentError: the name has another ending, Graphviz fails, or the file cannot be written.
    """
    text = to_dot(report)
    program = shutil.which("dot")
    wanted = path.endswith(_PICTURES)
    if not wanted and not path.endswith(".dot"):
        raise errors.ArgumentError(
            errors.explain(
                "a picture needs another name", got=path, expected=f"one of .dot {' '.join(_PICTURES)} at its end"
            )
        )
    target = path if not wanted or program else path.rsplit(".", 1)[0] + ".dot"
    try:
        if wanted and program:
            form = path.rsplit(".", 1)[1]
            subprocess.run([program, f"-T{form}", "-o", path], input=text.encode(), check=True, capture_output=True)
        else:
            with open(target, "w", encoding="utf-8") as stream:
                stream.write(text)
    except (OSError, subprocess.CalledProcessError) as error:
        raise errors.ArgumentError(errors.explain(f"the picture {path!r} cannot be drawn ({error})")) from error
    return target


FORMATS: dict[str, Callable[[Report], str]] = {"text": to_text, "json": to_json, "sarif": to_sarif, "dot": to_dot}


def render(report: Report, form: str) -> str:
    """Returns the report in one of FORMATS.

    Raises:
      UnknownNameError: there is no such format.
    """
    if form not in FORMATS:
        raise errors.UnknownNameError(
            errors.explain("unknown format", got=form, expected=f"one of {', '.join(sorted(FORMATS))}")
        )
    return FORMATS[form](report)


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _site_line(site: SiteInfo) -> str:
    decay = f", decay {site.decay:.6g}" if site.decay is not None else ""
    switch = f", switched by {site.predicate}" if site.predicate else ""
    return f"{site.scope}: {site.kind}, {site.mode} statistics{switch}{decay}, epsilon {site.epsilon:.3g}; {site.state}"


def _cluster(number: int, finding: Finding, site: SiteInfo | None) -> list[str]:
    """The boxes and edges of one finding."""

    def box(key: str, text: Any, style: str = "") -> str:
        label = str(text).replace("\\", "\\\\").replace('"', '\\"')
        return f'    n{number}_{key} [label="{label}"{style}];'

    red = ', color=red, fontcolor=red, style=dashed, label="missing"'
    lines = [f"  subgraph cluster_{number} {{", f'    label="{finding.code} {finding.scope}";'.replace("\\", "")]
    lines.append(box("site", f"{site.op}\n{site.mode} statistics".replace("\n", " / ") if site else finding.scope))
    if finding.op and (site is None or finding.op != site.op):
        lines += [box("op", finding.op, ", color=red"), f"    n{number}_site -> n{number}_op;"]
    if finding.variable:
        source = "op" if finding.op and (site is None or finding.op != site.op) else "site"
        lines += [
            box("variable", finding.variable, ", shape=cylinder"),
            f"    n{number}_{source} -> n{number}_variable;",
        ]
    if finding.target:
        source = "op" if finding.op and (site is None or finding.op != site.op) else "site"
        missing = red[2:] if finding.path else 'label="reached"'
        lines += [
            box("target", finding.target, ", style=bold"),
            f"    n{number}_{source} -> n{number}_target [{missing}];",
        ]
    return [*lines, "  }"]
